import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from contract.leased_node import FixedClock
from entresol.app.supervised import Supervised, lasting, merged
from entresol.supervisor.framing import frame, worker_messages
from entresol.supervisor.link import SupervisorLink
from entresol.supervisor.messages import (
    Collect,
    Commit,
    ConfigurationState,
    Discard,
    Drain,
    FromSupervisor,
    FromWorker,
    NodeState,
    Prepare,
    Prepared,
    Ready,
    Snapshot,
    WorkerState,
)
from entresol.telemetry.metrics import WorkerMetrics
from unit.app.free_ports import configuration, document_of, free_sockets, get, settings_for


class SupervisorEnd:
    """The other end of the worker's socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._messages = worker_messages()
        self._received: list[FromWorker] = []

    def send(self, *messages: FromSupervisor) -> None:
        self._writer.write(frame(messages))

    async def receive(self, kind: type[FromWorker]) -> FromWorker:
        """The next message of this kind."""
        while True:
            while not self._received:
                data = await asyncio.wait_for(self._reader.read(65536), 10)
                assert data, "the worker closed"
                self._received += self._messages.feed(data)
            message = self._received.pop(0)
            if isinstance(message, kind):
                return message

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


class Worker:
    """A worker under test."""

    def __init__(self, life: Supervised, supervisor: SupervisorEnd, task: "asyncio.Task[int]", port: int) -> None:
        self.life = life
        self.supervisor = supervisor
        self.task = task
        self._port = port

    async def status(self, path: str) -> int:
        return (await get(("127.0.0.1", self._port), path))[0]


@asynccontextmanager
async def working(tmp_path: Path) -> AsyncIterator[Worker]:
    settings = settings_for(tmp_path / "c.yaml", configuration("/a"))
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    link = SupervisorLink(loop)
    await loop.create_unix_connection(lambda: link, sock=ours)
    supervisor = SupervisorEnd(*await asyncio.open_unix_connection(sock=theirs))
    document = document_of(settings)
    life, sockets = Supervised(settings, document, link, FixedClock()), free_sockets()
    task = asyncio.create_task(life.live(sockets, life.begun))
    assert await supervisor.receive(Ready) == Ready(document.version)
    try:
        yield Worker(life, supervisor, task, sockets.proxy[0].getsockname()[1])
    finally:
        life.stop()
        assert await asyncio.wait_for(task, 10) == 0
        link.close()
        await supervisor.close()


def content(path: str, more: str = "") -> bytes:
    """A configuration as the supervisor sends it."""
    return configuration(path, more).encode()


def test_a_prepared_configuration_is_used_when_it_is_committed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with working(tmp_path) as worker:
            worker.supervisor.send(Prepare("v2", content("/b")))
            assert await worker.supervisor.receive(Prepared) == Prepared("v2")
            assert (await worker.status("/a"), await worker.status("/b")) == (503, 404)
            worker.supervisor.send(Commit("v2"), Collect(1))
            await worker.supervisor.receive(Snapshot)
            assert (await worker.status("/a"), await worker.status("/b")) == (404, 503)

    asyncio.run(scenario())


def test_a_discarded_configuration_is_not(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with working(tmp_path) as worker:
            worker.supervisor.send(Prepare("v2", content("/b")))
            await worker.supervisor.receive(Prepared)
            worker.supervisor.send(Discard("v2"), Commit("v2"), Collect(1))
            await worker.supervisor.receive(Snapshot)
            assert await worker.status("/a") == 503

    asyncio.run(scenario())


def test_what_cannot_be_prepared_is_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with working(tmp_path) as worker:
            worker.supervisor.send(Prepare("v2", content("/b", "colour: red")))
            assert await worker.supervisor.receive(Prepared) == Prepared("v2", "colour: unknown field")

    asyncio.run(scenario())


def test_the_status_is_that_of_the_whole_node(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with working(tmp_path) as worker:
            assert worker.life.node_state() is None
            workers = (WorkerState(0, 1, "ready", 0), WorkerState(1, 2, "down", 3))
            state = NodeState(workers, ConfigurationState(version="v", loaded_at=1.0))
            worker.supervisor.send(state, Collect(1))
            await worker.supervisor.receive(Snapshot)
            assert msgspec.to_builtins(worker.life.status())["workers"][1]["state"] == "down"

    asyncio.run(scenario())


def test_snapshots_go_out_by_themselves_but_only_when_something_is_new(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with working(tmp_path) as worker:
            worker.life.gateway.metrics.counter("things_total", "Things.", (), ()).value += 1
            worker.life.every_second()
            assert await worker.supervisor.receive(Snapshot) == Snapshot(0, worker.life.snapshot())
            worker.life.every_second()
            worker.supervisor.send(Collect(5))
            assert await worker.supervisor.receive(Snapshot) == Snapshot(5, worker.life.snapshot())

    asyncio.run(scenario())


def test_it_stops_when_told_to_and_when_the_supervisor_dies(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with working(tmp_path) as worker:
            worker.supervisor.send(Drain())
            assert await asyncio.wait_for(asyncio.shield(worker.task), 10) == 0
        async with working(tmp_path) as worker:
            await worker.supervisor.close()
            assert await asyncio.wait_for(asyncio.shield(worker.task), 10) == 0

    asyncio.run(scenario())


def test_what_outlives_a_worker_is_counters_not_gauges() -> None:
    encode = msgspec.msgpack.encode
    metrics = WorkerMetrics()
    metrics.counter("things_total", "Things.", (), ()).value = 2
    metrics.gauge("level", "Level.", (), ()).value = 5
    part = encode(metrics.snapshot())
    assert [(family.name, family.series[0].value) for family in merged((part, part))] == [
        ("level", 10),
        ("things_total", 4),
    ]
    assert [family.name for family in merged((lasting((part, part)),))] == ["things_total"]
