"""Secrets sealed anew with the current data key, a page of records at a time, so that nobody waits for long.

It can be interrupted and run again at any time: what is sealed with either key is readable meanwhile.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

from entresol.core.record import Record
from entresol.core.storage import Records, Store
from entresol.identity.records.signing_keys import DataKey

PAGE: Final = 200


async def reseal(store: Store, classes: Sequence[type[Record]]) -> int:
    """Seal all of it with the current key. Returns how many records have secrets."""
    done = 0
    for cls in classes:
        after: str | None = "" if cls.sealed else None
        while after is not None:
            count, after = await store.write(partial(_page, cls, after))
            done += count
    return done


async def drop_data_keys(store: Store, key_ids: Sequence[str]) -> None:
    """Remove keys that nothing is sealed with any more. The current one stays whatever is named."""

    def drop(records: Records) -> None:
        for key_id in key_ids:
            known = records.get(DataKey, key_id)
            if known is not None and not known.is_current:
                records.delete(DataKey, key_id)

    await store.write(drop)


def _page(cls: type[Record], after: str, records: Records) -> tuple[int, str | None]:
    found = records.page(cls, after, PAGE)
    sealed = [record for record in found if any(getattr(record, name) for name in cls.sealed)]
    for record in sealed:
        records.replace(record)  # writing a record seals it with the current key
    return len(sealed), found[-1].id if len(found) == PAGE else None
