"""Every clock of both sides, over real sockets with a clock that the test moves on."""

import asyncio

import pytest

from conformance.http1.cases import get, post
from conformance.http1.event_loops import run
from conformance.http1.gateway import LIMITS, Closed, Gateway, RawClient, client_of
from conformance.http1.recording_upstream import Received, RecordingUpstream, UpstreamConnection

pytestmark = pytest.mark.usefixtures("each_event_loop")

GET = get()


def hold(connection: UpstreamConnection, received: Received) -> None:
    """Never answers."""


async def ask_once(client: RawClient) -> None:
    """A whole exchange, so that what was sent before has been read by the gateway."""
    client.send(GET)
    assert (await client.answer()).status == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HT", 408),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", 408),
        (post(b"Content-Length: 10", body=b"half"), 408),
        (post(b"Transfer-Encoding: chunked", body=b"4\r\nha"), 408),
    ],
)
def test_a_request_that_does_not_arrive_in_time_is_a_408(sent: bytes, status: int) -> None:
    async def scenario() -> None:
        async with Gateway() as gateway, client_of(gateway) as client:
            await ask_once(client)
            client.send(sent)
            connection = next(iter(gateway.server.connections))
            while connection._machine.unread == 0 and connection._responder is None:
                await asyncio.sleep(0)
            gateway.sweep()
            gateway.clock.skip(61)
            gateway.sweep()
            assert (await client.answer()).status == status
            with pytest.raises(Closed):
                await client.answer()

    run(scenario())


def test_a_client_that_trickles_its_head_is_cut_off_all_the_same() -> None:
    async def scenario() -> None:
        async with Gateway() as gateway, client_of(gateway) as client:
            await ask_once(client)
            connection = next(iter(gateway.server.connections))
            for byte in b"GET / HTTP/1.1\r\nX: ":
                before = connection._machine.unread
                client.send(bytes([byte]))
                while connection._machine.unread == before:
                    await asyncio.sleep(0)
                gateway.clock.skip(5)
                gateway.sweep()
                if connection not in gateway.server.connections or connection._closing_since is not None:
                    break
            assert (await client.answer()).status == 408

    run(scenario())


def test_an_idle_connection_is_closed_after_keep_alive() -> None:
    async def scenario() -> None:
        async with Gateway() as gateway, client_of(gateway) as client:
            await ask_once(client)
            gateway.clock.skip(LIMITS.keep_alive_s - 1)
            gateway.sweep()
            await ask_once(client)
            gateway.clock.skip(LIMITS.keep_alive_s + 1)
            gateway.sweep()
            with pytest.raises(Closed):
                await client.answer()

    run(scenario())


def test_an_upstream_that_never_answers_is_a_504() -> None:
    async def scenario() -> None:
        async with Gateway(RecordingUpstream(hold)) as gateway, client_of(gateway) as client:
            client.send(GET)
            await gateway.upstream.until(lambda: len(gateway.upstream.complete) == 1)
            gateway.sweep()
            gateway.clock.skip(21)
            gateway.sweep()
            gateway.clock.skip(21)
            gateway.sweep()
            assert (await client.answer()).status == 504
            await gateway.upstream.until(lambda: gateway.upstream.connections[0].is_closed)

    run(scenario())


def test_an_upstream_that_stops_in_mid_stream_breaks_the_response_off() -> None:
    def on_request(connection: UpstreamConnection, received: Received) -> None:
        connection.transport.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n")

    async def scenario() -> None:
        async with Gateway(RecordingUpstream(on_request)) as gateway, client_of(gateway) as client:
            client.send(GET)
            answer = await client.head()
            assert await anext(client.chunks(answer)) == b"half"
            gateway.sweep()
            gateway.clock.skip(21)
            gateway.sweep()
            gateway.clock.skip(21)
            gateway.sweep()
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await client.reader.readexactly(1)

    run(scenario())


def test_an_idle_upstream_connection_is_closed() -> None:
    async def scenario() -> None:
        async with Gateway() as gateway, client_of(gateway) as client:
            await ask_once(client)
            (stats,) = gateway.transport.stats().values()
            assert stats.idle == 1
            gateway.clock.skip(3_600)
            gateway.sweep()
            await gateway.upstream.until(lambda: gateway.upstream.connections[0].is_closed)
            assert gateway.transport.stats() == {}

    run(scenario())
