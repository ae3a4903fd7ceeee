"""The connections to one origin: idle ones last in, first out; calls that wait for one, first come, first served.

Each call that finds no idle connection waits, and a new connection is opened if the limit allows. Whatever becomes
available first, a new connection or one that was given back, serves the call that has waited longest. So a call that
is cancelled meanwhile costs nothing: the connection opened for it goes to the next one, or idle.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from entresol.core.errors import GatewayError, InternalError
from entresol.core.http import Origin
from entresol.core.ports import Clock
from entresol.net import upstream_errors

logger = logging.getLogger("entresol.net.pool")


@dataclass(frozen=True)
class PoolLimits:
    """Bounds of one origin's connections. Times in seconds; 0 means no bound unless said otherwise."""

    max_connections: int = 0
    max_idle: int = 512
    """How many idle connections are kept; 0 keeps none."""
    idle_timeout_s: float = 60.0
    max_age_s: float = 3600.0
    """A connection older than this is not reused, so that changed addresses are noticed in the end."""
    max_waiting: int = 1024
    """How many calls may wait while `max_connections` are busy."""


class PooledConnection(Protocol):
    """What the pool needs to know of a connection."""

    opened_at: float
    idle_since: float

    def is_stale(self, now: float) -> bool:
        """True when an idle connection must not be used any more."""

    def close(self) -> None:
        """Close it; the pool has forgotten it already."""


C = TypeVar("C", bound=PooledConnection)
C_contra = TypeVar("C_contra", bound=PooledConnection, contravariant=True)


class WaitingCall(Protocol[C_contra]):
    """A call that waits for a connection."""

    waiting_since: float
    connect_limit_s: float

    def attach(self, connection: C_contra) -> None:
        """Use this connection."""

    def fail(self, error: GatewayError) -> None:
        """There is none."""


@dataclass(frozen=True)
class PoolStats:
    """What happened since the start, and how things are now."""

    opened: int = 0
    reused: int = 0
    failed: int = 0
    idle: int = 0
    busy: int = 0
    opening: int = 0
    waiting: int = 0


