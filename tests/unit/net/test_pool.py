"""The pool of one origin, with connections and dialling made up."""

import asyncio
import logging

import pytest

from entresol.core.errors import GatewayError, UpstreamError
from entresol.core.http import Origin
from entresol.net.pool import OriginPool, PoolLimits
from unit.net.scripted_upstream import ManualClock

ORIGIN = Origin("http", "a.test", 80)


class Connection:
    """A connection that is told whether it is stale."""

    def __init__(self, opened_at: float) -> None:
        self.opened_at = opened_at
        self.idle_since = opened_at
        self.stale = False
        self.closed = False

    def is_stale(self, now: float) -> bool:
        return self.stale

    def close(self) -> None:
        self.closed = True


class Call:
    """A call that writes down what it got."""

    def __init__(self, connect_limit_s: float = 0.0, waiting_since: float = 1000.0) -> None:
        self.waiting_since = waiting_since
        self.connect_limit_s = connect_limit_s
        self.connection: Connection | None = None
        self.error: GatewayError | None = None

    def attach(self, connection: Connection) -> None:
        self.connection = connection

    def fail(self, error: GatewayError) -> None:
        self.error = error

    @property
    def code(self) -> str | None:
        return self.error.code if self.error else None


class Bench:
    """A pool, its clock, and the dialling in the hands of the test."""

    def __init__(self, limits: PoolLimits | None = None) -> None:
        self.clock = ManualClock()
        self.dials: list[asyncio.Future[Connection]] = []
        self.pool: OriginPool[Connection] = OriginPool(
            ORIGIN, asyncio.get_running_loop(), self.dial, limits or PoolLimits(), self.clock
        )

    async def dial(self, pool: OriginPool[Connection]) -> Connection:
        future: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self.dials.append(future)
        return await future

    async def wait(self, *calls: Call) -> None:
        for call in calls:
            self.pool.wait(call, self.clock.seconds)
        await settle()

    async def connect(self, number: int = -1) -> Connection:
        connection = Connection(self.clock.seconds)
        self.dials[number].set_result(connection)
        await settle()
        return connection

    async def refuse(self, number: int = -1, error: Exception | None = None) -> None:
        self.dials[number].set_exception(error or UpstreamError("upstream_connect_refused", "no"))
        await settle()

    async def idle_connection(self) -> Connection:
        call = Call()
        await self.wait(call)
        connection = await self.connect()
        assert call.connection is connection
        self.pool.give_back(connection, self.clock.seconds)
        return connection


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.anyio
async def test_the_connection_used_last_is_taken_first() -> None:
    bench = Bench()
    calls = [Call(), Call()]
    await bench.wait(*calls)
    first, second = await bench.connect(0), await bench.connect(1)
    bench.pool.give_back(first, 1000)
    bench.pool.give_back(second, 1000)
    assert [bench.pool.take(1000), bench.pool.take(1000), bench.pool.take(1000)] == [second, first, None]
    assert (bench.pool.stats().reused, bench.pool.stats().busy) == (2, 2)


@pytest.mark.anyio
async def test_stale_connections_are_closed_instead_of_taken() -> None:
    bench = Bench()
    connection = await bench.idle_connection()
    connection.stale = True
    assert bench.pool.take(1000) is None
    assert connection.closed
    assert bench.pool.is_unused


@pytest.mark.anyio
async def test_a_connection_given_back_serves_the_call_that_waited_longest() -> None:
    bench = Bench()
    busy = await bench.idle_connection()
    assert bench.pool.take(1000) is busy
    first, second = Call(), Call()
    await bench.wait(first, second)
    bench.pool.give_back(busy, 1000)
    assert (first.connection, second.connection) == (busy, None)
    fresh = await bench.connect(1)
    assert second.connection is fresh
    spare = await bench.connect(2)
    assert bench.pool.take(1000) is spare


@pytest.mark.anyio
async def test_a_call_that_leaves_makes_room_and_its_connection_goes_idle() -> None:
    bench = Bench()
    call = Call()
    await bench.wait(call)
    bench.pool.leave(call)
    bench.pool.leave(call)
    connection = await bench.connect()
    assert call.connection is None
    assert bench.pool.take(1000) is connection


@pytest.mark.anyio
async def test_a_failed_opening_fails_one_call() -> None:
    bench = Bench()
    first, second = Call(), Call()
    await bench.wait(first, second)
    await bench.refuse(1)
    assert (first.code, second.code) == ("upstream_connect_refused", None)
    connection = await bench.connect(0)
    assert second.connection is connection
    assert bench.pool.stats().failed == 1


