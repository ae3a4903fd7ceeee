"""The ways in: TLS with SNI, client certificates, the PROXY protocol, Unix sockets."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from conformance.http1.cases import get
from conformance.http1.event_loops import run
from conformance.http1.gateway import Closed, Gateway, RawClient, client_of
from entresol.api_floor.entities import Certificate
from entresol.core.http import RequestHead
from entresol.core.ports import RequestReceiver, Responder
from entresol.core.secret import Secret
from entresol.net.listener import Listener
from entresol.net.tls_server import TlsContexts, TlsSettings

pytestmark = pytest.mark.usefixtures("each_event_loop")

GET = get()


class Heads:
    """Stands before the floor and keeps the heads it is given."""

    def __init__(self, gateway: Gateway) -> None:
        self.seen: list[RequestHead] = []
        self._floor = gateway.floor
        gateway.server.handler = self

    def handle(self, request: RequestHead, responder: Responder) -> RequestReceiver:
        self.seen.append(request)
        return self._floor.handle(request, responder)


class Pki:
    """An authority and what it issues."""

    def __init__(self) -> None:
        self.authority = trustme.CA()
        self.client_authority = trustme.CA()

    def pem(self, name: str) -> tuple[str, str]:
        """Certificate chain and key for a name."""
        issued = self.authority.issue_cert(name)
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        return chain.decode(), issued.private_key_pem.bytes().decode()

    def entity(self, number: int, *names: str) -> Certificate:
        chain, key = self.pem(names[0])
        return Certificate(id=f"00000000-0000-4000-8000-00000000000{number}", cert=chain, key=Secret(key), snis=names)

    def client_context(self, authority: trustme.CA | None = None) -> ssl.SSLContext:
        """A client's context; with an authority it shows a certificate of that authority."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if authority is not None:
            authority.issue_cert("client@api.test").configure_cert(context)
        return context


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki()


def tls_listener(pki: Pki, clients: str = "none") -> Listener:
    chain, key = pki.pem("default.test")
    settings = TlsSettings(
        certificate=chain,
        key=key,
        client_certificates=clients,  # type: ignore[arg-type]  # one of its literals
        client_ca=None if clients == "none" else pki.client_authority.cert_pem.bytes().decode(),
    )
    entities = [pki.entity(1, "a.test"), pki.entity(2, "*.wild.test")]
    return Listener("127.0.0.1:0", tls=TlsContexts(settings, entities))


@pytest.mark.parametrize("name", ["a.test", "x.wild.test", "default.test"])
def test_each_name_gets_its_certificate(pki: Pki, name: str) -> None:
    async def scenario() -> None:
        async with Gateway(listener=tls_listener(pki)) as gateway:
            heads = Heads(gateway)
            async with client_of(gateway, ssl=pki.client_context(), server_hostname=name) as client:
                client.send(GET)
                assert (await client.answer()).status == 200
                tls = heads.seen[0].connection.tls
                assert tls is not None
                assert (tls.server_name, tls.version, tls.client_certificate) == (name, "TLSv1.3", None)
                assert gateway.upstream.complete[0].field(b"x-forwarded-proto") == b"https"

    run(scenario())


def test_a_name_without_certificate_gets_the_default_one(pki: Pki) -> None:
    async def scenario() -> None:
        async with Gateway(listener=tls_listener(pki)) as gateway:
            with pytest.raises(ssl.SSLCertVerificationError):
                await gateway.connect(ssl=pki.client_context(), server_hostname="other.test")

    run(scenario())


def test_pipelining_and_large_bodies_work_over_tls(pki: Pki) -> None:
    async def scenario() -> None:
        async with (
            Gateway(listener=tls_listener(pki)) as gateway,
            client_of(gateway, ssl=pki.client_context(), server_hostname="a.test") as client,
        ):
            body = b"x" * 90_000
            client.send(GET + b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body + GET)
            assert [(await client.answer()).body for _ in range(3)] == [
                b"GET /case 0",
                b"POST /p 90000",
                b"GET /case 0",
            ]

    run(scenario())


