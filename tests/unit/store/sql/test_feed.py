"""News of changes, from a source that a test makes."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from entresol.core.storage import StoreDown
from entresol.store.sql.feed import ChangeFeed
from entresol.store.sql.transactions import Change

pytestmark = pytest.mark.anyio
TEAMS: Change = (1, frozenset(("teams",)))
USERS: Change = (2, frozenset(("users",)))


class Source:
    """Changes that the test puts in."""

    def __init__(self) -> None:
        self.on_change: Callable[[Change], None] = lambda change: None
        self.changes: list[Change] = []
        self.is_down = False
        self.polls = asyncio.Event()

    async def changes_since(self, at: int) -> Sequence[Change]:
        self.polls.set()
        if self.is_down:
            raise StoreDown("no")
        return list(self.changes)

    async def forget_changes(self, before: int) -> None:
        self.changes = []

    async def polled(self) -> None:
        for _ in range(2):  # the second one began after now
            self.polls.clear()
            await asyncio.wait_for(self.polls.wait(), 10)
        await asyncio.sleep(0)


async def test_news_is_told_once_however_often_it_comes() -> None:
    source, heard = Source(), list[frozenset[str]]()
    feed = ChangeFeed(source, lambda: 0, heard.append)
    await feed.start()
    source.on_change(TEAMS)
    source.changes = [TEAMS, USERS]
    await source.polled()
    await source.polled()
    await feed.close()
    assert heard == [TEAMS[1], USERS[1]]


async def test_what_was_there_before_the_start_is_no_news() -> None:
    source, heard = Source(), list[frozenset[str]]()
    source.changes = [TEAMS]
    feed = ChangeFeed(source, lambda: 0, heard.append)
    await feed.start()
    await source.polled()
    await feed.close()
    assert heard == []


async def test_what_changed_while_the_store_was_down_is_told_afterwards(caplog: pytest.LogCaptureFixture) -> None:
    source, heard = Source(), list[frozenset[str]]()
    feed = ChangeFeed(source, lambda: 0, heard.append)
    await feed.start()
    source.is_down = True
    await source.polled()
    await source.polled()
    source.changes = [TEAMS]
    source.is_down = False
    await source.polled()
    await source.polled()
    await feed.close()
    assert heard == [TEAMS[1]]
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
