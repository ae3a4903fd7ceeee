"""Data keys through their life."""

from collections.abc import Callable
from typing import TypeVar

import pytest

from entresol.core.errors import ConfigError
from entresol.core.fetching import Steps
from entresol.identity.records.signing_keys import DataKey
from entresol.store.data_keys import add_data_key, change_master_key, open_envelope
from entresol.store.master_key import LocalMasterKey
from fake_records import MemoryRecords, MemoryStore

T = TypeVar("T")
MASTER, NEW = LocalMasterKey(b"m" * 32), LocalMasterKey(b"n" * 32)
PLACE = ("issuers", "i1", "client_secret")


class NoCalls:
    """Runs work that asks nobody."""

    async def run(self, steps: Steps[T]) -> T:
        with pytest.raises(StopIteration) as ended:
            next(steps)
        value: T = ended.value.value
        return value


RUNNER = NoCalls()


def rising() -> Callable[[], int]:
    seconds = iter(range(1000, 2000))
    return lambda: next(seconds)


@pytest.mark.anyio
async def test_the_first_start_makes_a_key_and_the_next_ones_use_it() -> None:
    store = MemoryStore()
    sealed = (await open_envelope(store, MASTER, RUNNER)).seal(*PLACE, "x")
    assert (await open_envelope(store, MASTER, RUNNER)).open(*PLACE, sealed) == "x"
    assert store.records.count(DataKey) == 1


@pytest.mark.anyio
async def test_another_master_key_is_refused_by_name() -> None:
    store = MemoryStore()
    await open_envelope(store, MASTER, RUNNER)
    with pytest.raises(ConfigError, match=f"belongs to master key {MASTER.id}, not to {NEW.id}"):
        await open_envelope(store, NEW, RUNNER)


@pytest.mark.anyio
async def test_after_a_rotation_the_new_key_seals_and_the_old_one_still_opens() -> None:
    store = MemoryStore(rising())
    sealed = (await open_envelope(store, MASTER, RUNNER)).seal(*PLACE, "x")
    new = await add_data_key(store, MASTER, RUNNER)
    envelope = await open_envelope(store, MASTER, RUNNER)
    assert envelope.current == new
    assert envelope.open(*PLACE, sealed) == "x"
    assert [key.is_current for key in store.records.find(DataKey)].count(True) == 1


@pytest.mark.anyio
async def test_a_changed_master_key_leaves_secrets_as_they_are() -> None:
    store = MemoryStore(rising())
    sealed = (await open_envelope(store, MASTER, RUNNER)).seal(*PLACE, "x")
    await add_data_key(store, MASTER, RUNNER)
    assert await change_master_key(store, MASTER, NEW, RUNNER) == 2
    assert (await open_envelope(store, NEW, RUNNER)).open(*PLACE, sealed) == "x"


@pytest.mark.anyio
async def test_an_interrupted_change_of_the_master_key_goes_on_where_it_stopped() -> None:
    store = MemoryStore(rising())
    await open_envelope(store, MASTER, RUNNER)
    await add_data_key(store, MASTER, RUNNER)
    first = store.records.find(DataKey)[0]

    class Interrupted(LocalMasterKey):
        def unwrap(self, wrapped: str) -> Steps[bytes]:
            if wrapped != first.wrapped:
                raise KeyboardInterrupt
            return super().unwrap(wrapped)

    with pytest.raises(KeyboardInterrupt):
        await change_master_key(store, Interrupted(b"m" * 32), NEW, RUNNER)
    assert await change_master_key(store, MASTER, NEW, RUNNER) == 1
    await open_envelope(store, NEW, RUNNER)


@pytest.mark.anyio
async def test_of_two_first_starts_at_once_one_makes_the_key() -> None:
    store = MemoryStore()

    class Late(MemoryStore):
        """Another process stores its key between our look and our write."""

        async def read(self, work: Callable[[MemoryRecords], T]) -> T:
            found = work(self.records)
            if not self.records.count(DataKey):
                await open_envelope(store, MASTER, RUNNER)
                self.records = store.records
            return found

    late = Late()
    ours = await open_envelope(late, MASTER, RUNNER)
    assert ours.current == (await open_envelope(store, MASTER, RUNNER)).current
    assert store.records.count(DataKey) == 1