class OriginPool(Generic[C]):
    """The connections to one origin."""

    def __init__(
        self,
        origin: Origin,
        loop: asyncio.AbstractEventLoop,
        open_connection: "Callable[[OriginPool[C]], Awaitable[C]]",
        limits: PoolLimits,
        clock: Clock,
    ) -> None:
        self.origin = origin
        self.opened = 0
        self.reused = 0
        self.failed = 0
        self._loop = loop
        self._open_connection = open_connection
        self._limits = limits
        self._clock = clock
        self._idle: list[C] = []
        self._waiting: deque[WaitingCall[C]] = deque()
        self._openings: dict[asyncio.Task[None], float] = {}
        self._connections = 0
        self._is_closed = False

    def take(self, now: float) -> C | None:
        """The idle connection that was used last, or None."""
        idle = self._idle
        while idle:
            connection = idle.pop()
            if connection.is_stale(now):
                self._connections -= 1
                connection.close()
                continue
            self.reused += 1
            return connection
        return None

    def wait(self, call: WaitingCall[C], now: float) -> None:
        """Attach a connection to `call` as soon as there is one, or fail it. A new one is opened if allowed."""
        limits = self._limits
        if self._is_closed:
            call.fail(upstream_errors.transport_closed(self.origin))
            return
        self._waiting.append(call)
        if self._has_room():
            self._open(now, call.connect_limit_s)
        elif len(self._waiting) - len(self._openings) > limits.max_waiting:
            self._waiting.pop()
            call.fail(upstream_errors.no_free_connection(self.origin, limits.max_connections))

    def leave(self, call: WaitingCall[C]) -> None:
        """The call does not want a connection any more."""
        try:
            self._waiting.remove(call)
        except ValueError:
            return

    def give_back(self, connection: C, now: float) -> None:
        """A connection is free and sound: it serves the next waiting call, stays idle, or is closed."""
        limits = self._limits
        is_old = bool(limits.max_age_s) and now - connection.opened_at >= limits.max_age_s
        if self._is_closed or is_old:
            self.forget()
            connection.close()
        elif self._waiting:
            self.reused += 1
            self._waiting.popleft().attach(connection)
        elif len(self._idle) < limits.max_idle:
            connection.idle_since = now
            self._idle.append(connection)
        else:
            self._connections -= 1
            connection.close()

    def forget(self) -> None:
        """A busy connection is gone; there may be room for a new one."""
        self._connections -= 1
        if self._waiting:
            self._open_for_waiting()

    def forget_idle(self, connection: C) -> None:
        """An idle connection was closed by the upstream."""
        try:
            self._idle.remove(connection)
        except ValueError:
            return
        self._connections -= 1

    def sweep(self, now: float) -> None:
        """Close what was idle or opening for too long, and fail the calls that waited for too long."""
        timeout = self._limits.idle_timeout_s
        if timeout and self._idle and now - self._idle[0].idle_since >= timeout:
            kept = [connection for connection in self._idle if now - connection.idle_since < timeout]
            expired = [connection for connection in self._idle if now - connection.idle_since >= timeout]
            self._idle = kept
            self._connections -= len(expired)
            for connection in expired:
                connection.close()
        for task, deadline in list(self._openings.items()):
            if deadline and now >= deadline:
                task.cancel()
        self._fail_overdue(now)

    def close(self) -> None:
        """Close idle connections, stop opening, fail waiting calls."""
        self._is_closed = True
        idle, self._idle = self._idle, []
        self._connections -= len(idle)
        for connection in idle:
            connection.close()
        for task in list(self._openings):
            task.cancel()
        while self._waiting:
            self._waiting.popleft().fail(upstream_errors.transport_closed(self.origin))

    @property
    def is_unused(self) -> bool:
        """True when nothing is connected, opening or waiting, so that the pool itself can go."""
        return not (self._connections or self._openings or self._waiting)

    def stats(self) -> PoolStats:
        """Counts for metrics and status pages."""
        idle = len(self._idle)
        return PoolStats(
            opened=self.opened,
            reused=self.reused,
            failed=self.failed,
            idle=idle,
            busy=self._connections - idle,
            opening=len(self._openings),
            waiting=len(self._waiting),
        )

    def _has_room(self) -> bool:
        limit = self._limits.max_connections
        return not limit or self._connections + len(self._openings) < limit

    def _open(self, now: float, limit_s: float) -> None:
        task = self._loop.create_task(self._run_opening())
        self._openings[task] = now + limit_s if limit_s else 0.0

    async def _run_opening(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        connection: C | None = None
        error: GatewayError | None = None
        try:
            connection = await self._open_connection(self)
        except GatewayError as failure:
            error = failure
        except asyncio.CancelledError:
            pass  # by sweep, which fails the call itself, or by close
        except Exception:
            logger.exception("opening a connection to %s failed", upstream_errors.peer_of(self.origin))
            error = InternalError("internal_error", "opening a connection to the upstream failed; see the log")
        del self._openings[task]
        if connection is not None and connection.is_stale(connection.opened_at):
            connection.close()
            connection = None
            error = upstream_errors.reset(self.origin, "it closed the connection, or spoke, before the request")
        if connection is None:
            self._settle_failure(error)
        else:
            self._settle_new(connection)

    def _settle_new(self, connection: C) -> None:
        self.opened += 1
        self._connections += 1
        if self._waiting:
            self._waiting.popleft().attach(connection)
        else:
            self.give_back(connection, connection.opened_at)

    def _settle_failure(self, error: GatewayError | None) -> None:
        self.failed += 1
        if error is not None and self._waiting:
            self._waiting.popleft().fail(error)
        self._open_for_waiting()

    def _open_for_waiting(self) -> None:
        """An opening for each waiting call, as far as the limit allows."""
        now = self._clock.monotonic()
        while len(self._waiting) > len(self._openings) and self._has_room() and not self._is_closed:
            call = self._waiting[len(self._openings)]
            limit = call.connect_limit_s
            self._open(now, max(0.001, call.waiting_since + limit - now) if limit else 0.0)

    def _fail_overdue(self, now: float) -> None:
        overdue = [
            call for call in self._waiting if call.connect_limit_s and now - call.waiting_since >= call.connect_limit_s
        ]
        for call in overdue:
            self.leave(call)
            if self._limits.max_connections and len(self._openings) == 0:
                call.fail(upstream_errors.no_free_connection(self.origin, self._limits.max_connections))
            else:
                call.fail(upstream_errors.connect_timeout(self.origin, call.connect_limit_s))
