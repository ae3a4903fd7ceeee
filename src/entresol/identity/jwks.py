"""The keys of an issuer, kept and renewed.

A state machine without clock or socket. It asks for a fetch when

- it has no keys yet, or they are older than the issuer said they may become;
- a token names a key it does not know, at most once per cooldown however many names are tried;
- their time runs out soon (`is_due`), so that no request has to wait.

While the issuer is down, what it last said goes on counting for `stale_s`, and then nothing does.
"""

import re
from enum import Enum
from typing import Final

import msgspec

from entresol.core.fetching import FetchFailed, FetchRequest, FetchResponse, Steps
from entresol.identity.issuer_metadata import discover, origin_of
from entresol.identity.jwks_keys import KeySet, UnusableKeySet, VerificationKey, read_key_set

MAX_JWKS_BYTES: Final = 262_144
_MAX_AGE: Final = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)


class KeySource(msgspec.Struct, frozen=True, kw_only=True):
    """Where an issuer's keys come from."""

    issuer: str
    names_itself: str = ""
    """What its metadata says it is, if that is not `issuer`."""
    jwks_uri: str = ""
    """Configured; otherwise it is in the metadata."""
    jwks: str = ""
    """A JWK Set that is configured and never fetched."""


class KeyTimes(msgspec.Struct, frozen=True, kw_only=True):
    """In seconds."""

    default_life_s: int = 3600
    """How long keys are good if the issuer does not say."""
    shortest_life_s: int = 300
    longest_life_s: int = 86_400
    stale_s: int = 86_400
    """How long they count beyond that while the issuer is down."""
    cooldown_s: int = 30
    """Between two fetches for the sake of unknown key ids."""
    first_retry_s: int = 5
    last_retry_s: int = 60
    """After failures, doubling."""


class NoKey(Enum):
    """Why there is no key."""

    FETCH = "fetch"
    """Run `refresh` and ask again."""
    UNKNOWN = "unknown"
    """The issuer has no such key."""
    DOWN = "down"
    """The issuer's keys cannot be had."""


class KeyCache:
    """The keys of one issuer. Times are seconds since the epoch."""

    def __init__(self, source: KeySource, times: KeyTimes | None = None) -> None:
        """Raises UnusableKeySet for configured keys that are none."""
        self.source = source
        self.fault = ""
        """Why the last fetch failed; empty if it did not."""
        self._times = times or KeyTimes()
        self._keys: KeySet | None = None
        self._expires_at = 0
        self._refresh_at = 0
        self._asked_at: int | None = None
        self._failures = 0
        self._is_fetching = False
        self._jwks_uri = source.jwks_uri
        if source.jwks:
            self._keys = read_key_set(source.jwks)

    @property
    def is_fixed(self) -> bool:
        """Its keys are configured."""
        return bool(self.source.jwks)

    @property
    def is_filled(self) -> bool:
        """There are keys, however old."""
        return self._keys is not None

    @property
    def retry_after_s(self) -> int:
        """How long to wait after a failure."""
        doubled = self._times.first_retry_s << min(self._failures - 1, 16) if self._failures else 0
        return min(doubled, self._times.last_retry_s)

    def find(self, kid: str, algorithm: str, now: int) -> tuple[VerificationKey, ...] | NoKey:
        """The keys that may have signed what names this key and algorithm."""
        if self._keys is None or (not self.is_fixed and now >= self._expires_at):
            if self._may_ask(now, self.retry_after_s):
                return NoKey.FETCH
            if self._keys is None or now >= self._expires_at + self._times.stale_s:
                return NoKey.DOWN
        found = self._keys.matching(kid, algorithm)
        if found:
            return found
        if self.is_fixed:
            return NoKey.UNKNOWN
        if self._may_ask(now, max(self.retry_after_s, self._times.cooldown_s)):
            return NoKey.FETCH
        return NoKey.DOWN if self._failures else NoKey.UNKNOWN

    def is_due(self, now: int) -> bool:
        """Whether to renew them now, before somebody has to wait for it. Only keys that were ever needed."""
        if self._keys is None or self.is_fixed or self._is_fetching:
            return False
        return now >= self._refresh_at and self._may_ask(now, self.retry_after_s)

    def refresh(self, now: int) -> Steps[None]:
        """Fetch them. Raises nothing: see `fault`. While one runs, another one does nothing."""
        if self._is_fetching or self.is_fixed:
            return
        self._is_fetching = True
        self._asked_at = now
        try:
            answer = yield from self._fetch()
            self._take(answer, now)
        except (FetchFailed, UnusableKeySet) as fault:
            self._failures += 1
            self.fault = fault.message if isinstance(fault, FetchFailed) else f"{self._jwks_uri}: {fault}"
        finally:
            self._is_fetching = False

    def _may_ask(self, now: int, pause_s: int) -> bool:
        """True while a fetch runs, too: whoever comes then waits for that one."""
        return self._is_fetching or self._asked_at is None or now >= self._asked_at + pause_s or now < self._asked_at

    def _fetch(self) -> Steps[FetchResponse]:
        issuer, uri = self.source.issuer, self.source.jwks_uri
        if uri:
            return (yield _key_request(uri, "configured"))
        try:
            metadata = yield from discover(issuer, self.source.names_itself)
            if not metadata.jwks_uri:
                raise FetchFailed(issuer, "its metadata has no jwks_uri")
            self._jwks_uri = metadata.jwks_uri
        except FetchFailed:
            if not self._jwks_uri:
                raise
            # The keys may well be reachable where they were the last time.
        return (yield _key_request(self._jwks_uri, origin_of(self._jwks_uri, issuer)))

    def _take(self, answer: FetchResponse, now: int) -> None:
        if answer.status != 200:
            raise FetchFailed(self._jwks_uri, f"answered {answer.status}")
        self._keys = read_key_set(answer.body)
        life = self._life(answer.headers.get("cache-control", ""))
        self._expires_at = now + life
        self._refresh_at = now + life * 4 // 5
        self._failures = 0
        self.fault = ""

    def _life(self, cache_control: str) -> int:
        times = self._times
        said = _MAX_AGE.search(cache_control)
        life = int(said[1]) if said is not None else times.default_life_s
        return max(times.shortest_life_s, min(life, times.longest_life_s))


def _key_request(url: str, origin: str) -> FetchRequest:
    return FetchRequest(
        url=url,
        headers=(("accept", "application/jwk-set+json, application/json"),),
        origin="configured" if origin == "configured" else "outside",
        max_bytes=MAX_JWKS_BYTES,
    )


class KeyCaches:
    """One cache per source, which outlives changes of the configuration that do not touch it."""

    def __init__(self, times: KeyTimes | None = None) -> None:
        self._times = times
        self._caches: dict[KeySource, KeyCache] = {}

    def of(self, source: KeySource) -> KeyCache:
        """The cache of a source. Raises UnusableKeySet for configured keys that are none."""
        cache = self._caches.get(source)
        if cache is None:
            cache = self._caches[source] = KeyCache(source, self._times)
        return cache

    def keep_only(self, sources: set[KeySource]) -> None:
        """Forget the others."""
        self._caches = {source: cache for source, cache in self._caches.items() if source in sources}
