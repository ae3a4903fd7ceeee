"""What comes of checking a token that somebody else has signed.

    match verifier.check(token, now):
        case Verified(principal=principal): ...       # go on
        case Deny() as refusal: ...                   # 401, 403 or 503, with a reason
        case need:                                    # NeedKeys | NeedGroups
            await run(need.key, need.start)           # one run per key; whoever comes meanwhile joins it
            outcome = verifier.check(token, now)      # again; after two fetches it is an answer

The steps never raise: what went wrong is remembered, and the next check says so.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from entresol.core.decision import Deny
from entresol.core.fetching import Steps
from entresol.identity.principal import Principal, PrincipalKind


class Mapped(msgspec.Struct, frozen=True, kw_only=True):
    """What claims say of somebody, in our words."""

    subject: str
    """Never empty: what stays the same for one person at this issuer."""
    kind: PrincipalKind = "user"
    client: str = ""
    scopes: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    """As the issuer names them."""
    roles: frozenset[str] = frozenset()
    """Of ours: ids, or names of built-in ones."""
    teams: frozenset[str] = frozenset()
    """Names of teams of the issuer's organisation."""
    attributes: dict[str, str] = {}
    username: str = ""
    email: str = ""
    is_email_verified: bool = False
    """It is for people to read either way, and identifies nobody."""
    display_name: str = ""
    given_name: str = ""
    family_name: str = ""


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """A token that is genuine, in time, and meant for us."""

    principal: Principal
    """Without `account` and `teams`, which take the store: `jit.signed_in`, or a snapshot of it."""
    mapped: Mapped
    claims: dict[str, Any]
    header: dict[str, Any]
    audiences: frozenset[str]
    """Which of the accepted ones the token names. What stands at one route may want one in particular."""
    issuer: str
    """Id of the Issuer record."""
    issued_at: int | None
    expires_at: int
    """Seconds since the epoch, as the token says, without any skew."""
    bound_to: str = ""
    """The key that only its holder may use it with (`jkt:…`, `x5t#S256:…`): to be shown with each request."""


class NeedKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The issuer's keys have to be fetched first."""

    key: str
    """Equal needs have equal keys: while one is being fetched, the others wait for it."""
    start: Callable[[], Steps[None]]
    why: str


class NeedGroups(msgspec.Struct, frozen=True, kw_only=True):
    """The token has too many groups to carry them; they have to be asked for. As `NeedKeys`."""

    key: str
    start: Callable[[], Steps[None]]
    why: str


Need = NeedKeys | NeedGroups
Outcome = Verified | Deny | NeedKeys | NeedGroups