def test_plain_http_on_a_tls_port_gets_no_answer_from_upstream(pki: Pki) -> None:
    async def scenario() -> None:
        async with Gateway(listener=tls_listener(pki)) as gateway, client_of(gateway) as client:
            client.send(GET)
            assert b"200" not in await client.rest()
            assert gateway.upstream.requests == []

    run(scenario())


def test_a_verified_client_certificate_is_handed_on(pki: Pki) -> None:
    async def scenario() -> None:
        async with Gateway(listener=tls_listener(pki, "required")) as gateway:
            heads = Heads(gateway)
            context = pki.client_context(pki.client_authority)
            async with client_of(gateway, ssl=context, server_hostname="a.test") as client:
                client.send(GET)
                assert (await client.answer()).status == 200
            tls = heads.seen[0].connection.tls
            assert tls is not None
            assert tls.client_certificate is not None
            assert tls.client_chain[0] == tls.client_certificate
            assert b"client@api.test" in tls.client_certificate

    run(scenario())


@pytest.mark.parametrize("who", ["nobody", "a stranger"])
def test_without_a_valid_client_certificate_nothing_passes(pki: Pki, who: str) -> None:
    async def scenario() -> None:
        async with Gateway(listener=tls_listener(pki, "required")) as gateway:
            context = pki.client_context(trustme.CA() if who == "a stranger" else None)
            try:
                client = await gateway.connect(ssl=context, server_hostname="a.test")
                client.send(GET)
                with pytest.raises(Closed):
                    await client.answer()
                client.reset()
            except (ssl.SSLError, ConnectionError):
                pass  # TLS 1.3 clients may learn of the refusal only when they read
            assert gateway.upstream.requests == []

    run(scenario())


def test_an_optional_client_certificate_must_be_valid_when_shown(pki: Pki) -> None:
    async def scenario() -> None:
        async with Gateway(listener=tls_listener(pki, "optional")) as gateway:
            heads = Heads(gateway)
            async with client_of(gateway, ssl=pki.client_context(), server_hostname="a.test") as client:
                client.send(GET)
                assert (await client.answer()).status == 200
            tls = heads.seen[0].connection.tls
            assert tls is not None
            assert tls.client_certificate is None
            context = pki.client_context(trustme.CA())
            try:
                stranger = await gateway.connect(ssl=context, server_hostname="a.test")
                stranger.send(GET)
                with pytest.raises(Closed):
                    await stranger.answer()
                stranger.reset()
            except (ssl.SSLError, ConnectionError):
                pass
            assert len(heads.seen) == 1

    run(scenario())


V2 = b"\r\n\r\n\0\r\nQUIT\n"


def v2(command: int, family: int, addresses: bytes) -> bytes:
    return V2 + struct.pack("!BBH", 0x20 | command, family, len(addresses)) + addresses


IPV4 = bytes([192, 0, 2, 1, 192, 0, 2, 2]) + struct.pack("!HH", 5000, 443)
IPV6 = bytes.fromhex("20010db8" + "00" * 11 + "01" + "20010db8" + "00" * 11 + "02") + struct.pack("!HH", 5000, 443)

