"""Data keys: opened at the start, made when there are none, replaced by rotation.

Rotation never has a moment in which something cannot be read: the new key is stored before it is used, old keys stay
until nothing is sealed with them any more.
"""

import secrets
from collections.abc import Sequence
from functools import partial
from typing import Protocol, TypeVar

from msgspec.structs import replace

from entresol.core.errors import ConfigError
from entresol.core.fetching import Steps
from entresol.core.storage import AlreadyExists, Records, Store
from entresol.identity.records.signing_keys import DataKey
from entresol.store.envelope import KEY_BYTES, Envelope
from entresol.store.master_key import MasterKey

T = TypeVar("T")


class Runner(Protocol):
    """What runs Steps, such as `net.fetcher.Fetcher`."""

    async def run(self, steps: Steps[T]) -> T:
        """Drive a piece of work to its end."""


async def open_envelope(store: Store, master: MasterKey, runner: Runner) -> Envelope:
    """The envelope of a store; its first data key is made here. Raises ConfigError `master_key_unusable`."""
    found = await store.read(_data_keys)
    if not found:
        found = await _first(store, master, runner)
    keys = {}
    for each in found:
        if each.master_key != master.id:
            raise ConfigError(
                "master_key_unusable",
                f"data key {each.id} belongs to master key {each.master_key}, not to {master.id}: "
                "use that one, or finish its rotation",
            )
        keys[each.id] = await runner.run(master.unwrap(each.wrapped))
    current = max((each for each in found if each.is_current), key=lambda each: (each.created_at, each.id))
    return Envelope(keys, current.id)


async def add_data_key(store: Store, master: MasterKey, runner: Runner) -> str:
    """A new current data key; what is sealed with the others stays readable. Returns its id."""
    made = await _made(master, runner)

    def put(records: Records) -> None:
        for each in _data_keys(records):
            if each.is_current:
                records.replace(replace(each, is_current=False))
        records.insert(made)

    await store.write(put)
    return made.id


async def change_master_key(store: Store, old: MasterKey, new: MasterKey, runner: Runner) -> int:
    """Encrypt every data key with another master key. Returns how many were; those that were already are left alone,
    so that it can be run again after an interruption."""
    changed = 0
    for each in await store.read(_data_keys):
        if each.master_key == new.id:
            continue
        wrapped = await runner.run(new.wrap(await runner.run(old.unwrap(each.wrapped))))
        record = replace(each, wrapped=wrapped, master_key=new.id)
        await store.write(partial(_put, record))
        changed += 1
    return changed


async def _first(store: Store, master: MasterKey, runner: Runner) -> Sequence[DataKey]:
    made = await _made(master, runner)

    def put(records: Records) -> Sequence[DataKey]:
        return _data_keys(records) or [records.insert(made)]

    try:
        return await store.write(put)
    except AlreadyExists:
        return await store.read(_data_keys)


async def _made(master: MasterKey, runner: Runner) -> DataKey:
    wrapped = await runner.run(master.wrap(secrets.token_bytes(KEY_BYTES)))
    return DataKey(id=secrets.token_hex(6), wrapped=wrapped, master_key=master.id)


def _data_keys(records: Records) -> Sequence[DataKey]:
    return records.find(DataKey)


def _put(record: DataKey, records: Records) -> DataKey:
    return records.replace(record)
