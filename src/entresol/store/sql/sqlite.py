"""SQLite, embedded: one thread writes, others read beside it (WAL); several processes may open the same file.

`synchronous=FULL`: when a write returns, a power failure does not undo it.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, QueuePool

from entresol.core.storage import Records, StoreDown
from entresol.store.sql.sealing import Sealer
from entresol.store.sql.transactions import Change, Surroundings, changes_since, forget_changes

T = TypeVar("T")
_READERS: Final = 4
_BUSY_S: Final = 10.0
"""How long a writer waits for another process's transaction."""


class SqliteStore:
    """See `core.storage.Store`. `close` when done."""

    def __init__(self, path: Path, sealer: Sealer, now: Callable[[], int]) -> None:
        self.path = path
        self._surroundings = Surroundings(sealer, now)
        self._writing = engine_of(path, "BEGIN IMMEDIATE", QueuePool)
        self._reading = engine_of(path, "BEGIN", QueuePool)
        self._writer = ThreadPoolExecutor(1, "entresol-store-write")
        self._readers = ThreadPoolExecutor(_READERS, "entresol-store-read")
        self.on_change: Callable[[Change], None] = lambda change: None
        """Told of this process's own changes at once, on the event loop."""

    async def read(self, work: Callable[[Records], T]) -> T:
        """Run it in one transaction that only reads."""
        return await self._on(self._readers, self._reading, lambda each: self._surroundings.read(each, work))

    async def write(self, work: Callable[[Records], T]) -> T:
        """Run it in one transaction, which is on the disk when this returns."""
        result, change = await self._on(self._writer, self._writing, lambda each: self._surroundings.write(each, work))
        if change is not None:
            self.on_change(change)
        return result

    async def changes_since(self, at: int) -> Sequence[Change]:
        """Every process's changes from this second on."""
        return await self._on(self._readers, self._reading, lambda each: changes_since(each, at))

    async def forget_changes(self, before: int) -> None:
        """Drop old news."""
        await self._on(self._writer, self._writing, lambda each: forget_changes(each, before))

    async def on_tables(self, work: Callable[[Connection], T]) -> T:
        """Run work that changes tables, such as `migrate`."""
        return await self.on_connection(work)

    async def on_connection(self, work: Callable[[Connection], T]) -> T:
        """Run work on rows in one transaction that may write."""
        return await self._on(self._writer, self._writing, work)

    async def close(self) -> None:
        """Let transactions end, and close every connection."""
        loop = asyncio.get_running_loop()
        for threads in (self._writer, self._readers):
            await loop.run_in_executor(None, threads.shutdown)
        self._writing.dispose()
        self._reading.dispose()

    async def _on(self, threads: ThreadPoolExecutor, engine: Engine, work: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, _transaction, engine, work)


def engine_of(path: Path, begin: str, pool: type[QueuePool] | type[NullPool] = NullPool) -> Engine:
    """Connections to a file, whose transactions begin with this statement."""
    engine = create_engine(
        f"sqlite:///{path}", poolclass=pool, connect_args={"timeout": _BUSY_S, "check_same_thread": False}
    )

    def prepare(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # or the driver would begin transactions by itself, and not all of them
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
            connection.execute(f"PRAGMA {pragma}").close()

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", start)
    return engine


def _transaction(engine: Engine, work: Callable[[Connection], T]) -> T:
    try:
        with engine.begin() as connection:
            return work(connection)
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.OperationalError | sqlite3.DatabaseError):
            raise StoreDown(str(error.orig)) from None
        raise
