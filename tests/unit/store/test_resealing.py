import asyncio

from entresol.identity.records.factors import Totp
from entresol.identity.records.signing_keys import DataKey
from entresol.identity.records.upstreams import UpstreamAuth
from entresol.store.resealing import PAGE, drop_data_keys, reseal
from fake_records import MemoryStore


def test_every_record_with_a_secret_is_written_anew() -> None:
    store = MemoryStore()
    for index in range(PAGE + 3):
        store.records.insert(Totp(id=f"{index:04}", secret="s"))
    store.records.insert(UpstreamAuth(id="none"))
    assert asyncio.run(reseal(store, (Totp, UpstreamAuth, DataKey))) == PAGE + 3
    assert {each.revision for each in store.records.find(Totp)} == {2}
    assert store.records.need(UpstreamAuth, "none").revision == 1


def test_the_current_key_is_never_dropped() -> None:
    store = MemoryStore()
    store.records.insert(DataKey(id="new", wrapped="w", master_key="m"))
    store.records.insert(DataKey(id="old", wrapped="w", master_key="m", is_current=False))
    asyncio.run(drop_data_keys(store, ["new", "old", "gone"]))
    assert [each.id for each in store.records.find(DataKey)] == ["new"]
