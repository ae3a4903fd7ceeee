import asyncio
from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.counters_contract import START, CountersContract, settled
from contract.leased_node import FixedClock, LeasedNode, round_robin
from entresol.core.errors import InternalError
from entresol.core.ports import Counters, Taken
from entresol.policy.rate_limit import windows_at
from entresol.supervisor.leased_counters import LeasedCounters
from entresol.supervisor.messages import FromWorker, GiveBack, Grant, Recall, Report, Share


class TestOneWorker(CountersContract):
    def opened(self) -> AbstractAsyncContextManager[Counters]:
        return round_robin(1)


class TestTwoWorkers(CountersContract):
    def opened(self) -> AbstractAsyncContextManager[Counters]:
        return round_robin(2)


class TestFourWorkers(CountersContract):
    def opened(self) -> AbstractAsyncContextManager[Counters]:
        return round_robin(4)


def test_while_the_lease_lasts_takes_are_answered_at_once() -> None:
    async def scenario() -> None:
        node = LeasedNode(2, on_loop=True)
        windows = windows_at(START, {"hour": 8_000})
        await settled(node.workers[0].take("key", windows))
        answers = [node.workers[0].take("key", windows) for _ in range(900)]
        assert not [answer for answer in answers if isinstance(answer, Awaitable)]

    asyncio.run(scenario())


def test_a_lease_that_runs_low_is_topped_up_ahead_of_need() -> None:
    async def scenario() -> None:
        node = LeasedNode(2, on_loop=False)
        windows = windows_at(START, {"hour": 8_000})
        first = node.workers[0].take("key", windows)
        node.deliver()
        await settled(first)
        for _ in range(3_000):
            assert not isinstance(node.workers[0].take("key", windows), Awaitable)
            node.deliver()

    asyncio.run(scenario())


def test_once_a_window_is_spent_refusals_need_no_message() -> None:
    async def scenario() -> None:
        node = LeasedNode(2, on_loop=False)
        windows = windows_at(START, {"minute": 1})
        takes = [node.workers[0].take("key", windows), node.workers[0].take("key", windows)]
        node.deliver()
        assert [(await settled(take)).allowed for take in takes] == [True, False]
        before = node.delivered
        assert not isinstance(node.workers[0].take("key", windows), Awaitable)
        node.deliver()
        assert node.delivered == before

    asyncio.run(scenario())


def test_what_one_worker_leased_and_does_not_use_reaches_the_other() -> None:
    async def scenario() -> None:
        node = LeasedNode(2, on_loop=True)
        windows = windows_at(START, {"minute": 100})
        await settled(node.workers[0].take("key", windows))
        answers = [await settled(node.workers[1].take("key", windows)) for _ in range(120)]
        assert sum(answer.allowed for answer in answers) == 99

    asyncio.run(scenario())


def test_remaining_is_exact_again_once_everybody_has_reported() -> None:
    async def scenario() -> None:
        node = LeasedNode(4, on_loop=False)
        windows = windows_at(START, {"hour": 1_000})
        for worker in node.workers:
            take = worker.take("key", windows)
            node.deliver()
            await settled(take)
        for worker in (*node.workers, node.workers[0]):
            worker.take("key", windows)
            worker.sweep()
            node.deliver()
        answer = await settled(node.workers[0].take("key", windows))
        assert answer.remaining == (1_000 - 4 - 5 - 1,)

    asyncio.run(scenario())


def test_a_take_that_nobody_answers_fails_in_bounded_time() -> None:
    async def scenario() -> None:
        clock = FixedClock()
        counters = LeasedCounters(lambda message: None, clock)
        take = counters.take("key", windows_at(START, {"minute": 5}))
        counters.sweep()
        assert isinstance(take, asyncio.Future)
        assert not take.done()
        clock.time += 1.0
        counters.sweep()
        with pytest.raises(InternalError) as caught:
            await take
        assert caught.value.code == "counters_unavailable"

    asyncio.run(scenario())


def test_without_a_supervisor_the_lease_is_spent_and_then_takes_fail() -> None:
    async def scenario() -> None:
        node = LeasedNode(1, on_loop=False)
        windows = windows_at(START, {"minute": 8})
        first = node.workers[0].take("key", windows)
        node.deliver()
        await settled(first)
        assert (await settled(node.workers[0].take("key", windows))).allowed  # a lease of 2
        third = node.workers[0].take("key", windows)
        node.workers[0].on_lost()
        for take in (third, node.workers[0].take("key", windows)):
            with pytest.raises(InternalError):
                await settled(take)

    asyncio.run(scenario())


