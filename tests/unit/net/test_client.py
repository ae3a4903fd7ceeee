"""Http1Transport against real loopback servers: the contract, reuse and retry."""

import asyncio
import socket
import threading
from collections.abc import Callable

import pytest

from entresol.core.http import HeaderPairs, Origin
from entresol.net.client import ClientLimits, Http1Transport
from entresol.net.dns import DnsLimits, Resolver
from entresol.net.pool import PoolLimits
from unit.net.scripted_upstream import (
    ManualClock,
    Peer,
    Recorder,
    Upstream,
    request_to,
    running,
    running_on_unix_socket,
)
from unit.net.transport_contract import SweptTransport, TransportContract

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class TestHttp1TransportContract(TransportContract):
    def make(self, clock: ManualClock) -> SweptTransport:
        return Http1Transport(asyncio.get_running_loop(), clock)


def transport_with(clock: ManualClock | None = None, **pool: float) -> Http1Transport:
    limits = ClientLimits(pool=PoolLimits(**pool))  # type: ignore[arg-type]
    return Http1Transport(asyncio.get_running_loop(), clock or ManualClock(), limits=limits)


async def call(
    transport: Http1Transport, upstream: Upstream, method: str = "GET", body: bytes = b"", target: str = "/"
) -> Recorder:
    recorder = Recorder()
    transport.send(request_to(upstream.origin, method, target), body, True, recorder)
    return await recorder.finished()


async def answer_for_ever(peer: Peer) -> None:
    while True:
        await peer.answer()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


@pytest.mark.anyio
async def test_everything_of_one_read_comes_in_one_call_with_its_end() -> None:
    async def script(peer: Peer) -> None:
        await peer.read_request()
        chunks = b"".join(b"1\r\n%c\r\n" % letter for letter in b"abcdef")
        await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")

    async with running(script) as upstream:
        transport = transport_with()
        recorder = await call(transport, upstream)
        transport.close()
    assert recorder.deliveries == [(b"abcdef", True)]


@pytest.mark.anyio
async def test_a_head_alone_is_announced_with_an_empty_piece() -> None:
    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        await peer.read_head()
        await peer.send(b"ok")

    async with running(script) as upstream:
        transport = transport_with()
        recorder = Recorder()
        transport.send(request_to(upstream.origin), b"", True, recorder)
        await recorder.until(lambda r: bool(r.deliveries))
        assert recorder.deliveries == [(b"", False)]
        transport.close()
    assert recorder.code == "upstream_transport_closed"


@pytest.mark.anyio
async def test_interim_responses_and_trailers_are_passed_on_both_ways() -> None:
    seen: list[bytes] = []

    async def script(peer: Peer) -> None:
        seen.append(await peer.reader.readuntil(b"x-sum: 1\r\n\r\n"))
        await peer.send(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Check: 2\r\n\r\n"
        )

    async with running(script) as upstream:
        transport = transport_with()
        recorder = Recorder()
        under_way = transport.send(request_to(upstream.origin, "POST"), b"a", False, recorder)
        under_way.send_body(b"b", True, [(b"x-sum", b"1"), (b"content-length", b"9"), (b"x", b"a\r\nb: c")])
        await recorder.finished()
        transport.close()
    assert recorder.interim == [(103, [(b"link", b"</a>")])]
    assert recorder.trailers == [(b"x-check", b"2")]
    assert seen[0].endswith(b"1\r\na\r\n1\r\nb\r\n0\r\nx-sum: 1\r\n\r\n")


