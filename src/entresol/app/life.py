"""What both kinds of worker have in common: the second's tick, the status page, the end."""

import asyncio
import gc
import logging
import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from entresol import __version__
from entresol.app.gateway import Gateway, Sockets
from entresol.config import Settings
from entresol.core.ports import Clock
from entresol.supervisor.messages import NodeState
from entresol.telemetry.metrics import Snapshot
from entresol.telemetry.status_page import StatusPage

if TYPE_CHECKING:
    from entresol.app.control_plane import ControlPlane

logger = logging.getLogger("entresol.node")

YOUNG_OBJECTS: Final = 10_000
"""How many more objects there may be before cycles are looked for. Requests leave none, but with Python's 700 those
that are under way would be searched through in each turn of the event loop. Closed connections are cycles: with 50,000
they pile up to megabytes."""


class Life:
    """A worker from its first request to its last."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.loop = asyncio.get_running_loop()
        self.gateway: Gateway
        self.has_begun = False
        self._timer: asyncio.TimerHandle | None = None
        self.stopping = asyncio.Event()
        self.forced = asyncio.Event()
        self._control: ControlPlane | None = None

    def node_state(self) -> NodeState | None:
        """What is known of the node."""
        raise NotImplementedError

    def every_second(self) -> None:
        """What else is due once a second."""
        raise NotImplementedError

    def collect(self, when_collected: Callable[[Snapshot], None]) -> None:
        """The metrics of all workers (telemetry.status_page.NodeView)."""
        raise NotImplementedError

    def status(self) -> object:
        """The status page (telemetry.status_page.NodeView)."""
        node = self.node_state()
        return {
            "version": __version__,
            "worker": {"pid": os.getpid(), "connections": len(self.gateway.server.connections)},
            "workers": [] if node is None else node.workers,
            "configuration": None if node is None else node.configuration,
        }

    def is_ready(self) -> bool:
        """True while requests are taken (telemetry.status_page.NodeView)."""
        return self.has_begun and not self.stopping.is_set()

    def stop(self) -> None:
        """The first call stops gracefully, the second at once."""
        if self.stopping.is_set():
            self.forced.set()
        self.stopping.set()

    async def open_control(self, sockets: Sockets | None = None) -> None:
        """Open the store, if there is one, and let in whom it knows. Raises ConfigError."""
        if self.settings.store.url is None:
            return
        from entresol.app.control_plane import ControlPlane

        gateway = self.gateway
        serve = partial(gateway.listen_for_identity, sockets) if sockets is not None and sockets.identity else None
        self._control = ControlPlane(self.settings, self.clock, gateway.door, serve)
        await self._control.open()

    async def close_control(self) -> None:
        """Let go of the store."""
        if self._control is not None:
            await self._control.close()

    async def live(self, sockets: Sockets, begun: Callable[[], None]) -> int:
        """Serve until stopped. Returns the exit code."""
        await self.open_control(sockets)
        await self.gateway.listen(sockets, StatusPage(self, self.settings.status.kong_metric_names))
        self.start_clock()
        gc.collect()
        gc.freeze()  # what exists now is there to stay: later collections need not look at it
        gc.set_threshold(YOUNG_OBJECTS)
        self.has_begun = True
        begun()
        await self.stopping.wait()
        draining = asyncio.ensure_future(self.gateway.drain(self.settings.workers.drain_s))
        forced = asyncio.ensure_future(self.forced.wait())
        await asyncio.wait((draining, forced), return_when=asyncio.FIRST_COMPLETED)
        self.stop_clock()
        await self.close_control()
        if draining.done():
            forced.cancel()
            draining.result()
            return 0
        draining.cancel()
        self.gateway.abort()
        return 1

    def start_clock(self) -> None:
        """Tick once a second from now on."""
        self._timer = self.loop.call_later(1.0, self.start_clock)
        self.gateway.tick()
        try:
            self.every_second()
            if self._control is not None:
                self._control.every_second()
        except Exception:  # the clocks must go on whatever happens
            logger.exception("the work of this second failed")

    def stop_clock(self) -> None:
        """Tick no more."""
        if self._timer is not None:
            self._timer.cancel()
