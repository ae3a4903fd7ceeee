"""Who is asking: one answer for every door, from memory.

    match authenticator.authenticate(presented, now):
        case Principal() as principal: ...
        case Deny() as refusal: ...
        case Pending() as pending: ...     # run its steps, then ask again

A virtual key is looked up by its digest. A token is verified once and then remembered by its SHA-256, for a minute at
most; whatever can change meanwhile (revocation, the state of its account, rights) is looked up again in each new
snapshot.
"""

from collections.abc import Callable
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import Final, Protocol

import msgspec
from msgspec.structs import replace

from entresol.core.decision import Deny
from entresol.core.fetching import Steps
from entresol.identity.jwt_results import Outcome, Verified
from entresol.identity.own_access import OwnTokens
from entresol.identity.presented import Presented
from entresol.identity.principal import Principal
from entresol.identity.snapshot import EMPTY, Account, KeyEntry, Snapshot
from entresol.identity.virtual_keys import digest_of, looks_like_key

REMEMBERED_S: Final = 60
REFUSED_S: Final = 5
MAX_REMEMBERED: Final = 20_000
MAX_REFUSALS: Final = 5_000
_REVOCABLE: Final = (("jti:", "jti"), ("family:", "fam"), ("session:", "sid"), ("client:", "client_id"))


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """Something has to be fetched first. Equal keys are one need: run its steps once, whoever else waits."""

    key: str
    start: Callable[[], Steps[None]]


class Verifies(Protocol):
    """Checks tokens of other issuers: `jwt_verification.Verifier`."""

    def check(self, token: bytes, now: int, *, proofs: frozenset[str] = frozenset()) -> Outcome:
        """What the token proves."""


class _Known:
    """A token that has been verified."""

    __slots__ = ("outcome", "snapshot", "until", "verified")

    def __init__(self, verified: Verified, until: int) -> None:
        self.verified = verified
        self.until = until
        self.snapshot: Snapshot | None = None
        """The one that `outcome` was made with."""
        self.outcome: Principal | Deny = _REVOKED