@pytest.mark.anyio
async def test_the_next_call_may_start_from_the_end_of_the_last_one() -> None:
    class Chained(Recorder):
        def on_response_body(self, data: bytes, last: bool, trailers: HeaderPairs) -> None:
            super().on_response_body(data, last, trailers)
            if last:
                transport.send(request_to(upstream.origin), b"", True, second)

    async with running(answer_for_ever) as upstream:
        transport = transport_with()
        first, second = Chained(), Recorder()
        transport.send(request_to(upstream.origin), b"", True, first)
        await second.finished()
        transport.close()
        assert (first.body, second.body, upstream.connections) == (b"ok", b"ok", 1)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "surplus",
    [b"X", b"\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nSECRET"],
    ids=["a byte", "CR LF", "a response"],
)
async def test_bytes_after_an_answer_never_reach_another_call(surplus: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.send(OK + surplus if peer.number == 1 else OK)
        await peer.until_closed()

    async with running(script) as upstream:
        transport = transport_with()
        assert (await call(transport, upstream)).body == b"ok"
        assert (await call(transport, upstream)).body == b"ok"
        assert upstream.connections == 2
        transport.close()


@pytest.mark.anyio
async def test_an_answer_before_the_request_never_reaches_a_call() -> None:
    is_idle, closed = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.answer()
        if peer.number == 1:
            await is_idle.wait()
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nSECRET")
            await peer.until_closed()
            closed.set()

    async with running(script) as upstream:
        transport = transport_with()
        await call(transport, upstream)
        is_idle.set()
        await asyncio.wait_for(closed.wait(), 10)
        assert (await call(transport, upstream)).body == b"ok"
        assert upstream.connections == 2
        transport.close()


@pytest.mark.anyio
async def test_an_upstream_that_speaks_first_is_no_http_server() -> None:
    async def script(peer: Peer) -> None:
        await peer.send(b"220 mail.example ESMTP\r\n")
        await peer.until_closed()

    async with running(script) as upstream:
        transport = transport_with()
        recorder = await call(transport, upstream)
        transport.close()
    assert recorder.code in {"upstream_protocol_error", "upstream_reset"}
    assert recorder.heads == []


@pytest.mark.anyio
async def test_the_answer_to_a_cancelled_call_never_reaches_the_next_one() -> None:
    release = asyncio.Event()

    async def script(peer: Peer) -> None:
        request = await peer.read_request()
        name = request.split(b" ")[1]
        if peer.number == 1:
            await release.wait()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(name), name))

    async with running(script) as upstream:
        transport = transport_with()
        first, second = Recorder(), Recorder()
        doomed = transport.send(request_to(upstream.origin, target="/first"), b"", True, first)
        await until(lambda: upstream.connections == 1)
        doomed.cancel()
        transport.send(request_to(upstream.origin, target="/second"), b"", True, second)
        release.set()
        await second.finished()
        transport.close()
    assert second.body == b"/second"
    assert (first.heads, first.deliveries, first.error) == ([], [], None)


@pytest.mark.anyio
async def test_an_early_answer_is_delivered_and_its_connection_not_reused() -> None:
    async def script(peer: Peer) -> None:
        if peer.number == 1:
            await peer.read_head()
            await peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
            await peer.until_closed()
        else:
            await peer.answer()

    async with running(script) as upstream:
        transport = transport_with()
        recorder = Recorder()
        early = transport.send(request_to(upstream.origin, "POST"), b"part", False, recorder)
        await recorder.finished()
        early.send_body(b"too late", True)
        assert (recorder.status, recorder.body, recorder.error) == (413, b"big", None)
        assert (await call(transport, upstream)).body == b"ok"
        assert upstream.connections == 2
        transport.close()


@pytest.mark.anyio
async def test_an_answer_while_the_body_is_still_being_sent_spoils_the_connection() -> None:
    async def script(peer: Peer) -> None:
        if peer.number == 1:
            peer.reader._transport.pause_reading()  # type: ignore[attr-defined]
            await peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
            await asyncio.Event().wait()
        await peer.answer()

    async with running(script) as upstream:
        transport = transport_with()
        recorder = Recorder()
        transport.send(request_to(upstream.origin, "POST"), bytes(16_000_000), True, recorder)
        await recorder.finished()
        assert recorder.status == 413
        assert (await call(transport, upstream)).body == b"ok"
        assert upstream.connections == 2
        transport.close()


@pytest.mark.anyio
async def test_a_keep_alive_connection_that_the_upstream_closed_is_not_used_again() -> None:
    async with running(lambda peer: peer.answer_quietly()) as upstream:
        transport = transport_with()
        for _ in range(3):
            assert (await call(transport, upstream, "POST", b"x")).body == b"ok"
            await until(lambda: transport.stats()[upstream.origin].idle == 0)
        assert upstream.connections == 3
        transport.close()


@pytest.mark.anyio
async def test_a_safe_request_on_a_dying_connection_is_sent_once_more() -> None:
    requests: list[bytes] = []

    async def script(peer: Peer) -> None:
        requests.append(await peer.answer())
        if peer.number == 1:
            requests.append(await peer.read_request())  # and closes without a word

    async with running(script) as upstream:
        transport = transport_with()
        await call(transport, upstream)
        recorder = await call(transport, upstream, "PUT", b"again")
        assert (recorder.body, recorder.error, upstream.connections) == (b"ok", None, 2)
        transport.close()
    assert [request[-5:] for request in requests[1:]] == [b"again", b"again"]


