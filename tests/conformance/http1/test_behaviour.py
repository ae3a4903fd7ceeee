"""What a client and an upstream may expect of the gateway between them, over real sockets."""

import asyncio
from functools import partial

import pytest

from conformance.http1.cases import chunked, get, post
from conformance.http1.event_loops import run
from conformance.http1.gateway import Closed, Gateway, client_of
from conformance.http1.recording_upstream import Received, RecordingUpstream, UpstreamConnection, answer_plainly

pytestmark = pytest.mark.usefixtures("each_event_loop")

GET = get()


def answering(data: bytes) -> RecordingUpstream:
    """An upstream that answers every request with these bytes."""

    def on_request(connection: UpstreamConnection, received: Received) -> None:
        connection.answer(data)

    return RecordingUpstream(on_request)


def closing_after(data: bytes) -> RecordingUpstream:
    """An upstream that sends these bytes and closes."""

    def on_request(connection: UpstreamConnection, received: Received) -> None:
        connection.transport.write(data)
        connection.transport.close()

    return RecordingUpstream(on_request)


def has_received(upstream: RecordingUpstream, size: int) -> bool:
    """True when exactly one request is there, with so many body bytes."""
    return [len(request.body) for request in upstream.requests] == [size]


def hold(connection: UpstreamConnection, received: Received) -> None:
    """The test answers."""


def test_a_connection_serves_many_requests() -> None:
    async def scenario() -> None:
        async with Gateway() as gateway, client_of(gateway) as client:
            for number in range(20):
                client.send(get(line=b"GET /%d HTTP/1.1" % number))
                assert (await client.answer()).body == b"GET /%d 0" % number
            assert len(gateway.server.connections) == 1

    run(scenario())


def test_pipelined_requests_are_answered_in_order_even_when_the_first_is_slow() -> None:
    held: list[UpstreamConnection] = []

    def on_request(connection: UpstreamConnection, received: Received) -> None:
        if received.target == "/slow":
            held.append(connection)
        else:
            answer_plainly(connection, received)

    async def scenario() -> None:
        async with Gateway(RecordingUpstream(on_request)) as gateway, client_of(gateway) as client:
            client.send(get(line=b"GET /slow HTTP/1.1") + get(line=b"GET /quick HTTP/1.1"))
            await gateway.upstream.until(lambda: len(held) == 1)
            assert [request.target for request in gateway.upstream.requests] == ["/slow"]
            held[0].answer(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nslow")
            assert (await client.answer()).body == b"slow"
            assert (await client.answer()).body == b"GET /quick 0"

    run(scenario())


def test_a_chunked_response_arrives_chunk_by_chunk() -> None:
    async def scenario() -> None:
        async with Gateway(RecordingUpstream(hold)) as gateway, client_of(gateway) as client:
            client.send(GET)
            upstream = gateway.upstream
            await upstream.until(lambda: len(upstream.complete) == 1)
            transport = upstream.connections[0].transport
            transport.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            answer = await client.head()
            assert answer.field(b"transfer-encoding") == b"chunked"
            chunks = client.chunks(answer)
            for word in (b"one", b"two", b"three"):
                transport.write(b"%x\r\n%b\r\n" % (len(word), word))
                assert await anext(chunks) == word
            transport.write(b"0\r\n\r\n")
            assert [chunk async for chunk in chunks] == []

    run(scenario())


def test_a_chunked_request_arrives_chunk_by_chunk() -> None:
    async def scenario() -> None:
        async with Gateway() as gateway, client_of(gateway) as client:
            client.send(chunked(b""))
            upstream = gateway.upstream
            for word, total in ((b"one", 3), (b"two", 6), (b"three", 11)):
                client.send(b"%x\r\n%b\r\n" % (len(word), word))
                await upstream.until(partial(has_received, upstream, total))
            client.send(b"0\r\n\r\n")
            assert (await client.answer()).body == b"POST /case 11"

    run(scenario())


def test_a_response_without_framing_is_chunked_for_the_client() -> None:
    async def scenario() -> None:
        upstream = closing_after(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
        async with Gateway(upstream) as gateway, client_of(gateway) as client:
            for _ in range(2):
                client.send(GET)
                answer = await client.answer()
                assert (answer.body, answer.field(b"transfer-encoding")) == (b"until the end", b"chunked")

    run(scenario())


@pytest.mark.parametrize(
    "partial",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
    ],
)
def test_a_response_that_breaks_off_is_never_ended_as_if_it_were_whole(partial: bytes) -> None:
    async def scenario() -> None:
        async with Gateway(closing_after(partial)) as gateway, client_of(gateway) as client:
            client.send(GET)
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError, Closed)):
                await client.answer()

    run(scenario())


