"""The only worker of a node."""

import asyncio
import logging
import os
from collections.abc import Callable

from entresol.api_floor.configuration import Configuration
from entresol.app.configuration import read_document
from entresol.app.gateway import Gateway
from entresol.app.life import Life
from entresol.config import Settings
from entresol.core.errors import ConfigError
from entresol.core.ports import Clock
from entresol.store.counters import LocalCounters
from entresol.supervisor.loader import Document, Refused
from entresol.supervisor.messages import ConfigurationState, NodeState, WorkerState
from entresol.supervisor.watch import FileWatch
from entresol.telemetry.metrics import Snapshot

logger = logging.getLogger("entresol.node")


class Alone(Life):
    """Counts by itself, reads and reloads the configuration by itself."""

    def __init__(self, settings: Settings, document: Document, configuration: Configuration, clock: Clock) -> None:
        super().__init__(settings, clock)
        self._counters = LocalCounters(clock)
        self.gateway = Gateway(settings, configuration, self._counters, clock)
        self._state = ConfigurationState(version=document.version, loaded_at=clock.now())
        path = settings.configuration.file
        self._watch = (
            FileWatch(path, document.source_digest) if path is not None and settings.configuration.watch else None
        )
        self._reload_wanted = False
        self._reloading: asyncio.Task[None] | None = None

    def node_state(self) -> NodeState:
        state = "draining" if self.stopping.is_set() else "ready"
        return NodeState((WorkerState(0, os.getpid(), state, 0),), self._state)

    def collect(self, when_collected: Callable[[Snapshot], None]) -> None:
        when_collected(self.gateway.metrics.snapshot())

    def every_second(self) -> None:
        self._counters.sweep()
        if self._watch is not None and self._watch.has_changed():
            self.reload()

    def hang_up(self) -> None:
        """SIGHUP: reload, and open log files afresh."""
        self.gateway.lines.reopen_files()
        self.reload()

    def reload(self) -> None:
        """Read the file again, off the event loop, and swap the plan if it is good."""
        self._reload_wanted = True
        if self._reloading is None and not self.stopping.is_set():
            self._reloading = self.loop.create_task(self._reload())

    async def _reload(self) -> None:
        try:
            while self._reload_wanted:
                self._reload_wanted = False
                try:
                    found = await asyncio.to_thread(read_document, self.settings, os.environ)
                except Exception as error:  # whatever it is, the node goes on with what it has, and says why
                    logger.exception("the changed configuration cannot be read")
                    found = Refused((f"it cannot be read: {type(error).__name__}",))
                self._state = self._used(found)
        finally:
            self._reloading = None

    def _used(self, found: tuple[Document, Configuration] | Refused) -> ConfigurationState:
        old = self._state
        if isinstance(found, tuple):
            document, configuration = found
            if document.version == old.version:
                logger.info("configuration %s is unchanged", old.version)
                return ConfigurationState(version=old.version, loaded_at=old.loaded_at, reloads=old.reloads)
            try:
                self.gateway.use(self.gateway.prepare(configuration))
            except ConfigError as error:
                found = Refused((error.message,))
            else:
                log_warnings(document)
                logger.info("configuration %s is served", document.version)
                return ConfigurationState(version=document.version, loaded_at=self.clock.now(), reloads=old.reloads + 1)
        logger.error("the changed configuration is not used; %s stays:", old.version)
        for message in found.errors:
            logger.error("  %s", message)
        return ConfigurationState(
            version=old.version,
            loaded_at=old.loaded_at,
            reloads=old.reloads,
            last_reload_error=str(found),
            last_reload_failed_at=self.clock.now(),
        )


def log_warnings(document: Document) -> None:
    """What the author should know though it is served."""
    for warning in document.warnings:
        logger.warning("configuration: %s", warning)