@pytest.mark.anyio
async def test_an_unsafe_request_that_may_have_been_read_is_not_sent_again() -> None:
    async def script(peer: Peer) -> None:
        await peer.answer()
        await peer.read_request()

    async with running(script) as upstream:
        transport = transport_with()
        await call(transport, upstream)
        recorder = await call(transport, upstream, "POST", b"pay")
        assert (recorder.code, upstream.connections) == ("upstream_reset", 1)
        transport.close()


@pytest.mark.anyio
async def test_a_second_try_is_the_last_one() -> None:
    async def script(peer: Peer) -> None:
        if peer.number == 1:
            await peer.answer()
        await peer.read_request()

    async with running(script) as upstream:
        transport = transport_with()
        await call(transport, upstream)
        recorder = await call(transport, upstream)
        assert (recorder.code, upstream.connections) == ("upstream_reset", 2)
        transport.close()


@pytest.mark.anyio
async def test_the_second_try_is_the_last_one_on_a_kept_connection_too() -> None:
    """Opening is held up by name resolution, so that the second try gets another kept connection, which dies too."""
    may_resolve, first_is_gone = asyncio.Event(), asyncio.Event()
    may_resolve.set()
    requests: list[bytes] = []

    async def script(peer: Peer) -> None:
        requests.append(await peer.answer())
        await peer.read_request()
        if peer.number == 2:
            await first_is_gone.wait()
            await peer.send(OK)
            await peer.read_request()

    async def lookup(name: str) -> list[str]:
        await may_resolve.wait()
        return ["127.0.0.1"]

    async with running(script) as upstream:
        loop, clock = asyncio.get_running_loop(), ManualClock()
        transport = Http1Transport(loop, clock, Resolver(loop, clock, DnsLimits(ttl_s=0, stale_s=0), lookup=lookup))
        origin = Origin("http", "backend.test", upstream.origin.port)

        def start(target: str) -> Recorder:
            recorder = Recorder()
            transport.send(request_to(origin, target=target), b"", True, recorder)
            return recorder

        for recorder in (start("/a"), start("/b")):
            await recorder.finished()
        may_resolve.clear()
        # the connection given back last is taken first, whichever it is
        slow, quick = start("/c"), start("/d")
        await until(lambda: transport.stats()[origin].opening == 1)
        first_is_gone.set()
        await slow.finished()
        await quick.finished()
        assert sorted([slow.code or "", quick.code or ""]) == ["", "upstream_reset"]
        assert upstream.connections == 2
        may_resolve.set()
        transport.close()


@pytest.mark.anyio
async def test_a_request_on_a_new_connection_is_never_sent_twice() -> None:
    async def script(peer: Peer) -> None:
        await peer.read_request()

    async with running(script) as upstream:
        transport = transport_with()
        recorder = await call(transport, upstream)
        assert (recorder.code, upstream.connections) == ("upstream_reset", 1)
        transport.close()


@pytest.mark.anyio
async def test_no_second_try_once_a_byte_of_the_answer_has_come() -> None:
    async def script(peer: Peer) -> None:
        await peer.answer()
        await peer.read_request()
        await peer.send(b"HTTP/1.1")

    async with running(script) as upstream:
        transport = transport_with()
        await call(transport, upstream)
        recorder = await call(transport, upstream)
        assert (recorder.code, upstream.connections) == ("upstream_reset", 1)
        transport.close()