@pytest.mark.parametrize(
    ("garbage", "why"),
    [
        (b"not http\r\n\r\n", "no status line"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", "two lengths"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "length and chunked"),
        (b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\n\r\n", "a folded field"),
        (b"HTTP/1.1 200 OK\nx: a\n\n", "bare LF"),
        (b"HTTP/1.1 200 OK\r\nx: \0\r\n\r\n", "NUL"),
        (b"HTTP/1.1 20 OK\r\n\r\n", "a status of two digits"),
        (b"HTTP/2 200\r\n\r\n", "HTTP/2"),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", "101 nobody asked for"),
        (b"", "nothing"),
    ],
)
def test_a_malformed_response_is_a_502(garbage: bytes, why: str) -> None:
    async def scenario() -> None:
        async with Gateway(closing_after(garbage)) as gateway, client_of(gateway) as client:
            client.send(GET)
            assert (await client.answer()).status == 502

    run(scenario())


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
def test_expect_continue_is_answered_before_the_body(framing: str) -> None:
    lines = (b"Expect: 100-continue", b"Content-Length: 5") if framing == "content-length" else (
        b"Expect: 100-continue", b"Transfer-Encoding: chunked")  # fmt: skip

    async def scenario() -> None:
        async with Gateway() as gateway, client_of(gateway) as client:
            client.send(post(*lines))
            assert (await asyncio.wait_for(client.head(), 5)).status == 100
            client.send(b"hello" if framing == "content-length" else b"5\r\nhello\r\n0\r\n\r\n")
            answer = await client.head()
            assert answer.status == 200
            assert gateway.upstream.complete[0].body == b"hello"
            assert gateway.upstream.complete[0].field(b"expect") is None

    run(scenario())


def test_a_refusal_before_the_body_sends_no_100() -> None:
    async def scenario() -> None:
        async with Gateway() as gateway, client_of(gateway) as client:
            client.send(post(b"Expect: 100-continue", b"Content-Length: 5", b"Authorization: a", b"Authorization: b"))
            assert (await client.head()).status == 400

    run(scenario())


def test_interim_responses_are_relayed_and_100_is_not() -> None:
    async def scenario() -> None:
        upstream = answering(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
            b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
        )
        async with Gateway(upstream) as gateway, client_of(gateway) as client:
            client.send(GET)
            heads = [await client.head() for _ in range(3)]
            assert [head.status for head in heads] == [103, 102, 200]
            assert heads[0].field(b"link") == b"</a>"

    run(scenario())


def test_http_1_0_clients_get_no_interim_response() -> None:
    async def scenario() -> None:
        upstream = answering(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        async with Gateway(upstream) as gateway, client_of(gateway) as client:
            client.send(get(line=b"GET / HTTP/1.0"))
            assert (await client.head()).status == 200

    run(scenario())


def test_http_1_0_clients_get_a_stream_that_ends_with_the_connection() -> None:
    async def scenario() -> None:
        upstream = answering(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
        async with Gateway(upstream) as gateway, client_of(gateway) as client:
            client.send(get(b"Connection: keep-alive", line=b"GET / HTTP/1.0"))
            answer = await client.answer()
            assert answer.field(b"transfer-encoding") is None
            assert answer.body == b"ok"

    run(scenario())


@pytest.mark.parametrize(
    ("method", "response", "length"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", b"5"),
        ("HEAD", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", None),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", None),
        ("GET", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", b"5"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\netag: x\r\n\r\n", None),
    ],
)
def test_a_response_without_body_keeps_both_connections(method: str, response: bytes, length: bytes | None) -> None:
    async def scenario() -> None:
        async with Gateway(answering(response)) as gateway, client_of(gateway) as client:
            for _ in range(3):
                client.send(get(line=method.encode() + b" / HTTP/1.1"))
                answer = await client.answer(method)
                assert answer.field(b"content-length") == length
                assert answer.field(b"transfer-encoding") in (None, b"chunked")
            assert len(gateway.upstream.connections) == 1

    run(scenario())


def test_trailers_of_a_response_arrive() -> None:
    async def scenario() -> None:
        upstream = answering(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-sum: 1\r\nconnection: x\r\n\r\n"
        )
        async with Gateway(upstream) as gateway, client_of(gateway) as client:
            client.send(GET)
            answer = await client.answer()
            assert (answer.body, answer.trailers) == (b"ok", [(b"x-sum", b"1")])

    run(scenario())


def test_hop_by_hop_fields_of_a_response_stay_behind() -> None:
    async def scenario() -> None:
        upstream = answering(
            b"HTTP/1.1 200 OK\r\nconnection: x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=9\r\nproxy-authenticate: x\r\n"
            b"x-kept: 1\r\nset-cookie: a=b\r\nset-cookie: c=d\r\ncontent-length: 0\r\n\r\n"
        )
        async with Gateway(upstream) as gateway, client_of(gateway) as client:
            client.send(GET)
            answer = await client.answer()
            names = [name for name, _ in answer.fields]
            assert not {b"x-hop", b"keep-alive", b"proxy-authenticate", b"connection"} & set(names)
            assert names.count(b"set-cookie") == 2
            assert answer.field(b"x-kept") == b"1"

    run(scenario())


def test_an_early_answer_ends_the_upstream_connection_and_reaches_the_client() -> None:
    def on_head(connection: UpstreamConnection, received: Received) -> None:
        connection.transport.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig")

    async def scenario() -> None:
        upstream = RecordingUpstream(hold)
        upstream.on_head = on_head
        async with Gateway(upstream) as gateway, client_of(gateway) as client:
            client.send(post(b"Content-Length: 90000", body=b"x" * 10))
            answer = await client.answer()
            assert (answer.status, answer.body) == (413, b"big")
            await upstream.until(lambda: upstream.connections[0].is_closed)

    run(scenario())


def test_an_idempotent_request_is_sent_again_when_a_pooled_connection_was_stale() -> None:
    def on_request(connection: UpstreamConnection, received: Received) -> None:
        if len(upstream.connections) == 1 and len(connection.requests) == 2:
            connection.transport.abort()
        else:
            answer_plainly(connection, received)

    upstream = RecordingUpstream(on_request)

    async def scenario() -> None:
        async with Gateway(upstream) as gateway, client_of(gateway) as client:
            for _ in range(2):
                client.send(GET)
                assert (await client.answer()).status == 200
            client.send(post(b"Content-Length: 1", body=b"x"))
            assert (await client.answer()).status == 200
            assert len(upstream.connections) == 2

    run(scenario())


def test_a_post_is_never_sent_twice() -> None:
    def on_request(connection: UpstreamConnection, received: Received) -> None:
        if received.method == "POST":
            connection.transport.abort()
        else:
            answer_plainly(connection, received)

    async def scenario() -> None:
        async with Gateway(RecordingUpstream(on_request)) as gateway, client_of(gateway) as client:
            client.send(GET)
            assert (await client.answer()).status == 200
            client.send(post(b"Content-Length: 1", body=b"x"))
            assert (await client.answer()).status == 502
            assert [request.method for request in gateway.upstream.requests] == ["GET", "POST"]

    run(scenario())


def test_an_upstream_that_is_down_is_a_5xx_at_once() -> None:
    async def scenario() -> None:
        async with Gateway() as gateway, client_of(gateway) as client:
            await gateway.upstream.stop()
            client.send(GET)
            assert (await client.answer()).status in (502, 503)
            client.send(GET)
            assert (await client.answer()).status in (502, 503)

    run(scenario())


def test_a_drain_lets_requests_end_and_closes_idle_connections() -> None:
    async def scenario() -> None:
        async with (
            Gateway(RecordingUpstream(hold)) as gateway,
            client_of(gateway) as idle,
            client_of(gateway) as busy,
        ):
            upstream = gateway.upstream
            busy.send(GET)
            await upstream.until(lambda: len(upstream.complete) == 1)
            gateway.server.begin_drain()
            with pytest.raises(Closed):
                await idle.answer()
            with pytest.raises(OSError):  # refused or reset, as the platform says
                await gateway.connect()
            upstream.connections[0].answer(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            answer = await busy.answer()
            assert (answer.body, answer.field(b"connection")) == (b"ok", b"close")
            assert await gateway.server.wait_drained(5) == 0

    run(scenario())


def test_a_drain_breaks_off_what_does_not_end() -> None:
    async def scenario() -> None:
        async with Gateway(RecordingUpstream(hold)) as gateway, client_of(gateway) as client:
            client.send(GET)
            await gateway.upstream.until(lambda: len(gateway.upstream.complete) == 1)
            gateway.server.begin_drain()
            assert await gateway.server.wait_drained(0.01) == 1
            await gateway.upstream.until(lambda: gateway.upstream.connections[0].is_closed)

    run(scenario())
