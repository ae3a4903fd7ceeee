"""News of changes: a worker learns within a second which kinds of records have changed, whoever changed them.

This process's own changes are told at once. PostgreSQL notifies; polling is the net under it, and all there is with
SQLite. News may come twice or late, never not at all: whoever hears of a kind reads its records again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, runtime_checkable

from entresol.core.storage import StoreDown
from entresol.store.sql.transactions import NEWS_KEPT_S, Change

logger = logging.getLogger("entresol.store")

POLL_S: Final = 0.25
POLL_BESIDE_LISTENING_S: Final = 5.0
_OVERLAP_S: Final = 60
"""How far back a poll looks: transactions may end later than they began, and clocks of machines differ."""


class Source(Protocol):
    """A store that tells of changes."""

    on_change: Callable[[Change], None]

    async def changes_since(self, at: int) -> Sequence[Change]:
        """Changes from this second on."""

    async def forget_changes(self, before: int) -> None:
        """Drop old news."""


@runtime_checkable
class Listening(Protocol):
    """A store that notifies."""

    async def listen(self, heard: Callable[[Change], None], lost: Callable[[], None]) -> Callable[[], Awaitable[None]]:
        """Hear of changes, until `lost` is called. Returns what ends it."""


class ChangeFeed:
    """Calls `on_change(kinds)` on the event loop for each change. `close` when done."""

    def __init__(self, source: Source, now: Callable[[], int], on_change: Callable[[frozenset[str]], None]) -> None:
        self._source = source
        self._now = now
        self._on_change = on_change
        self._seen: dict[int, int] = {}
        self._is_down = False
        self._poll_now = asyncio.Event()
        self._end_listening: Callable[[], Awaitable[None]] | None = None
        source.on_change = self._heard
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen from now on: what changes after this returns will be told. Raises StoreDown."""
        for number, _ in await self._source.changes_since(self._now() - _OVERLAP_S):
            self._seen[number] = self._now()
        await self._listen()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Tell nothing any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._end_listening is not None:
            await self._end_listening()

    def _heard(self, change: Change) -> None:
        number, kinds = change
        if number in self._seen:
            return
        self._seen[number] = self._now()
        try:
            self._on_change(kinds)
        except Exception:  # the feed must go on whatever a listener does
            logger.exception("a change of %s could not be taken over", ", ".join(sorted(kinds)))

    async def _run(self) -> None:
        forgotten_at = self._now()
        while True:
            try:
                await self._poll()
                if self._now() - forgotten_at >= _OVERLAP_S:
                    forgotten_at = self._now()
                    await self._forget()
            except StoreDown as down:
                if not self._is_down:
                    self._is_down = True
                    logger.error("changes are not heard of: %s", down.message)
            except Exception:  # a background task has nobody to raise to
                logger.exception("looking for changes failed")

    async def _poll(self) -> None:
        self._poll_now.clear()
        try:
            wait_s = POLL_S if self._end_listening is None else POLL_BESIDE_LISTENING_S
            async with asyncio.timeout(wait_s):
                await self._poll_now.wait()
        except TimeoutError:
            pass
        if self._end_listening is None:
            await self._listen()
        for change in await self._source.changes_since(self._now() - _OVERLAP_S):
            self._heard(change)
        if self._is_down:
            self._is_down = False
            logger.warning("changes are heard of again")

    async def _listen(self) -> None:
        if isinstance(self._source, Listening):
            self._end_listening = await self._source.listen(self._heard, self._lost)

    def _lost(self) -> None:
        self._end_listening = None
        self._poll_now.set()

    async def _forget(self) -> None:
        old = self._now() - 2 * _OVERLAP_S
        self._seen = {number: at for number, at in self._seen.items() if at >= old}
        await self._source.forget_changes(self._now() - NEWS_KEPT_S)
