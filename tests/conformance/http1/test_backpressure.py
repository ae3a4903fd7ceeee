"""A slow side holds the fast side back: what the gateway keeps in memory is bounded, whatever is on offer."""

import asyncio
import resource
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.http1.cases import get
from conformance.http1.event_loops import run
from conformance.http1.gateway import Gateway, client_of
from conformance.http1.recording_upstream import Received, RecordingUpstream, UpstreamConnection
from entresol.net.limits import Limits

pytestmark = pytest.mark.usefixtures("each_event_loop")

OFFERED = 200 * 1024 * 1024
"""What the fast side would send."""
PIECE = b"x" * 65_536
BOUND = 4 * 1024 * 1024
"""What may be held for one connection in all buffers of the process; the kernel's come on top."""
UNLIMITED = Limits(max_body=0)


def memory_bytes() -> int:
    """Resident memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


async def settled(count: Callable[[], int]) -> int:
    """The count once the loop has turned two hundred times without changing it."""
    last, same = -1, 0
    while same < 200:
        await asyncio.sleep(0)
        now = count()
        last, same = now, same + 1 if now == last else 0
    return last


class Producer:
    """An upstream that sends as fast as its socket takes, up to OFFERED bytes."""

    def __init__(self) -> None:
        self.sent = 0
        self.upstream = RecordingUpstream(self.on_request)
        self.tasks: list[asyncio.Task[None]] = []

    def on_request(self, connection: UpstreamConnection, received: Received) -> None:
        sock = connection.transport.get_extra_info("socket")
        assert sock is not None
        connection.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % OFFERED)
        connection.transport.set_write_buffer_limits(high=0)
        self.tasks.append(asyncio.get_running_loop().create_task(self._produce(connection)))

    async def _produce(self, connection: UpstreamConnection) -> None:
        transport = connection.transport
        while self.sent < OFFERED and not transport.is_closing():
            if transport.get_write_buffer_size():
                await asyncio.sleep(0)
                continue
            transport.write(PIECE)
            self.sent += len(PIECE)


def test_a_reader_that_stalls_stops_the_upstream() -> None:
    async def scenario() -> None:
        producer = Producer()
        async with Gateway(producer.upstream) as gateway:
            with socket.socket() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
                client.setblocking(False)
                loop = asyncio.get_running_loop()
                await loop.sock_connect(client, ("127.0.0.1", gateway.port))
                before = memory_bytes()
                await loop.sock_sendall(client, get())
                await asyncio.wait_for(loop.sock_recv(client, 1000), 5)
                stalled = await asyncio.wait_for(settled(lambda: producer.sent), 20)
                assert stalled < OFFERED / 4  # sockets hold some megabytes, the gateway next to nothing
                (connection,) = gateway.server.connections
                transport = connection._transport
                assert transport is not None
                assert transport.get_write_buffer_size() <= BOUND
                assert connection.is_write_blocked
                assert memory_bytes() - before < BOUND * 4
                # and it goes on where it stopped
                taken = 0
                while taken < 8 * 1024 * 1024:
                    taken += len(await asyncio.wait_for(loop.sock_recv(client, 1 << 20), 5))
                await asyncio.sleep(0)
                assert producer.sent > stalled
            for task in producer.tasks:
                task.cancel()

    run(scenario())


def test_a_reader_that_takes_all_gets_all() -> None:
    async def scenario() -> None:
        producer = Producer()
        async with Gateway(producer.upstream) as gateway, client_of(gateway) as client:
            client.send(get())
            answer = await client.head()
            assert answer.field(b"content-length") == b"%d" % OFFERED
            left = OFFERED
            before = memory_bytes()
            while left:
                left -= len(await client.reader.readexactly(min(left, 1 << 20)))
            assert memory_bytes() - before < 64 * 1024 * 1024
            await asyncio.gather(*producer.tasks)

    run(scenario())


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
def test_an_upstream_that_does_not_read_stops_the_client(framing: str) -> None:
    async def scenario() -> None:
        upstream = RecordingUpstream()
        upstream.on_head = lambda connection, received: connection.transport.pause_reading()
        async with Gateway(upstream, UNLIMITED) as gateway, client_of(gateway) as client:
            before = memory_bytes()
            head = b"Content-Length: %d" % OFFERED if framing == "content-length" else b"Transfer-Encoding: chunked"
            client.send(b"POST /up HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n\r\n")
            transport = client.writer.transport
            transport.set_write_buffer_limits(high=0)
            sent = 0

            async def produce() -> None:
                nonlocal sent
                while sent < OFFERED and not transport.is_closing():
                    if transport.get_write_buffer_size():
                        await asyncio.sleep(0)
                        continue
                    client.send(PIECE if framing == "content-length" else b"10000\r\n" + PIECE + b"\r\n")
                    sent += len(PIECE)

            task = asyncio.get_running_loop().create_task(produce())
            await upstream.until(lambda: len(upstream.requests) == 1)
            stalled = await asyncio.wait_for(settled(lambda: sent), 20)
            assert stalled < OFFERED / 4
            (connection,) = gateway.server.connections
            assert connection._is_reading_paused
            assert memory_bytes() - before < BOUND * 4
            upstream.connections[0].transport.resume_reading()
            await upstream.until(lambda: len(upstream.requests[0].body) > 8 * 1024 * 1024, 20)
            assert sent > stalled
            task.cancel()

    run(scenario())


def test_a_client_that_stops_reading_does_not_slow_others() -> None:
    async def scenario() -> None:
        producer = Producer()
        async with Gateway(producer.upstream) as gateway:
            stalled = await gateway.connect()
            stalled.reader._limit = 65_536  # type: ignore[attr-defined]  # the reader then stops reading its socket
            stalled.send(get())
            await producer.upstream.until(lambda: len(producer.upstream.complete) == 1)
            await asyncio.wait_for(settled(lambda: producer.sent), 20)
            async with client_of(gateway) as other:
                other.send(get())
                head = await asyncio.wait_for(other.head(), 5)
                assert head.status == 200
                assert len(await asyncio.wait_for(other.reader.readexactly(1 << 20), 5)) == 1 << 20
            stalled.reset()
            for task in producer.tasks:
                task.cancel()

    run(scenario())


def test_a_client_that_disconnects_cancels_the_upstream_at_once() -> None:
    async def scenario() -> None:
        producer = Producer()
        async with Gateway(producer.upstream) as gateway:
            client = await gateway.connect()
            client.send(get())
            await client.head()
            client.reset()
            upstream = producer.upstream
            await upstream.until(lambda: upstream.connections[0].is_closed)
            assert producer.sent < OFFERED
            assert not gateway.transport.active
            for task in producer.tasks:
                task.cancel()

    run(scenario())


def test_pipelined_requests_beyond_the_limit_wait_in_the_kernel() -> None:
    async def scenario() -> None:
        upstream = RecordingUpstream(lambda connection, received: None)
        async with Gateway(upstream) as gateway, client_of(gateway) as client:
            client.send(get())
            await upstream.until(lambda: len(upstream.complete) == 1)
            client.send(get() * 200_000)
            (connection,) = gateway.server.connections

            def unread() -> int:
                return connection._machine.unread

            assert await asyncio.wait_for(settled(unread), 20) < BOUND
            assert connection._is_reading_paused
            client.reset()

    run(scenario())