class Authenticator:
    """Answers from a snapshot. `use` swaps in another one; requests that come then are answered from it."""

    def __init__(self, pepper: bytes, own: OwnTokens, others: Verifies, reserved: frozenset[str] = frozenset()) -> None:
        """`reserved`: resources that a token counts for only where just these are asked for, such as the Admin API."""
        self._pepper = pepper
        self._reserved = reserved
        self._own = own
        self._others = others
        self._snapshot = EMPTY
        self._known: dict[bytes, _Known] = {}
        self._refused: dict[bytes, tuple[int, Deny]] = {}
        self._addresses: dict[tuple[str, tuple[str, ...]], bool] = {}
        self._uses: dict[str, int] = {}

    def use(self, snapshot: Snapshot) -> None:
        """Answer from this one from now on."""
        self._snapshot = snapshot

    def trust(self, own: OwnTokens, others: Verifies) -> None:
        """Other keys, issuers or resources: what was remembered of tokens counts no more."""
        self._own, self._others = own, others
        self._known = {}
        self._refused = {}

    def authenticate(self, presented: Presented, now: int) -> Principal | Deny | Pending:
        """See the module. Refusals: 401 `invalid_key`, `key_expired`, `key_revoked`, `invalid_token`; 403
        `address_refused`, `account_disabled`, `not_admitted`; 503 where an issuer cannot be asked."""
        credential = presented.credential
        if credential.startswith(b"esk_"):
            return self._by_key(credential, presented.address, now)
        digest = sha256(credential).digest()
        known = self._known.get(digest)
        if known is not None and now < known.until:
            return self._current(known, presented)
        if not presented.proofs:  # what lacks its proof is refused, and must not keep its holder out
            refused = self._refused.get(digest)
            if refused is not None and now < refused[0]:
                return refused[1]
        return self._by_new_token(presented, digest, now)

    # Keys.

    def _by_key(self, credential: bytes, address: str, now: int) -> Principal | Deny:
        entry = self._snapshot.keys.get(digest_of(credential, self._pepper))
        if entry is None:
            return _NO_KEY if not looks_like_key(credential) else _UNKNOWN_KEY
        if entry.refusal:
            return _REVOKED_KEY if entry.refusal == "revoked" else _DISABLED
        if entry.expires_at is not None and entry.expires_at <= now:
            return _EXPIRED_KEY
        if entry.address_bounds is not None and not self._is_within(address, entry):
            return _WRONG_ADDRESS
        self._uses[entry.key_id] = now
        return entry.principal

    def take_uses(self) -> list[tuple[str, int]]:
        """Which keys were used since this was last asked, and in which second."""
        uses, self._uses = self._uses, {}
        return list(uses.items())

    def _is_within(self, address: str, entry: KeyEntry) -> bool:
        bounds = entry.address_bounds
        assert bounds is not None
        found = self._addresses.get((address, bounds))
        if found is None:
            if len(self._addresses) >= MAX_REFUSALS:
                self._addresses.clear()
            found = self._addresses[address, bounds] = is_within(address, bounds)
        return found

    # Tokens.

    def _by_new_token(self, presented: Presented, digest: bytes, now: int) -> Principal | Deny | Pending:
        credential, proofs = presented.credential, presented.proofs
        try:
            text = credential.decode("ascii")
        except UnicodeDecodeError:
            return _NO_TOKEN
        if self._own.is_ours(text):
            found: Outcome = self._own.check(text, now)
        else:
            found = self._others.check(credential, now, proofs=proofs)
        if isinstance(found, Deny):
            return found if proofs or found.status != 401 else self._remember_refusal(digest, found, now)
        if not isinstance(found, Verified):
            return Pending(key=found.key, start=found.start)
        known = _Known(found, min(found.expires_at, now + REMEMBERED_S))
        if len(self._known) >= MAX_REMEMBERED:
            self._make_room(now)
        self._known[digest] = known
        return self._current(known, presented)

    def _current(self, known: _Known, presented: Presented) -> Principal | Deny:
        bound_to = known.verified.bound_to
        if bound_to and bound_to not in presented.proofs:
            return _UNPROVEN
        if not self._is_meant(known.verified, presented.resource):
            return _MEANT_FOR_OTHERS
        if known.snapshot is not self._snapshot:
            known.outcome = self._judge(known.verified)
            known.snapshot = self._snapshot
        return known.outcome

    def _is_meant(self, verified: Verified, resource: str) -> bool:
        """Whether a token for its audiences counts at a resource. Ours name the resource itself; other issuers' may
        be for the gateway as a whole."""
        if resource and (resource in verified.audiences or not verified.issuer):
            return resource in verified.audiences
        return not self._reserved or not verified.audiences or bool(verified.audiences - self._reserved)

    def _judge(self, verified: Verified) -> Principal | Deny:
        """What the token means as things stand: who it is here, and whether it still counts."""
        snapshot, principal = self._snapshot, verified.principal
        account_id = principal.account or snapshot.identities.get(principal.key, "")
        if _is_revoked(snapshot, verified, account_id) or principal.client in snapshot.disabled_clients:
            return _REVOKED
        if account_id:
            account = snapshot.accounts.get(account_id)
            if account is None or not account.is_active or account.organisation != principal.tenant:
                return _DISABLED
            return _as_account(principal, account)
        if principal.issuer == self._own.issuer:
            return _DISABLED
        return _with_named_rights(principal, verified, snapshot)

    def _remember_refusal(self, digest: bytes, refusal: Deny, now: int) -> Deny:
        """For a moment: a client that tries the same again must not cost as much again."""
        if len(self._refused) >= MAX_REFUSALS:
            self._refused.clear()
        self._refused[digest] = now + REFUSED_S, refusal
        return refusal

    def _make_room(self, now: int) -> None:
        """Drop what is over; if that is little, the older half."""
        kept = {digest: known for digest, known in self._known.items() if now < known.until}
        if len(kept) > MAX_REMEMBERED // 2:
            kept = dict(list(kept.items())[len(kept) // 2 :])
        self._known = kept


def is_within(address: str, networks: tuple[str, ...]) -> bool:
    """Whether an address is in one of the networks; False for what is no address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return any((mapped or parsed) in ip_network(network) for network in networks)


def _is_revoked(snapshot: Snapshot, verified: Verified, account_id: str) -> bool:
    issued_at = verified.issued_at
    names = [f"account:{account_id}"] if account_id else []
    for prefix, claim in _REVOCABLE:
        value = verified.claims.get(claim)
        if isinstance(value, str) and value:
            names.append(prefix + value)
    for name in names:
        at = snapshot.revoked.get(name)
        if at is not None and (issued_at is None or issued_at <= at):
            return True
    return False


def _as_account(principal: Principal, account: Account) -> Principal:
    """With the rights that the account has here. A program has none that its issuer's claims gave."""
    groups = principal.groups if account.kind == "user" else frozenset()
    return replace(
        principal, account=account.id, kind=account.kind, teams=account.teams, roles=account.roles, groups=groups
    )


def _with_named_rights(principal: Principal, verified: Verified, snapshot: Snapshot) -> Principal:
    """Somebody without an account here: the rights that the issuer's claims were mapped to."""
    tenant = principal.tenant
    teams = [snapshot.team_names.get((tenant, name), frozenset()) for name in verified.mapped.teams]
    roles = frozenset(snapshot.role_names.get((tenant, name), name) for name in principal.roles)
    return replace(principal, teams=frozenset().union(*teams), roles=roles)


_NO_KEY: Final = Deny(401, "invalid_key", "this is no virtual key: it is cut off or mistyped")
_UNKNOWN_KEY: Final = Deny(401, "invalid_key", "nobody holds this virtual key")
_REVOKED_KEY: Final = Deny(401, "key_revoked", "this virtual key has been revoked")
_EXPIRED_KEY: Final = Deny(401, "key_expired", "this virtual key has expired")
_WRONG_ADDRESS: Final = Deny(403, "address_refused", "this virtual key may not be used from this address")
_DISABLED: Final = Deny(403, "account_disabled", "the account has been deactivated")
_NO_TOKEN: Final = Deny(401, "invalid_token", "this is no token")
_REVOKED: Final = Deny(401, "invalid_token", "the token has been revoked")
_MEANT_FOR_OTHERS: Final = Deny(401, "invalid_token", "the token is not meant for this resource")
_UNPROVEN: Final = Deny(401, "invalid_token", "the token is bound to a key: show it with each request")
