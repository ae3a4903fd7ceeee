"""A SQLite store for unit tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from entresol.store.envelope import Envelope
from entresol.store.sql.migrate import migrate
from entresol.store.sql.sqlite import SqliteStore

ENVELOPE = Envelope({"test": b"t" * 32}, "test")
NOW = 1_700_000_000


@asynccontextmanager
async def sqlite_store(folder: Path) -> AsyncIterator[SqliteStore]:
    """With its tables."""
    store = SqliteStore(folder / "entresol.db", ENVELOPE, lambda: NOW)
    await store.on_tables(migrate)
    yield store
    await store.close()
