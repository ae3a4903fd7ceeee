"""What migrations of record tables have in common: a table is its columns and indexes, and the JSON beside them."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

_TYPES: Final[dict[str, Any]] = {"text": sa.Text, "int": sa.BigInteger, "flag": sa.Boolean}


def create_record_table(name: str, columns: str, indexed: str, unique: tuple[str, ...] = ()) -> None:
    """A table of records. `columns`: `NAME:TYPE`, with `?` behind the type where it may be null; `unique`: groups of
    columns, which bind only where all are filled."""
    described = dict(column.split(":") for column in columns.split())
    made = [_column(column, kind) for column, kind in described.items()]
    op.create_table(name, _key(), *_common(), *made, sa.Column("body", sa.Text, nullable=False))
    for column in indexed.split():
        op.create_index(f"ix_{name}_{column}", name, [column])
    for group in unique:
        columns_of_group = group.split()
        where = sa.text(_filled(columns_of_group, described))
        index = f"uq_{name}_{'_'.join(columns_of_group)}"
        op.create_index(index, name, columns_of_group, unique=True, sqlite_where=where, postgresql_where=where)


def _key() -> "sa.Column[Any]":
    return sa.Column("id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), primary_key=True)


def _common() -> "list[sa.Column[Any]]":
    numbers = [sa.Column(name, sa.BigInteger, nullable=False) for name in ("revision", "created_at", "updated_at")]
    return [sa.Column("organisation", sa.Text, nullable=False), *numbers]


def _column(name: str, kind: str) -> "sa.Column[Any]":
    return sa.Column(name, _TYPES[kind.rstrip("?")], nullable=kind.endswith("?"))


def _filled(group: list[str], described: dict[str, str]) -> str:
    texts = [column for column in group if described.get(column, "text").startswith("text")]
    conditions = [f'"{column}" IS NOT NULL' for column in group] + [f"\"{column}\" != ''" for column in texts]
    return " AND ".join(conditions)
