"""Records that have ended, taken out: they counted for nothing already."""

from functools import partial
from typing import Final

from entresol.core.record import Record
from entresol.core.storage import Records, Store
from entresol.identity.records.all import IDENTITY_RECORDS

PAGE: Final = 500


async def sweep_ended(store: Store, now: int) -> int:
    """All that ended up to now, a page in each transaction. Returns how many."""
    swept = 0
    for cls in IDENTITY_RECORDS:
        after: str | None = "" if cls.ends_at is not None else None
        while after is not None:
            ended, after = await store.read(partial(_ended, cls, after, now))
            if ended:
                swept += await store.write(partial(_delete, cls, ended, now))
    return swept


def _ended(cls: type[Record], after: str, now: int, records: Records) -> tuple[list[str], str | None]:
    found = records.page(cls, after, PAGE)
    ended = [each.id for each in found if _is_over(each, now)]
    return ended, found[-1].id if len(found) == PAGE else None


def _delete(cls: type[Record], ids: list[str], now: int, records: Records) -> int:
    """Looked at again: somebody may have prolonged one meanwhile."""
    count = 0
    for record_id in ids:
        known = records.get(cls, record_id)
        if known is not None and _is_over(known, now):
            count += records.delete(cls, record_id)
    return count


def _is_over(record: Record, now: int) -> bool:
    assert record.ends_at is not None
    ends: int = getattr(record, record.ends_at)
    return ends <= now
