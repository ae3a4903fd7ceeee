"""TLS towards upstreams: verified by default, and what it takes to trust, to be trusted, and not to ask."""

import asyncio
import ssl

import pytest
import trustme

from entresol.core.errors import ConfigError
from entresol.core.http import Origin, TlsClient
from entresol.net.client import Http1Transport
from entresol.net.tls_client import TlsContexts, build_context, server_name_for
from unit.net.scripted_upstream import ManualClock, Peer, Recorder, request_to, running

CA = trustme.CA()
CA_PEM = CA.cert_pem.bytes().decode()
OTHER_CA_PEM = trustme.CA().cert_pem.bytes().decode()
CLIENT = CA.issue_cert("client@example.test")
CLIENT_PEM = b"".join(blob.bytes() for blob in CLIENT.cert_chain_pems).decode()
CLIENT_KEY_PEM = CLIENT.private_key_pem.bytes().decode()


def server_context(*names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CA.issue_cert(*names).configure_cert(context)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


async def exchange(context: ssl.SSLContext, tls: TlsClient | None, calls: int = 1) -> tuple[list[Recorder], int]:
    async def script(peer: Peer) -> None:
        while True:
            await peer.answer()

    async with running(script, context) as upstream:
        origin = Origin("https", "127.0.0.1", upstream.origin.port, tls=tls)
        transport = Http1Transport(asyncio.get_running_loop(), ManualClock())
        recorders = []
        for _ in range(calls):
            recorder = Recorder()
            transport.send(request_to(origin, "POST"), b"x" * 100_000, True, recorder)
            recorders.append(await recorder.finished())
        transport.close()
        return recorders, upstream.connections


@pytest.mark.anyio
async def test_a_trusted_upstream_is_reached_and_its_connection_reused() -> None:
    recorders, connections = await exchange(server_context("127.0.0.1"), TlsClient(ca_pem=CA_PEM), calls=5)
    assert [recorder.body for recorder in recorders] == [b"ok"] * 5
    assert connections == 1


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("names", "tls", "reason"),
    [
        (["127.0.0.1"], None, "certificate"),
        (["127.0.0.1"], TlsClient(ca_pem=OTHER_CA_PEM), "certificate"),
        (["other.test"], TlsClient(ca_pem=CA_PEM), "certificate"),
        (["127.0.0.1"], TlsClient(ca_pem=CA_PEM, server_name="other.test"), "certificate"),
    ],
    ids=["system trust", "another CA", "another name", "another name asked for"],
)
async def test_a_certificate_that_does_not_fit_is_refused(names: list[str], tls: TlsClient | None, reason: str) -> None:
    (recorder,), _ = await exchange(server_context(*names), tls)
    assert recorder.error is not None
    assert (recorder.error.status, recorder.code) == (502, "upstream_tls_failed")
    assert reason in recorder.error.message
    assert "127.0.0.1:" in recorder.error.message


@pytest.mark.anyio
@pytest.mark.parametrize(
    "tls",
    [TlsClient(verify=False), TlsClient(ca_pem=CA_PEM, server_name="other.test")],
    ids=["not verified", "verified by the configured name"],
)
async def test_the_configuration_says_what_is_accepted(tls: TlsClient) -> None:
    (recorder,), _ = await exchange(server_context("other.test"), tls)
    assert (recorder.body, recorder.error) == (b"ok", None)


@pytest.mark.anyio
async def test_the_configured_name_is_asked_for_and_http_1_1_is_agreed_on() -> None:
    asked: list[str | None] = []
    agreed: list[str | None] = []
    context = server_context("api.example.test")

    def on_server_name(_: ssl.SSLObject | ssl.SSLSocket, name: str | None, __: ssl.SSLContext) -> None:
        asked.append(name)

    context.sni_callback = on_server_name

    async def script(peer: Peer) -> None:
        agreed.append(peer.writer.get_extra_info("ssl_object").selected_alpn_protocol())
        await peer.answer()

    async with running(script, context) as upstream:
        tls = TlsClient(ca_pem=CA_PEM, server_name="api.example.test")
        transport = Http1Transport(asyncio.get_running_loop(), ManualClock())
        recorder = Recorder()
        transport.send(request_to(Origin("https", "127.0.0.1", upstream.origin.port, tls=tls)), b"", True, recorder)
        await recorder.finished()
        transport.close()
    assert recorder.body == b"ok"
    assert asked == ["api.example.test"]
    assert agreed == ["http/1.1"]


