"""Roles, who has them, and grants on single resources. Nobody gives what they do not have."""

from typing import Any, Final

from msgspec.structs import replace

from entresol.admin.collection import Change, Collection, in_organisation, operations
from entresol.admin.operation import Operation
from entresol.core.errors import ClientError
from entresol.core.storage import Records
from entresol.identity.jit import assignment_id
from entresol.identity.permissions import BUILT_IN, CATALOGUE, LEVELS, Permissions, checked_permissions
from entresol.identity.records.access import GranteeKind, ResourceGrant, Role, RoleAssignment
from entresol.identity.records.accounts import ServiceAccount, Team, User
from entresol.identity.removal import check_owner_remains
from entresol.identity.rights import permissions_of_roles

_GRANTEES: Final[dict[str, Any]] = {"user": User, "team": Team, "service_account": ServiceAccount}


def _admit_role(change: Change) -> Role:
    """Whoever has the role has what it is changed to: neither more nor less than the caller may move."""
    role: Role = replace(
        change.after, name=change.after.name.strip(), permissions=checked_permissions(change.after.permissions)
    )
    if not 0 < len(role.name) <= 100:
        raise ClientError("name_refused", "a role's name has 1 to 100 characters", status=422)
    if role.name in BUILT_IN:
        raise ClientError("name_refused", f"{role.name} is a built-in role", status=422)
    if change.before is not None:
        change.rights.must_exceed(Permissions(change.before.permissions), "the role")
    change.rights.must_exceed(Permissions(role.permissions), "the role")
    return role


def _remove_role(change: Change) -> None:
    change.rights.must_exceed(Permissions(change.before.permissions), "the role")
    for assignment in change.records.find(RoleAssignment, role=change.before.id):
        change.records.delete(RoleAssignment, assignment.id)
    for grant in change.records.find(ResourceGrant, grantee=change.before.id):
        change.records.delete(ResourceGrant, grant.id)


ROLES: Final = Collection(
    name="roles",
    one="role",
    record=Role,
    prefix="role",
    writable=("name", "description", "permissions"),
    filters=("name",),
    admit=_admit_role,
    remove=_remove_role,
)


def _admit_assignment(change: Change) -> RoleAssignment:
    assignment: RoleAssignment = change.after
    if assignment.role not in BUILT_IN:
        in_organisation(change.records, Role, assignment.role, assignment.organisation, "role")
    if assignment.grantee_kind not in _GRANTEES:
        raise ClientError("bad_request", "grantee_kind: a role is given to a user, team or service_account", status=422)
    _check_grantee(change.records, assignment.grantee_kind, assignment.grantee, assignment.organisation)
    given = permissions_of_roles(change.records, assignment.organisation, (assignment.role,))
    change.rights.must_exceed(given, "the role")
    return assignment


def _remove_assignment(change: Change) -> None:
    assignment: RoleAssignment = change.before
    given = permissions_of_roles(change.records, assignment.organisation, (assignment.role,))
    change.rights.must_exceed(given, "the role")
    if assignment.role == "owner" and assignment.grantee_kind == "user":
        user = change.records.get(User, assignment.grantee)
        if user is not None:
            check_owner_remains(change.records, user)


ASSIGNMENTS: Final = Collection(
    name="role-assignments",
    resource="roles",
    one="role assignment",
    record=RoleAssignment,
    prefix="",
    writable=("role", "grantee_kind", "grantee"),
    filters=("role", "grantee"),
    make_id=lambda draft: assignment_id(draft.role, draft.grantee_kind, draft.grantee),
    admit=_admit_assignment,
    remove=_remove_assignment,
)


def _admit_grant(change: Change) -> ResourceGrant:
    """It takes what it gives, on the same resource, and the right to give."""
    grant: ResourceGrant = change.after
    if grant.resource_kind not in CATALOGUE:
        known = ", ".join(CATALOGUE)
        raise ClientError("bad_request", f"resource_kind: expected one of {known}", status=422)
    if grant.grantee_kind == "everyone":
        grant = replace(grant, grantee="")
    elif grant.grantee_kind == "role":
        if grant.grantee not in BUILT_IN:
            in_organisation(change.records, Role, grant.grantee, grant.organisation, "grantee")
    else:
        _check_grantee(change.records, grant.grantee_kind, grant.grantee, grant.organisation)
    _check_gives(change, grant)
    return grant


def _check_gives(change: Change, grant: ResourceGrant) -> None:
    missing = [
        action
        for action in sorted(LEVELS[grant.level] & frozenset(CATALOGUE[grant.resource_kind]))
        if not change.rights.may(grant.resource_kind, action, grant.resource)
    ]
    if missing:
        raise ClientError(
            "privilege_escalation", f"the grant gives what you have not: {', '.join(missing)}", status=403
        )


def _remove_grant(change: Change) -> None:
    _check_gives(change, change.before)


GRANTS: Final = Collection(
    name="grants",
    one="grant",
    record=ResourceGrant,
    prefix="",
    writable=("resource_kind", "resource", "level", "grantee_kind", "grantee"),
    filters=("resource", "grantee"),
    make_id=lambda draft: ":".join(
        (draft.resource_kind, draft.resource, draft.grantee_kind, draft.grantee, draft.level)
    ),
    admit=_admit_grant,
    remove=_remove_grant,
)


def _check_grantee(records: Records, kind: GranteeKind, grantee: str, organisation: str) -> None:
    in_organisation(records, _GRANTEES[kind], grantee, organisation, "grantee")


def access_operations() -> list[Operation]:
    """All of them."""
    return [
        *operations(ROLES),
        *operations(ASSIGNMENTS, but=("update",)),
        *operations(GRANTS, but=("update",)),
    ]
