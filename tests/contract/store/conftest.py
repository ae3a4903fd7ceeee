"""Each test of the contract runs on memory, SQLite and PostgreSQL."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contract.store.databases import new_database, running_postgres
from entresol.core.storage import Store
from entresol.store.envelope import Envelope
from entresol.store.sql.migrate import migrate
from entresol.store.sql.opening import SqlStore, open_store
from fake_records import MemoryStore

NOW = 1_700_000_000


@pytest.fixture(scope="session")
def envelope() -> Envelope:
    return Envelope({"test": b"t" * 32}, "test")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'entresol.db'}"
    return await new_database(request.getfixturevalue("postgres").get_uri())


@pytest.fixture
def ticking() -> Callable[[], int]:
    """A clock that moves by a second each time it is looked at."""
    seconds = itertools.count(NOW)
    return lambda: next(seconds)


@pytest.fixture
async def sql(url: str, envelope: Envelope, ticking: Callable[[], int]) -> AsyncIterator[SqlStore]:
    """A database with its tables."""
    store = open_store(url, envelope, ticking)
    await store.on_tables(migrate)
    yield store
    await store.close()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, envelope: Envelope, ticking: Callable[[], int]
) -> AsyncIterator[Store]:
    """Each of the three."""
    if request.param == "memory":
        yield MemoryStore(ticking)
        return
    made = f"sqlite:///{tmp_path / 'entresol.db'}"
    if request.param == "postgresql":
        made = await new_database(request.getfixturevalue("postgres").get_uri())
    opened = open_store(made, envelope, ticking)
    await opened.on_tables(migrate)
    yield opened
    await opened.close()
