"""`entresol secrets rotate` and `secrets change-master-key`: the keys that secrets in the store are encrypted with."""

import asyncio
import os
from collections.abc import Iterator

from msgspec.structs import replace

from entresol.app.opened_store import OpenedStore, master_key_of, open_store_of
from entresol.config import Settings
from entresol.identity.records.signing_keys import DataKey
from entresol.net.clock import SystemClock
from entresol.net.fetcher import Fetcher
from entresol.store.data_keys import add_data_key, change_master_key
from entresol.store.resealing import drop_data_keys, reseal
from entresol.store.sql.tables import RECORDS


def secrets_rotate(settings: Settings) -> Iterator[str]:
    """A new data key, and every secret sealed with it. Nodes may go on meanwhile."""
    key_id, count, dropped = asyncio.run(_rotated(settings))
    yield f"data key {key_id} seals from now on; {count} records were sealed anew, {dropped} older keys removed"


def secrets_change_master_key(settings: Settings, new: str) -> Iterator[str]:
    """Encrypt the data keys with another master key."""
    count = asyncio.run(_changed(settings, new))
    yield f"{count} data keys are encrypted with {new} from now on: set store.master_key to it, and restart the nodes"


async def _rotated(settings: Settings) -> tuple[str, int, int]:
    fetcher = Fetcher(SystemClock())
    try:
        opened = await _open(settings, fetcher)
        try:
            found = await opened.store.read(lambda records: records.find(DataKey))
            # The one that was current until now stays until the next time: a node may be sealing with it this second.
            older = [each.id for each in found if not each.is_current]
            key_id = await add_data_key(opened.store, opened.master, fetcher)
            await opened.take_data_keys()
            count = await reseal(opened.store, RECORDS)
            await drop_data_keys(opened.store, older)
            return key_id, count, len(older)
        finally:
            await opened.close()
    finally:
        fetcher.close()


async def _changed(settings: Settings, new: str) -> int:
    wanted = master_key_of(replace(settings.store, master_key=new), os.environ)
    fetcher = Fetcher(SystemClock())
    try:
        opened = await _open(settings, fetcher)
        try:
            return await change_master_key(opened.store, opened.master, wanted, fetcher)
        finally:
            await opened.close()
    finally:
        fetcher.close()


async def _open(settings: Settings, fetcher: Fetcher) -> OpenedStore:
    clock = SystemClock()
    return await open_store_of(settings.store, os.environ, lambda: int(clock.now()), fetcher)
