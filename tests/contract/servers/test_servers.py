"""One contract for every way to serve the gateway: the own server, uvicorn, hypercorn (HTTP/1.1, HTTP/2), granian."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from conformance.http1.recording_upstream import Received, RecordingUpstream, UpstreamConnection
from contract.servers.contract_handler import CHUNK
from contract.servers.server_process import COMMANDS, free_port, running


class Server:
    """A running server and how to speak to it."""

    def __init__(self, name: str, port: int, upstream_port: int) -> None:
        self.name = name
        self.upstream_port = upstream_port
        self.port = port
        self.version = "2" if name.endswith("h2") else "1.1"

    def client(self) -> httpx.AsyncClient:
        """A client whose reads fail after ten seconds, so that a hanging server is a failure."""
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}", http1=self.version == "1.1", http2=self.version == "2", timeout=10
        )


@pytest.fixture(scope="module", params=list(COMMANDS))
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    upstream_port = free_port()
    with running(request.param, tmp_path_factory.mktemp("server") / "log", upstream_port) as port:
        yield Server(request.param, port, upstream_port)


def raw_exchange(port: int, data: bytes) -> bytes:
    """Send bytes, read until the server closes."""
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(data)
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_a_plain_request_arrives_with_its_parts(server: Server) -> None:
    async def scenario() -> None:
        async with server.client() as client:
            fields = [("X-Seen", "a"), ("X-Seen", "b")]
            answer = await client.get("/plain/a%2Fb?x=%41&y=", headers=fields)
            assert answer.status_code == 200
            assert answer.headers.get_list("x-answer") == ["1", "2"]
            assert answer.json() == {
                "method": "GET",
                "path": "/plain/a%2Fb",
                "query": "x=%41&y=",
                "version": server.version,
                "host": f"127.0.0.1:{server.port}",
                "fields": ["a", "b"],
                "peer": "127.0.0.1",
                "scheme": "http",
            }

    asyncio.run(scenario())


def test_a_streamed_response_arrives_piece_by_piece(server: Server) -> None:
    async def scenario() -> None:
        async with server.client() as client, client.stream("GET", "/stream?id=pieces") as answer:
            pieces = answer.aiter_raw()
            assert await anext(pieces) == b"data: first\n\n"
            await client.get("/release?id=pieces&step=next")
            assert await anext(pieces) == b"data: next\n\n"
            await client.get("/release?id=pieces&step=end")
            assert b"".join([piece async for piece in pieces]) == b"data: last\n\n"

    asyncio.run(scenario())


def test_a_streamed_request_body_arrives_piece_by_piece(server: Server) -> None:
    async def scenario() -> None:
        async with server.client() as client, server.client() as observer:

            async def body() -> AsyncIterator[bytes]:
                for count in (1, 2, 3):
                    yield b"x" * 1000
                    await observer.get(f"/wait?of=pieces-{server.name}&for={count * 1000}")

            answer = await client.post(f"/upload?id=pieces-{server.name}", content=body())
            assert answer.text == "3000"

    asyncio.run(scenario())


@pytest.mark.parametrize("size", [1, 65_536, 5_000_001])
def test_a_large_request_body_arrives_whole(server: Server, size: int) -> None:
    async def scenario() -> None:
        async with server.client() as client:
            answer = await client.post(f"/upload?id=large-{size}", content=b"x" * size)
            assert answer.text == str(size)

    asyncio.run(scenario())


@pytest.mark.parametrize("form", ["", "&stream=1"])
def test_a_large_response_arrives_whole(server: Server, form: str) -> None:
    async def scenario() -> None:
        async with server.client() as client:
            answer = await client.get(f"/large?id=whole&count=100{form}")
            assert answer.content == CHUNK * 100

    asyncio.run(scenario())


def test_a_client_that_does_not_read_stops_the_producer(server: Server) -> None:
    """400 MB are on offer; what was produced must stop growing far below that, and the rest still arrives on demand."""

    async def scenario() -> None:
        async with (
            server.client() as observer,
            server.client() as client,
            client.stream("GET", "/large?id=stall&count=6400&stream=1") as answer,
        ):
            pieces = answer.aiter_raw()
            await anext(pieces)
            produced = await settled(observer)
            assert produced < 640
            for _ in range(2000):
                await anext(pieces)
            assert int((await observer.get("/sent?of=stall")).text) > produced

    async def settled(observer: httpx.AsyncClient) -> int:
        """The count once twenty questions in a row have had the same answer."""
        last, same = -1, 0
        while same < 20:
            count = int((await observer.get("/sent?of=stall")).text)
            same = same + 1 if count == last else 0
            last = count
        return last

    asyncio.run(scenario())


@pytest.mark.parametrize("status", [400, 401, 404, 413, 429, 500, 503])
def test_an_error_answer_arrives_with_its_fields(server: Server, status: int) -> None:
    async def scenario() -> None:
        async with server.client() as client:
            answer = await client.get(f"/status?status={status}")
            assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (status, "refused", "7")

    asyncio.run(scenario())


def test_a_required_upgrade_is_named_where_the_protocol_has_the_field(server: Server) -> None:
    """RFC 9110 §15.5.22; RFC 9113 §8.2.2 forbids it in HTTP/2."""

    async def scenario() -> None:
        async with server.client() as client:
            for _ in range(2):  # the connection goes on
                answer = await client.get("/upgrade")
                assert (answer.status_code, answer.text) == (426, "refused")
                assert answer.headers.get("upgrade") == ("TLS/1.2, HTTP/1.1" if server.version == "1.1" else None)
                assert ("upgrade" in answer.headers.get("connection", "").lower()) == (server.version == "1.1")

    asyncio.run(scenario())


def test_a_fault_in_the_handler_is_a_500_without_details(server: Server) -> None:
    async def scenario() -> None:
        async with server.client() as client:
            answer = await client.get("/fail")
            assert answer.status_code == 500
            assert answer.json() == {"message": "An unexpected error occurred", "code": "internal_error"}

    asyncio.run(scenario())


def test_a_client_that_leaves_is_noticed_at_once(server: Server) -> None:
    async def scenario() -> None:
        async with server.client() as observer:
            async with server.client() as client, client.stream("GET", "/stream?id=leaver") as answer:
                await anext(answer.aiter_raw())
            assert (await observer.get("/wait?of=leaver&for=gone")).status_code == 200

    asyncio.run(scenario())


def test_a_client_that_leaves_cancels_the_upstream_at_once(server: Server) -> None:
    def on_request(connection: UpstreamConnection, received: Received) -> None:
        connection.transport.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")

    async def scenario() -> None:
        upstream = RecordingUpstream(on_request)
        await upstream.start(server.upstream_port)
        async with server.client() as client, client.stream("POST", "/forward/x", content=b"body") as answer:
            assert await anext(answer.aiter_raw()) == b"first"
        await upstream.until(lambda: upstream.connections[0].is_closed)
        assert [(request.target, request.body) for request in upstream.complete] == [("/forward/x", b"body")]
        await upstream.stop()

    asyncio.run(scenario())


def test_a_websocket_is_refused_where_it_cannot_be_served(server: Server) -> None:
    if server.name == "own" or server.version == "2":
        pytest.skip("the own server tunnels WebSocket (tests/conformance); the HTTP/2 client opens none")
    message = (
        b"GET /plain HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), 10) as client:
        client.sendall(message)
        assert client.recv(65536)[:12] in (b"HTTP/1.1 501", b"HTTP/1.1 403")


def test_a_response_that_breaks_off_is_never_taken_for_a_whole_one(server: Server) -> None:
    async def scenario() -> None:
        async with server.client() as client, client.stream("GET", "/stream?id=broken") as answer:
            pieces = answer.aiter_raw()
            await anext(pieces)
            async with server.client() as other:
                await other.get("/release?id=broken&step=break")
            with pytest.raises(httpx.HTTPError):
                await anext(pieces)

    asyncio.run(scenario())


def test_a_repeated_authorization_field_is_refused(server: Server) -> None:
    async def scenario() -> None:
        async with server.client() as client:
            answer = await client.get("/plain", headers=[("Authorization", "Bearer a"), ("Authorization", "Bearer b")])
            assert answer.status_code == 400
            assert answer.json()["code"] == "header_repeated"

    asyncio.run(scenario())


def test_head_has_the_length_and_no_body(server: Server) -> None:
    async def scenario() -> None:
        async with server.client() as client:
            answer = await client.head("/status?status=200")
            assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "7", b"")
            assert (await client.get("/status?status=200")).text == "refused"

    asyncio.run(scenario())


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_body_leaves_the_connection_usable(server: Server, status: int) -> None:
    async def scenario() -> None:
        async with server.client() as client:
            answer = await client.get(f"/status?status={status}")
            assert (answer.status_code, answer.content) == (status, b"")
            assert "transfer-encoding" not in answer.headers
            assert (await client.get("/status?status=200")).text == "refused"

    asyncio.run(scenario())


def test_content_length_with_transfer_encoding_is_refused_or_ends_the_connection(server: Server) -> None:
    """RFC 9112 §6.1: refuse, or read by Transfer-Encoding alone and close. hyper (granian) does the latter and hides
    the Content-Length from the application."""
    if server.version == "2":
        pytest.skip("HTTP/2 has no Transfer-Encoding")
    message = b"POST /upload?id=both HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = raw_exchange(server.port, message + b"0\r\n\r\nGET /plain HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1
    if server.name == "granian":
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in answer
    else:
        assert answer.startswith(b"HTTP/1.1 400")


def test_expect_continue_is_answered_when_the_body_is_asked_for(server: Server) -> None:
    if server.version == "2":
        pytest.skip("HTTP/2 clients send no Expect: 100-continue here")
    head = b"POST /upload?id=expect HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), 10) as client:
        client.sendall(head)
        assert client.recv(65536).startswith(b"HTTP/1.1 100")
        client.sendall(b"abc")
        assert client.recv(65536).startswith(b"HTTP/1.1 200")


def test_many_requests_at_once_each_get_their_own_answer(server: Server) -> None:
    async def scenario() -> None:
        async with server.client() as client:

            async def one(number: int) -> None:
                answer = await client.get(f"/plain/{number}", headers={"x-seen": str(number)})
                assert (answer.json()["path"], answer.json()["fields"]) == (f"/plain/{number}", [str(number)])

            await asyncio.gather(*(one(number) for number in range(200)))

    asyncio.run(scenario())
