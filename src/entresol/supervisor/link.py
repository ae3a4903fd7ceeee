"""A worker's end of the socket pair to the supervisor, on the worker's event loop."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol, cast

from entresol.supervisor.framing import frame, supervisor_messages
from entresol.supervisor.leased_counters import LeasedCounters
from entresol.supervisor.messages import (
    Collect,
    Commit,
    Discard,
    Drain,
    FromSupervisor,
    FromWorker,
    Grant,
    NodeState,
    Prepare,
    Recall,
    Scrape,
    Scraped,
    Snapshot,
    Standings,
)

logger = logging.getLogger("entresol.worker")

WhenScraped = Callable[[tuple[bytes, ...]], None]


class Worker(Protocol):
    """What the supervisor's messages mean to the rest of the worker."""

    def prepare(self, version: str, document: bytes) -> None:
        """Compile a configuration, then send `Prepared`."""

    def commit(self, version: str) -> None:
        """Use the prepared configuration."""

    def discard(self, version: str) -> None:
        """Forget it."""

    def drain(self) -> None:
        """Stop gracefully."""

    def supervisor_lost(self) -> None:
        """Nobody is there any more to share state with: stop."""

    def snapshot(self) -> bytes:
        """All metrics of this worker."""


class SupervisorLink(asyncio.Protocol):
    """Sends messages in batches, one write for each turn of the loop; passes on what comes back."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._reader = supervisor_messages()
        self._transport: asyncio.Transport | None = None
        self._batch: list[FromWorker] = []
        self._scrapes: dict[int, WhenScraped] = {}
        self._last_scrape = 0
        self._is_closing = False
        self.worker: Worker | None = None
        self.counters: LeasedCounters | None = None
        self.node: NodeState | None = None
        """What the supervisor last told about the node."""

    def send(self, message: FromWorker) -> None:
        """Send with this turn's batch."""
        if not self._batch:
            self._loop.call_soon(self._flush)
        self._batch.append(message)

    def scrape(self, when_scraped: WhenScraped) -> None:
        """Ask for the snapshots of all workers. Without a supervisor there is only our own."""
        if self._transport is None:
            when_scraped((self.worker.snapshot(),) if self.worker is not None else ())
            return
        self._last_scrape += 1
        self._scrapes[self._last_scrape] = when_scraped
        self.send(Scrape(self._last_scrape))

    def close(self) -> None:
        """Send what is left and close."""
        self._is_closing = True
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        for message in self._reader.feed(data):
            try:
                self._receive(message)
            except Exception:  # one bad message must not cost the others
                logger.exception("a message from the supervisor failed: %s", type(message).__name__)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self.counters is not None:
            self.counters.on_lost()
        scrapes, self._scrapes = self._scrapes, {}
        for when_scraped in scrapes.values():
            self.scrape(when_scraped)
        if self.worker is not None and not self._is_closing:
            self.worker.supervisor_lost()

    def _flush(self) -> None:
        batch, self._batch = self._batch, []
        if self._transport is not None and batch:
            self._transport.write(frame(batch))

    def _receive(self, message: FromSupervisor) -> None:
        counters, worker = self.counters, self.worker
        if counters is not None and isinstance(message, Grant):
            counters.on_grant(message)
        elif counters is not None and isinstance(message, Recall):
            counters.on_recall(message)
        elif counters is not None and isinstance(message, Standings):
            counters.on_standings(message)
        elif isinstance(message, NodeState):
            self.node = message
        elif isinstance(message, Scraped):
            when_scraped = self._scrapes.pop(message.number, None)
            if when_scraped is not None:
                when_scraped(message.parts)
        elif worker is not None:
            self._command(worker, message)

    def _command(self, worker: Worker, message: FromSupervisor) -> None:
        if isinstance(message, Collect):
            self.send(Snapshot(message.number, worker.snapshot()))
        elif isinstance(message, Prepare):
            worker.prepare(message.version, message.document)
        elif isinstance(message, Commit):
            worker.commit(message.version)
        elif isinstance(message, Discard):
            worker.discard(message.version)
        elif isinstance(message, Drain):
            worker.drain()
