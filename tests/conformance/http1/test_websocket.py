"""WebSocket through the gateway, with a client and a server that are not ours (the `websockets` library)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response

from conformance.http1.cases import SMUGGLED, get
from conformance.http1.event_loops import run
from conformance.http1.gateway import Gateway, client_of, plan_for
from conformance.http1.recording_upstream import RecordingUpstream

pytestmark = pytest.mark.usefixtures("each_event_loop")

UPGRADE = (
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


class Upstream:
    """A WebSocket server: echoes, speaks first on `/hello`, closes on `/close`, refuses `/forbidden`."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.ended: asyncio.Queue[int | None] = asyncio.Queue()

    def process(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        return connection.respond(403, "no\n") if request.path == "/forbidden" else None

    async def serve(self, connection: ServerConnection) -> None:
        path = connection.request.path if connection.request is not None else ""
        try:
            if path == "/hello":
                await connection.send("hello")
            if path == "/close":
                await connection.close(4321, "enough")
            async for message in connection:
                await connection.send(message)
        except ConnectionClosed:
            pass
        await connection.wait_closed()
        self.ended.put_nowait(connection.close_code)


@asynccontextmanager
async def tunnel() -> AsyncIterator[tuple[Gateway, Upstream]]:
    """A gateway in front of a WebSocket server."""
    upstream = Upstream()
    server: Server = await serve(upstream.serve, "127.0.0.1", 0, process_request=upstream.process, max_size=None)
    port = next(iter(server.sockets)).getsockname()[1]
    try:
        async with Gateway(RecordingUpstream()) as gateway:
            gateway.floor.plan = plan_for(port, gateway.clock)
            yield gateway, upstream
    finally:
        server.close()
        await server.wait_closed()


def client(gateway: Gateway, path: str = "/") -> connect:
    """A client connection through the gateway."""
    return connect(f"ws://127.0.0.1:{gateway.port}{path}", max_size=None, proxy=None)


async def echo(connection: ClientConnection, message: str | bytes) -> None:
    await connection.send(message)
    assert await asyncio.wait_for(connection.recv(), 5) == message


def test_messages_of_all_sizes_go_both_ways() -> None:
    async def scenario() -> None:
        async with tunnel() as (gateway, upstream), client(gateway, "/chat?a=b") as connection:
            for size in (0, 1, 125, 126, 65_535, 65_536, 1_000_000):
                await echo(connection, b"x" * size)
            await echo(connection, "text ü")
            assert upstream.requests[0].path == "/chat?a=b"
            assert upstream.requests[0].headers["x-real-ip"] == "127.0.0.1"

    run(scenario())


def test_the_upstream_may_speak_first() -> None:
    async def scenario() -> None:
        async with tunnel() as (gateway, _), client(gateway, "/hello") as connection:
            assert await asyncio.wait_for(connection.recv(), 5) == "hello"

    run(scenario())


def test_a_close_by_the_client_reaches_the_upstream() -> None:
    async def scenario() -> None:
        async with tunnel() as (gateway, upstream):
            async with client(gateway) as connection:
                await echo(connection, "a")
                await connection.close(4000, "done")
            assert await asyncio.wait_for(upstream.ended.get(), 5) == 4000

    run(scenario())


def test_a_close_by_the_upstream_reaches_the_client() -> None:
    async def scenario() -> None:
        async with tunnel() as (gateway, _), client(gateway, "/close") as connection:
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(connection.recv(), 5)
            assert (connection.close_code, connection.close_reason) == (4321, "enough")

    run(scenario())


def test_a_client_that_vanishes_ends_the_upstream() -> None:
    async def scenario() -> None:
        async with tunnel() as (gateway, upstream):
            async with client(gateway) as connection:
                await echo(connection, "a")
                connection.transport.abort()
                assert await asyncio.wait_for(upstream.ended.get(), 5) == 1006
            assert not gateway.transport.active

    run(scenario())


def test_a_refused_upgrade_arrives_as_the_answer_it_is() -> None:
    async def scenario() -> None:
        async with tunnel() as (gateway, _):
            with pytest.raises(InvalidStatus) as refused:
                await client(gateway, "/forbidden")
            assert refused.value.response.status_code == 403

    run(scenario())


def test_after_a_refused_upgrade_the_connection_is_no_tunnel() -> None:
    """Bytes behind the upgrade are requests like any other: they do not reach the upstream raw."""

    async def scenario() -> None:
        async with Gateway() as gateway, client_of(gateway) as connection:
            connection.send(get(*UPGRADE) + get(b"Authorization: a", b"Authorization: b") + SMUGGLED)
            assert (await connection.answer()).status == 200
            assert (await connection.answer()).status == 400
            gateway.upstream.check_soundness()
            assert [request.target for request in gateway.upstream.requests] == ["/case"]

    run(scenario())


def test_bytes_sent_before_the_101_wait_for_it() -> None:
    """Whether the upstream switches is not known yet: what follows the head must not reach it until it has."""

    async def scenario() -> None:
        upstream = RecordingUpstream(lambda connection, received: None)
        async with Gateway(upstream) as gateway, client_of(gateway) as connection:
            connection.send(get(*UPGRADE) + SMUGGLED)
            await upstream.until(lambda: len(upstream.requests) == 1)
            assert b"smuggled" not in bytes(upstream.connections[0].raw)
            upstream.connections[0].answer(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
            assert (await connection.answer()).status == 403
            await upstream.until(lambda: any("smuggled" in request.target for request in upstream.requests))
            smuggled = next(request for request in upstream.requests if "smuggled" in request.target)
            assert smuggled.field(b"x-real-ip") == b"127.0.0.1"  # it went through the gateway like any request

    run(scenario())


def test_many_tunnels_keep_apart() -> None:
    async def scenario() -> None:
        async with tunnel() as (gateway, _):

            async def one(number: int) -> None:
                async with client(gateway) as connection:
                    for step in range(20):
                        await echo(connection, f"{number}-{step}")

            await asyncio.gather(*(one(number) for number in range(30)))

    run(scenario())
