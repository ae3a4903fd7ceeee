"""What a store needs from time to time."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from entresol.app.upkeep import HOUSEKEEPING_S, USES_S, Upkeep
from entresol.core.storage import StoreDown
from entresol.identity.oauth.cli_client import CLI_CLIENT
from entresol.identity.oauth.settings import OAuthSettings
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import UsedOnce
from entresol.identity.records.signing_keys import SigningKey
from entresol.identity.records.virtual_keys import VirtualKey
from entresol.identity.virtual_keys import Wanted, create
from fake_records import MemoryRecords, MemoryStore
from unit.identity.people import ADA, NOW, peopled

T = TypeVar("T")


class There:
    """Upkeep of a store that a test takes away."""

    def __init__(self, *, is_chief: bool = True) -> None:
        self.now = NOW
        self.store = MemoryStore(lambda: self.now)
        self.store.records = peopled()
        self.is_down = False
        self.uses: list[tuple[str, int]] = []
        settings = OAuthSettings(issuer="https://gw.example")
        self.upkeep = Upkeep(self, self._take, lambda: self.now, settings, is_chief=is_chief)

    def _take(self) -> list[tuple[str, int]]:
        uses, self.uses = self.uses, []
        return uses

    async def read(self, work: Callable[[MemoryRecords], T]) -> T:
        return await self.store.read(work)

    async def write(self, work: Callable[[MemoryRecords], T]) -> T:
        if self.is_down:
            raise StoreDown("gone")
        return await self.store.write(work)

    def find(self, cls: type[Any]) -> Any:
        return self.store.records.find(cls)

    def run(self, seconds: int = 0) -> None:
        self.now += seconds
        asyncio.run(self.upkeep.run())


def test_there_is_a_key_to_sign_with_before_anybody_asks() -> None:
    there = There()
    asyncio.run(there.upkeep.begin())
    assert [key.state for key in there.find(SigningKey)] == ["active"]
    assert not there.upkeep.is_due()


def test_signing_keys_change_in_time() -> None:
    there = There()
    asyncio.run(there.upkeep.begin())
    for _ in range(31 * 24):
        there.run(HOUSEKEEPING_S)
    assert sorted(key.state for key in there.find(SigningKey)) in (
        ["active", "next"],
        ["active", "retired"],
        ["active"],
    )
    assert all(key.active_from > NOW for key in there.find(SigningKey) if key.state == "active")


def test_clients_that_registered_themselves_and_were_not_used_are_removed() -> None:
    there = There()
    there.store.records.insert(OAuthClient(id="c", name="c", source="registered"))
    there.store.records.insert(OAuthClient(id="d", name="d", source="admin"))
    there.run(90_000)
    assert [client.id for client in there.find(OAuthClient)] == ["d", CLI_CLIENT]


def test_records_that_have_ended_are_removed() -> None:
    there = There()
    there.store.records.insert(UsedOnce(id="over", expires_at=NOW))
    there.store.records.insert(UsedOnce(id="good", expires_at=NOW + 9))
    there.run()
    assert [each.id for each in there.find(UsedOnce)] == ["good"]


def test_when_keys_were_used_is_written_down_once_a_minute() -> None:
    there = There(is_chief=False)
    key = create(there.store.records, ADA, Wanted(name="k"), "x", frozenset(("llm",)), NOW).record
    there.uses = [(key.id, NOW + 7)]
    assert not there.upkeep.is_due()
    there.now += USES_S
    assert there.upkeep.is_due()
    there.run()
    [known] = there.find(VirtualKey)
    assert known.last_used_at == (NOW + 7) // 60 * 60
    assert not there.upkeep.is_due()


def test_who_is_not_chief_keeps_no_house() -> None:
    there = There(is_chief=False)
    asyncio.run(there.upkeep.begin())
    there.run(10 * HOUSEKEEPING_S)
    assert there.find(SigningKey) == []


def test_with_the_store_down_it_is_tried_again_a_little_later(caplog: pytest.LogCaptureFixture) -> None:
    there = There()
    there.is_down, there.uses = True, [("k", NOW)]
    with caplog.at_level(logging.ERROR):
        there.run(USES_S)
    assert "upkeep of the store has to wait" in caplog.text
    assert "when 1 keys were used is not written down" in caplog.text
    assert not there.upkeep.is_due()
    there.is_down = False
    there.now += USES_S
    assert there.upkeep.is_due()
    there.run()
    assert len(there.find(SigningKey)) == 1
