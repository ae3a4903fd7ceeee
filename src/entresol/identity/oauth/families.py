"""Families of tokens: all that go back to one sign-in end together.

Sources: RFC 9700 §4.14.2 (refresh tokens), RFC 6749 §4.1.2 (codes), RFC 7009 §2.1 (revocation).
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from entresol.core.storage import Records
from entresol.identity.records.sessions import RefreshToken, RevokedToken

REVOCATION_KEPT_S: Final = 3_900
"""So long a revocation is kept: the longest that access tokens live, and clocks that are slow."""


def revoke(records: Records, what: str, now: int, *, kept_s: int = REVOCATION_KEPT_S) -> None:
    """Access tokens issued up to this second count no more. `what`: `jti:…`, `family:…`, `session:…`, `account:…`,
    `client:…`."""
    ends = now + kept_s
    old = records.get(RevokedToken, what)
    if old is None:
        records.insert(RevokedToken(id=what, revoked_at=now, expires_at=ends))
    else:
        records.replace(msgspec.structs.replace(old, revoked_at=now, expires_at=max(old.expires_at, ends)))


def revoke_family(records: Records, family: str, now: int) -> None:
    """No token of the family counts any more."""
    records.delete_where(RefreshToken, family=family)
    revoke(records, f"family:{family}", now)


def revoke_account(records: Records, account: str, now: int) -> None:
    """All tokens of a user or service account end, whoever holds them."""
    records.delete_where(RefreshToken, user=account)
    revoke(records, f"account:{account}", now)


def revoke_client(records: Records, client: str, now: int) -> None:
    """All tokens that a client holds end."""
    records.delete_where(RefreshToken, client=client)
    revoke(records, f"client:{client}", now)


def revoke_session(records: Records, user: str, session: str, now: int) -> None:
    """All tokens that go back to one session of a browser end."""
    for token in records.find(RefreshToken, user=user):
        if token.session == session:
            records.delete(RefreshToken, token.id)
    revoke(records, f"session:{session}", now)


def is_revoked(records: Records, claims: Mapping[str, Any], issued_at: int) -> bool:
    """Whether a token with these claims has been revoked, by itself or with others."""
    named = (
        ("jti", "jti"),
        ("family", "fam"),
        ("session", "sid"),
        ("account", "sub"),
        ("client", "client_id"),
    )
    for prefix, claim in named:
        value = claims.get(claim)
        if isinstance(value, str) and value:
            revoked = records.get(RevokedToken, f"{prefix}:{value}")
            if revoked is not None and issued_at <= revoked.revoked_at:
                return True
    return False
