"""The store's port in memory, for tests of rings: the same answers as from the real ones (tests/contract/store)."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from entresol.core.record import Record
from entresol.core.storage import AlreadyExists, NotFound, RevisionConflict

R = TypeVar("R", bound=Record)
T = TypeVar("T")
Value = str | int | bool | None


class MemoryRecords:
    """See `core.storage.Records`."""

    def __init__(self, now: Callable[[], int] = lambda: 1_700_000_000) -> None:
        self.tables: dict[str, dict[str, Any]] = {}
        self._now = now

    def get(self, cls: type[R], record_id: str) -> R | None:
        found: R | None = self._table(cls).get(record_id)
        return found

    def need(self, cls: type[R], record_id: str) -> R:
        found = self.get(cls, record_id)
        if found is None:
            raise NotFound(cls.kind, record_id)
        return found

    def one(self, cls: type[R], **equal: Value) -> R | None:
        found = self.find(cls, **equal)
        if len(found) > 1:
            raise LookupError(f"several records in {cls.kind}")
        return found[0] if found else None

    def find(self, cls: type[R], **equal: Value) -> Sequence[R]:
        known = {"id", "organisation", *cls.indexed, *(name for group in cls.unique for name in group)}
        assert equal.keys() <= known, f"{cls.kind} cannot be looked up by {sorted(equal.keys() - known)}"
        rows: list[R] = [row for _, row in sorted(self._table(cls).items())]
        return [row for row in rows if all(getattr(row, name) == value for name, value in equal.items())]

    def page(self, cls: type[R], after: str, limit: int, **equal: Value) -> Sequence[R]:
        return [row for row in self.find(cls, **equal) if row.id > after][:limit]

    def count(self, cls: type[R], **equal: Value) -> int:
        return len(self.find(cls, **equal))

    def insert(self, record: R) -> R:
        if record.id in self._table(type(record)):
            raise AlreadyExists(record.kind, ("id",))
        now = self._now()
        return self._put(msgspec.structs.replace(record, revision=1, created_at=now, updated_at=now))

    def replace(self, record: R) -> R:
        old = self.need(type(record), record.id)
        if old.revision != record.revision:
            raise RevisionConflict(record.kind, record.id)
        return self._put(
            msgspec.structs.replace(
                record, revision=record.revision + 1, created_at=old.created_at, updated_at=self._now()
            )
        )

    def delete(self, cls: type[R], record_id: str) -> bool:
        return self._table(cls).pop(record_id, None) is not None

    def delete_where(self, cls: type[R], **equal: Value) -> int:
        assert equal
        found = self.find(cls, **equal)
        for record in found:
            self.delete(cls, record.id)
        return len(found)

    def take(self, cls: type[R], record_id: str) -> R | None:
        found: R | None = self._table(cls).pop(record_id, None)
        return found

    def _table(self, cls: type[Record]) -> dict[str, Any]:
        return self.tables.setdefault(cls.kind, {})

    def _put(self, record: R) -> R:
        for group in record.unique:
            values = [getattr(record, name) for name in group]
            if None in values or "" in values:
                continue
            for other in self._table(type(record)).values():
                if other.id != record.id and [getattr(other, name) for name in group] == values:
                    raise AlreadyExists(record.kind, group)
        self._table(type(record))[record.id] = record
        return record


class MemoryStore:
    """See `core.storage.Store`."""

    def __init__(self, now: Callable[[], int] = lambda: 1_700_000_000) -> None:
        self.records = MemoryRecords(now)

    async def read(self, work: Callable[[MemoryRecords], T]) -> T:
        return work(self.records)

    async def write(self, work: Callable[[MemoryRecords], T]) -> T:
        before = {kind: dict(table) for kind, table in self.records.tables.items()}
        try:
            return work(self.records)
        except BaseException:
            self.records.tables = before
            raise
