"""The tables of records, made from their classes.

Columns are what records are looked for by; everything else is JSON in `body`. A group of `unique` in which a field is
None or "" binds nobody: both databases say so by a partial index.
"""

from collections.abc import Sequence
from functools import cache
from types import UnionType
from typing import Any, Final, get_args, get_origin

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Index, MetaData, Table, Text, and_
from sqlalchemy.types import TypeEngine

from entresol.core.record import Record
from entresol.identity.records.all import IDENTITY_RECORDS

RECORDS: Final[tuple[type[Record], ...]] = IDENTITY_RECORDS
_OWN: Final = ("id", "organisation", "revision", "created_at", "updated_at")
_TYPES: Final[dict[type, type[TypeEngine[Any]]]] = {str: Text, int: BigInteger, bool: Boolean}

METADATA: Final = MetaData()


def columns_of(cls: type[Record]) -> tuple[str, ...]:
    """The fields that have columns, those of every record first."""
    named = [*(name for group in cls.unique for name in group), *cls.indexed]
    if cls.ends_at is not None:
        named.append(cls.ends_at)
    return tuple(dict.fromkeys([*_OWN, *named]))


@cache
def table_of(cls: type[Record]) -> Table:
    """The table of a class of record."""
    fields = {field.name: field.type for field in msgspec.structs.fields(cls)}
    columns = [_column(name, fields[name]) for name in columns_of(cls)]
    table = Table(cls.kind, METADATA, *columns, Column("body", Text, nullable=False))
    for group in cls.unique:
        filled = [table.c[name] != "" for name in group if _plain_type(fields[name]) is str]
        where = and_(*(table.c[name].is_not(None) for name in group), *filled)
        name = f"uq_{cls.kind}_{'_'.join(group)}"
        Index(name, *(table.c[field] for field in group), unique=True, sqlite_where=where, postgresql_where=where)
    for name in dict.fromkeys(["organisation", *cls.indexed, *([cls.ends_at] if cls.ends_at else [])]):
        Index(f"ix_{cls.kind}_{name}", table.c[name])
    return table


def all_tables() -> Sequence[Table]:
    """Every table of records, in the order of RECORDS."""
    return [table_of(cls) for cls in RECORDS]


def _column(name: str, kind: Any) -> "Column[Any]":
    if name == "id":
        return Column(name, Text().with_variant(Text(collation="C"), "postgresql"), primary_key=True)
    return Column(name, _TYPES[_plain_type(kind)], nullable=type(None) in get_args(kind))


def _plain_type(kind: Any) -> type:
    """`str` of `str | None` and of a Literal."""
    if isinstance(kind, UnionType):
        kind = next(each for each in get_args(kind) if each is not type(None))
    if get_origin(kind) is not None:  # a Literal
        return type(get_args(kind)[0])
    plain: type = kind
    return plain


CHANGES: Final = Table(
    "changes",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("kinds", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_changes_at", "at"),
)
"""One row for each transaction that changed something, for a while: a random id, and which kinds of records."""

all_tables()
