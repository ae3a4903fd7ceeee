"""Server-side request forgery: URLs from outside must not lead to what only we can reach."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from entresol.core.fetching import FetchFailed, FetchRequest
from entresol.net.fetcher import Fetcher
from unit.net.scripted_upstream import ManualClock, Peer, Upstream, running

FORGED = [
    "http://idp.example/keys",
    "https://127.0.0.1/",
    "https://localhost/",
    "https://localhost./",
    "https://sub.localhost/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:a9fe:a9fe]/latest/meta-data/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[2002:7f00:1::]/",
    "https://[fe80::1%25eth0]/",
    "https://[fd00:ec2::254]/",
    "https://169.254.169.254/latest/meta-data/",
    "https://10.0.0.1/",
    "https://0.0.0.0/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://user@idp.example/",
    "https://idp.example@127.0.0.1/",
    "https://idp.example\\@127.0.0.1/",
    "https://idp.example#@127.0.0.1/",
    "https://idp.example /",
    "https://idp.example\t/",
    "https://idp.ex\u0430mple/",
    "https://idp.example:0/",
    "https://idp.example:99999/",
    "file:///etc/passwd",
    "gopher://idp.example/",
    "unix:/run/x",
    "//idp.example/",
    "idp.example",
    "https://",
    "",
]


@asynccontextmanager
async def victim() -> AsyncIterator[tuple[Upstream, list[int]]]:
    """A server that must not be reached, and who came."""
    visitors: list[int] = []

    async def script(peer: Peer) -> None:
        visitors.append(peer.number)
        await peer.until_closed()

    async with running(script) as upstream:
        yield upstream, visitors


@pytest.mark.anyio
@pytest.mark.parametrize("url", FORGED)
async def test_a_url_that_leads_inside_is_refused(url: str) -> None:
    async def lookup(name: str) -> list[str]:
        return {"2130706433": ["127.0.0.1"], "0x7f000001": ["127.0.0.1"]}.get(name, ["127.0.0.1"])

    fetcher = Fetcher(ManualClock(), lookup=lookup)
    with pytest.raises(FetchFailed) as failed:
        await fetcher.fetch(FetchRequest(url=url, timeout_s=5))
    fetcher.close()
    assert failed.value.code == "fetch_refused"


@pytest.mark.anyio
async def test_a_name_that_changes_its_mind_is_connected_to_where_it_was_checked() -> None:
    async with victim() as (upstream, visitors):
        answers = [["203.0.113.1"], ["127.0.0.1"], ["127.0.0.1"]]

        async def rebinding(name: str) -> list[str]:
            return answers.pop(0) if len(answers) > 1 else answers[0]

        clock = ManualClock()
        fetcher = Fetcher(clock, lookup=rebinding)
        for _ in range(3):
            with pytest.raises(FetchFailed):
                await fetcher.fetch(FetchRequest(url=f"https://evil.example:{upstream.origin.port}/", timeout_s=2))
            clock.seconds += 3600
        fetcher.close()
        assert visitors == []


@pytest.mark.anyio
async def test_one_private_address_among_public_ones_is_not_tried() -> None:
    async with victim() as (upstream, visitors):

        async def lookup(name: str) -> list[str]:
            return ["127.0.0.1", "192.0.2.1", "::1"]

        fetcher = Fetcher(ManualClock(), lookup=lookup)
        with pytest.raises(FetchFailed):
            await fetcher.fetch(FetchRequest(url=f"https://mixed.example:{upstream.origin.port}/", timeout_s=1))
        fetcher.close()
        assert visitors == []


@pytest.mark.anyio
async def test_a_redirect_leads_nowhere() -> None:
    async with victim() as (upstream, visitors):

        async def redirecting(peer: Peer) -> None:
            await peer.read_request()
            where = b"http://127.0.0.1:%d/" % upstream.origin.port
            await peer.send(b"HTTP/1.1 307 Go\r\nlocation: " + where + b"\r\ncontent-length: 0\r\n\r\n")

        async with running(redirecting) as first:
            fetcher = Fetcher(ManualClock())
            url = f"http://127.0.0.1:{first.origin.port}/"
            answer = await fetcher.fetch(FetchRequest(url=url, origin="configured"))
            fetcher.close()
        assert answer.status == 307
        assert visitors == []


@pytest.mark.anyio
async def test_a_trusted_connection_is_not_lent_to_a_url_from_outside() -> None:
    async def keeping(peer: Peer) -> None:
        while True:
            await peer.answer()

    async with running(keeping) as upstream:
        fetcher = Fetcher(ManualClock())
        url = f"http://127.0.0.1:{upstream.origin.port}/"
        await fetcher.fetch(FetchRequest(url=url, origin="configured"))
        await asyncio.sleep(0)
        with pytest.raises(FetchFailed) as failed:
            await fetcher.fetch(FetchRequest(url=url))
        fetcher.close()
        assert failed.value.code == "fetch_refused"
