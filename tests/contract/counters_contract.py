"""What every implementation of the `Counters` port must do, whether it answers at once or later.

Subclass `CountersContract` in a `test_*.py`, name it `Test…`, and open the implementation in `opened`.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from entresol.core.ports import Counters, Taken, Window
from entresol.policy.rate_limit import windows_at

START = 1_700_000_000.0
"""The instant that implementations with a clock of their own should start at."""

Scenario = Callable[[Counters], Awaitable[None]]


async def settled(answer: Taken | Awaitable[Taken]) -> Taken:
    """The answer, now or when it is there."""
    return await answer if isinstance(answer, Awaitable) else answer


def minute_and_hour(minute: int, hour: int, now: float = START) -> tuple[Window, ...]:
    """Two windows around `now`."""
    return windows_at(now, {"minute": minute, "hour": hour})


class CountersContract(ABC):
    """The contract."""

    @abstractmethod
    def opened(self) -> AbstractAsyncContextManager[Counters]:
        """Counters that nothing has been counted in."""

    def play(self, scenario: Scenario) -> None:
        """Run a scenario against fresh counters."""

        async def run() -> None:
            async with self.opened() as counters:
                await scenario(counters)

        asyncio.run(run())

    def test_a_limit_lets_exactly_that_many_pass(self) -> None:
        async def scenario(counters: Counters) -> None:
            windows = windows_at(START, {"minute": 3})
            answers = [await settled(counters.take("key", windows)) for _ in range(5)]
            assert [answer.allowed for answer in answers] == [True, True, True, False, False]
            assert [answer.remaining for answer in answers] == [(2,), (1,), (0,), (0,), (0,)]

        self.play(scenario)

    def test_a_refused_take_counts_in_no_window(self) -> None:
        async def scenario(counters: Counters) -> None:
            await settled(counters.take("key", minute_and_hour(1, 10)))
            refused = await settled(counters.take("key", minute_and_hour(1, 10)))
            assert (refused.allowed, refused.remaining) == (False, (0, 9))
            later = await settled(counters.take("key", minute_and_hour(1, 10, START + 60)))
            assert (later.allowed, later.remaining) == (True, (0, 8))

        self.play(scenario)

    def test_a_new_window_starts_afresh_while_the_longer_one_goes_on(self) -> None:
        async def scenario(counters: Counters) -> None:
            for offset, remaining in ((0, (4, 9)), (1, (3, 8)), (60, (4, 7)), (61, (3, 6))):
                answer = await settled(counters.take("key", minute_and_hour(5, 10, START + offset)))
                assert answer.remaining == remaining, offset

        self.play(scenario)

    def test_keys_do_not_share(self) -> None:
        async def scenario(counters: Counters) -> None:
            windows = windows_at(START, {"hour": 1})
            first = await settled(counters.take("one", windows))
            second = await settled(counters.take("two", windows))
            assert (first.allowed, second.allowed) == (True, True)

        self.play(scenario)

    def test_a_cost_above_one_fits_whole_or_not_at_all(self) -> None:
        async def scenario(counters: Counters) -> None:
            windows = windows_at(START, {"day": 10})
            assert (await settled(counters.take("key", windows, 7))).remaining == (3,)
            refused = await settled(counters.take("key", windows, 4))
            assert (refused.allowed, refused.remaining) == (False, (3,))
            assert (await settled(counters.take("key", windows, 3))).allowed

        self.play(scenario)

    def test_a_limit_that_was_lowered_holds_at_once(self) -> None:
        async def scenario(counters: Counters) -> None:
            for _ in range(3):
                await settled(counters.take("key", windows_at(START, {"minute": 5})))
            lowered = await settled(counters.take("key", windows_at(START, {"minute": 2})))
            assert (lowered.allowed, lowered.remaining) == (False, (0,))

        self.play(scenario)

    def test_takes_at_the_same_time_never_pass_more_than_the_limit(self) -> None:
        async def scenario(counters: Counters) -> None:
            windows = windows_at(START, {"minute": 25, "hour": 1000})
            answers = await asyncio.gather(*(settled(counters.take("key", windows)) for _ in range(100)))
            assert sum(answer.allowed for answer in answers) == 25

        self.play(scenario)

    def test_time_that_goes_back_refills_nothing(self) -> None:
        async def scenario(counters: Counters) -> None:
            await settled(counters.take("key", windows_at(START + 60, {"minute": 1})))
            late = await settled(counters.take("key", windows_at(START, {"minute": 1})))
            again = await settled(counters.take("key", windows_at(START + 60, {"minute": 1})))
            assert (late.allowed, again.allowed) == (False, False)

        self.play(scenario)
