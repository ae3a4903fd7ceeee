"""Credentials that are given out for a while, held in memory and renewed before they end.

What fetches one may block, as the clouds' own libraries do, so it runs in a thread of its own: one at a time for each
source, however many calls wait for it. The thread is a daemon, because a metadata server that is not there must not
hold up the end of the process.
"""

import asyncio
import logging
import math
import re
import threading
from collections.abc import Callable
from functools import partial
from typing import Final, Generic, TypeVar

from entresol.core.errors import UpstreamError
from entresol.core.ports import Clock
from entresol.core.printable import printable

logger = logging.getLogger("entresol.cloud")

T = TypeVar("T")
Job = Callable[[], None]

RENEWED_AHEAD_S: Final = 300.0
"""How long before its end a credential is renewed; a fifth of its life if that is shorter."""
SPARED_S: Final = 30.0
"""How long before its end a credential is not used any more; a tenth of its life if that is shorter."""
LOOKED_AT_AGAIN_S: Final = 900.0
"""When one that does not end is read afresh: whoever changes a profile's keys need not restart the gateway."""
LONGEST_PAUSE_S: Final = 60.0
"""Between two attempts while fetching fails; the first pause is a second, each one after that twice as long."""
PATIENCE_S: Final = 30.0
"""How long calls wait for one fetch."""

_LONG_WORD: Final = re.compile(r"[A-Za-z0-9+_=-]{32,}")


class Issued(Generic[T]):
    """What a fetch brings: a credential, and when it ends (seconds since the epoch); None if it does not."""

    __slots__ = ("credential", "expires_at")

    def __init__(self, credential: T, expires_at: float | None) -> None:
        self.credential = credential
        self.expires_at = expires_at


class FetchFailed(Exception):
    """There is no credential. `reason` is for everybody, so it holds no words of others; `detail` is for the log."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def told(error: Exception, secrets: tuple[str, ...] = ()) -> str:
    """A library's words for the log: on one line, short, without `secrets` and what looks like one."""
    text = str(error)
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return f"{type(error).__name__}: {printable(_LONG_WORD.sub('***', text))[:500]}"


def in_thread(job: Job) -> None:
    """Run a job that may block."""
    threading.Thread(target=job, name="entresol-credential", daemon=True).start()


class TokenSource(Generic[T]):
    """A `CredentialSource` whose credentials end. Belongs to one event loop."""

    def __init__(
        self, cloud: str, issue: Callable[[], Issued[T]], clock: Clock, start: Callable[[Job], None] = in_thread
    ) -> None:
        """`cloud` is its name in messages. `issue` may block; what it raises is best a FetchFailed."""
        self._cloud = cloud
        self._issue = issue
        self._clock = clock
        self._start = start
        self._credential: T | None = None
        self._renewed_at = -math.inf
        self._usable_until = -math.inf
        self._running: asyncio.Future[None] | None = None
        self._running_since = 0.0
        self._failure: FetchFailed | None = None
        self._failures = 0
        self._next_attempt = -math.inf

    def current(self) -> T | None:
        """See `CredentialSource`."""
        now = self._clock.now()
        if now < self._renewed_at:
            return self._credential
        if now >= self._usable_until:
            return None
        if self._running is None and self._clock.monotonic() >= self._next_attempt:
            self._begin()
        return self._credential

    async def fetch(self) -> T:
        """See `CredentialSource`."""
        credential = self.current()
        if credential is not None:
            return credential
        if self._running is None and self._failure is not None and self._clock.monotonic() < self._next_attempt:
            raise self._error(self._failure)
        running = self._begin() if self._running is None else self._running
        # Not `wait_for`: a client that goes away must not take the fetch from the others.
        patience = self._running_since + PATIENCE_S - self._clock.monotonic()
        await asyncio.wait((running,), timeout=max(0.0, patience))
        if not running.done():
            raise self._error(FetchFailed(f"no answer within {PATIENCE_S:.0f} seconds"))
        credential = self.current()
        if credential is None:
            raise self._error(self._failure or FetchFailed("it ended at once"))
        return credential

    def _begin(self) -> "asyncio.Future[None]":
        loop = asyncio.get_running_loop()
        self._running = done = loop.create_future()
        self._running_since = self._clock.monotonic()
        try:
            self._start(partial(self._work, loop, done))
        except RuntimeError as error:  # the system has no thread left
            self._end(done, FetchFailed("no thread can be started", told(error)))
        return done

    def _work(self, loop: asyncio.AbstractEventLoop, done: "asyncio.Future[None]") -> None:
        """In the thread."""
        outcome: Issued[T] | FetchFailed = FetchFailed("it broke off")
        try:
            outcome = self._issue()
        except FetchFailed as failure:
            outcome = failure
        except Exception as error:  # noqa: BLE001  # libraries raise anything; `_fail` logs it
            outcome = FetchFailed(f"unexpected {type(error).__name__}", told(error))
        finally:
            try:
                loop.call_soon_threadsafe(self._end, done, outcome)
            except RuntimeError:  # the loop is closed: nobody waits any more
                logger.debug("a credential of %s came too late", self._cloud)

    def _end(self, done: "asyncio.Future[None]", outcome: Issued[T] | FetchFailed) -> None:
        self._running = None
        if isinstance(outcome, Issued):
            self._take(outcome)
        else:
            self._fail(outcome)
        if not done.done():
            done.set_result(None)

    def _take(self, issued: Issued[T]) -> None:
        now = self._clock.now()
        if issued.expires_at is None:
            self._renewed_at, self._usable_until = now + LOOKED_AT_AGAIN_S, math.inf
        else:
            life = issued.expires_at - now
            if life <= 0:
                self._fail(FetchFailed("what was issued has ended already; check the clock of this machine"))
                return
            self._renewed_at = issued.expires_at - min(RENEWED_AHEAD_S, life / 5)
            self._usable_until = issued.expires_at - min(SPARED_S, life / 10)
        self._credential = issued.credential
        if self._failures:
            logger.info("there is a credential of %s again", self._cloud)
        self._failure, self._failures, self._next_attempt = None, 0, -math.inf

    def _fail(self, failure: FetchFailed) -> None:
        self._failure = failure
        pause = min(LONGEST_PAUSE_S, 2.0 ** min(self._failures, 10))
        self._failures += 1
        self._next_attempt = self._clock.monotonic() + pause
        detail = f" ({failure.detail})" if failure.detail else ""
        logger.warning("no credential of %s: %s%s; next attempt in %.0f s", self._cloud, failure.reason, detail, pause)

    def _error(self, failure: FetchFailed) -> UpstreamError:
        pause = max(1, math.ceil(self._next_attempt - self._clock.monotonic())) if self._failures else 1
        message = f"no credential of {self._cloud}: {failure.reason}"
        retry = ((b"retry-after", b"%d" % pause),)
        return UpstreamError("provider_credential_unavailable", message, status=503, headers=retry)
