"""Roles, and who may do what with which resource."""

from typing import Literal

from entresol.core.record import Record

GranteeKind = Literal["user", "team", "service_account", "role", "everyone"]


class Role(Record, frozen=True, kw_only=True):
    """A named set of permissions of an organisation. Built-in roles are in `identity.permissions`."""

    kind = "roles"
    unique = (("organisation", "name"),)

    name: str
    description: str = ""
    permissions: tuple[str, ...] = ()
    """`resource:action`; `*` for all actions or all resources."""


class RoleAssignment(Record, frozen=True, kw_only=True):
    """A role that somebody has. Its id is made of its fields, so that it exists once."""

    kind = "role_assignments"
    indexed = ("role", "grantee")

    role: str
    """Id of a role, or the name of a built-in one."""
    grantee_kind: GranteeKind
    grantee: str
    source: Literal["local", "claims", "scim"] = "local"


class ResourceGrant(Record, frozen=True, kw_only=True):
    """What somebody may do with one resource."""

    kind = "resource_grants"
    indexed = ("resource", "grantee")

    resource_kind: str
    resource: str
    level: Literal["view", "use", "edit", "full"]
    """Each includes those before it; `full` may grant others."""
    grantee_kind: GranteeKind
    grantee: str
