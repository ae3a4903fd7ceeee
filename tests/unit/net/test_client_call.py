"""One call: what is left to send of it."""

import asyncio

import pytest

from entresol.core.http import HeaderPairs
from entresol.net.client import Http1Transport
from unit.net.scripted_upstream import ManualClock, Peer, Recorder, request_to, running


async def read_on(peer: Peer) -> None:
    await peer.until_closed()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("first", "rest", "connected"),
    [
        (b"12345", [], False),
        (b"1", [(b"2345", True)], False),
        (b"1", [(b"2", True)], False),
        (b"1", [(b"2345", True)], True),
        (b"1", [(b"2", True)], True),
    ],
)
async def test_a_body_of_another_length_than_announced_breaks_the_call_off(
    first: bytes, rest: list[tuple[bytes, bool]], connected: bool
) -> None:
    async with running(read_on) as upstream:
        transport = Http1Transport(asyncio.get_running_loop(), ManualClock())
        recorder = Recorder()
        headers: HeaderPairs = [(b"content-length", b"4")]
        call = transport.send(request_to(upstream.origin, "POST", headers=headers), first, False, recorder)
        if connected:
            async with asyncio.timeout(10):
                while not transport.active:
                    await asyncio.sleep(0)
        for data, last in rest:
            call.send_body(data, last)
        assert recorder.code == "request_body_length_wrong"
        assert recorder.error is not None
        assert recorder.error.status == 500
        assert not transport.active
        transport.close()


@pytest.mark.anyio
async def test_nothing_is_sent_after_the_last_piece() -> None:
    seen: list[bytes] = []

    async def script(peer: Peer) -> None:
        await peer.read_head()
        seen.append(await peer.read_chunked())
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        seen.append(await peer.reader.readexactly(1))

    async with running(script) as upstream:
        transport = Http1Transport(asyncio.get_running_loop(), ManualClock())
        recorder = Recorder()
        call = transport.send(request_to(upstream.origin, "POST"), b"a", False, recorder)
        call.send_body(b"b", True)
        call.send_body(b"c", True)
        await recorder.until(lambda r: bool(r.heads))
        call.send_body(b"d", False)
        call.cancel()
        transport.close()
    assert seen == [b"ab"]


@pytest.mark.anyio
async def test_a_streamed_safe_request_is_replayed_only_while_all_of_it_is_at_hand() -> None:
    async def script(peer: Peer) -> None:
        if peer.number == 1:
            await peer.answer()
            await peer.read_head()
            if parts == 1:
                await peer.reader.readuntil(b"more\r\n")
            return
        await peer.read_head()
        body = await peer.read_chunked()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    for parts, expected in ((0, (b"start end", None)), (1, (b"", "upstream_reset"))):
        async with running(script) as upstream:
            transport = Http1Transport(asyncio.get_running_loop(), ManualClock())
            warm_up = Recorder()
            transport.send(request_to(upstream.origin), b"", True, warm_up)
            await warm_up.finished()
            recorder = Recorder()
            call = transport.send(request_to(upstream.origin, "PUT"), b"start ", False, recorder)
            if parts:
                await asyncio.sleep(0)
                call.send_body(b"more", False)
                await recorder.finished()
            else:
                async with asyncio.timeout(10):
                    while upstream.connections == 1:
                        await asyncio.sleep(0)
            call.send_body(b"end", True)
            await recorder.finished()
            assert (recorder.body, recorder.code) == expected
            transport.close()


@pytest.mark.anyio
async def test_the_request_body_is_let_go_when_the_answer_begins() -> None:
    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        await peer.until_closed()

    async with running(script) as upstream:
        transport = Http1Transport(asyncio.get_running_loop(), ManualClock())
        recorder = Recorder()
        call = transport.send(request_to(upstream.origin, "POST"), b"x" * 1_000_000, True, recorder)
        await recorder.until(lambda r: bool(r.heads))
        assert call.opening == b""  # type: ignore[attr-defined]
        call.cancel()
        transport.close()
