"""Records on a connection: implements `core.storage.Records` within one transaction."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, Row, Select, Table, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from entresol.core.record import Record
from entresol.core.storage import AlreadyExists, NotFound, RevisionConflict
from entresol.store.sql.sealing import Sealer
from entresol.store.sql.tables import columns_of, table_of

R = TypeVar("R", bound=Record)
Value = str | int | bool | None
_encode: Final = msgspec.json.Encoder().encode


class SqlRecords:
    """See `core.storage.Records`. `changed` collects the kinds that were written to."""

    def __init__(self, connection: Connection, sealer: Sealer, now: Callable[[], int]) -> None:
        self._connection = connection
        self._sealer = sealer
        self._now = now
        self.changed: set[str] = set()

    def get(self, cls: type[R], record_id: str) -> R | None:
        table = table_of(cls)
        row = self._connection.execute(select(table).where(table.c.id == record_id)).one_or_none()
        return None if row is None else self._record(cls, row)

    def need(self, cls: type[R], record_id: str) -> R:
        found = self.get(cls, record_id)
        if found is None:
            raise NotFound(cls.kind, record_id)
        return found

    def one(self, cls: type[R], **equal: Value) -> R | None:
        rows = self._connection.execute(_where(cls, equal).limit(2)).all()
        if len(rows) > 1:
            raise LookupError(f"several records in {cls.kind}")
        return self._record(cls, rows[0]) if rows else None

    def find(self, cls: type[R], **equal: Value) -> Sequence[R]:
        return [self._record(cls, row) for row in self._connection.execute(_where(cls, equal))]

    def page(self, cls: type[R], after: str, limit: int, **equal: Value) -> Sequence[R]:
        query = _where(cls, equal).where(table_of(cls).c.id > after).limit(limit)
        return [self._record(cls, row) for row in self._connection.execute(query)]

    def count(self, cls: type[R], **equal: Value) -> int:
        query = select(func.count()).select_from(table_of(cls)).where(*_conditions(cls, equal))
        return self._connection.execute(query).scalar_one()

    def insert(self, record: R) -> R:
        now = self._now()
        made = replace(record, revision=1, created_at=now, updated_at=now)
        self._write(made, insert(table_of(type(record))).values(self._row(made)))
        return made

    def replace(self, record: R) -> R:
        cls, table = type(record), table_of(type(record))
        made = replace(record, revision=record.revision + 1, updated_at=self._now())
        row = self._row(made)
        del row["created_at"]
        same = (table.c.id == record.id, table.c.revision == record.revision)
        born = self._write(made, update(table).where(*same).values(row).returning(table.c.created_at))
        if not born:
            self.need(cls, record.id)
            raise RevisionConflict(record.kind, record.id)
        return replace(made, created_at=born[0].created_at)

    def delete(self, cls: type[R], record_id: str) -> bool:
        table = table_of(cls)
        return self._erase(cls, delete(table).where(table.c.id == record_id)) > 0

    def delete_where(self, cls: type[R], **equal: Value) -> int:
        if not equal:
            raise ValueError("name at least one value")
        return self._erase(cls, delete(table_of(cls)).where(*_conditions(cls, equal)))

    def take(self, cls: type[R], record_id: str) -> R | None:
        table = table_of(cls)
        row = self._connection.execute(delete(table).where(table.c.id == record_id).returning(*table.c)).one_or_none()
        if row is None:
            return None
        self.changed.add(cls.kind)
        return self._record(cls, row)

    # Rows.

    def _write(self, record: Record, statement: Any) -> "Sequence[Row[Any]]":
        try:
            with self._connection.begin_nested():  # a refused row must not end the whole transaction
                done = self._connection.execute(statement)
                rows = done.all() if done.returns_rows else []
        except IntegrityError as error:
            raise AlreadyExists(record.kind, _clashing(record, str(error.orig))) from None
        self.changed.add(record.kind)
        return rows

    def _erase(self, cls: type[Record], statement: Any) -> int:
        count: int = self._connection.execute(statement).rowcount
        if count:
            self.changed.add(cls.kind)
        return count

    def _row(self, record: Record) -> dict[str, Any]:
        cls = type(record)
        columns = columns_of(cls)
        fields = cast("dict[str, Any]", msgspec.to_builtins(record))
        for name in cls.sealed:
            fields[name] = self._sealer.seal(cls.kind, record.id, name, fields[name])
        row = {name: fields.pop(name) for name in columns}
        return row | {"body": _encode(fields).decode()}

    def _record(self, cls: type[R], row: "Row[Any]") -> R:
        values = row._mapping
        fields = msgspec.json.decode(values["body"]) | {name: values[name] for name in columns_of(cls)}
        for name in cls.sealed:
            fields[name] = self._sealer.open(cls.kind, fields["id"], name, fields.get(name, ""))
        return msgspec.convert(fields, cls)


def _where(cls: type[Record], equal: Mapping[str, Value]) -> "Select[Any]":
    table = table_of(cls)
    return select(table).where(*_conditions(cls, equal)).order_by(table.c.id)


def _conditions(cls: type[Record], equal: Mapping[str, Value]) -> list[Any]:
    table: Table = table_of(cls)
    for name in equal:
        if name not in columns_of(cls):
            raise ValueError(f"{cls.kind} cannot be looked for by {name}")
    return [table.c[name].is_(None) if value is None else table.c[name] == value for name, value in equal.items()]


def _clashing(record: Record, message: str) -> tuple[str, ...]:
    """The fields that must differ. PostgreSQL names the index, SQLite the columns."""
    for group in record.unique:
        named = f"uq_{record.kind}_{'_'.join(group)}"
        columns = ", ".join(f"{record.kind}.{name}" for name in group)
        if named in message or message.endswith(columns):
            return group
    return ("id",)
