"""What a profile says of claims, in one value, for tables."""

from typing import Any, NamedTuple

from entresol.identity.profiles.generic import Generic


class Told(NamedTuple):
    subject: str
    kind: str
    client: str
    scopes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    username: str = ""


def told(profile: Generic, claims: dict[str, Any]) -> Told:
    return Told(
        profile.subject(claims),
        profile.kind(claims, "user"),
        profile.client(claims),
        profile.scopes(claims),
        profile.groups(claims),
        profile.roles(claims),
        profile.username(claims),
    )
