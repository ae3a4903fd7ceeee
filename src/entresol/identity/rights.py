"""The rights of somebody who administers: permissions of their roles, and grants on single resources.

Nobody gives what they do not have. Whoever could act as an account afterwards (by a key, a link for its password, an
identity linked to it, a team that it joins) has to have every permission of that account first; see `must_exceed`.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from entresol.core.errors import ClientError
from entresol.core.storage import Records
from entresol.identity.permissions import BUILT_IN, LEVELS, NOTHING, Permissions
from entresol.identity.principal import Principal
from entresol.identity.records.access import GranteeKind, ResourceGrant, Role, RoleAssignment
from entresol.identity.records.accounts import Membership, ServiceAccount, Team, User

_MOST_NESTED: Final = 32


class Rights:
    """What one principal may do in one organisation."""

    def __init__(self, permissions: Permissions, levels: dict[tuple[str, str], frozenset[str]]) -> None:
        self.permissions = permissions
        self._levels = levels

    def may(self, resource: str, action: str, record_id: str = "") -> bool:
        """Whether a role allows it, or a grant on this one record."""
        return self.permissions.has(resource, action) or action in self._levels.get((resource, record_id), ())

    def need(self, resource: str, action: str, record_id: str = "") -> None:
        """Raises ClientError 403 `forbidden` without it."""
        if not self.may(resource, action, record_id):
            raise forbidden(f"{resource}:{action} is needed for this")

    def granted(self, resource: str, action: str) -> tuple[str, ...]:
        """The records on which a grant allows it."""
        return tuple(
            sorted(found for (kind, found), actions in self._levels.items() if kind == resource and action in actions)
        )

    def must_exceed(self, other: Permissions, what: str) -> None:
        """Raises ClientError 403 `privilege_escalation` if the other has permissions that these rights lack."""
        missing = self.permissions.lacks(other)
        if missing:
            shown = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
            raise ClientError("privilege_escalation", f"{what} has permissions that you have not: {shown}", status=403)


def rights_of(records: Records, principal: Principal) -> Rights:
    """What the principal may do now. Impersonating, and through somebody else's hands, nobody administers anything."""
    if principal.impersonator or principal.actors:
        return Rights(NOTHING, {})
    grantees = [("everyone", ""), *(("team", team) for team in principal.teams)]
    grantees += [("role", role) for role in principal.roles]
    if principal.account:
        grantees.append(("user" if principal.kind == "user" else "service_account", principal.account))
    levels: dict[tuple[str, str], frozenset[str]] = {}
    for kind, grantee in grantees:
        for grant in records.find(ResourceGrant, organisation=principal.tenant, grantee=grantee):
            if grant.grantee_kind == kind:
                place = (grant.resource_kind, grant.resource)
                levels[place] = levels.get(place, frozenset()) | LEVELS[grant.level]
    return Rights(permissions_of_roles(records, principal.tenant, principal.roles), levels)


def permissions_of_roles(records: Records, organisation: str, roles: Iterable[str]) -> Permissions:
    """Of roles by id, built-in ones by name. A role that is not there, or another tenant's, is worth nothing."""
    names: list[str] = []
    for role_id in roles:
        if role_id in BUILT_IN:
            names += BUILT_IN[role_id].permissions
            continue
        role = records.get(Role, role_id)
        if role is not None and role.organisation == organisation:
            names += role.permissions
    return Permissions(names)


def permissions_of_account(records: Records, account: User | ServiceAccount) -> Permissions:
    """All that an account may do by its own roles and grants, and by those of its teams."""
    kind: GranteeKind = "user" if isinstance(account, User) else "service_account"
    grantees: list[tuple[GranteeKind, str]] = [(kind, account.id)]
    for membership in records.find(Membership, member=account.id):
        grantees += _chain(records, membership.team)
    return _permissions_of(records, account.organisation, grantees)


def permissions_of_team(records: Records, team: Team) -> Permissions:
    """All that whoever is in a team may do by it."""
    return _permissions_of(records, team.organisation, _chain(records, team.id))


def forbidden(why: str) -> ClientError:
    """403 `forbidden`."""
    return ClientError("forbidden", why, status=403)


def _permissions_of(records: Records, organisation: str, grantees: Sequence[tuple[GranteeKind, str]]) -> Permissions:
    """What a grant allows on one resource counts as if it were for all of them: rather too much than too little."""
    roles = [role for kind, grantee in grantees for role in _assigned(records, kind, grantee)]
    names = list(permissions_of_roles(records, organisation, roles).names())
    for kind, grantee in [*grantees, *(("role", role) for role in roles)]:
        for grant in records.find(ResourceGrant, organisation=organisation, grantee=grantee):
            if grant.grantee_kind == kind:
                names += [f"{grant.resource_kind}:{action}" for action in LEVELS[grant.level]]
    return Permissions(names)


def _chain(records: Records, team_id: str) -> list[tuple[GranteeKind, str]]:
    """A team and those above it."""
    chain: list[tuple[GranteeKind, str]] = []
    current: str | None = team_id
    while current is not None and ("team", current) not in chain and len(chain) < _MOST_NESTED:
        chain.append(("team", current))
        team = records.get(Team, current)
        current = None if team is None else team.parent
    return chain


def _assigned(records: Records, kind: GranteeKind, grantee: str) -> list[str]:
    return [each.role for each in records.find(RoleAssignment, grantee=grantee) if each.grantee_kind == kind]