@pytest.mark.anyio
async def test_a_surprise_while_opening_is_logged_and_fails_one_call(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    call = Call()
    await bench.wait(call)
    with caplog.at_level(logging.ERROR):
        await bench.refuse(error=RuntimeError("boom"))
    assert call.code == "internal_error"
    assert "a.test:80" in caplog.text


@pytest.mark.anyio
async def test_a_new_connection_that_is_dead_already_fails_its_call() -> None:
    bench = Bench()
    call = Call()
    await bench.wait(call)
    connection = Connection(1000)
    connection.stale = True
    bench.dials[0].set_result(connection)
    await settle()
    assert (call.code, connection.closed) == ("upstream_reset", True)
    assert bench.pool.is_unused


@pytest.mark.anyio
async def test_the_limit_counts_connections_and_openings_and_the_queue_is_bounded() -> None:
    bench = Bench(PoolLimits(max_connections=2, max_waiting=1))
    calls = [Call() for _ in range(4)]
    await bench.wait(*calls)
    assert len(bench.dials) == 2
    assert [call.code for call in calls] == [None, None, None, "upstream_connections_exhausted"]
    first = await bench.connect(0)
    await bench.connect(1)
    bench.pool.give_back(first, 1000)
    assert calls[2].connection is first
    assert len(bench.dials) == 2


@pytest.mark.anyio
async def test_a_connection_that_is_gone_makes_room_for_a_waiting_call() -> None:
    bench = Bench(PoolLimits(max_connections=1))
    first, second = Call(), Call()
    await bench.wait(first, second)
    await bench.connect(0)
    assert second.connection is None
    bench.pool.forget()
    await settle()
    fresh = await bench.connect(1)
    assert second.connection is fresh


@pytest.mark.anyio
async def test_a_refused_opening_makes_room_for_the_next_waiting_call() -> None:
    bench = Bench(PoolLimits(max_connections=1))
    first, second = Call(), Call()
    await bench.wait(first, second)
    await bench.refuse(0)
    assert (first.code, second.code) == ("upstream_connect_refused", None)
    fresh = await bench.connect(1)
    assert second.connection is fresh


@pytest.mark.anyio
async def test_waiting_too_long_for_an_opening_is_a_connect_timeout() -> None:
    bench = Bench()
    call = Call(connect_limit_s=5)
    await bench.wait(call)
    bench.pool.sweep(1004.9)
    assert call.error is None
    bench.pool.sweep(1005)
    await settle()
    assert call.code == "upstream_connect_timeout"
    assert bench.dials[0].cancelled()
    assert bench.pool.is_unused


@pytest.mark.anyio
async def test_waiting_too_long_for_a_busy_connection_says_so() -> None:
    bench = Bench(PoolLimits(max_connections=1))
    first, second = Call(connect_limit_s=5), Call(connect_limit_s=5)
    await bench.wait(first, second)
    await bench.connect()
    bench.pool.sweep(1005)
    assert (first.error, second.code) == (None, "upstream_connections_exhausted")


@pytest.mark.anyio
async def test_only_the_bound_of_idle_connections_is_kept() -> None:
    bench = Bench(PoolLimits(max_idle=1))
    await bench.wait(Call(), Call())
    first, second = await bench.connect(0), await bench.connect(1)
    bench.pool.give_back(first, 1000)
    bench.pool.give_back(second, 1000)
    assert (first.closed, second.closed) == (False, True)
    assert bench.pool.stats().idle == 1


@pytest.mark.anyio
async def test_an_old_connection_is_not_kept() -> None:
    bench = Bench(PoolLimits(max_age_s=100))
    await bench.wait(Call())
    connection = await bench.connect()
    bench.pool.give_back(connection, 1100)
    assert connection.closed
    assert bench.pool.is_unused


@pytest.mark.anyio
async def test_connections_idle_for_too_long_are_closed_and_the_others_stay() -> None:
    bench = Bench(PoolLimits(idle_timeout_s=60))
    await bench.wait(Call(), Call())
    first, second = await bench.connect(0), await bench.connect(1)
    bench.pool.give_back(first, 1000)
    bench.pool.give_back(second, 1030)
    bench.pool.sweep(1059)
    assert not first.closed
    bench.pool.sweep(1060)
    assert (first.closed, second.closed) == (True, False)
    assert bench.pool.take(1060) is second


@pytest.mark.anyio
async def test_an_idle_connection_that_the_upstream_closed_is_forgotten() -> None:
    bench = Bench()
    connection = await bench.idle_connection()
    bench.pool.forget_idle(connection)
    bench.pool.forget_idle(connection)
    assert bench.pool.is_unused
    assert bench.pool.take(1000) is None


@pytest.mark.anyio
async def test_closing_closes_idle_connections_stops_openings_and_fails_waiting_calls() -> None:
    bench = Bench()
    idle = await bench.idle_connection()
    waiting, late = Call(), Call()
    await bench.wait(waiting)
    bench.pool.close()
    await bench.wait(late)
    assert idle.closed
    assert bench.dials[-1].cancelled()
    assert (waiting.code, late.code) == ("upstream_transport_closed", "upstream_transport_closed")
    assert bench.pool.is_unused


@pytest.mark.anyio
async def test_what_is_given_back_after_closing_is_closed() -> None:
    bench = Bench()
    await bench.wait(Call())
    connection = await bench.connect()
    bench.pool.close()
    bench.pool.give_back(connection, 1000)
    assert connection.closed
    assert bench.pool.is_unused
