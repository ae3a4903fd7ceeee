"""Opening connections: every address gets its chance, no half-open connection is left behind."""

import asyncio
import errno
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from entresol.core.errors import GatewayError
from entresol.core.http import Origin
from entresol.net.dial import Dialer
from entresol.net.dns import Resolver
from unit.net.scripted_upstream import ManualClock, Peer, running


class Protocol(asyncio.Protocol):
    def __init__(self) -> None:
        self.transport: asyncio.BaseTransport | None = None
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()

    def close(self) -> None:
        assert self.transport is not None
        self.transport.close()

    @property
    def peer_address(self) -> str:
        assert self.transport is not None
        return str(self.transport.get_extra_info("peername")[0])


class Network:
    """The event loop's way to connect, with addresses at which strange things happen."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.deaf: set[str] = set()
        self.started: list[str] = []
        self.stopped: list[str] = []
        self.barrier: asyncio.Barrier | None = None
        self.error: OSError | None = None

    def create_task(self, work: Coroutine[Any, Any, Protocol]) -> asyncio.Task[Protocol]:
        return self.loop.create_task(work)

    async def create_connection(
        self, make_protocol: Callable[[], Protocol], host: str, port: int, **options: Any
    ) -> tuple[asyncio.BaseTransport, Protocol]:
        if self.error is not None:
            raise self.error
        self.started.append(host)
        try:
            if host in self.deaf:
                await asyncio.Event().wait()
            made = await self.loop.create_connection(make_protocol, host, port, **options)
            if self.barrier is not None:
                await self.barrier.wait()
        except asyncio.CancelledError:
            self.stopped.append(host)
            raise
        return made


class Dialling:
    """A dialer whose resolver answers what the test wants. Nobody listens on 127.0.0.2 and the like."""

    def __init__(self, *addresses: str) -> None:
        self.asked = 0
        self.addresses = addresses
        self.network = Network()
        loop = cast("asyncio.AbstractEventLoop", self.network)
        self.resolver = Resolver(self.network.loop, ManualClock(), lookup=self.lookup)
        self.dialer = Dialer(loop, self.resolver, attempt_delay_s=0.001)
        self.made: list[Protocol] = []

    async def lookup(self, name: str) -> list[str]:
        self.asked += 1
        return list(self.addresses)

    def make_protocol(self) -> Protocol:
        protocol = Protocol()
        self.made.append(protocol)
        return protocol

    async def dial(self, port: int) -> Protocol:
        return await self.dialer.dial(Origin("http", "backend.test", port), self.make_protocol)


async def stay(peer: Peer) -> None:
    await peer.until_closed()


@pytest.mark.anyio
async def test_the_only_address_is_used() -> None:
    async with running(stay) as upstream:
        protocol = await Dialling("127.0.0.1").dial(upstream.origin.port)
        assert protocol.peer_address == "127.0.0.1"
        protocol.close()
        await protocol.lost.wait()


@pytest.mark.anyio
async def test_the_next_address_is_tried_when_one_refuses() -> None:
    async with running(stay) as upstream:
        protocol = await Dialling("127.0.0.2", "127.0.0.3", "127.0.0.1").dial(upstream.origin.port)
        assert protocol.peer_address == "127.0.0.1"
        protocol.close()
        await protocol.lost.wait()


@pytest.mark.anyio
async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    async with running(stay) as upstream:
        dialling = Dialling("127.0.0.2", "127.0.0.1")
        dialling.network.deaf = {"127.0.0.2"}
        protocol = await dialling.dial(upstream.origin.port)
        assert protocol.peer_address == "127.0.0.1"
        await asyncio.sleep(0)
        assert dialling.network.stopped == ["127.0.0.2"]
        protocol.close()
        await protocol.lost.wait()


@pytest.mark.anyio
async def test_the_first_failure_is_reported_when_all_fail_and_the_name_is_asked_again() -> None:
    async with running(stay) as upstream:
        port = upstream.origin.port
    dialling = Dialling("127.0.0.2", "127.0.0.3")
    for _ in range(2):
        with pytest.raises(GatewayError) as caught:
            await dialling.dial(port)
        assert caught.value.code == "upstream_connect_refused"
        assert f"backend.test:{port}" in caught.value.message
    await asyncio.sleep(0)
    assert dialling.asked == 2


@pytest.mark.anyio
async def test_giving_up_stops_every_attempt() -> None:
    dialling = Dialling("127.0.0.2", "127.0.0.3")
    network = dialling.network
    network.deaf = {"127.0.0.2", "127.0.0.3"}
    dial = asyncio.create_task(dialling.dial(80))
    async with asyncio.timeout(10):
        while len(network.started) < 2:
            await asyncio.sleep(0)
    dial.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dial
    await asyncio.sleep(0)
    assert sorted(network.stopped) == ["127.0.0.2", "127.0.0.3"]


@pytest.mark.anyio
async def test_two_that_connect_at_once_leave_one_connection() -> None:
    async def open_to_all(port: int) -> asyncio.Server:
        return await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.4", port)

    async with running(stay) as upstream:
        port = upstream.origin.port
        async with await open_to_all(port):
            dialling = Dialling("127.0.0.1", "127.0.0.4")
            dialling.network.barrier = asyncio.Barrier(2)
            winner = await dialling.dial(port)
            assert len(dialling.made) == 2
            (loser,) = [protocol for protocol in dialling.made if protocol is not winner]
            await asyncio.wait_for(loser.lost.wait(), 10)
            winner.close()
            await winner.lost.wait()


@pytest.mark.anyio
async def test_the_system_error_is_named() -> None:
    dialling = Dialling("127.0.0.1")
    dialling.network.error = OSError(errno.EHOSTUNREACH, "No route to host")
    with pytest.raises(GatewayError) as caught:
        await dialling.dial(80)
    assert (caught.value.code, caught.value.status) == ("upstream_connect_failed", 502)
    assert "EHOSTUNREACH" in caught.value.message
