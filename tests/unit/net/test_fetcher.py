"""Calls for rings, against real loopback servers."""

import gzip
import ssl
from collections.abc import Awaitable, Callable

import pytest

from entresol.core.fetching import FetchFailed, FetchRequest, FetchResponse, Steps
from entresol.core.http import TlsClient
from entresol.net.fetcher import Fetcher, without_query
from unit.net.scripted_upstream import ManualClock, Peer, running
from unit.net.tls_authority import ca_pem, issued

Script = Callable[[Peer], Awaitable[None]]


def answering(head: bytes, body: bytes, seen: list[bytes] | None = None) -> Script:
    async def script(peer: Peer) -> None:
        request = await peer.read_request()
        if seen is not None:
            seen.append(request)
        await peer.send(b"HTTP/1.1 " + head + b"\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    return script


async def fetched(script: Script, **fields: object) -> FetchResponse:
    fetcher = Fetcher(ManualClock())
    try:
        async with running(script) as upstream:
            url = f"http://127.0.0.1:{upstream.origin.port}/a/b?c=d"
            return await fetcher.fetch(FetchRequest(url=url, origin="configured", **fields))  # type: ignore[arg-type]
    finally:
        fetcher.close()


@pytest.mark.anyio
async def test_an_answer_comes_whole_with_its_fields() -> None:
    seen: list[bytes] = []
    script = answering(b"201 Created\r\nContent-Type: text/plain\r\nX-A: 1\r\nX-A: 2", b"hello", seen)
    answer = await fetched(script, method="POST", body=b"x=1", headers=(("Content-Type", "text/x"),))
    assert (answer.status, answer.body) == (201, b"hello")
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["x-a"] == "2"
    [request] = seen
    assert request.startswith(b"POST /a/b?c=d HTTP/1.1\r\n")
    assert request.endswith(b"\r\n\r\nx=1")
    assert b"\r\ncontent-type: text/x\r\n" in request


@pytest.mark.anyio
async def test_a_redirect_is_an_answer_like_others() -> None:
    answer = await fetched(answering(b"302 Found\r\nLocation: http://127.0.0.1:1/", b""))
    assert (answer.status, answer.headers["location"]) == (302, "http://127.0.0.1:1/")


@pytest.mark.anyio
async def test_an_answer_that_is_too_large_is_a_failure() -> None:
    with pytest.raises(FetchFailed, match="larger than 10 bytes"):
        await fetched(answering(b"200 OK", b"x" * 11), max_bytes=10)


@pytest.mark.anyio
async def test_a_compressed_answer_is_unpacked_within_the_same_bound() -> None:
    head = b"200 OK\r\nContent-Encoding: gzip"
    assert (await fetched(answering(head, gzip.compress(b"hello")))).body == b"hello"
    with pytest.raises(FetchFailed, match="larger than 1000 bytes"):
        await fetched(answering(head, gzip.compress(b"x" * 100_000)), max_bytes=1000)
    with pytest.raises(FetchFailed, match="cut off"):
        await fetched(answering(head, gzip.compress(b"hello")[:-3]))
    with pytest.raises(FetchFailed, match="no gzip"):
        await fetched(answering(head, b"hello"))
    with pytest.raises(FetchFailed, match="encoded as 'br'"):
        await fetched(answering(b"200 OK\r\nContent-Encoding: br", b"hello"))


@pytest.mark.anyio
async def test_a_server_that_does_not_answer_is_given_up() -> None:
    async def silent(peer: Peer) -> None:
        await peer.until_closed()

    with pytest.raises(FetchFailed, match=r"no answer within 0\.05 s"):
        await fetched(silent, timeout_s=0.05)


@pytest.mark.anyio
async def test_a_connection_that_breaks_is_a_failure_that_names_no_query() -> None:
    async def breaking(peer: Peer) -> None:
        await peer.read_request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhal")

    with pytest.raises(FetchFailed) as failed:
        await fetched(breaking)
    assert failed.value.code == "fetch_failed"
    assert "/a/b" in failed.value.message
    assert "c=d" not in failed.value.message


@pytest.mark.anyio
async def test_https_is_verified_by_the_name_of_the_host() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued("idp.example").configure_cert(context)

    async def lookup(name: str) -> list[str]:
        return ["127.0.0.1"]

    async with running(answering(b"200 OK", b"hello"), tls=context) as upstream:
        port = upstream.origin.port
        fetcher = Fetcher(ManualClock(), lookup=lookup, tls=TlsClient(ca_pem=ca_pem()))
        request = FetchRequest(url=f"https://idp.example:{port}/", origin="configured")
        assert (await fetcher.fetch(request)).body == b"hello"
        with pytest.raises(FetchFailed, match="certificate"):
            await fetcher.fetch(FetchRequest(url=f"https://other.example:{port}/", origin="configured"))
        fetcher.close()


@pytest.mark.anyio
async def test_a_piece_of_work_gets_its_answers_and_may_outlive_a_failure() -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(b"one")

    async with running(script) as upstream:
        good = f"http://127.0.0.1:{upstream.origin.port}/"

        def work() -> Steps[str]:
            try:
                yield FetchRequest(url="http://127.0.0.1/", timeout_s=1)
            except FetchFailed as failure:
                answer = yield FetchRequest(url=good, origin="configured")
                return f"{failure.code} {answer.body.decode()}"
            return "not refused"

        fetcher = Fetcher(ManualClock())
        assert await fetcher.run(work()) == "fetch_refused one"
        fetcher.close()


@pytest.mark.anyio
async def test_work_that_asks_nothing_has_a_result_too() -> None:
    def work() -> Steps[int]:
        return 7
        yield FetchRequest(url="")

    fetcher = Fetcher(ManualClock())
    assert await fetcher.run(work()) == 7
    fetcher.close()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example/b?token=1#c", "https://a.example/b"),
        ("https://user:secret@a.example/b", "https://a.example/b"),
        ("https://a.example#?x", "https://a.example"),
    ],
)
def test_a_url_is_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    assert without_query(url) == shown
