"""What a worker of a node with a store has besides the data plane: the door, and in one worker the servers for people
and programs that manage identities.

It opens beside the traffic: while the store is down, requests that need no identity are served, those that do are
refused, and it is tried again every second.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from entresol.admin.app import admin_resource
from entresol.app.identity_door import IdentityDoor
from entresol.app.identity_server import identity_server, oauth_settings
from entresol.app.late_door import LateDoor
from entresol.app.opened_store import OpenedStore, open_store_of
from entresol.app.upkeep import Upkeep
from entresol.config import Settings
from entresol.core.ports import Clock, Handler
from entresol.core.storage import StoreDown
from entresol.identity.records.signing_keys import DataKey
from entresol.identity.workloads import FederatedAssertions
from entresol.net.fetcher import Fetcher
from entresol.store.sql.feed import ChangeFeed

logger = logging.getLogger("entresol.identity")

_RETRY_S: Final = 1.0


class ControlPlane:
    """One worker's. `open` it on the event loop, `every_second` keeps its clocks going, `close` ends it."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        door: LateDoor,
        serve: Callable[[Handler], Awaitable[None]] | None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`serve` is given what answers at the identity listeners, once it can; None in workers without them."""
        self._settings = settings
        self._clock = clock
        self._late_door = door
        self._serve = serve
        self._pause = pause
        self._fetcher = Fetcher(clock, frozenset(host.lower() for host in settings.identity.outside_hosts))
        self._opened: OpenedStore | None = None
        self._door: IdentityDoor | None = None
        self._feed: ChangeFeed | None = None
        self._upkeep: Upkeep | None = None
        self._background: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Open it. Raises ConfigError; a store that is down is waited for in the background."""
        try:
            await self._open()
        except StoreDown as down:
            logger.error("identities wait for the store: %s", down.message)
            self._start(self._open_later())

    def every_second(self) -> None:
        """What is due."""
        if self._door is not None:
            self._door.every_second()
        if self._upkeep is not None and self._upkeep.is_due():
            self._start(self._upkeep.run())

    async def close(self) -> None:
        """End everything; a last time what is kept in memory is written."""
        self._late_door.door = None
        for task in tuple(self._background):
            task.cancel()
        if self._background:
            await asyncio.wait(self._background)
        if self._feed is not None:
            await self._feed.close()
        if self._door is not None:
            self._door.close()
        if self._upkeep is not None:
            await self._upkeep.note_uses()
        if self._opened is not None:
            await self._opened.close()
        self._fetcher.close()

    # Opening.

    async def _open(self) -> None:
        identity, now = self._settings.identity, self._now
        opened = await open_store_of(self._settings.store, os.environ, now, self._fetcher)
        try:
            door = IdentityDoor(
                opened.store,
                self._fetcher,
                self._clock,
                identity.issuer,
                frozenset(identity.resources),
                reserved=frozenset((admin_resource(identity.issuer),)),
            )
            await door.open()
            feed = ChangeFeed(opened.store, now, self._changed)
            self._opened, self._door, self._feed = opened, door, feed
            await feed.start()
            upkeep = Upkeep(
                opened.store, door.take_uses, now, oauth_settings(identity), is_chief=self._serve is not None
            )
            await upkeep.begin()
        except BaseException:
            self._opened = self._door = self._feed = None
            await opened.close()
            raise
        self._upkeep = upkeep
        self._late_door.door = door
        if self._serve is not None:
            verifier = FederatedAssertions(lambda: door.verifier)
            await self._serve(
                identity_server(identity, opened.store, self._fetcher, verifier, now, door.authenticate_waiting)
            )

    async def _open_later(self) -> None:
        while True:
            await self._pause(_RETRY_S)
            try:
                await self._open()
            except StoreDown:
                continue
            except Exception:  # a background task has nobody to raise to
                logger.exception("identities cannot be served")
                continue
            logger.warning("the store is there: identities are served")
            return

    def _changed(self, kinds: frozenset[str]) -> None:
        if self._door is not None:
            self._door.changed(kinds)
        if DataKey.kind in kinds and self._opened is not None:
            self._start(self._opened.take_data_keys())

    def _now(self) -> int:
        return int(self._clock.now())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._background.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("work in the background failed", exc_info=task.exception())
