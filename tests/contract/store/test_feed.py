"""News of changes reaches other nodes within a second, whatever happens on the way."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest

from entresol.core.storage import StoreDown
from entresol.identity.records.accounts import Team
from entresol.store.envelope import Envelope
from entresol.store.sql.feed import ChangeFeed
from entresol.store.sql.opening import SqlStore, open_store
from entresol.store.sql.transactions import forget_changes

pytestmark = pytest.mark.anyio
NOW = 1_700_000_000


class Listener:
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[frozenset[str]] = []
        self._news = asyncio.Event()

    def __call__(self, kinds: frozenset[str]) -> None:
        self.heard.append(kinds)
        self._news.set()

    async def next(self, patience_s: float = 10) -> frozenset[str]:
        async with asyncio.timeout(patience_s):
            while not self.heard:
                self._news.clear()
                await self._news.wait()
        return self.heard.pop(0)


@pytest.fixture
async def other(url: str, sql: SqlStore, envelope: Envelope) -> AsyncIterator[SqlStore]:
    """The same database, as another node has it."""
    store = open_store(url, envelope, lambda: NOW)
    yield store
    await store.close()


@pytest.fixture
async def listener(other: SqlStore) -> AsyncIterator[Listener]:
    heard = Listener()
    feed = ChangeFeed(other, lambda: NOW, heard)
    await feed.start()
    yield heard
    await feed.close()


def team(name: str) -> Team:
    return Team(id=name, organisation="o", name=name)


async def test_a_change_of_another_node_is_heard_of_once(sql: SqlStore, listener: Listener) -> None:
    await sql.write(lambda records: records.insert(team("a")))
    assert await listener.next() == {"teams"}
    await sql.write(lambda records: records.delete(Team, "a"))
    assert await listener.next() == {"teams"}
    assert listener.heard == []


async def test_an_own_change_is_told_at_once(other: SqlStore, listener: Listener) -> None:
    await other.write(lambda records: records.insert(team("a")))
    assert listener.heard == [{"teams"}]


async def test_what_changed_nothing_or_was_undone_is_no_news(sql: SqlStore, listener: Listener) -> None:
    await sql.write(lambda records: records.delete(Team, "none"))
    with pytest.raises(ZeroDivisionError):
        await sql.write(lambda records: (records.insert(team("a")), 1 / 0))
    await sql.write(lambda records: records.insert(team("b")))
    await listener.next()
    assert listener.heard == []


async def test_a_listener_that_fails_hears_the_next_change(sql: SqlStore, other: SqlStore) -> None:
    heard = Listener()

    def failing(kinds: frozenset[str]) -> None:
        heard(kinds)
        raise RuntimeError("no")

    feed = ChangeFeed(other, lambda: NOW, failing)
    await feed.start()
    for name in "ab":
        await sql.write(lambda records, name=name: records.insert(team(name)))  # type: ignore[misc]
        assert await heard.next() == {"teams"}
    await feed.close()


async def test_old_news_is_dropped(sql: SqlStore) -> None:
    await sql.write(lambda records: records.insert(team("a")))
    assert len(await sql.changes_since(0)) == 1
    await sql.on_connection(lambda each: forget_changes(each, NOW + 1000))
    assert list(await sql.changes_since(0)) == []


async def test_postgresql_notifies_before_the_next_poll(
    postgres: Any, url: str, sql: SqlStore, listener: Listener
) -> None:
    if url.startswith("sqlite"):
        pytest.skip("SQLite has no notifications: it is polled")
    for name in "abc":
        await sql.write(lambda records, name=name: records.insert(team(name)))  # type: ignore[misc]
        assert await listener.next(patience_s=2) == {"teams"}  # polls are five seconds apart


async def test_a_lost_connection_is_made_again_and_nothing_is_missed(
    postgres: Any, url: str, sql: SqlStore, listener: Listener
) -> None:
    if url.startswith("sqlite"):
        pytest.skip("SQLite has no connection to lose")
    admin = await asyncpg.connect(postgres.get_uri())
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", url.split("/")[3].split("?")[0]
    )
    await admin.close()
    await _written_in_the_end(sql, team("a"))
    assert await listener.next() == {"teams"}


async def _written_in_the_end(store: SqlStore, record: Team) -> None:
    for _ in range(50):
        try:
            await store.write(lambda records: records.insert(record))
        except StoreDown:
            continue
        return
    raise AssertionError("the store did not come back")


async def test_a_postgresql_that_is_down_is_said_and_found_again(
    url: str, envelope: Envelope, postgres: Any, ticking: Callable[[], int]
) -> None:
    if url.startswith("sqlite"):
        pytest.skip("SQLite is always there")
    nowhere = open_store("postgresql://nobody@127.0.0.1:1/none", envelope, ticking)
    with pytest.raises(StoreDown, match="store_unavailable"):
        await nowhere.read(lambda records: records.count(Team))
    await nowhere.close()


def test_a_url_with_a_password_is_not_shown(envelope: Envelope) -> None:
    store = open_store("postgresql://u:hunter2@h/d", envelope, lambda: NOW)
    assert "hunter2" not in repr(store)
