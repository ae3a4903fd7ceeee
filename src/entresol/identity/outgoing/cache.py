"""Tokens for upstreams, kept for as long as they are good: bounded, in memory, per upstream and principal.

A key holds all that a token depends on. A subject that is empty would make strangers share one, so it is refused.
"""

from collections import OrderedDict
from hashlib import sha256
from typing import Final

import msgspec

from entresol.core.errors import InternalError
from entresol.identity.outgoing.granted import Caller, Granted
from entresol.identity.records.upstreams import UpstreamAuth

SKEW_S: Final = 30
"""How long before its end a token is not used any more; half its life if that is shorter."""
NEGATIVE_S: Final = 5
"""How long a refusal is remembered."""


class CacheKey(msgspec.Struct, frozen=True):
    """What a token depends on."""

    tenant: str
    issuer: str
    subject: str
    actors: tuple[tuple[str, str], ...]
    client: str
    upstream: str
    audience: str
    resource: str
    scopes: tuple[str, ...]
    settings: int
    """Revision of the upstream's record."""
    token_digest: bytes


def cache_key(auth: UpstreamAuth, caller: Caller) -> CacheKey:
    """The key for a caller at an upstream. Raises InternalError `empty_subject`."""
    principal = caller.principal
    if not principal.subject or not principal.issuer:
        raise InternalError("empty_subject", f"upstream {auth.id}: a caller without issuer and subject has no tokens")
    return CacheKey(
        principal.tenant,
        principal.issuer,
        principal.subject,
        tuple((actor.issuer, actor.subject) for actor in principal.actors),
        principal.client,
        auth.id,
        auth.audience,
        auth.resource,
        auth.scopes,
        auth.revision,
        sha256(f"{caller.subject_token}\0{caller.actor_token}".encode()).digest(),
    )


class _Entry:
    __slots__ = ("good_until", "outcome")

    def __init__(self, outcome: Granted | Exception, good_until: int) -> None:
        self.outcome = outcome
        self.good_until = good_until


class TokenCache:
    """Outcomes by key; the least recently used make room."""

    def __init__(self, max_entries: int = 8192) -> None:
        self._entries: OrderedDict[CacheKey, _Entry] = OrderedDict()
        self._max_entries = max_entries

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: CacheKey, now: int) -> Granted | None:
        """What is known and still good. Raises the refusal that was just met."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if now >= entry.good_until:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        if isinstance(entry.outcome, Exception):
            raise entry.outcome
        return entry.outcome

    def put(self, key: CacheKey, token: Granted, auth: UpstreamAuth, caller: Caller, now: int) -> None:
        """Keep a token for as long as it, the caller's token and the settings allow."""
        ends = [now + auth.lifetime_s]
        if token.expires_at is not None:
            life = token.expires_at - now
            ends.append(token.expires_at - min(SKEW_S, life // 2))
        if caller.subject_expires_at is not None and caller.subject_token:
            ends.append(caller.subject_expires_at)
        self._keep(key, _Entry(token, min(ends)), now)

    def put_refusal(self, key: CacheKey, refusal: Exception, now: int) -> None:
        """Do not ask again at once."""
        self._keep(key, _Entry(refusal.with_traceback(None), now + NEGATIVE_S), now)

    def forget(self, key: CacheKey, token: str) -> bool:
        """The upstream answered 401 to this token. True if it was the one that is kept: one more may be asked for."""
        entry = self._entries.get(key)
        if entry is None or not isinstance(entry.outcome, Granted) or entry.outcome.access_token != token:
            return False
        del self._entries[key]
        return True

    def _keep(self, key: CacheKey, entry: _Entry, now: int) -> None:
        if entry.good_until <= now:
            return
        self._entries[key] = entry
        self._entries.move_to_end(key)
        while len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)
