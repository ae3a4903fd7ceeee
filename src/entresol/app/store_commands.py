"""The commands of `entresol` that work on the store itself, without a running node."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from sqlalchemy import Connection

from entresol.app.opened_store import LateSealer, open_store_of
from entresol.config import Settings
from entresol.core.errors import ConfigError
from entresol.core.storage import Records
from entresol.net.clock import SystemClock
from entresol.net.fetcher import Fetcher
from entresol.store.sql import migrate as migrations
from entresol.store.sql.opening import open_store

T = TypeVar("T")


def in_store(settings: Settings, work: Callable[[Records], T]) -> T:
    """Run one piece of work in the store that the settings name. Raises ConfigError, StoreDown and the work's own."""
    return asyncio.run(_in_store(settings, work))


async def _in_store(settings: Settings, work: Callable[[Records], T]) -> T:
    clock = SystemClock()
    fetcher = Fetcher(clock)
    try:
        opened = await open_store_of(settings.store, os.environ, lambda: int(clock.now()), fetcher)
        try:
            return await opened.store.write(work)
        finally:
            await opened.close()
    finally:
        fetcher.close()


def migrate(settings: Settings) -> Iterator[str]:
    """Bring the database to what this version needs, and say what was done."""
    done = asyncio.run(_on_tables(settings, migrations.migrate))
    for step in done:
        yield f"{step.revision}  {step.title}"
    yield f"{len(done)} migrations done" if done else "nothing to do"


def upgrade_check(settings: Settings) -> Iterator[str]:
    """Say what `migrate` would do, and whether nodes of the version before may go on meanwhile."""
    found = asyncio.run(_on_tables(settings, migrations.standing))
    yield f"the database stands at {found.current or 'nothing: it is empty'}"
    for step in found.pending:
        yield f"pending  {step.revision}  {step.title} ({step.phase})"
    if found.stops_older_nodes:
        yield "stop nodes of the version before first: they cannot go on after these migrations"
    elif found.pending:
        yield "nodes of the version before may go on: these migrations only add"
    else:
        yield "nothing to do"


async def _on_tables(settings: Settings, work: Callable[[Connection], T]) -> T:
    if settings.store.url is None:
        raise ConfigError("store_missing", "there is no store: set store.url")
    store = open_store(settings.store.url, LateSealer(), lambda: int(SystemClock().now()))
    try:
        found: Awaitable[T] = store.on_tables(work)
        return await found
    finally:
        await store.close()
