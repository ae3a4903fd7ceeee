"""The HTTP/1.1 server: connections that feed one handler, a clock that sweeps them, a graceful end."""

import asyncio
import logging
from typing import TYPE_CHECKING, Final, Protocol, cast

from entresol.core.ports import Clock, Handler
from entresol.net.limits import Limits
from entresol.net.outgoing import Flusher
from entresol.net.peers import Ends
from entresol.net.response_head import date_line
from entresol.net.server_connection import ServerConnection

if TYPE_CHECKING:
    from entresol.net.listener import Listener

logger = logging.getLogger("entresol.net.server")

SWEEP_S: Final = 1.0
"""How often the clocks are looked at."""


class Listening(Protocol):
    """Something that accepts connections for the server."""

    def close(self) -> None:
        """Accept no more. Connections that exist go on."""


class HttpServer:
    """Serves `handler`; assigning it swaps it for every request that starts from then on.

    Connections are made by `protocol`, one for each that a listener accepts. `start` keeps the clocks going.
    """

    def __init__(self, handler: Handler, limits: Limits, clock: Clock, flusher: Flusher | None = None) -> None:
        self.handler = handler
        self.flusher = flusher or Flusher()
        self.limits = limits
        self.connections: set[ServerConnection] = set()
        self.is_draining = False
        self._clock = clock
        self._listenings: list[Listening] = []
        self._timer: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Event | None = None
        self.time = clock.monotonic()
        """Monotonic seconds as of the last sweep: precise enough for clocks of seconds, and free."""
        self.date_line = date_line(clock.now())
        """The Date field line of this second."""

    def protocol(self, listener: "Listener | None" = None, ends: Ends | None = None) -> asyncio.Protocol:
        """A protocol for one connection that `listener` accepted.

        `ends` are its true addresses, when a balancer told them.
        """
        connection = ServerConnection(self, "" if listener is None else listener.address, ends)
        return cast("asyncio.Protocol", connection)  # in shape: a compiled class cannot inherit from it

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Sweep once a second from now on."""
        self.sweep()
        self._timer = loop.call_later(SWEEP_S, self.start, loop)

    def stop(self) -> None:
        """Stop the clocks."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def sweep(self) -> None:
        """Take the time; end what has taken too long."""
        now = self.time = self._clock.monotonic()
        self.date_line = date_line(self._clock.now())
        for connection in tuple(self.connections):
            connection.sweep(now - SWEEP_S)  # what it noted may have been that much later: no clock runs out early

    # The graceful end.

    def add_listening(self, listening: Listening) -> None:
        """Something to close when draining begins."""
        self._listenings.append(listening)

    def begin_drain(self) -> None:
        """Accept nothing more, close idle connections, end each response under way with `Connection: close`."""
        self.is_draining = True
        for listening in self._listenings:
            listening.close()
        self._listenings.clear()
        for connection in tuple(self.connections):
            connection.drain()

    async def wait_drained(self, grace_s: float) -> int:
        """Wait for connections to end; break off those that have not after `grace_s`. Returns how many those were."""
        self._emptied = asyncio.Event()
        if self.connections:
            try:
                await asyncio.wait_for(self._emptied.wait(), grace_s)
            except TimeoutError:
                left = len(self.connections)
                logger.warning("broke off %d connections that did not end within %g s", left, grace_s)
                for connection in tuple(self.connections):
                    connection.abort()
                return left
        return 0

    def connection_closed(self, connection: ServerConnection) -> None:
        """A connection reports its end."""
        self.connections.discard(connection)
        if self._emptied is not None and not self.connections:
            self._emptied.set()
