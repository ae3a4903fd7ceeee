"""One of several workers of a node."""

import asyncio
import logging
import os
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from entresol.api_floor.configuration import Configuration
from entresol.api_floor.plan import Plan
from entresol.app.gateway import Gateway
from entresol.app.life import Life
from entresol.config import Settings
from entresol.core.errors import ConfigError
from entresol.core.ports import Clock
from entresol.store.declarative import load
from entresol.supervisor.leased_counters import LeasedCounters
from entresol.supervisor.link import SupervisorLink
from entresol.supervisor.loader import Document
from entresol.supervisor.messages import NodeState, Prepared, Ready
from entresol.supervisor.messages import Snapshot as SnapshotMessage
from entresol.telemetry.metrics import Snapshot, merge

logger = logging.getLogger("entresol.node")

SNAPSHOT_SHARE: Final = 0.01
"""Of a worker's time that goes into metrics snapshots for the supervisor, at most."""

_decoder = msgspec.msgpack.Decoder(Snapshot)
_encoder = msgspec.msgpack.Encoder()


def merged(parts: Iterable[bytes]) -> Snapshot:
    """The sum of encoded snapshots."""
    return merge(_decoder.decode(part) for part in parts)


def lasting(parts: Iterable[bytes]) -> bytes:
    """The sum of what outlives a worker: counters and histograms, not gauges."""
    return _encoder.encode([family for family in merged(parts) if family.kind != "gauge"])


class Supervised(Life):
    """Shares counters, metrics and reloads through the supervisor."""

    def __init__(self, settings: Settings, document: Document, link: SupervisorLink, clock: Clock) -> None:
        super().__init__(settings, clock)
        self._link = link
        self._counters = LeasedCounters(link.send, clock)
        link.counters = self._counters
        link.worker = self
        self.gateway = Gateway(settings, self._read(document.content), self._counters, clock)
        self._version = document.version
        self._prepared: dict[str, Plan] = {}
        self._last_snapshot = b""
        self._next_snapshot = 0.0

    def begun(self) -> None:
        """Tell the supervisor that requests are taken."""
        self._link.send(Ready(self._version))

    def node_state(self) -> NodeState | None:
        return self._link.node

    def collect(self, when_collected: Callable[[Snapshot], None]) -> None:
        self._link.scrape(lambda parts: when_collected(merged(parts)))

    def every_second(self) -> None:
        self._counters.sweep()
        started = self.clock.monotonic()
        if started >= self._next_snapshot:
            snapshot = self.snapshot()
            if snapshot != self._last_snapshot:
                self._link.send(SnapshotMessage(0, snapshot))
                self._last_snapshot = snapshot
            self._next_snapshot = started + (self.clock.monotonic() - started) / SNAPSHOT_SHARE

    # What the supervisor asks (supervisor.link.Worker).

    def snapshot(self) -> bytes:
        return _encoder.encode(self.gateway.metrics.snapshot())

    def prepare(self, version: str, document: bytes) -> None:
        self.loop.create_task(self._prepare(version, document))

    async def _prepare(self, version: str, document: bytes) -> None:
        error = None
        try:
            configuration = await asyncio.to_thread(self._read, document)
            self._prepared = {version: self.gateway.prepare(configuration)}
        except ConfigError as failure:
            error = failure.message
        except Exception as failure:
            logger.exception("configuration %s cannot be prepared", version)
            error = type(failure).__name__
        self._link.send(Prepared(version, error))

    def commit(self, version: str) -> None:
        plan = self._prepared.pop(version, None)
        if plan is not None:
            self.gateway.use(plan)
            self._version = version

    def discard(self, version: str) -> None:
        self._prepared.pop(version, None)

    def drain(self) -> None:
        self.stop()

    def supervisor_lost(self) -> None:
        logger.error("the supervisor is gone; this worker stops")
        self.stop()

    def _read(self, content: bytes) -> Configuration:
        """The supervisor has validated it; what fails here is a difference between the two processes."""
        configuration = load(content, os.environ, compat=self.settings.configuration.compat)
        if isinstance(configuration, list):
            raise ConfigError("configuration_invalid", "; ".join(str(violation) for violation in configuration))
        return configuration
