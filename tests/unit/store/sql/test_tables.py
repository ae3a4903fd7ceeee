"""Tables, made from classes of records."""

import pytest
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.schema import CreateTable

from entresol.core.record import Record
from entresol.identity.records.accounts import Team
from entresol.identity.records.sessions import Session
from entresol.store.sql.tables import RECORDS, all_tables, columns_of, table_of


def test_columns_are_what_records_are_looked_for_by() -> None:
    own = ("id", "organisation", "revision", "created_at", "updated_at")
    assert columns_of(Team) == (*own, "name", "external_id", "parent")
    assert columns_of(Session) == (*own, "user", "expires_at")


def test_what_may_be_missing_may_be_null_and_nothing_else() -> None:
    columns = table_of(Team).c
    assert {column.name for column in columns if column.nullable} == {"external_id", "parent"}


def test_ids_are_ordered_by_their_characters_in_postgresql_too() -> None:
    assert 'id TEXT COLLATE "C" NOT NULL' in str(CreateTable(table_of(Team)).compile(dialect=PGDialect()))  # type: ignore[no-untyped-call]


def test_every_class_of_record_has_its_table() -> None:
    assert [table.name for table in all_tables()] == [cls.kind for cls in RECORDS]


@pytest.mark.parametrize("cls", RECORDS, ids=lambda cls: cls.kind)
def test_names_of_indexes_are_short_enough_for_postgresql(cls: type[Record]) -> None:
    for index in table_of(cls).indexes:
        assert index.name is not None
        assert len(index.name) <= 63
        assert index.unique == index.name.startswith("uq_")