@pytest.mark.anyio
@pytest.mark.parametrize("key", [CLIENT_KEY_PEM, None], ids=["key apart", "key in the same text"])
async def test_a_client_certificate_is_shown_when_it_is_asked_for(key: str | None) -> None:
    context = server_context("127.0.0.1")
    context.verify_mode = ssl.CERT_REQUIRED
    CA.configure_trust(context)
    certificate = CLIENT_PEM if key else CLIENT_PEM + CLIENT_KEY_PEM
    (recorder,), _ = await exchange(context, TlsClient(ca_pem=CA_PEM, certificate_pem=certificate, key_pem=key))
    assert (recorder.body, recorder.error) == (b"ok", None)


@pytest.mark.anyio
async def test_without_the_client_certificate_that_is_asked_for_the_call_fails() -> None:
    context = server_context("127.0.0.1")
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # where the refusal comes within the handshake
    CA.configure_trust(context)
    (recorder,), _ = await exchange(context, TlsClient(ca_pem=CA_PEM))
    assert recorder.code == "upstream_tls_failed"


@pytest.mark.anyio
async def test_plain_http_on_a_tls_port_is_named() -> None:
    async def script(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with running(script) as upstream:
        transport = Http1Transport(asyncio.get_running_loop(), ManualClock())
        recorder = Recorder()
        transport.send(request_to(Origin("https", "127.0.0.1", upstream.origin.port)), b"", True, recorder)
        await recorder.finished()
        transport.close()
    assert recorder.code == "upstream_tls_failed"


@pytest.mark.anyio
async def test_a_body_that_ends_with_the_tls_connection_is_whole() -> None:
    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 600_000)

    async with running(script, server_context("127.0.0.1")) as upstream:
        origin = Origin("https", "127.0.0.1", upstream.origin.port, tls=TlsClient(ca_pem=CA_PEM))
        transport = Http1Transport(asyncio.get_running_loop(), ManualClock())
        recorder = Recorder()
        transport.send(request_to(origin), b"", True, recorder)
        await recorder.finished()
        transport.close()
    assert (len(recorder.body), recorder.error) == (600_000, None)


def test_contexts_are_shared_by_configuration() -> None:
    contexts = TlsContexts()
    first = Origin("https", "a.test", 443)
    assert contexts.context_for(first) is contexts.context_for(Origin("https", "b.test", 443))
    other = Origin("https", "a.test", 443, tls=TlsClient(verify=False))
    assert contexts.context_for(first) is not contexts.context_for(other)


def test_the_default_verifies_and_starts_at_tls_1_2() -> None:
    context = build_context(TlsClient())
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    "tls",
    [
        TlsClient(ca_pem="not a certificate"),
        TlsClient(ca_pem=""),
        TlsClient(certificate_pem="no", key_pem="no"),
        TlsClient(certificate_pem=CLIENT_PEM),
        TlsClient(certificate_pem=CLIENT_PEM, key_pem=CA_PEM),
    ],
)
def test_certificates_that_do_not_load_are_a_configuration_error(tls: TlsClient) -> None:
    with pytest.raises(ConfigError) as caught:
        build_context(tls)
    assert caught.value.code == "tls_certificate_invalid"
    assert "PRIVATE" not in str(caught.value)


def test_the_name_to_verify_is_the_configured_one_or_the_host() -> None:
    assert server_name_for(Origin("https", "a.test", 443)) == "a.test"
    assert server_name_for(Origin("https", "a.test", 443, tls=TlsClient(server_name="b.test"))) == "b.test"


@pytest.mark.anyio
async def test_a_body_cut_off_without_a_proper_tls_close_is_not_taken_for_whole() -> None:
    heard = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nhalf of it")
        await heard.wait()
        peer.reset()  # closes the socket, says nothing in TLS

    async with running(script, server_context("127.0.0.1")) as upstream:
        origin = Origin("https", "127.0.0.1", upstream.origin.port, tls=TlsClient(ca_pem=CA_PEM))
        transport = Http1Transport(asyncio.get_running_loop(), ManualClock())
        recorder = Recorder()
        transport.send(request_to(origin), b"", True, recorder)
        await recorder.until(lambda r: r.body == b"half of it")
        heard.set()
        await recorder.finished()
        transport.close()
    assert recorder.code == "upstream_reset"
    assert not any(last for _, last in recorder.deliveries)
