"""SQLite, embedded."""

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from entresol.core.storage import StoreDown
from entresol.identity.records.accounts import Team
from entresol.store.sql.sqlite import SqliteStore, engine_of
from unit.store.sql.stores import ENVELOPE, NOW, sqlite_store

pytestmark = pytest.mark.anyio


async def test_commits_are_durable_and_readers_do_not_wait(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        for pragma, value in (("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)):
            found = await store.on_connection(lambda each, name=pragma: each.execute(text(f"PRAGMA {name}")).scalar())  # type: ignore[misc]
            assert found == value


async def test_a_read_goes_on_beside_a_write_of_another_process(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        await store.write(lambda records: records.insert(Team(id="t", name="before")))
        other = sqlite3.connect(tmp_path / "entresol.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE teams SET name = 'after'")
        assert (await store.read(lambda records: records.need(Team, "t"))).name == "before"
        other.execute("COMMIT")
        assert (await store.read(lambda records: records.need(Team, "t"))).name == "after"
        other.close()


_WRITER = """
import asyncio, sys
from pathlib import Path
from entresol.identity.records.sessions import UsedOnce
from msgspec.structs import replace
sys.path.insert(0, sys.argv[2])
from unit.store.sql.stores import ENVELOPE
from entresol.store.sql.sqlite import SqliteStore

async def main():
    store = SqliteStore(Path(sys.argv[1]), ENVELOPE, lambda: 1)
    def add(records):
        known = records.need(UsedOnce, "count")
        records.replace(replace(known, expires_at=known.expires_at + 1))
    for _ in range(25):
        await store.write(add)
    await store.close()

asyncio.run(main())
"""


async def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    from entresol.identity.records.sessions import UsedOnce

    tests = Path(__file__).parents[3]
    async with sqlite_store(tmp_path) as store:
        await store.write(lambda records: records.insert(UsedOnce(id="count", expires_at=0)))
        command = [sys.executable, "-c", _WRITER, str(tmp_path / "entresol.db"), str(tests)]
        writers = [await asyncio.to_thread(subprocess.Popen, command) for _ in range(2)]
        assert [await asyncio.to_thread(each.wait) for each in writers] == [0, 0]
        assert (await store.read(lambda records: records.need(UsedOnce, "count"))).expires_at == 50


async def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    path = tmp_path / "entresol.db"
    path.write_bytes(b"x" * 5000)
    store = SqliteStore(path, ENVELOPE, lambda: NOW)
    with pytest.raises(StoreDown, match="not a database"):
        await store.read(lambda records: records.count(Team))
    await store.close()


async def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "gone" / "entresol.db", ENVELOPE, lambda: NOW)
    with pytest.raises(StoreDown, match="unable to open"):
        await store.read(lambda records: records.count(Team))
    await store.close()


def test_transactions_begin_as_they_are_told(tmp_path: Path) -> None:
    engine = engine_of(tmp_path / "x.db", "BEGIN IMMEDIATE")
    other = sqlite3.connect(tmp_path / "x.db", timeout=0, isolation_level=None)
    with engine.begin(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    other.close()
    engine.dispose()
