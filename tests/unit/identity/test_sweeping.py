import asyncio

from entresol.identity.records.sessions import RevokedToken, UsedOnce
from entresol.identity.sweeping import PAGE, sweep_ended
from fake_records import MemoryStore

NOW = 1000


def test_what_has_ended_goes_and_what_has_not_stays() -> None:
    store = MemoryStore()
    for index in range(PAGE + 7):
        store.records.insert(UsedOnce(id=f"{index:05}", expires_at=NOW if index % 2 else NOW + 1))
    store.records.insert(RevokedToken(id="jti:a", revoked_at=1, expires_at=NOW - 1))
    swept = asyncio.run(sweep_ended(store, NOW))
    assert swept == (PAGE + 7) // 2 + 1
    assert {each.expires_at for each in store.records.find(UsedOnce)} == {NOW + 1}
    assert not store.records.find(RevokedToken)
    assert asyncio.run(sweep_ended(store, NOW)) == 0
