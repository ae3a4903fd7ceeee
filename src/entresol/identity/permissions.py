"""Permissions: what may be done with which kind of resource, and the roles that are there from the start.

A permission is `RESOURCE:ACTION`; `*` stands for every action or every resource. Only what CATALOGUE names exists, so
that a misspelt permission is refused and not silently worth nothing.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from entresol.core.errors import ClientError

CATALOGUE: Final[dict[str, tuple[str, ...]]] = {
    "organisation": ("read", "update"),
    "users": ("read", "create", "update", "delete", "invite", "impersonate"),
    "teams": ("read", "create", "update", "delete"),
    "service-accounts": ("read", "create", "update", "delete"),
    "keys": ("read", "create", "update", "delete"),
    "oauth-clients": ("read", "create", "update", "delete"),
    "issuers": ("read", "create", "update", "delete"),
    "roles": ("read", "create", "update", "delete"),
    "grants": ("read", "create", "update", "delete"),
    "sessions": ("read", "delete"),
    "upstreams": ("read", "create", "update", "delete"),
    "directory": ("read", "write"),
}
"""Every resource with its actions. `directory` is SCIM."""

Level = str
LEVELS: Final[dict[Level, frozenset[str]]] = {
    "view": frozenset({"read"}),
    "use": frozenset({"read", "use"}),
    "edit": frozenset({"read", "use", "update"}),
    "full": frozenset({"read", "use", "update", "delete", "grant"}),
}
"""What a grant on one resource allows (`records.access.ResourceGrant`)."""


class BuiltIn(msgspec.Struct, frozen=True, kw_only=True):
    """A role that every organisation has."""

    description: str
    permissions: tuple[str, ...]


_READING: Final = tuple(f"{resource}:read" for resource in CATALOGUE)
_ADMINISTERED: Final = ("users", "teams", "service-accounts", "keys", "oauth-clients", "roles", "grants", "upstreams")

BUILT_IN: Final[dict[str, BuiltIn]] = {
    "owner": BuiltIn(description="Everything, owners included.", permissions=("*:*",)),
    "admin": BuiltIn(
        description="People, programs, their rights and keys; not who vouches for people, and nobody's place.",
        permissions=tuple(
            dict.fromkeys(
                [
                    *_READING,
                    *(
                        f"{resource}:{action}"
                        for resource in _ADMINISTERED
                        for action in CATALOGUE[resource]
                        if action != "impersonate"
                    ),
                    "sessions:delete",
                ]
            )
        ),
    ),
    "auditor": BuiltIn(description="Reads everything, changes nothing.", permissions=_READING),
    "provisioner": BuiltIn(
        description="A directory that keeps users and teams by SCIM.", permissions=("directory:read", "directory:write")
    ),
    "member": BuiltIn(description="Somebody who belongs here: their own account and keys.", permissions=()),
}
"""Whose names no role of an organisation may have."""


class Permissions:
    """A set of permissions, wildcards included."""

    __slots__ = ("_actions", "_is_all")

    def __init__(self, names: Iterable[str]) -> None:
        self._actions: dict[str, set[str]] = {}
        self._is_all = False
        for name in names:
            self._add(name)

    def _add(self, name: str) -> None:
        resource, _, action = name.partition(":")
        for each in CATALOGUE if resource == "*" else (resource,):
            actions = CATALOGUE.get(each, ())
            self._actions.setdefault(each, set()).update(actions if action == "*" else {action} & set(actions))
        self._is_all = self._is_all or name == "*:*"

    def has(self, resource: str, action: str) -> bool:
        """Whether this is among them."""
        return action in self._actions.get(resource, ())

    def lacks(self, other: "Permissions") -> tuple[str, ...]:
        """What another set has and this one has not: what giving that one away would gain.

        Who may do everything is not the same as who may do all there is today: `*:*` is lacking without `*:*`.
        """
        missing = [
            f"{resource}:{action}"
            for resource, actions in sorted(other._actions.items())
            for action in sorted(actions - self._actions.get(resource, set()))
        ]
        if other._is_all and not self._is_all:
            missing.append("*:*")
        return tuple(missing)

    def names(self) -> tuple[str, ...]:
        """Each by name."""
        every = ["*:*"] if self._is_all else []
        return (
            *every,
            *(f"{resource}:{action}" for resource, of in sorted(self._actions.items()) for action in sorted(of)),
        )


NOTHING: Final = Permissions(())


def checked_permissions(names: Iterable[str]) -> tuple[str, ...]:
    """Permissions as a role keeps them. Raises ClientError 422 `permission_unknown`."""
    found = tuple(dict.fromkeys(names))
    for name in found:
        resource, _, action = name.partition(":")
        if resource == "*":
            is_known = action == "*" or any(action in actions for actions in CATALOGUE.values())
        else:
            is_known = resource in CATALOGUE and (action == "*" or action in CATALOGUE[resource])
        if not is_known:
            raise ClientError("permission_unknown", f"there is no permission {name!r}: see /permissions", status=422)
    return found
