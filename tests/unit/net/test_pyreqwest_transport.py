"""PyreqwestTransport keeps the same contract as Http1Transport, and adds HTTP/2 and forward proxies."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import cast

import h2.config
import h2.connection
import h2.events
import pytest
import trustme

from entresol.core.http import Origin, TlsClient
from entresol.net.dns import Resolver
from entresol.net.pyreqwest_transport import PyreqwestOptions, PyreqwestTransport
from unit.net.scripted_upstream import ManualClock, Peer, Recorder, request_to, running
from unit.net.transport_contract import SweptTransport, TransportContract

CA = trustme.CA()
TRUSTED = TlsClient(ca_pem=CA.cert_pem.bytes().decode())


class TestPyreqwestTransportContract(TransportContract):
    added_fields = (b"user-agent", b"accept")
    closes_unanswered_calls = False  # pyreqwest 0.15 goes on waiting, unheard, up to its read timeout

    def make(self, clock: ManualClock) -> SweptTransport:
        return PyreqwestTransport(asyncio.get_running_loop(), clock)

    async def stopped(self, transport: SweptTransport) -> None:
        transport.close()
        await cast("PyreqwestTransport", transport).wait_closed()


@contextlib.asynccontextmanager
async def transport_with(
    options: PyreqwestOptions | None = None, guarded: bool = False
) -> AsyncIterator[PyreqwestTransport]:
    loop, clock = asyncio.get_running_loop(), ManualClock()
    resolver = Resolver(loop, clock, address_guard=lambda _: False) if guarded else None
    transport = PyreqwestTransport(loop, clock, resolver, options)
    try:
        yield transport
    finally:
        transport.close()
        await transport.wait_closed()


async def serve_http2(peer: Peer) -> None:
    """A small HTTP/2 server: answers every request with its path and protocol."""
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
    connection.initiate_connection()
    await peer.send(connection.data_to_send())
    while data := await peer.reader.read(65536):
        for event in connection.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                fields = {str(name): str(value) for name, value in event.headers or []}
                path = fields[":path"].encode()
                assert event.stream_id is not None
                connection.send_headers(event.stream_id, [(":status", "200"), ("x-authority", fields[":authority"])])
                connection.send_data(event.stream_id, path, end_stream=True)
        await peer.send(connection.data_to_send())


@pytest.mark.anyio
async def test_http2_is_spoken_where_the_upstream_offers_it() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CA.issue_cert("127.0.0.1").configure_cert(context)
    context.set_alpn_protocols(["h2"])
    async with running(serve_http2, context) as upstream, transport_with() as transport:
        origin = Origin("https", "127.0.0.1", upstream.origin.port, tls=TRUSTED)
        recorders = [Recorder() for _ in range(20)]
        for number, recorder in enumerate(recorders):
            transport.send(request_to(origin, target=f"/{number}"), b"", True, recorder)
            if number == 0:
                await recorder.finished()
        for number, recorder in enumerate(recorders):
            await recorder.finished()
            assert (recorder.body, recorder.error) == (b"/%d" % number, None)
        assert upstream.connections == 1, "one connection carries all"


@pytest.mark.anyio
async def test_http2_without_tls_when_it_is_known() -> None:
    options = PyreqwestOptions(http2_prior_knowledge=True)
    async with running(serve_http2) as upstream, transport_with(options) as transport:
        recorder = Recorder()
        transport.send(request_to(upstream.origin, target="/x"), b"", True, recorder)
        await recorder.finished()
        assert recorder.body == b"/x"
        assert recorder.heads[0].headers.get(b"x-authority") == upstream.origin.authority.encode()


@pytest.mark.anyio
async def test_calls_go_through_the_forward_proxy() -> None:
    seen: list[bytes] = []

    async def proxy(peer: Peer) -> None:
        seen.append(await peer.answer(b"by proxy"))

    async with running(proxy) as upstream:
        url = f"http://user:secret@127.0.0.1:{upstream.origin.port}"
        options = PyreqwestOptions(proxy_url=url)
        assert "secret" not in repr(options)
        async with transport_with(options) as transport:
            recorder = Recorder()
            transport.send(request_to(Origin("http", "api.example.test", 8080), target="/v1"), b"", True, recorder)
            await recorder.finished()
    assert recorder.body == b"by proxy"
    assert seen[0].startswith(b"GET http://api.example.test:8080/v1 HTTP/1.1\r\n")
    assert b"proxy-authorization: Basic dXNlcjpzZWNyZXQ=" in seen[0]


@pytest.mark.anyio
async def test_an_untrusted_certificate_is_refused() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    async def script(peer: Peer) -> None:
        await peer.answer()

    async with running(script, context) as upstream, transport_with() as transport:
        recorder = Recorder()
        origin = Origin("https", "127.0.0.1", upstream.origin.port, tls=TRUSTED)
        transport.send(request_to(origin), b"", True, recorder)
        await recorder.finished()
        assert recorder.code == "upstream_tls_failed"


@pytest.mark.anyio
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_the_guard_of_the_resolver_is_binding(host: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.answer()

    async with running(script) as upstream, transport_with(guarded=True) as transport:
        recorder = Recorder()
        transport.send(request_to(Origin("http", host, upstream.origin.port)), b"", True, recorder)
        await recorder.finished()
        assert (recorder.code, upstream.connections) == ("upstream_address_refused", 0)


@pytest.mark.anyio
@pytest.mark.parametrize("target", ["/a/../admin", "/%2e%2e/admin", "/a/./b", "/a#b", "/a\\b", "/a?b='"])
async def test_a_path_that_would_change_on_the_way_is_refused(target: str) -> None:
    async with transport_with() as transport:
        recorder = Recorder()
        transport.send(request_to(Origin("http", "127.0.0.1", 9), target=target), b"", True, recorder)
        await recorder.finished()
        assert recorder.code == "request_not_sendable"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("origin", "upgrade"),
    [(Origin("http", "a.test", 80), b"websocket"), (Origin("http", "a.test", 80, unix_path="/run/x"), None)],
)
async def test_what_this_transport_cannot_do_is_said(origin: Origin, upgrade: bytes | None) -> None:
    async with transport_with() as transport:
        recorder = Recorder()
        transport.send(request_to(origin, upgrade=upgrade), b"", True, recorder)
        await recorder.finished()
        assert recorder.code == "upstream_unsupported"


@pytest.mark.anyio
async def test_both_framings_in_one_response_are_refused() -> None:
    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n")
        await peer.until_closed()

    async with running(script) as upstream, transport_with() as transport:
        recorder = Recorder()
        transport.send(request_to(upstream.origin), b"", True, recorder)
        await recorder.finished()
        assert recorder.code == "upstream_protocol_error"


@pytest.mark.anyio
async def test_a_preserved_host_is_sent() -> None:
    seen: list[bytes] = []

    async def script(peer: Peer) -> None:
        seen.append(await peer.answer())

    async with running(script) as upstream, transport_with() as transport:
        request = request_to(upstream.origin)
        request.host = "public.example.test"
        recorder = Recorder()
        transport.send(request, b"", True, recorder)
        await recorder.finished()
    assert seen[0].lower().count(b"\r\nhost: ") == 1
    assert b"host: public.example.test" in seen[0]