@pytest.mark.anyio
async def test_a_connection_that_died_unnoticed_is_found_out_before_it_is_used() -> None:
    """The server runs in a thread, so that its close is in the kernel while our loop has not looked yet."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)
    may_close, closed = threading.Event(), threading.Event()

    def serve() -> None:
        for _ in range(2):
            peer, _address = listener.accept()
            with peer:
                received = b""
                while not received.endswith(b"pay"):
                    received += peer.recv(65536)
                peer.sendall(OK)
                may_close.wait(10)
            closed.set()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    clock = ManualClock()
    transport = transport_with(clock)
    origin = Origin("http", "127.0.0.1", listener.getsockname()[1])
    try:
        for _ in range(2):
            recorder = Recorder()
            transport.send(request_to(origin, "POST"), b"pay", True, recorder)
            await recorder.finished()
            assert (recorder.body, recorder.error) == (b"ok", None)
            may_close.set()
            closed.wait(10)  # without giving the event loop a chance to see it
            clock.seconds += 2
    finally:
        transport.close()
        thread.join(10)
        listener.close()


@pytest.mark.anyio
async def test_calls_queue_in_order_for_the_allowed_connections() -> None:
    order: list[bytes] = []

    async def script(peer: Peer) -> None:
        while True:
            request = await peer.answer()
            order.append(request.split(b" ")[1])

    async with running(script) as upstream:
        transport = transport_with(max_connections=1, max_waiting=4)
        recorders = [Recorder() for _ in range(7)]
        for number, recorder in enumerate(recorders):
            transport.send(request_to(upstream.origin, target=f"/{number}"), b"", True, recorder)
        for recorder in recorders:
            await recorder.finished()
        assert [recorder.code for recorder in recorders] == [None] * 5 + ["upstream_connections_exhausted"] * 2
        assert order == [b"/0", b"/1", b"/2", b"/3", b"/4"]
        assert upstream.connections == 1
        transport.close()


@pytest.mark.anyio
async def test_a_queued_call_gets_its_turn_after_a_connection_broke() -> None:
    async def script(peer: Peer) -> None:
        if peer.number == 1:
            await peer.read_request()
        else:
            await peer.answer()

    async with running(script) as upstream:
        transport = transport_with(max_connections=1)
        first, second = Recorder(), Recorder()
        transport.send(request_to(upstream.origin), b"", True, first)
        transport.send(request_to(upstream.origin), b"", True, second)
        await first.finished()
        await second.finished()
        assert (first.code, second.body) == ("upstream_reset", b"ok")
        transport.close()


@pytest.mark.anyio
async def test_a_connection_opened_for_a_cancelled_call_serves_the_next_one() -> None:
    async with running(answer_for_ever) as upstream:
        transport = transport_with()
        transport.send(request_to(upstream.origin), b"", True, Recorder()).cancel()
        await until(lambda: transport.stats()[upstream.origin].idle == 1)
        assert (await call(transport, upstream)).body == b"ok"
        assert upstream.connections == 1
        transport.close()


@pytest.mark.anyio
async def test_idle_connections_are_closed_in_the_end_and_the_pool_goes_too() -> None:
    closed = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.answer()
        await peer.until_closed()
        closed.set()

    async with running(script) as upstream:
        clock = ManualClock()
        transport = transport_with(clock, idle_timeout_s=30)
        await call(transport, upstream)
        transport.sweep(clock.seconds + 29)
        assert transport.stats()[upstream.origin].idle == 1
        transport.sweep(clock.seconds + 31)
        await asyncio.wait_for(closed.wait(), 10)
        assert transport.stats() == {}
        transport.close()


@pytest.mark.anyio
async def test_an_upstream_on_a_unix_socket_is_reached() -> None:
    seen: list[bytes] = []

    async def script(peer: Peer) -> None:
        while True:
            seen.append(await peer.answer())

    async with running_on_unix_socket(script) as upstream:
        transport = transport_with()
        for _ in range(2):
            assert (await call(transport, upstream)).body == b"ok"
        assert upstream.connections == 1
        transport.close()
    assert b"host: backend\r\n" in seen[0]


@pytest.mark.anyio
async def test_a_missing_unix_socket_is_named() -> None:
    transport = transport_with()
    recorder = Recorder()
    transport.send(request_to(Origin("http", "backend", 80, unix_path="/no/such.sock")), b"", True, recorder)
    await recorder.finished()
    transport.close()
    assert recorder.error is not None
    assert (recorder.error.status, recorder.code) == (502, "upstream_connect_failed")
    assert "backend (unix:/no/such.sock)" in recorder.error.message


@pytest.mark.anyio
async def test_a_host_whose_addresses_are_not_allowed_is_refused() -> None:
    async with running(answer_for_ever) as upstream:
        loop = asyncio.get_running_loop()
        clock = ManualClock()
        resolver = Resolver(loop, clock, DnsLimits(), address_guard=lambda address: not address.startswith("127."))
        transport = Http1Transport(loop, clock, resolver)
        recorder = await call(transport, upstream)
        assert (recorder.code, upstream.connections) == ("upstream_address_refused", 0)
        transport.close()


@pytest.mark.anyio
async def test_closing_fails_what_is_under_way_and_what_comes_later() -> None:
    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.until_closed()

    async with running(script) as upstream:
        transport = transport_with(max_connections=1)
        busy, queued, late = Recorder(), Recorder(), Recorder()
        transport.send(request_to(upstream.origin), b"", True, busy)
        transport.send(request_to(upstream.origin), b"", True, queued)
        await until(lambda: len(transport.active) == 1)
        transport.close()
        transport.send(request_to(upstream.origin), b"", True, late)
    for recorder in (busy, queued, late):
        assert recorder.code == "upstream_transport_closed"
