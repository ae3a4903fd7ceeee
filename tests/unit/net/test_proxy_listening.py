"""Connections that begin with a PROXY protocol header, on real sockets."""

import asyncio
import errno
import logging
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_network
from pathlib import Path

import pytest

from entresol.core.http import Connection
from entresol.net.limits import Limits
from entresol.net.listener import Listener, bind_socket, serve
from entresol.net.proxy_listening import ProxyListening, is_trusted
from entresol.net.server import HttpServer
from entresol.net.tls_server import TlsContexts, TlsSettings
from unit.net.client_side import SteppedClock, answering
from unit.net.tls_authority import certificate, client_context

GET = b"GET /a HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n\r\n"
V1 = b"PROXY TCP4 203.0.113.9 198.51.100.7 40000 443\r\n"
V2 = b"\r\n\r\n\x00\r\nQUIT\n" + struct.pack("!BBH4s4sHH", 0x21, 0x11, 12, bytes(4), b"\x01\x02\x03\x04", 1, 2)
LOCAL = b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"


class Behind:
    """A listener with the PROXY protocol, and what its handler saw."""

    def __init__(self, server: HttpServer, listening: ProxyListening, port: int) -> None:
        self.server = server
        self.listening = listening
        self.port = port

    @property
    def seen(self) -> list[Connection]:
        return [exchange.request.connection for exchange in self.server.handler.exchanges]  # type: ignore[attr-defined]

    async def send(self, *pieces: bytes) -> bytes:
        """Send pieces, each once the one before was taken from the socket; everything that comes back."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            writer.write(piece)
            for _ in range(5):
                await asyncio.sleep(0)
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""
        finally:
            writer.close()


@asynccontextmanager
async def behind_balancer(
    trusted: tuple[str, ...] = ("127.0.0.0/8",), tls: TlsContexts | None = None, limits: Limits | None = None
) -> AsyncIterator[Behind]:
    server = HttpServer(answering(), limits or Limits(), SteppedClock())
    sock = bind_socket("127.0.0.1:0")
    listener = Listener("127.0.0.1:0", tls, proxy_protocol=True, trusted=trusted)
    port = sock.getsockname()[1]
    listening = await serve(asyncio.get_running_loop(), sock, listener, server)
    assert isinstance(listening, ProxyListening)
    try:
        yield Behind(server, listening, port)
    finally:
        listening.close()


@pytest.mark.anyio
@pytest.mark.parametrize("pieces", [(V1 + GET,), (V1, GET), (V1[:3], V1[3:20], V1[20:] + GET)])
async def test_the_header_names_the_client(pieces: tuple[bytes, ...]) -> None:
    async with behind_balancer() as behind:
        assert (await behind.send(*pieces)).endswith(b"\r\n\r\nok")
        assert behind.seen == [Connection("203.0.113.9", 40000, "198.51.100.7", 443)]


@pytest.mark.anyio
async def test_version_2_is_understood() -> None:
    async with behind_balancer() as behind:
        assert (await behind.send(V2 + GET)).endswith(b"\r\n\r\nok")
        assert behind.seen == [Connection("0.0.0.0", 1, "1.2.3.4", 2)]


@pytest.mark.anyio
@pytest.mark.parametrize("header", [LOCAL, b"PROXY UNKNOWN\r\n"])
async def test_a_balancer_that_speaks_for_itself_keeps_its_own_address(header: bytes) -> None:
    async with behind_balancer() as behind:
        assert (await behind.send(header + GET)).endswith(b"\r\n\r\nok")
        assert behind.seen[0].peer_ip == "127.0.0.1"


@pytest.mark.anyio
@pytest.mark.parametrize("data", [GET, b"PROXY TCP4 x\r\n" + GET, b"\x16\x03\x01"])
async def test_a_trusted_peer_without_a_valid_header_is_closed(data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with behind_balancer() as behind:
        with caplog.at_level(logging.WARNING):
            assert await behind.send(data) == b""
        assert behind.seen == []
    assert "closed a connection" in caplog.text


@pytest.mark.anyio
async def test_a_stranger_is_served_but_may_not_say_who_it_is() -> None:
    async with behind_balancer(trusted=("10.0.0.0/8",)) as behind:
        assert (await behind.send(GET)).endswith(b"\r\n\r\nok")
        assert behind.seen[0].peer_ip == "127.0.0.1"
        assert (await behind.send(V1 + GET)).startswith(b"HTTP/1.1 400")
        assert len(behind.seen) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("apart", [True, False])
async def test_tls_begins_after_the_header(apart: bool) -> None:
    contexts = TlsContexts(TlsSettings(), [certificate("a.test")])
    async with behind_balancer(tls=contexts) as behind:
        loop = asyncio.get_running_loop()
        sock = socket.create_connection(("127.0.0.1", behind.port))
        sock.setblocking(False)
        await loop.sock_sendall(sock, V1)
        if apart:
            await asyncio.sleep(0)
        reader, writer = await asyncio.open_connection(sock=sock, ssl=client_context(), server_hostname="a.test")
        writer.write(GET)
        assert (await reader.read()).endswith(b"\r\n\r\nok")
        writer.close()
        (connection,) = behind.seen
        assert (connection.peer_ip, connection.scheme) == ("203.0.113.9", "https")


@pytest.mark.anyio
async def test_a_header_that_does_not_come_ends_the_connection() -> None:
    async with behind_balancer(limits=Limits(tls_handshake_s=0.01)) as behind:
        assert await behind.send(b"PROXY ") == b""


@pytest.mark.anyio
async def test_a_balancer_that_only_looks_is_forgotten() -> None:
    async with behind_balancer() as behind:
        _, writer = await asyncio.open_connection("127.0.0.1", behind.port)
        while not behind.listening._waiting:
            await asyncio.sleep(0)
        writer.close()
        while behind.listening._waiting:
            await asyncio.sleep(0)


@pytest.mark.anyio
async def test_closing_drops_connections_that_have_not_said_who_they_are() -> None:
    async with behind_balancer() as behind:
        reader, writer = await asyncio.open_connection("127.0.0.1", behind.port)
        writer.write(b"PROXY ")
        while not behind.listening._waiting:
            await asyncio.sleep(0)
        behind.server.begin_drain()
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
        assert not behind.listening._waiting


class Exhausted(socket.socket):
    """A socket whose accept finds no file descriptor left."""

    def accept(self) -> tuple[socket.socket, object]:
        raise OSError(errno.EMFILE, "Too many open files")


@pytest.mark.anyio
async def test_accepting_rests_when_there_is_no_descriptor_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    sock = Exhausted(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.bind(f"{tmp_path}/s")
    sock.setblocking(False)
    server = HttpServer(answering(), Limits(), SteppedClock())
    listening = ProxyListening(loop, sock, server, Listener("unix:"), None, (), 1)
    with socket.socket(socket.AF_UNIX) as client, caplog.at_level(logging.ERROR):
        client.connect(f"{tmp_path}/s")
        for _ in range(50):
            await asyncio.sleep(0)
    assert caplog.text.count("cannot accept a connection") == 1
    listening.close()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (("10.1.1.1", 1), True),
        (("11.1.1.1", 1), False),
        (("::ffff:10.1.1.1", 1, 0, 0), True),
        (("::1", 1, 0, 0), True),
        (("fe80::1%eth0", 1, 0, 2), False),
        ("", True),
    ],
)
def test_who_is_trusted(address: object, expected: bool) -> None:
    assert is_trusted(address, (ip_network("10.0.0.0/8"), ip_network("::1"), "unix:")) is expected


def test_a_unix_peer_is_trusted_only_if_said_so() -> None:
    assert not is_trusted("", (ip_network("10.0.0.0/8"),))
