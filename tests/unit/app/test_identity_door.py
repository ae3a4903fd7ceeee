"""The door that a gateway with a store has."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

from entresol.app.identity_door import IdentityDoor
from entresol.core.decision import Deny
from entresol.core.fetching import FetchFailed, FetchRequest, FetchResponse, Steps
from entresol.core.storage import StoreDown
from entresol.identity.presented import Presented
from entresol.identity.principal import Principal
from entresol.identity.records.accounts import User
from entresol.identity.records.issuers import Issuer
from entresol.identity.records.virtual_keys import VirtualKey
from entresol.identity.virtual_keys import Wanted, create, pepper_of, revoke
from fake_records import MemoryRecords, MemoryStore
from unit.identity.issuing import AUDIENCE, claims, issuer, sign, web_of
from unit.identity.issuing import NOW as TOKENS_NOW
from unit.identity.people import ADA, GATEWAY, peopled
from unit.net.scripted_upstream import ManualClock

T = TypeVar("T")
LLM = frozenset(("llm",))


class Web:
    """Runs steps against pages that a test has written, once the test lets it."""

    def __init__(self, answer: Callable[[FetchRequest], FetchResponse]) -> None:
        self.answer = answer
        self.runs = 0
        self.is_open = asyncio.Event()
        self.is_open.set()

    async def run(self, steps: Steps[T]) -> T:
        self.runs += 1
        await self.is_open.wait()
        try:
            request = next(steps)
            while True:
                try:
                    request = steps.send(self.answer(request))
                except FetchFailed as fault:
                    request = steps.throw(fault)
        except StopIteration as end:
            value: T = end.value
            return value


class SometimesDown(MemoryStore):
    """A store that a test takes away."""

    def __init__(self, records: MemoryRecords) -> None:
        super().__init__()
        self.records = records
        self.is_down = False

    async def read(self, work: Callable[[MemoryRecords], T]) -> T:
        if self.is_down:
            raise StoreDown("no route to host")
        return work(self.records)


class There:
    """A door over records that a test changes."""

    def __init__(self, *issuers: Issuer) -> None:
        self.store = SometimesDown(peopled())
        for record in issuers:
            self.store.records.insert(record)
        self.clock = ManualClock()
        self.clock.seconds = TOKENS_NOW
        self.web = Web(web_of())
        self.pauses: list[float] = []
        self.on_pause: Callable[[], None] = lambda: None
        self.door = IdentityDoor(self.store, self.web, self.clock, GATEWAY, frozenset((AUDIENCE,)), pause=self._pause)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.on_pause()
        await asyncio.sleep(0)

    def key(self) -> tuple[str, str]:
        new = create(self.store.records, ADA, Wanted(name="k"), "x", LLM, TOKENS_NOW)
        return new.record.id, new.key

    async def ask(self, credential: str | bytes) -> Principal | Deny:
        raw = credential if isinstance(credential, bytes) else credential.encode()
        found = self.door.authenticate(Presented(raw))
        return found if isinstance(found, Principal | Deny) else await found

    async def take_over(self, *kinds: str) -> None:
        self.door.changed(frozenset(kinds))
        while self.door.is_refreshing:
            await asyncio.sleep(0)


def running(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


def test_a_key_that_is_in_the_store_at_the_start_opens() -> None:
    async def scene() -> None:
        there = There()
        _, key = there.key()
        await there.door.open()
        found = await there.ask(key)
        assert isinstance(found, Principal)
        assert found.account == "u-ada"

    running(scene)


def test_a_new_key_opens_and_a_revoked_one_does_not_once_the_change_is_taken_over() -> None:
    async def scene() -> None:
        there = There()
        await there.door.open()
        key_id, key = there.key()
        assert isinstance(await there.ask(key), Deny)
        await there.take_over(VirtualKey.kind)
        assert isinstance(await there.ask(key), Principal)
        revoke(there.store.records, key_id, TOKENS_NOW)
        await there.take_over(VirtualKey.kind)
        assert isinstance(await there.ask(key), Deny)

    running(scene)


def test_changes_of_other_records_are_not_looked_at() -> None:
    async def scene() -> None:
        there = There()
        await there.door.open()
        there.store.is_down = True
        there.door.changed(frozenset(("something_else",)))
        assert not there.door.is_refreshing

    running(scene)


def test_with_the_store_down_the_last_snapshot_answers_until_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        there = There()
        key_id, key = there.key()
        await there.door.open()
        revoke(there.store.records, key_id, TOKENS_NOW)
        there.store.is_down = True

        def seen_meanwhile() -> None:
            found = there.door.authenticate(Presented(key.encode()))
            assert isinstance(found, Principal)
            there.store.is_down = len(there.pauses) < 3

        there.on_pause = seen_meanwhile
        await there.take_over(VirtualKey.kind)
        assert there.pauses == [1.0, 1.0, 1.0]
        assert isinstance(await there.ask(key), Deny)

    with caplog.at_level(logging.ERROR):
        running(scene)
    assert "changes cannot be taken over: the store cannot be reached" in caplog.text


def test_a_change_that_comes_while_one_is_taken_over_is_not_lost() -> None:
    async def scene() -> None:
        there = There()
        await there.door.open()
        _, key = there.key()
        there.store.is_down = True

        def another() -> None:
            there.store.is_down = False
            there.door.changed(frozenset((User.kind, VirtualKey.kind)))

        there.on_pause = another
        await there.take_over(User.kind)
        assert isinstance(await there.ask(key), Principal)

    running(scene)


def test_keys_of_an_issuer_are_fetched_once_for_all_who_wait() -> None:
    async def scene() -> None:
        there = There(issuer(jwks=""))
        await there.door.open()
        there.web.is_open.clear()
        asking = [asyncio.ensure_future(there.ask(sign(claims(jti=str(number))))) for number in range(5)]
        await asyncio.sleep(0)
        assert len(there.door.flights) == 1
        there.web.is_open.set()
        assert all(isinstance(found, Principal) for found in await asyncio.gather(*asking))
        assert there.web.runs == 1

    running(scene)


def test_one_who_gives_up_waiting_does_not_stop_the_others() -> None:
    async def scene() -> None:
        there = There(issuer(jwks=""))
        await there.door.open()
        there.web.is_open.clear()
        impatient, patient = (asyncio.ensure_future(there.ask(sign(claims(jti=jti)))) for jti in ("a", "b"))
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.sleep(0)
        there.web.is_open.set()
        assert isinstance(await patient, Principal)
        assert impatient.cancelled()

    running(scene)


def test_an_issuer_that_does_not_answer_is_a_refusal() -> None:
    def gone(request: FetchRequest) -> FetchResponse:
        raise FetchFailed(request.url, "connection refused")

    async def scene() -> None:
        there = There(issuer(jwks=""))
        there.web.answer = gone
        await there.door.open()
        found = await there.ask(sign(claims()))
        assert isinstance(found, Deny)
        assert found.status == 503

    running(scene)


def test_an_issuer_that_is_added_is_trusted_and_one_that_is_removed_is_not() -> None:
    async def scene() -> None:
        there = There()
        await there.door.open()
        assert isinstance(await there.ask(sign(claims())), Deny)
        there.store.records.insert(issuer())
        await there.take_over(Issuer.kind)
        assert isinstance(await there.ask(sign(claims())), Principal)
        there.store.records.delete(Issuer, "iss-1")
        await there.take_over(Issuer.kind)
        assert isinstance(await there.ask(sign(claims())), Deny)

    running(scene)


def test_an_issuer_that_cannot_be_used_is_left_out_and_named(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        there = There(issuer(jwks="{"))
        await there.door.open()
        assert isinstance(await there.ask(sign(claims())), Deny)

    with caplog.at_level(logging.ERROR):
        running(scene)
    assert "issuer iss-1 is left out: jwks" in caplog.text


def test_keys_are_fetched_before_they_are_missed() -> None:
    async def scene() -> None:
        there = There(issuer(jwks=""))
        await there.door.open()
        assert isinstance(await there.ask(sign(claims())), Principal)
        fetched = there.web.runs
        there.clock.seconds += 86_400
        there.door.every_second()
        there.door.every_second()
        assert there.web.runs + len(there.door.flights) > fetched
        await asyncio.gather(*there.door.flights.values())
        assert there.web.runs == fetched + 1

    running(scene)


def test_a_fault_of_ours_in_fetching_is_logged_and_refused(caplog: pytest.LogCaptureFixture) -> None:
    def broken(request: FetchRequest) -> FetchResponse:
        raise ZeroDivisionError

    async def scene() -> None:
        there = There(issuer(jwks=""))
        there.web.answer = broken
        await there.door.open()
        with pytest.raises(ZeroDivisionError):
            await there.ask(sign(claims()))

    with caplog.at_level(logging.ERROR):
        running(scene)
    assert "failed" in caplog.text


def test_closing_ends_what_is_under_way() -> None:
    async def scene() -> None:
        there = There(issuer(jwks=""))
        await there.door.open()
        there.web.is_open.clear()
        asking = asyncio.ensure_future(there.ask(sign(claims())))
        await asyncio.sleep(0)
        there.door.close()
        with pytest.raises(asyncio.CancelledError):
            await asking

    running(scene)


def test_the_pepper_is_made_once() -> None:
    async def scene() -> None:
        there = There()
        pepper = pepper_of(there.store.records)
        await there.door.open()
        await there.door.open()
        assert pepper_of(there.store.records) == pepper

    running(scene)