def test_a_take_whose_client_left_costs_nothing() -> None:
    async def scenario() -> None:
        node = LeasedNode(1, on_loop=False)
        windows = windows_at(START, {"minute": 1})
        gone = node.workers[0].take("key", windows)
        assert isinstance(gone, asyncio.Future)
        gone.cancel()
        node.deliver()
        assert (await settled(node.workers[0].take("key", windows))).allowed

    asyncio.run(scenario())


def test_a_grant_for_a_window_that_is_over_is_not_spent_in_the_next() -> None:
    async def scenario() -> None:
        node = LeasedNode(1, on_loop=False)
        early = node.workers[0].take("key", windows_at(START, {"second": 1}))
        late = node.workers[0].take("key", windows_at(START + 1, {"second": 1}))
        node.deliver()
        answers = [await settled(early), await settled(late)]
        assert sorted(answer.allowed for answer in answers) == [False, True]

    asyncio.run(scenario())


def test_a_recall_of_something_unknown_is_answered_with_nothing() -> None:
    sent: list[FromWorker] = []
    counters = LeasedCounters(sent.append, FixedClock())
    counters.on_recall(Recall("key", "minute", 60))
    assert sent == [GiveBack("key", "minute", 60, 0, True)]


def test_keys_whose_windows_are_over_are_dropped() -> None:
    async def scenario() -> None:
        node = LeasedNode(1, on_loop=False)
        node.workers[0].take("key", windows_at(START, {"second": 5}))
        node.deliver()
        node.workers[0].sweep()
        assert len(node.workers[0]) == 1
        node.clock.time += 1
        node.workers[0].sweep()
        assert len(node.workers[0]) == 0

    asyncio.run(scenario())


def test_memory_is_bounded_and_what_an_evicted_key_had_goes_back() -> None:
    async def scenario() -> None:
        sent: list[FromWorker] = []
        counters = LeasedCounters(sent.append, FixedClock(), max_keys=2)
        windows = windows_at(START, {"year": 100})
        for number, key in enumerate(("a", "b", "c"), 1):
            counters.take(key, windows)
            counters.on_grant(Grant(number, True, (Share(windows[0].start, 25, 75, False),)))
        assert len(counters) == 2
        assert [message for message in sent if isinstance(message, GiveBack)] == [
            GiveBack("a", "year", windows[0].start, 24)
        ]

    asyncio.run(scenario())


def test_a_flood_of_keys_in_one_limit_makes_no_other_limit_lose_its_lease() -> None:
    async def scenario() -> None:
        sent: list[FromWorker] = []
        counters = LeasedCounters(sent.append, FixedClock(), max_keys=5)
        windows = windows_at(START, {"year": 100})
        for number, key in enumerate(["logins:203.0.113.7", *(f"search:{n}" for n in range(20))], 1):
            counters.take(key, windows)
            counters.on_grant(Grant(number, True, (Share(windows[0].start, 25, 75, False),)))
        assert [message.key for message in sent if isinstance(message, GiveBack)] == [f"search:{n}" for n in range(16)]
        assert len(counters) == 5
        assert not isinstance(counters.take("logins:203.0.113.7", windows), Awaitable)

    asyncio.run(scenario())


def test_only_what_was_spent_from_is_reported() -> None:
    async def scenario() -> None:
        node = LeasedNode(1, on_loop=False)
        windows = windows_at(START, {"hour": 100})
        node.workers[0].take("key", windows)
        node.deliver()
        sent: list[FromWorker] = []
        node.workers[0]._send = sent.append
        node.workers[0].sweep()
        node.workers[0].sweep()
        assert [len(message.holdings) for message in sent if isinstance(message, Report)] == [1]

    asyncio.run(scenario())


@settings(max_examples=150, deadline=None)
@given(
    workers=st.integers(1, 4),
    limits=st.dictionaries(st.sampled_from(["second", "minute"]), st.integers(1, 40), min_size=1),
    steps=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4), st.integers(0, 12)), min_size=1, max_size=80),
)
def test_whatever_the_order_of_messages_the_limit_is_met_exactly_and_never_passed(
    workers: int, limits: dict[str, float], steps: list[tuple[int, int, int]]
) -> None:
    async def scenario() -> None:
        node = LeasedNode(workers, on_loop=False)
        windows = windows_at(START, limits)
        takes: list[tuple[int, Taken | Awaitable[Taken]]] = []
        for worker, cost, deliveries in steps:
            takes.append((cost, node.workers[worker % workers].take("key", windows, cost)))
            for _ in range(min(deliveries, node.on_the_way)):
                node.deliver_one()
        node.deliver()
        answers = [(cost, await settled(take)) for cost, take in takes]
        passed = sum(cost for cost, answer in answers if answer.allowed)
        tightest = int(min(limits.values()))
        assert passed <= tightest
        refused = [cost for cost, answer in answers if not answer.allowed]
        assert all(cost > tightest - passed for cost in refused)  # nothing was refused that would have fitted

    asyncio.run(scenario())
