"""PostgreSQL by asyncpg: serializable transactions, run again when two collide."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import asyncpg
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.ext.asyncio import create_async_engine

from entresol.core.storage import Records, StoreDown
from entresol.store.sql.sealing import Sealer
from entresol.store.sql.transactions import CHANNEL, Change, Surroundings, change_of, changes_since, forget_changes

T = TypeVar("T")
_COLLISIONS: Final = frozenset(("40001", "40P01"))  # serialization_failure, deadlock_detected
_TRIES: Final = 12
_CONNECT_S: Final = 5.0
_GONE: Final = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.CannotConnectNowError)


class PostgresStore:
    """See `core.storage.Store`. `close` when done."""

    def __init__(self, url: str, sealer: Sealer, now: Callable[[], int]) -> None:
        """`url`: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`, as libpq has it."""
        self._url = make_url(url).set(drivername="postgresql+asyncpg")
        self._surroundings = Surroundings(sealer, now)
        self._engine = create_async_engine(
            self._url,
            pool_pre_ping=True,
            pool_size=8,
            connect_args={"timeout": _CONNECT_S},
        )
        self.on_change: Callable[[Change], None] = lambda change: None
        """Told of this process's own changes at once."""

    def __repr__(self) -> str:
        return f"PostgresStore({self._url.render_as_string(hide_password=True)})"

    async def read(self, work: Callable[[Records], T]) -> T:
        """Run it in one transaction that only reads."""
        return await self.on_connection(lambda each: self._surroundings.read(each, work))

    async def write(self, work: Callable[[Records], T]) -> T:
        """Run it in one transaction, which is durable when this returns."""
        result, change = await self.on_connection(lambda each: self._surroundings.write(each, work))
        if change is not None:
            self.on_change(change)
        return result

    async def changes_since(self, at: int) -> Sequence[Change]:
        """Every process's changes from this second on."""
        return await self.on_connection(lambda each: changes_since(each, at))

    async def forget_changes(self, before: int) -> None:
        """Drop old news."""
        await self.on_connection(lambda each: forget_changes(each, before))

    async def on_tables(self, work: Callable[[Connection], T]) -> T:
        """Run work that changes tables, such as `migrate`: it sees what others did while it waited for its lock."""
        return await self.on_connection(work, "READ COMMITTED")

    async def on_connection(self, work: Callable[[Connection], T], isolation: str = "SERIALIZABLE") -> T:
        """Run work on rows in one transaction. Raises StoreDown."""
        for attempt in range(1, _TRIES + 1):
            try:
                async with self._engine.connect() as connection:
                    await connection.execution_options(isolation_level=isolation)
                    async with connection.begin():
                        return await connection.run_sync(work)
            except (DBAPIError, *_GONE, TimeoutError) as error:
                if _is_collision(error) and attempt < _TRIES:
                    await asyncio.sleep(random.random() * 0.005 * 2 ** min(attempt, 6))  # noqa: S311  # not a secret
                    continue
                if _is_gone(error) or _is_collision(error):
                    raise StoreDown(_reason(error)) from None
                raise
        raise AssertionError("unreachable")

    async def listen(self, heard: Callable[[Change], None], lost: Callable[[], None]) -> Callable[[], Awaitable[None]]:
        """Hear of changes as they are made, until the connection is `lost`. Returns what ends it. Raises StoreDown."""
        plain = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            connection = await asyncpg.connect(plain, timeout=_CONNECT_S)
        except (*_GONE, TimeoutError, asyncpg.PostgresError) as error:
            raise StoreDown(_reason(error)) from None

        def hear(_connection: Any, _pid: int, _channel: str, payload: object) -> None:
            heard(change_of(str(payload)))

        connection.add_termination_listener(lambda _: lost())
        await connection.add_listener(CHANNEL, hear)
        end: Callable[[], Awaitable[None]] = connection.close
        return end

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def _state_of(error: BaseException) -> str:
    return str(getattr(getattr(error, "orig", error), "sqlstate", None) or "")


def _is_collision(error: BaseException) -> bool:
    return _state_of(error) in _COLLISIONS


def _is_gone(error: BaseException) -> bool:
    if isinstance(error, (*_GONE, TimeoutError, InterfaceError)):
        return True
    state = _state_of(error)
    is_invalid = isinstance(error, DBAPIError) and error.connection_invalidated
    return is_invalid or state[:2] in ("08", "57", "53", "28", "3D")


def _reason(error: BaseException) -> str:
    """The first line of what the driver says; no driver says a password."""
    text = str(getattr(error, "orig", None) or error).strip()
    return (text.splitlines() or [type(error).__name__])[0][:200]
