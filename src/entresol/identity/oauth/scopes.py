"""Scopes: what people may allow a client to do, in words that they understand.

Sources: RFC 6749 §3.3 (syntax, defaults), OpenID Connect Core §3.1.2.1 and §5.4 (openid, profile, email), §11
(offline_access).
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from entresol.identity.oauth.errors import OAuthError
from entresol.identity.records.oauth_clients import OAuthClient

MAX_SCOPES: Final = 64


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """A scope that this server knows."""

    name: str
    words: str
    """What a client that has it can do, to follow "It can …"."""
    is_sensitive: bool = False
    """Only clients for which an administrator has listed it may ask for it, and consent marks it."""


_SCOPES: Final = (
    Scope(name="openid", words="know who you are"),
    Scope(name="profile", words="see your name and your user name"),
    Scope(name="email", words="see your e-mail address"),
    Scope(name="offline_access", words="stay signed in when you are away"),
    Scope(name="llm", words="use language models in your name, within your limits"),
    Scope(name="mcp", words="use tools and data of MCP servers in your name"),
    Scope(name="agents", words="start agents and talk to them in your name"),
    Scope(name="admin:read", words="read this gateway's configuration and accounts", is_sensitive=True),
    Scope(name="admin:write", words="change this gateway's configuration and accounts", is_sensitive=True),
    Scope(name="admin:*", words="do whatever you may do as an administrator", is_sensitive=True),
)
SCOPES: Final[dict[str, Scope]] = {scope.name: scope for scope in _SCOPES}
GRANTABLE: Final = tuple(scope.name for scope in _SCOPES if not scope.is_sensitive)
"""What people may grant to any client."""
_TOKEN: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_INCLUDES: Final[dict[str, tuple[str, ...]]] = {
    "admin:write": ("admin:read",),
    "admin:*": ("admin:read", "admin:write"),
}


def parse_scope(text: str) -> tuple[str, ...]:
    """The scopes of a `scope` parameter, each once, in order. Raises OAuthError `invalid_scope`."""
    names = tuple(dict.fromkeys(text.split(" "))) if text else ()
    names = tuple(name for name in names if name)
    if len(names) > MAX_SCOPES or not all(_TOKEN.fullmatch(name) for name in names):
        raise OAuthError(
            "invalid_scope", "scope is no list of scopes, separated by single spaces (RFC 6749 section 3.3)"
        )
    return names


def scopes_of(client: OAuthClient) -> frozenset[str]:
    """All that a client may ask for."""
    return frozenset(client.scopes) & SCOPES.keys() if client.scopes else frozenset(GRANTABLE)


def granted_scopes(asked: Sequence[str], client: OAuthClient, needed: Iterable[str]) -> tuple[str, ...]:
    """The scopes that a request is for.

    `needed` is what the resources that it names need; it stands in where nothing is asked. Unknown scopes are left
    out, as OpenID Connect Core §3.1.2.1 says. Raises OAuthError `invalid_scope` for known ones that the client may not
    ask for, and when none is left.
    """
    may = scopes_of(client)
    if not asked:
        default = tuple(dict.fromkeys(name for name in needed if name in may))
        if not default:
            raise OAuthError(
                "invalid_scope", "the client may have none of the scopes that are needed here: ask for some"
            )
        return default
    forbidden = [name for name in asked if name in SCOPES and name not in may]
    if forbidden:
        raise OAuthError("invalid_scope", f"the client may not ask for {' '.join(forbidden)}")
    known = tuple(name for name in asked if name in SCOPES)
    if not known:
        raise OAuthError("invalid_scope", f"none of the scopes is known here; there are {' '.join(GRANTABLE)}")
    return known


def covers(granted: Iterable[str], needed: Iterable[str]) -> bool:
    """Whether all that is needed has been granted, with what a scope includes."""
    return with_included(granted).issuperset(needed)


def with_included(granted: Iterable[str]) -> frozenset[str]:
    """The scopes, and those that they include."""
    have = set(granted)
    for name in tuple(have):
        have.update(_INCLUDES.get(name, ()))
    return frozenset(have)


def in_words(names: Iterable[str]) -> tuple[Scope, ...]:
    """The scopes as people read them, in the order of this module."""
    wanted = set(names)
    return tuple(scope for scope in _SCOPES if scope.name in wanted)
