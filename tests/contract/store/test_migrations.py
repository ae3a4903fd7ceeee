"""How tables come to be, on both databases."""

import asyncio
from collections.abc import Callable

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from entresol.core.errors import ConfigError
from entresol.store.envelope import Envelope
from entresol.store.sql import migrate as migrating
from entresol.store.sql.migrate import check_current, migrate, standing
from entresol.store.sql.opening import SqlStore, open_store
from entresol.store.sql.tables import METADATA

pytestmark = pytest.mark.anyio


@pytest.fixture
async def empty(url: str, envelope: Envelope, ticking: Callable[[], int]) -> SqlStore:
    return open_store(url, envelope, ticking)


async def test_migrations_lead_to_the_tables_that_the_program_works_with(empty: SqlStore) -> None:
    before = await empty.on_connection(standing)
    done = await empty.on_tables(migrate)
    after = await empty.on_connection(standing)
    difference = await empty.on_connection(
        lambda each: compare_metadata(MigrationContext.configure(each, opts={"compare_type": True}), METADATA)
    )
    await empty.close()
    assert before.current is None
    assert tuple(done) == before.pending != ()
    assert after.is_current
    assert difference == []


async def test_partial_indexes_are_the_same_too(empty: SqlStore) -> None:
    await empty.on_tables(migrate)
    migrated = await empty.on_connection(_index_conditions)

    def rebuild(connection: Connection) -> None:
        connection.execute(text("DROP TABLE alembic_version"))
        METADATA.drop_all(connection)
        METADATA.create_all(connection)

    await empty.on_tables(rebuild)
    assert await empty.on_connection(_index_conditions) == migrated
    await empty.close()


def _index_conditions(connection: Connection) -> set[tuple[str, str]]:
    if connection.dialect.name == "postgresql":
        rows = connection.execute(text("SELECT indexname, indexdef FROM pg_indexes WHERE indexname LIKE 'uq_%'"))
    else:
        rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND name LIKE 'uq_%'"))
    return {(name, _plain(definition.partition("WHERE")[2])) for name, definition in rows}


def _plain(condition: str) -> str:
    return " ".join(condition.replace('"', "").replace("(", " ").replace(")", " ").split())


async def test_what_is_done_is_not_done_again(sql: SqlStore) -> None:
    assert list(await sql.on_tables(migrate)) == []


async def test_an_interrupted_migration_leaves_nothing_and_goes_through_the_next_time(
    empty: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(connection: Connection) -> None:
        migrate(connection)
        raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, asyncio.CancelledError)):
        await empty.on_tables(interrupted)
    assert await empty.on_connection(lambda each: inspect(each).get_table_names()) == []
    assert len(list(await empty.on_tables(migrate))) > 0
    await empty.close()


async def test_two_nodes_that_begin_together_migrate_once(
    url: str, envelope: Envelope, ticking: Callable[[], int]
) -> None:
    nodes = [open_store(url, envelope, ticking) for _ in range(2)]
    done = await asyncio.gather(*(each.on_tables(migrate) for each in nodes))
    assert sorted(len(each) for each in done)[0] == 0
    assert any(done)
    for each in nodes:
        await each.close()


async def test_a_database_of_a_newer_version_is_refused(sql: SqlStore) -> None:
    await sql.on_connection(lambda each: each.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(ConfigError, match="run a newer entresol") as failed:
        await sql.on_tables(migrate)
    assert failed.value.code == "store_too_new"


async def test_a_node_does_not_start_on_tables_that_are_not_there(empty: SqlStore) -> None:
    with pytest.raises(ConfigError, match="entresol migrate") as failed:
        await empty.on_connection(check_current)
    assert failed.value.code == "store_not_migrated"
    await empty.on_tables(migrate)
    await empty.on_connection(check_current)
    await empty.close()


def test_every_migration_says_what_it_does_to_older_versions() -> None:
    scripts = ScriptDirectory(str(migrating._SCRIPTS))
    phases = [script.module.phase for script in scripts.walk_revisions()]
    assert phases
    assert set(phases) <= {"expand", "contract"}
