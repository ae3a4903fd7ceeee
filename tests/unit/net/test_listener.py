"""Listening sockets, on real ones."""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from entresol.core.errors import ConfigError
from entresol.core.http import RequestHead
from entresol.net.limits import Limits
from entresol.net.listener import Listener, bind_socket, serve, split_address, trusted_networks
from entresol.net.server import HttpServer
from entresol.net.tls_server import TlsContexts, TlsSettings
from unit.net.client_side import GET, DrivenHandler, SteppedClock, answering
from unit.net.tls_authority import ca_pem, certificate, chain_pem, client_context, issued, key_pem

CLOSING_GET = b"GET /a HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n\r\n"


def new_server(handler: DrivenHandler | None = None) -> HttpServer:
    return HttpServer(handler or answering(), Limits(), SteppedClock())


def seen_by(server: HttpServer) -> RequestHead:
    assert isinstance(server.handler, DrivenHandler)
    return server.handler.exchanges[-1].request


@asynccontextmanager
async def served(
    server: HttpServer, address: str = "127.0.0.1:0", tls: TlsContexts | None = None
) -> AsyncIterator[tuple[str, int]]:
    """Listen on `address`; where clients connect to."""
    sock = bind_socket(address)
    host, port = ("", 0) if address.startswith("unix:") else sock.getsockname()[:2]
    listening = await serve(asyncio.get_running_loop(), sock, Listener(address, tls), server)
    try:
        yield host, port
    finally:
        listening.close()


