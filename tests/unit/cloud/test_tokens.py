"""Credentials in memory: renewed ahead, fetched once for many, spared while fetching fails."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.cloud.tokens import PATIENCE_S, FetchFailed, Issued, Job, TokenSource, in_thread, told
from entresol.core.errors import UpstreamError


class SetClock:
    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at - 1_799_999_000.0


class Cloud:
    """What a source asks. Jobs wait until `work` runs them, in a thread as they would be."""

    def __init__(self) -> None:
        self.clock = SetClock()
        self.answers: list[Issued[str] | Exception] = []
        self.asked = 0
        self.jobs: list[Job] = []
        self.source: TokenSource[str] = TokenSource("AWS", self.issue, self.clock, self.jobs.append)

    def issue(self) -> Issued[str]:
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def gives(self, credential: str, life: float | None) -> None:
        self.answers.append(Issued(credential, None if life is None else self.clock.at + life))

    async def work(self) -> None:
        """Run the jobs, and let the loop hear of it."""
        jobs, self.jobs[:] = [*self.jobs], []
        for job in jobs:
            await asyncio.get_running_loop().run_in_executor(None, job)
        await asyncio.sleep(0)

    async def fetched(self) -> str:
        """Fetch, and do the work of it."""
        waiting = asyncio.ensure_future(self.source.fetch())
        await asyncio.sleep(0)
        await self.work()
        return await waiting


def run(story: Callable[[Cloud], Awaitable[None]]) -> Cloud:
    cloud = Cloud()

    async def main() -> None:
        await story(cloud)

    asyncio.run(main())
    return cloud


def test_there_is_nothing_until_it_was_fetched() -> None:
    async def story(cloud: Cloud) -> None:
        assert cloud.source.current() is None
        cloud.gives("first", 3600)
        assert await cloud.fetched() == "first"
        assert cloud.source.current() == "first"
        assert await cloud.source.fetch() == "first"

    assert run(story).asked == 1


def test_many_waiters_share_one_fetch() -> None:
    async def story(cloud: Cloud) -> None:
        cloud.gives("shared", 3600)
        waiting = [asyncio.ensure_future(cloud.source.fetch()) for _ in range(50)]
        await asyncio.sleep(0)
        await cloud.work()
        assert await asyncio.gather(*waiting) == ["shared"] * 50

    assert run(story).asked == 1


def test_a_waiter_that_goes_away_takes_nothing_from_the_others() -> None:
    async def story(cloud: Cloud) -> None:
        cloud.gives("shared", 3600)
        gone, stays = (asyncio.ensure_future(cloud.source.fetch()) for _ in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        await cloud.work()
        assert await stays == "shared"
        assert gone.cancelled()

    assert run(story).asked == 1


def test_it_is_renewed_ahead_of_its_end_without_anybody_waiting() -> None:
    async def story(cloud: Cloud) -> None:
        cloud.gives("old", 3600)
        await cloud.fetched()
        cloud.clock.at += 3299
        assert cloud.source.current() == "old"
        assert cloud.jobs == []
        cloud.clock.at += 1
        cloud.gives("new", 3600)
        assert [cloud.source.current() for _ in range(3)] == ["old"] * 3
        assert len(cloud.jobs) == 1
        await cloud.work()
        assert cloud.source.current() == "new"

    assert run(story).asked == 2


def test_the_old_one_serves_while_renewing_fails_and_not_longer() -> None:
    async def story(cloud: Cloud) -> None:
        cloud.gives("old", 3600)
        await cloud.fetched()
        cloud.clock.at += 3400
        cloud.answers.append(FetchFailed("the metadata server does not answer"))
        assert cloud.source.current() == "old"
        await cloud.work()
        assert cloud.source.current() == "old"
        assert cloud.jobs == []  # it has just failed
        cloud.clock.at += 3600 - 3400 - 30
        assert cloud.source.current() is None

    run(story)


@pytest.mark.parametrize(("life", "renewed_after", "unused_after"), [(3600, 3300, 3570), (900, 720, 870), (60, 48, 54)])
def test_margins_follow_the_life(life: float, renewed_after: float, unused_after: float) -> None:
    async def story(cloud: Cloud) -> None:
        cloud.gives("it", life)
        await cloud.fetched()
        cloud.clock.at += renewed_after - 1
        cloud.source.current()
        assert cloud.jobs == []
        cloud.clock.at += 1
        cloud.source.current()
        assert len(cloud.jobs) == 1
        cloud.clock.at += unused_after - renewed_after - 1
        assert cloud.source.current() == "it"
        cloud.clock.at += 1
        assert cloud.source.current() is None

    run(story)


def test_one_without_an_end_is_looked_at_again_and_kept_when_that_fails() -> None:
    async def story(cloud: Cloud) -> None:
        cloud.gives("key of the profile", None)
        await cloud.fetched()
        cloud.clock.at += 900
        cloud.answers.append(FetchFailed("the profile is gone"))
        assert cloud.source.current() == "key of the profile"
        await cloud.work()
        cloud.clock.at += 1e9
        cloud.gives("another key", None)
        assert cloud.source.current() == "key of the profile"
        await cloud.work()
        assert cloud.source.current() == "another key"

    run(story)


def test_a_cloud_that_fails_is_not_hammered() -> None:
    async def story(cloud: Cloud) -> None:
        attempts = []
        for second in range(400):
            cloud.answers[:] = [FetchFailed("AccessDenied")]
            before = cloud.asked
            with pytest.raises(UpstreamError):
                await cloud.fetched()
            if cloud.asked > before:
                attempts.append(second)
            cloud.clock.at += 1
        assert attempts == [0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303, 363]

    run(story)


def test_after_a_success_pauses_start_again_from_a_second() -> None:
    async def story(cloud: Cloud) -> None:
        for _ in range(5):
            cloud.answers.append(FetchFailed("AccessDenied"))
            with pytest.raises(UpstreamError):
                await cloud.fetched()
            cloud.clock.at += 60
        cloud.gives("it", 600)
        await cloud.fetched()
        cloud.clock.at += 600
        cloud.answers.append(FetchFailed("AccessDenied"))
        with pytest.raises(UpstreamError) as caught:
            await cloud.fetched()
        assert caught.value.headers == ((b"retry-after", b"1"),)

    run(story)


def test_the_error_says_what_to_do_and_when_to_come_back(caplog: pytest.LogCaptureFixture) -> None:
    async def story(cloud: Cloud) -> None:
        cloud.answers.append(FetchFailed("STS refused the role (AccessDenied)", "User: arn:aws:iam::1:user/x"))
        with pytest.raises(UpstreamError) as caught:
            await cloud.fetched()
        error = caught.value
        assert (error.code, error.status) == ("provider_credential_unavailable", 503)
        assert error.message == "no credential of AWS: STS refused the role (AccessDenied)"
        assert error.headers == ((b"retry-after", b"1"),)
        with pytest.raises(UpstreamError, match="AccessDenied"):
            await cloud.source.fetch()

    with caplog.at_level(logging.WARNING, "entresol.cloud"):
        run(story)
    assert [record.message for record in caplog.records] == [
        "no credential of AWS: STS refused the role (AccessDenied) (User: arn:aws:iam::1:user/x); next attempt in 1 s"
    ]


def test_what_a_library_says_stays_out_of_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    async def story(cloud: Cloud) -> None:
        cloud.answers.append(ValueError("unexpected: eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJ4In0"))
        with pytest.raises(UpstreamError) as caught:
            await cloud.fetched()
        assert caught.value.message == "no credential of AWS: unexpected ValueError"

    run(story)
    assert "ValueError: unexpected: ***" in caplog.text
    assert "eyJhbGci" not in caplog.text


def test_words_for_the_log_hold_no_secret_and_no_second_line() -> None:
    error = ValueError("secret my secret\nforged line AQoDYXdzEPTwEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8 end")
    assert told(error, ("my secret", "")) == "ValueError: secret ***\\nforged line *** end"
    assert len(told(ValueError("word " * 1000))) < 600


def test_one_that_has_ended_already_is_a_failure() -> None:
    async def story(cloud: Cloud) -> None:
        cloud.gives("late", -5)
        with pytest.raises(UpstreamError, match="check the clock"):
            await cloud.fetched()
        assert cloud.source.current() is None

    run(story)


def test_a_fetch_that_hangs_lets_calls_wait_only_so_long() -> None:
    async def story(cloud: Cloud) -> None:
        waiting = asyncio.ensure_future(cloud.source.fetch())
        await asyncio.sleep(0)
        cloud.clock.at += PATIENCE_S + 1
        with pytest.raises(UpstreamError, match="no answer within 30 seconds"):
            await cloud.source.fetch()
        assert len(cloud.jobs) == 1  # and it is not started twice
        cloud.gives("late", 3600)
        await cloud.work()
        assert await waiting == "late"

    assert run(story).asked == 1


def test_without_a_thread_there_is_an_error_and_another_attempt_later() -> None:
    async def story(cloud: Cloud) -> None:
        def refuse(job: Job) -> None:
            raise RuntimeError("can't start new thread")

        source = TokenSource("AWS", cloud.issue, cloud.clock, refuse)
        for _ in range(2):
            with pytest.raises(UpstreamError, match="no thread can be started"):
                await source.fetch()
            cloud.clock.at += 1

    assert run(story).asked == 0


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["current", "fetch"]),
            st.sampled_from([0.0, 0.5, 1.0, 20.0, 100.0, 900.0, 4000.0]),
            st.sampled_from(["fails", 1, 60, 900, 3600]),
        ),
        max_size=40,
    )
)
def test_whatever_happens_what_is_given_out_lasts_and_one_fetch_runs(
    steps: list[tuple[str, float, str | int]],
) -> None:
    async def story(cloud: Cloud) -> None:
        ends: dict[str, float] = {}
        for number, (how, passed, outcome) in enumerate(steps):
            cloud.clock.at += passed
            name = str(number)
            if isinstance(outcome, int):
                cloud.gives(name, outcome)
                ends[name] = cloud.clock.at + outcome
            else:
                cloud.answers.append(FetchFailed("AccessDenied"))
            before = cloud.asked
            if how == "fetch":
                try:
                    given_out: str | None = await cloud.fetched()
                except UpstreamError:
                    given_out = None
            else:
                given_out = cloud.source.current()
                assert len(cloud.jobs) <= 1
                await cloud.work()
            if given_out is not None:
                assert ends[given_out] > cloud.clock.at
            assert cloud.asked - before <= 1
            cloud.answers.clear()

    run(story)


def test_what_comes_after_the_end_of_the_loop_is_let_go() -> None:
    cloud = Cloud()
    cloud.gives("late", 3600)

    async def begin() -> None:
        asyncio.ensure_future(cloud.source.fetch()).cancel()
        waiting = asyncio.ensure_future(cloud.source.fetch())
        await asyncio.sleep(0)
        waiting.cancel()

    asyncio.run(begin())
    [job] = cloud.jobs
    job()
    assert cloud.asked == 1


def test_fetching_runs_in_a_thread_that_does_not_hold_up_the_end() -> None:
    seen: list[threading.Thread] = []
    done = threading.Event()

    def job() -> None:
        seen.append(threading.current_thread())
        done.set()

    in_thread(job)
    assert done.wait(5)
    assert seen[0] is not threading.main_thread()
    assert seen[0].daemon
