"""What migrations of record tables have in common."""

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from entresol.store.sql.migrations.steps import create_record_table


def test_a_table_is_its_columns_indexes_and_json() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        with Operations.context(MigrationContext.configure(connection)):
            create_record_table(
                "things", "name:text note:text? size:int is_on:flag?", "organisation size", ("name note",)
            )
        columns = {each["name"]: each["nullable"] for each in inspect(connection).get_columns("things")}
        sql = connection.execute(text("SELECT sql FROM sqlite_master WHERE name = 'uq_things_name_note'")).scalar_one()
    engine.dispose()
    assert {name for name, nullable in columns.items() if nullable} == {"note", "is_on"}
    assert set(columns) == {
        "id", "organisation", "revision", "created_at", "updated_at", "name", "note", "size", "is_on", "body"
    }  # fmt: skip
    assert '"name" IS NOT NULL AND "note" IS NOT NULL AND "name" != \'\' AND "note" != \'\'' in sql
