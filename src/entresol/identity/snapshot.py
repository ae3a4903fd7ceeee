"""What authentication answers from: an immutable picture of keys, accounts, teams, roles and revocations, in memory.

`take` makes one within a transaction, beside the event loop; swapping it in is one assignment. A picture holds nothing
that could be used elsewhere: keys are there as digests.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from entresol.core.storage import Records
from entresol.identity.principal import Bounds, Principal, PrincipalKind
from entresol.identity.records.access import Role, RoleAssignment
from entresol.identity.records.accounts import ExternalIdentity, Membership, ServiceAccount, Team, User
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import RevokedToken
from entresol.identity.records.virtual_keys import VirtualKey

READ: Final = frozenset(
    cls.kind
    for cls in (
        VirtualKey, User, ServiceAccount, Team, Membership, ExternalIdentity, Role, RoleAssignment, RevokedToken,
        OAuthClient,
    )
)  # fmt: skip
"""The kinds of records that a picture is made of: when one of them changes, take another."""

_MOST_NESTED: Final = 32


class Account:
    """Somebody who may be asking, with all that follows from where they belong."""

    __slots__ = ("id", "is_active", "kind", "organisation", "roles", "teams")

    def __init__(
        self, account_id: str, organisation: str, kind: PrincipalKind, is_active: bool, teams: frozenset[str]
    ) -> None:
        self.id = account_id
        self.organisation = organisation
        self.kind = kind
        self.is_active = is_active
        self.teams = teams
        self.roles: frozenset[str] = frozenset()


class KeyEntry:
    """A text by which a virtual key is known."""

    __slots__ = ("address_bounds", "expires_at", "key_id", "principal", "refusal")

    def __init__(self, key_id: str, refusal: str, expires_at: int | None, principal: Principal) -> None:
        self.key_id = key_id
        self.refusal = refusal
        """Why it does not count, whatever the time: `revoked`, `inactive`; empty when it does."""
        self.expires_at = expires_at
        self.principal = principal
        self.address_bounds = principal.bounds.addresses


class Snapshot:
    """See the module. Never changed after it was taken."""

    def __init__(
        self,
        keys: Mapping[bytes, KeyEntry],
        accounts: Mapping[str, Account],
        identities: Mapping[tuple[str, str, str], str],
        team_names: Mapping[tuple[str, str], frozenset[str]],
        role_names: Mapping[tuple[str, str], str],
        revoked: Mapping[str, int],
        disabled_clients: frozenset[str],
    ) -> None:
        self.keys = keys
        self.accounts = accounts
        self.identities = identities
        """(organisation, issuer, subject) to the account that it is here."""
        self.team_names = team_names
        """(organisation, name) to the ids of the team and those above it."""
        self.role_names = role_names
        """(organisation, name) to the id of the role."""
        self.revoked = revoked
        """`jti:…`, `family:…`, `session:…`, `account:…`, `client:…` to the second up to which tokens are revoked."""
        self.disabled_clients = disabled_clients


EMPTY: Final = Snapshot({}, {}, {}, {}, {}, {}, frozenset())


def take(records: Records, issuer: str) -> Snapshot:
    """A picture of what is there now. `issuer` is ours: it vouches for local accounts and keys."""
    teams = _Teams(records.find(Team))
    accounts = _accounts(records, teams)
    roles = _Roles(records.find(RoleAssignment))
    for account in accounts.values():
        account.roles = roles.of(account.kind, account.id, account.teams)
    return Snapshot(
        keys=_keys(records, issuer, accounts, teams, roles),
        accounts=accounts,
        identities=_identities(records),
        team_names=teams.by_name,
        role_names={(each.organisation, each.name): each.id for each in records.find(Role)},
        revoked={each.id: each.revoked_at for each in records.find(RevokedToken)},
        disabled_clients=frozenset(each.id for each in records.find(OAuthClient) if not each.is_enabled),
    )


def _accounts(records: Records, teams: "_Teams") -> dict[str, Account]:
    direct: dict[str, list[str]] = {}
    for each in records.find(Membership):
        direct.setdefault(each.member, []).append(each.team)
    accounts = {}
    for user in records.find(User):
        belongs = teams.with_those_above(direct.get(user.id, ()))
        accounts[user.id] = Account(user.id, user.organisation, "user", user.is_active, belongs)
    for service in records.find(ServiceAccount):
        belongs = teams.with_those_above(direct.get(service.id, ()))
        kind: PrincipalKind = "agent" if service.is_agent else "service"
        accounts[service.id] = Account(service.id, service.organisation, kind, service.is_active, belongs)
    return accounts


def _identities(records: Records) -> dict[tuple[str, str, str], str]:
    found: dict[tuple[str, str, str], str] = {}
    twice = set()
    for service in records.find(ServiceAccount):
        for name in set(service.subjects):
            place = (service.organisation, *_issuer_and_subject(name))
            if place in found:
                twice.add(place)  # which of the two it is would be a matter of chance
            found[place] = service.id
    for place in twice:
        del found[place]
    for each in records.find(ExternalIdentity):
        found[each.organisation, each.issuer, each.subject] = each.user
    return found


def _issuer_and_subject(name: str) -> tuple[str, str]:
    """Of an entry of `ServiceAccount.subjects`."""
    issuer, bar, subject = name.partition("|")
    if bar:
        return issuer, subject
    domain = name.removeprefix("spiffe://").partition("/")[0]
    return f"spiffe://{domain}", name


def _keys(
    records: Records, issuer: str, accounts: Mapping[str, Account], teams: "_Teams", roles: "_Roles"
) -> dict[bytes, KeyEntry]:
    entries = {}
    for key in records.find(VirtualKey):
        owner = accounts.get(key.owner) or teams.as_account(key.owner, roles)
        is_good = owner is not None and owner.is_active and owner.organisation == key.organisation
        refusal = "revoked" if key.revoked_at is not None else "" if is_good else "inactive"
        principal = _principal_of(key, owner, issuer)
        entries[bytes.fromhex(key.digest)] = KeyEntry(key.id, refusal, key.expires_at, principal)
        if key.previous_digest is not None:
            ends = [end for end in (key.previous_until, key.expires_at) if end is not None]
            entries[bytes.fromhex(key.previous_digest)] = KeyEntry(key.id, refusal, min(ends, default=0), principal)
    return entries


def _principal_of(key: VirtualKey, owner: Account | None, issuer: str) -> Principal:
    is_account = owner is not None and owner.kind != "key"
    return Principal(
        tenant=key.organisation,
        issuer=issuer,
        subject=key.owner if is_account else f"team:{key.owner}",
        kind="key" if owner is None else owner.kind,
        account=key.owner if is_account else "",
        teams=frozenset() if owner is None else owner.teams,
        roles=frozenset() if owner is None else owner.roles,
        scopes=frozenset(key.scopes),
        bounds=Bounds(
            models=None if key.models is None else frozenset(key.models),
            tools=None if key.tools is None else frozenset(key.tools),
            addresses=key.addresses,
        ),
        token_id=key.id,
        fingerprint=key.digest[:16],
        expires_at=key.expires_at,
    )


class _Teams:
    """Teams and those above them."""

    def __init__(self, teams: Iterable[Team]) -> None:
        self._teams = {team.id: team for team in teams}
        self._chains = {team_id: self._chain(team_id) for team_id in self._teams}
        self.by_name = {(team.organisation, team.name): self._chains[team.id] for team in self._teams.values()}

    def with_those_above(self, team_ids: Iterable[str]) -> frozenset[str]:
        return frozenset().union(*(self._chains.get(team_id, frozenset()) for team_id in team_ids))

    def as_account(self, team_id: str, roles: "_Roles") -> Account | None:
        team = self._teams.get(team_id)
        if team is None:
            return None
        account = Account(team_id, team.organisation, "key", True, self._chains[team_id])
        account.roles = roles.of("key", "", account.teams)
        return account

    def _chain(self, team_id: str) -> frozenset[str]:
        """A circle, or a chain that is too long, ends where it would go on: nobody gains by it."""
        chain: list[str] = []
        current: str | None = team_id
        while current in self._teams and current not in chain and len(chain) < _MOST_NESTED:
            chain.append(current)
            above = self._teams[current].parent
            is_same = above in self._teams and self._teams[above].organisation == self._teams[current].organisation
            current = above if is_same else None
        return frozenset(chain)


class _Roles:
    """Who has which roles."""

    def __init__(self, assignments: Iterable[RoleAssignment]) -> None:
        self._by_grantee: dict[tuple[str, str], set[str]] = {}
        for each in assignments:
            self._by_grantee.setdefault((each.grantee_kind, each.grantee), set()).add(each.role)

    def of(self, kind: PrincipalKind, account_id: str, teams: Iterable[str]) -> frozenset[str]:
        grantee = "user" if kind == "user" else "service_account"
        found = set(self._by_grantee.get((grantee, account_id), ())) if account_id else set()
        for team in teams:
            found |= self._by_grantee.get(("team", team), set())
        return frozenset(found)
