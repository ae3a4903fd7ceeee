import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from contract.counters_contract import START
from contract.leased_node import FixedClock
from entresol.core.errors import InternalError
from entresol.policy.rate_limit import windows_at
from entresol.supervisor.framing import frame, worker_messages
from entresol.supervisor.leased_counters import LeasedCounters
from entresol.supervisor.link import SupervisorLink
from entresol.supervisor.messages import (
    Ask,
    Collect,
    Commit,
    ConfigurationState,
    Discard,
    Drain,
    FromSupervisor,
    FromWorker,
    Grant,
    NodeState,
    Prepare,
    Ready,
    Scrape,
    Scraped,
    Share,
    Snapshot,
)


class RecordingWorker:
    """Notes what the supervisor wants of it."""

    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []
        self.lost = asyncio.Event()
        self.drained = asyncio.Event()

    def prepare(self, version: str, document: bytes) -> None:
        self.heard.append(("prepare", version, document))

    def commit(self, version: str) -> None:
        self.heard.append(("commit", version))

    def discard(self, version: str) -> None:
        self.heard.append(("discard", version))
        raise RuntimeError("a fault of the worker")

    def drain(self) -> None:
        self.drained.set()

    def supervisor_lost(self) -> None:
        self.lost.set()

    def snapshot(self) -> bytes:
        return b"metrics"


class SupervisorEnd:
    """The other end of the socket pair."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._messages = worker_messages()
        self._received: list[FromWorker] = []

    def send(self, *messages: FromSupervisor) -> None:
        self._writer.write(frame(messages))

    async def receive(self) -> FromWorker:
        while not self._received:
            data = await asyncio.wait_for(self._reader.read(65536), 10)
            assert data, "the worker closed"
            self._received += self._messages.feed(data)
        return self._received.pop(0)

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


@asynccontextmanager
async def linked() -> AsyncIterator[tuple[SupervisorLink, RecordingWorker, SupervisorEnd]]:
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    link, worker = SupervisorLink(loop), RecordingWorker()
    link.worker = worker
    await loop.create_unix_connection(lambda: link, sock=ours)
    supervisor = SupervisorEnd(*await asyncio.open_unix_connection(sock=theirs))
    try:
        yield link, worker, supervisor
    finally:
        link.close()
        await supervisor.close()


def test_messages_of_one_turn_go_out_together() -> None:
    async def scenario() -> None:
        async with linked() as (link, _, supervisor):
            link.send(Ready("a"))
            link.send(Scrape(1))
            assert [await supervisor.receive(), await supervisor.receive()] == [Ready("a"), Scrape(1)]

    asyncio.run(scenario())


def test_commands_reach_the_worker_and_one_that_fails_costs_no_other() -> None:
    async def scenario() -> None:
        async with linked() as (_, worker, supervisor):
            supervisor.send(Prepare("v", b"{}"), Discard("u"), Commit("v"), Drain())
            await asyncio.wait_for(worker.drained.wait(), 10)
            assert worker.heard == [("prepare", "v", b"{}"), ("discard", "u"), ("commit", "v")]

    asyncio.run(scenario())


def test_a_snapshot_is_sent_when_asked_for() -> None:
    async def scenario() -> None:
        async with linked() as (_, _, supervisor):
            supervisor.send(Collect(9))
            assert await supervisor.receive() == Snapshot(9, b"metrics")

    asyncio.run(scenario())


def test_a_scrape_comes_back_to_who_asked() -> None:
    async def scenario() -> None:
        async with linked() as (link, _, supervisor):
            first, second = [asyncio.get_running_loop().create_future() for _ in range(2)]
            link.scrape(first.set_result)
            link.scrape(second.set_result)
            assert [await supervisor.receive(), await supervisor.receive()] == [Scrape(1), Scrape(2)]
            supervisor.send(Scraped(2, (b"two",)), Scraped(1, (b"one",)), Scraped(7, ()))
            assert (await first, await second) == ((b"one",), (b"two",))

    asyncio.run(scenario())


def test_what_is_known_of_the_node_is_kept() -> None:
    async def scenario() -> None:
        async with linked() as (link, worker, supervisor):
            state = NodeState((), ConfigurationState(version="v", loaded_at=1.0))
            supervisor.send(state, Drain())
            await asyncio.wait_for(worker.drained.wait(), 10)
            assert link.node == state

    asyncio.run(scenario())


def test_counters_ask_through_it() -> None:
    async def scenario() -> None:
        async with linked() as (link, _, supervisor):
            counters = link.counters = LeasedCounters(link.send, FixedClock())
            windows = windows_at(START, {"minute": 5})
            take = counters.take("key", windows)
            assert isinstance(take, asyncio.Future)
            ask = await supervisor.receive()
            assert isinstance(ask, Ask)
            supervisor.send(Grant(ask.number, True, (Share(windows[0].start, 1, 4, False),)))
            assert (await asyncio.wait_for(take, 10)).remaining == (4,)

    asyncio.run(scenario())


def test_when_the_supervisor_dies_everybody_hears() -> None:
    async def scenario() -> None:
        async with linked() as (link, worker, supervisor):
            counters = link.counters = LeasedCounters(link.send, FixedClock())
            take = counters.take("key", windows_at(START, {"minute": 5}))
            scraped = asyncio.get_running_loop().create_future()
            link.scrape(scraped.set_result)
            await supervisor.close()
            await asyncio.wait_for(worker.lost.wait(), 10)
            assert await scraped == (b"metrics",)
            assert isinstance(take, asyncio.Future)
            assert isinstance(take.exception(), InternalError)
            later = asyncio.get_running_loop().create_future()
            link.scrape(later.set_result)
            assert await later == (b"metrics",)

    asyncio.run(scenario())


def test_closing_sends_what_is_left_and_is_no_loss() -> None:
    async def scenario() -> None:
        async with linked() as (link, worker, supervisor):
            link.send(Ready("last"))
            link.close()
            assert await supervisor.receive() == Ready("last")
            await asyncio.sleep(0)
            assert not worker.lost.is_set()

    asyncio.run(scenario())