async def answer_over(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Send a request that closes; the whole answer."""
    writer.write(CLOSING_GET)
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:65535", ("::1", 65535)),
        ("[::]:8000", ("::", 8000)),
    ],
)
def test_an_address_is_split(address: str, parts: tuple[str, int]) -> None:
    assert split_address(address) == parts


@pytest.mark.parametrize(
    "address", ["8000", "::1:8000", "host", "host:", ":80", "host:http", "host:65536", "h:²", "[::1]"]
)
def test_a_wrong_address_is_named(address: str) -> None:
    with pytest.raises(ConfigError) as fault:
        split_address(address)
    assert fault.value.code == "address_invalid"
    assert address in fault.value.message


def test_trusted_networks_are_checked() -> None:
    assert [str(network) for network in trusted_networks(("10.1.2.3/8", "::1", "unix:"))] == [
        "10.0.0.0/8",
        "::1/128",
        "unix:",
    ]
    with pytest.raises(ConfigError, match="trusted"):
        trusted_networks(("10.0.0.0/33",))


def test_a_taken_port_is_an_error_that_names_it() -> None:
    with bind_socket("127.0.0.1:0") as first:
        first.listen()
        address = f"127.0.0.1:{first.getsockname()[1]}"
        with pytest.raises(ConfigError) as fault:
            bind_socket(address)
        assert fault.value.code == "address_unavailable"
        assert address in fault.value.message


def test_workers_may_share_a_port() -> None:
    with bind_socket("127.0.0.1:0", reuse_port=True) as first:
        first.listen()
        with bind_socket(f"127.0.0.1:{first.getsockname()[1]}", reuse_port=True) as second:
            second.listen()


def test_a_stale_unix_socket_is_replaced_and_a_live_one_is_not(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/s"
    bind_socket(address).close()
    with bind_socket(address) as live:
        live.listen()
        with pytest.raises(ConfigError):
            bind_socket(address)
        assert os.path.exists(f"{tmp_path}/s")


def test_a_file_that_is_no_socket_is_never_removed(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("precious")
    with pytest.raises(ConfigError):
        bind_socket(f"unix:{tmp_path}/s")
    assert (tmp_path / "s").read_text() == "precious"


@pytest.mark.anyio
@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::1]:0"])
async def test_tcp_clients_are_served(address: str) -> None:
    server = new_server()
    async with served(server, address) as (host, port):
        answer = await answer_over(*await asyncio.open_connection(host, port))
    assert answer.endswith(b"\r\n\r\nok")
    connection = seen_by(server).connection
    assert (connection.peer_ip, connection.local_ip, connection.local_port) == (host, host, port)
    assert connection.scheme == "http"


@pytest.mark.anyio
async def test_a_dual_stack_socket_shows_ipv4_clients_as_such() -> None:
    server = new_server()
    async with served(server, "[::]:0") as (_, port):
        await answer_over(*await asyncio.open_connection("127.0.0.1", port))
    assert seen_by(server).connection.peer_ip == "127.0.0.1"


@pytest.mark.anyio
async def test_clients_on_a_unix_socket_are_served(tmp_path: Path) -> None:
    server = new_server()
    async with served(server, f"unix:{tmp_path}/s"):
        answer = await answer_over(*await asyncio.open_unix_connection(f"{tmp_path}/s"))
    assert answer.endswith(b"\r\n\r\nok")
    assert seen_by(server).connection.peer_ip == "unix:"


@pytest.mark.anyio
async def test_draining_stops_accepting() -> None:
    server = new_server()
    async with served(server) as (host, port):
        server.begin_drain()
        await asyncio.sleep(0)
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await asyncio.open_connection(host, port)


def tls_settings() -> TlsSettings:
    leaf = issued("default.test")
    return TlsSettings(
        certificate=chain_pem(leaf), key=key_pem(leaf), client_certificates="optional", client_ca=ca_pem("clients")
    )


@pytest.mark.anyio
async def test_tls_clients_are_served_with_what_the_handshake_told() -> None:
    server = new_server()
    client = client_context(issued("client@users.test", by="clients"))
    async with served(server, tls=TlsContexts(tls_settings(), [certificate("a.test")])) as (host, port):
        streams = await asyncio.open_connection(host, port, ssl=client, server_hostname="a.test")
        assert (await answer_over(*streams)).endswith(b"\r\n\r\nok")
    connection = seen_by(server).connection
    assert connection.scheme == "https"
    assert connection.tls is not None
    assert connection.tls.server_name == "a.test"
    assert connection.tls.client_certificate == connection.tls.client_chain[0]
    assert len(connection.tls.client_chain) == 2


@pytest.mark.anyio
async def test_a_failed_handshake_leaves_the_listener_alive() -> None:
    async with served(new_server(), tls=TlsContexts(TlsSettings(), [certificate("a.test")])) as (host, port):
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await asyncio.open_connection(host, port, ssl=client_context(), server_hostname="b.test")
        streams = await asyncio.open_connection(host, port, ssl=client_context(), server_hostname="a.test")
        assert (await answer_over(*streams)).endswith(b"\r\n\r\nok")


@pytest.mark.anyio
async def test_a_tls_client_on_a_plain_port_is_told_at_once() -> None:
    async with served(new_server()) as (host, port):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"\x16\x03\x01\x00\xa5\x01\x00")
        assert b"tls_on_plain_port" in await reader.read()
        writer.close()


@pytest.mark.anyio
@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
async def test_an_answer_is_readable_while_the_client_still_sends(is_tls: bool) -> None:
    server = new_server(DrivenHandler(on_head=lambda exchange: exchange.answer(b"no", 401)))
    async with served(server, tls=TlsContexts(tls_settings(), []) if is_tls else None) as (host, port):
        name = "default.test" if is_tls else None
        client = client_context() if is_tls else None
        reader, writer = await asyncio.open_connection(host, port, ssl=client, server_hostname=name)
        writer.write(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n")
        for _ in range(30):
            writer.write(b"x" * 100_000)
            await asyncio.sleep(0)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 401")
        assert await reader.readexactly(2) == b"no"
        writer.close()


@pytest.mark.anyio
async def test_a_client_that_goes_away_is_noticed_while_its_request_is_under_way() -> None:
    handler = DrivenHandler()
    server = new_server(handler)
    async with served(server) as address:
        with socket.create_connection(address) as client:
            client.sendall(GET)
            while not handler.exchanges:
                await asyncio.sleep(0)
        while server.connections:
            await asyncio.sleep(0)
    assert handler.exchanges[0].events == ["gone"]