HEADERS: list[tuple[str, bytes, str]] = [
    ("version 1, IPv4", b"PROXY TCP4 192.0.2.1 192.0.2.2 5000 443\r\n", "192.0.2.1"),
    ("version 1, IPv6", b"PROXY TCP6 2001:db8::1 2001:db8::2 5000 443\r\n", "2001:db8::1"),
    ("version 1, unknown", b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    ("version 2, IPv4", v2(1, 0x11, IPV4), "192.0.2.1"),
    ("version 2, IPv4 with a TLV", v2(1, 0x11, IPV4 + b"\x04\0\x01x"), "192.0.2.1"),
    ("version 2, IPv6", v2(1, 0x21, IPV6), "2001:db8::1"),
    ("version 2, LOCAL", v2(0, 0, b""), "127.0.0.1"),
]


@asynccontextmanager
async def behind_balancer(*trusted: str) -> AsyncIterator[tuple[Gateway, RawClient]]:
    listener = Listener("127.0.0.1:0", proxy_protocol=True, trusted=trusted)
    async with Gateway(listener=listener) as gateway, client_of(gateway) as client:
        yield gateway, client


@pytest.mark.parametrize(("header", "peer"), [row[1:] for row in HEADERS], ids=[row[0] for row in HEADERS])
@pytest.mark.parametrize("is_cut", [False, True])
def test_a_trusted_balancer_tells_who_the_client_is(header: bytes, peer: str, is_cut: bool) -> None:
    async def scenario() -> None:
        async with behind_balancer("127.0.0.0/8") as (gateway, client):
            for piece in [bytes([byte]) for byte in header] if is_cut else [header]:
                client.send(piece)
                if is_cut:
                    await asyncio.sleep(0)
            client.send(GET)
            assert (await client.answer()).status == 200
            client.send(GET)
            assert (await client.answer()).status == 200
            assert [request.field(b"x-real-ip") for request in gateway.upstream.complete] == [peer.encode()] * 2

    run(scenario())


@pytest.mark.parametrize(
    "header",
    [
        GET,
        b"PROXY TCP4 192.0.2.1 192.0.2.2 5000\r\n",
        b"PROXY TCP4 300.0.2.1 192.0.2.2 5000 443\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 5000 443\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 99999 443\r\n",
        b"PROXY " + b"x" * 200,
        V2 + b"\x31\x11\0\x0c" + IPV4,
        v2(1, 0x11, b"\x01\x02"),
    ],
)
def test_a_trusted_balancer_that_does_not_say_is_cut_off(header: bytes) -> None:
    async def scenario() -> None:
        async with behind_balancer("127.0.0.0/8") as (gateway, client):
            client.send(header + GET)
            assert await client.rest() == b""
            assert gateway.upstream.requests == []

    run(scenario())


def test_a_header_from_a_stranger_is_not_believed() -> None:
    async def scenario() -> None:
        async with behind_balancer("192.0.2.0/24") as (gateway, client):
            client.send(HEADERS[0][1] + GET)
            assert (await client.answer()).status in (400, 501)
            assert gateway.upstream.requests == []

    run(scenario())


def test_a_stranger_without_header_is_served_as_itself() -> None:
    async def scenario() -> None:
        async with behind_balancer("192.0.2.0/24") as (gateway, client):
            client.send(GET)
            assert (await client.answer()).status == 200
            assert gateway.upstream.complete[0].field(b"x-real-ip") == b"127.0.0.1"

    run(scenario())


def test_the_header_comes_before_tls(pki: Pki) -> None:
    async def scenario() -> None:
        plain = tls_listener(pki)
        listener = Listener("127.0.0.1:0", tls=plain.tls, proxy_protocol=True, trusted=("127.0.0.0/8",))
        async with Gateway(listener=listener) as gateway, client_of(gateway) as client:
            client.send(HEADERS[3][1])
            await client.writer.start_tls(pki.client_context(), server_hostname="a.test")
            client.send(GET)
            assert (await client.answer()).status == 200
            assert gateway.upstream.complete[0].field(b"x-real-ip") == b"192.0.2.1"

    run(scenario())


def test_a_unix_socket_serves_like_any_other(tmp_path: Path) -> None:
    async def scenario() -> None:
        path = str(tmp_path / "gateway")
        async with Gateway(listener=Listener(f"unix:{path}")) as gateway:
            client = RawClient(*await asyncio.open_unix_connection(path))
            for _ in range(3):
                client.send(GET)
                assert (await client.answer()).status == 200
            await client.close()
            assert len(gateway.upstream.connections) == 1

    run(scenario())
