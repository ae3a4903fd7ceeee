"""A node in memory: one lease book, several workers' counters, and the messages between them as real frames."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

from contract.counters_contract import START
from entresol.core.ports import Counters, Taken, Window
from entresol.supervisor.framing import frame, supervisor_messages, worker_messages
from entresol.supervisor.lease_book import LeaseBook
from entresol.supervisor.leased_counters import LeasedCounters
from entresol.supervisor.messages import (
    Ask,
    FromSupervisor,
    FromWorker,
    GiveBack,
    Grant,
    Recall,
    Report,
    Standings,
)


class FixedClock:
    """Time that a test moves."""

    def __init__(self, now: float = START) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


class LeasedNode:
    """`workers` counters that share one book. Messages wait until `deliver`, or go by themselves with `on_loop`."""

    def __init__(self, workers: int, on_loop: bool) -> None:
        self.clock = FixedClock()
        self.book = LeaseBook(workers, self._to_worker)
        self.workers = [LeasedCounters(self._sender(index), self.clock) for index in range(workers)]
        self._readers_up = [worker_messages() for _ in range(workers)]
        self._readers_down = [supervisor_messages() for _ in range(workers)]
        self._queue: list[tuple[int, FromWorker | FromSupervisor, bool]] = []
        self._on_loop = on_loop
        self.delivered = 0

    def _sender(self, index: int) -> "_Sender":
        return _Sender(self, index)

    def _to_worker(self, index: int, message: FromSupervisor) -> None:
        self.post(index, message, up=False)

    def post(self, index: int, message: FromWorker | FromSupervisor, up: bool) -> None:
        """Send a message on its way."""
        self._queue.append((index, message, up))
        if self._on_loop:
            asyncio.get_running_loop().call_soon(self.deliver_one)

    def deliver_one(self) -> None:
        """The oldest message arrives."""
        index, message, up = self._queue.pop(0)
        self.delivered += 1
        if up:
            for received in self._readers_up[index].feed(frame([message])):
                self._at_book(index, received)
        else:
            for answer in self._readers_down[index].feed(frame([message])):
                at_worker(self.workers[index], answer)

    @property
    def on_the_way(self) -> int:
        """How many messages have not arrived."""
        return len(self._queue)

    def deliver(self) -> None:
        """Everything arrives, and what that causes."""
        while self._queue:
            self.deliver_one()

    def _at_book(self, index: int, message: FromWorker) -> None:
        now = self.clock.monotonic()
        if isinstance(message, Ask):
            self.book.ask(index, message, now)
        elif isinstance(message, GiveBack):
            self.book.give_back(index, message, now)
        elif isinstance(message, Report):
            self.book.report(index, message)
        else:
            raise AssertionError(message)


class _Sender:
    def __init__(self, node: LeasedNode, index: int) -> None:
        self._node = node
        self._index = index

    def __call__(self, message: FromWorker) -> None:
        self._node.post(self._index, message, up=True)


def at_worker(counters: LeasedCounters, message: FromSupervisor) -> None:
    """A message from the supervisor reaches a worker's counters."""
    if isinstance(message, Grant):
        counters.on_grant(message)
    elif isinstance(message, Recall):
        counters.on_recall(message)
    elif isinstance(message, Standings):
        counters.on_standings(message)
    else:
        raise AssertionError(message)


class RoundRobin(Counters):
    """Every take goes to the next worker, as connections of one client may."""

    def __init__(self, workers: list[LeasedCounters]) -> None:
        self._workers = workers
        self._turn = 0

    def take(self, key: str, windows: tuple[Window, ...], cost: int = 1) -> Taken | Awaitable[Taken]:
        self._turn += 1
        return self._workers[self._turn % len(self._workers)].take(key, windows, cost)


@asynccontextmanager
async def round_robin(workers: int) -> AsyncIterator[Counters]:
    """Counters of a node whose messages travel by themselves."""
    yield RoundRobin(LeasedNode(workers, on_loop=True).workers)
