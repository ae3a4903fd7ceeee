"""Values out of claims, of the kind that is expected or not at all."""

from typing import Any

Claims = dict[str, Any]


class ClaimFault(ValueError):
    """A claim is missing or of a kind it may not be. The message names the claim and holds no value."""


def text(claims: Claims, name: str) -> str:
    """A text; empty without one."""
    value = claims.get(name)
    return value if isinstance(value, str) else ""


def needed(claims: Claims, name: str) -> str:
    """A text that is not empty. Raises ClaimFault."""
    value = claims.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ClaimFault(f"the claim {name!r} must be a text that is not empty")
    return value


def words(claims: Claims, name: str) -> tuple[str, ...]:
    """Words of a text with spaces between them, or the texts of a list. Raises ClaimFault for other kinds."""
    value = claims.get(name)
    if value is None:
        return ()
    return tuple(value.split()) if isinstance(value, str) else texts(claims, name)


def texts(claims: Claims, name: str) -> tuple[str, ...]:
    """A list of texts; one text is a list of one. Raises ClaimFault for other kinds."""
    value = claims.get(name)
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ClaimFault(f"the claim {name!r} must be a list of texts")
    return tuple(value)


def inner(claims: Claims, name: str) -> Claims:
    """An object; empty without one."""
    value = claims.get(name)
    return value if isinstance(value, dict) else {}
