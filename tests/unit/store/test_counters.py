from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from hypothesis import given
from hypothesis import strategies as st

from contract.counters_contract import START, CountersContract
from entresol.core.ports import Counters
from entresol.policy.rate_limit import windows_at
from entresol.store.counters import LocalCounters


class FixedClock:
    def __init__(self, now: float = START) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


class TestLocalCounters(CountersContract):
    def opened(self) -> AbstractAsyncContextManager[Counters]:
        @asynccontextmanager
        async def fresh() -> AsyncIterator[Counters]:
            yield LocalCounters(FixedClock())

        return fresh()


def test_sweeping_drops_keys_whose_windows_are_over_and_keeps_the_others() -> None:
    clock = FixedClock()
    counters = LocalCounters(clock)
    counters.take("short", windows_at(START, {"second": 5}))
    counters.take("long", windows_at(START, {"second": 5, "day": 5}))
    counters.sweep()
    assert len(counters) == 2
    clock.time += 1
    counters.sweep()
    assert len(counters) == 1
    assert counters.take("long", windows_at(clock.time, {"second": 5, "day": 5})).remaining == (4, 3)


def test_a_sweep_looks_at_a_bounded_number_of_keys_and_gets_round_in_the_end() -> None:
    clock = FixedClock()
    counters = LocalCounters(clock, sweep_step=10)
    for index in range(25):
        counters.take(str(index), windows_at(START, {"second": 1}))
    clock.time += 1
    sizes = []
    for _ in range(3):
        counters.sweep()
        sizes.append(len(counters))
    assert sizes == [15, 5, 0]


def test_memory_is_bounded_and_evictions_are_counted() -> None:
    counters = LocalCounters(FixedClock(), max_keys=100)
    windows = windows_at(START, {"year": 10})
    for index in range(150):
        counters.take(f"key{index}", windows)
    assert (len(counters), counters.evicted) == (100, 50)


def test_a_flood_of_keys_in_one_limit_makes_no_other_limit_forget() -> None:
    counters = LocalCounters(FixedClock(), max_keys=100)
    windows = windows_at(START, {"hour": 2})
    for _ in range(2):
        assert counters.take("logins:203.0.113.7", windows).allowed
    for index in range(500):
        counters.take(f"search:2001:db8::{index}", windows)
    assert not counters.take("logins:203.0.113.7", windows).allowed
    assert (len(counters), counters.evicted) == (100, 401)


def test_a_key_that_was_swept_makes_room() -> None:
    clock = FixedClock()
    counters = LocalCounters(clock, max_keys=2)
    for name in ("a:1", "a:2"):
        counters.take(name, windows_at(START, {"second": 1}))
    clock.time += 1
    counters.sweep()
    for name in ("a:1", "a:3"):
        counters.take(name, windows_at(clock.time, {"hour": 1}))
    assert (len(counters), counters.evicted) == (2, 0)


@given(
    limits=st.dictionaries(st.sampled_from(["second", "minute", "hour"]), st.integers(1, 5), min_size=1),
    steps=st.lists(st.tuples(st.integers(0, 90), st.integers(1, 3)), max_size=40),
)
def test_no_window_ever_counts_more_than_its_limit(limits: dict[str, float], steps: list[tuple[int, int]]) -> None:
    counters = LocalCounters(FixedClock())
    passed: dict[tuple[str, int], int] = {}
    now = START
    for wait, cost in steps:
        now += wait
        windows = windows_at(now, limits)
        fits = all(passed.get((window.name, window.start), 0) + cost <= window.limit for window in windows)
        answer = counters.take("key", windows, cost)
        assert answer.allowed == fits
        if fits:
            for window in windows:
                passed[(window.name, window.start)] = passed.get((window.name, window.start), 0) + cost
        for window, left in zip(windows, answer.remaining, strict=True):
            assert left == window.limit - passed.get((window.name, window.start), 0)
