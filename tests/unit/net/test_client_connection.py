"""One upstream connection: clocks, flow control and tunnels."""

import asyncio
import socket
from typing import cast

import pytest

from entresol.core.http import HeaderPairs, Headers, Origin, ResponseHead, Timeouts
from entresol.core.ports import UpstreamCall
from entresol.net.client import Http1Transport
from entresol.net.client_call import Http1Call
from entresol.net.outgoing import Flusher, Outgoing
from unit.net.scripted_upstream import ManualClock, Peer, Recorder, request_to, running

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def new_transport(clock: ManualClock | None = None) -> Http1Transport:
    return Http1Transport(asyncio.get_running_loop(), clock or ManualClock())


async def turns(count: int = 50) -> None:
    """Let the event loop do what it has to do."""
    for _ in range(count):
        await asyncio.sleep(0)


class Swept:
    """A transport with a clock to turn."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.transport = new_transport(self.clock)

    def tick(self, seconds: float) -> None:
        self.clock.seconds += seconds
        self.transport.sweep(self.clock.seconds)


class Sunk:
    """A transport that takes everything."""

    def write(self, data: bytes) -> None:
        pass

    def is_closing(self) -> bool:
        return False


@pytest.mark.anyio
async def test_a_request_that_waits_to_be_written_when_its_connection_ends_is_sent_on_another() -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(b"%d" % peer.number)
        await peer.until_closed()

    flusher = Flusher()
    transport = Http1Transport(asyncio.get_running_loop(), ManualClock(), flusher=flusher)
    async with running(script) as upstream:
        first, second = Recorder(), Recorder()
        transport.send(request_to(upstream.origin, "GET"), b"", True, first)
        await first.finished()
        await turns()
        Outgoing(cast("asyncio.Transport", Sunk()), flusher).write(b"the first write of a turn does not wait")
        call = cast("Http1Call", transport.send(request_to(upstream.origin, "POST"), b"{}", True, second))
        assert call.connection is not None
        call.connection.eof_received()
        await second.finished()
        transport.close()
    assert (second.body, upstream.connections) == (b"2", 2)


# --- clocks


@pytest.mark.anyio
async def test_the_wait_for_an_answer_begins_when_the_request_is_whole() -> None:
    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.read_chunked()
        await peer.until_closed()

    async with running(script) as upstream:
        swept = Swept()
        recorder = Recorder()
        request = request_to(upstream.origin, "POST", timeouts=Timeouts(first_byte_s=5))
        call = swept.transport.send(request, b"slow ", False, recorder)
        await turns()
        for _ in range(5):
            swept.tick(4)  # a client that takes its time
            swept.tick(4)
            call.send_body(b"client", False)
            await turns()
        call.send_body(b"", True)
        await turns()
        swept.tick(1)
        swept.tick(3.9)
        assert not recorder.is_finished
        swept.tick(5)
        await recorder.finished()
        swept.transport.close()
    assert recorder.code == "upstream_first_byte_timeout"


@pytest.mark.anyio
async def test_an_upstream_that_stops_reading_the_request_is_a_504() -> None:
    async def script(peer: Peer) -> None:
        peer.reader._transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    async with running(script) as upstream:
        swept = Swept()
        recorder = Recorder()
        request = request_to(upstream.origin, "POST", timeouts=Timeouts(write_s=5, first_byte_s=1))
        swept.transport.send(request, bytes(32_000_000), True, recorder)
        await turns(200)
        swept.tick(1)
        swept.tick(4.9)
        assert not recorder.is_finished
        swept.tick(5.2)
        await recorder.finished()
        swept.transport.close()
    assert recorder.code == "upstream_write_timeout"
    assert recorder.error is not None
    assert recorder.error.status == 504


@pytest.mark.anyio
async def test_time_in_which_the_client_does_not_read_is_not_the_upstreams() -> None:
    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        await resumed.wait()
        await peer.send(b"cd")

    resumed = asyncio.Event()
    async with running(script) as upstream:
        swept = Swept()
        recorder = Recorder()
        call = swept.transport.send(request_to(upstream.origin, timeouts=Timeouts(idle_s=5)), b"", True, recorder)
        await recorder.until(lambda r: r.body == b"ab")
        call.pause()
        for _ in range(10):
            swept.tick(4)
        swept.tick(60)
        call.resume()
        swept.tick(4)
        assert not recorder.is_finished
        resumed.set()
        await recorder.finished()
        swept.transport.close()
    assert (recorder.body, recorder.error) == (b"abcd", None)


@pytest.mark.anyio
async def test_a_stream_that_moves_never_times_out() -> None:
    asked = asyncio.Semaphore(0)

    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(10):
            await asked.acquire()
            await peer.send(b"1\r\n.\r\n")
        await peer.send(b"0\r\n\r\n")

    async with running(script) as upstream:
        swept = Swept()
        recorder = Recorder()
        timeouts = Timeouts(first_byte_s=5, idle_s=5, write_s=5)
        swept.transport.send(request_to(upstream.origin, timeouts=timeouts), b"", True, recorder)
        for count in range(1, 11):
            asked.release()
            await recorder.until(lambda r, n=count: len(r.body) == n)  # type: ignore[misc]
            swept.tick(4)
        await recorder.finished()
        swept.transport.close()
    assert recorder.error is None


@pytest.mark.anyio
async def test_a_clock_that_is_off_never_fires() -> None:
    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        await peer.until_closed()

    async with running(script) as upstream:
        swept = Swept()
        recorder = Recorder()
        off = Timeouts(connect_s=0, first_byte_s=0, idle_s=0, write_s=0, total_s=0)
        call = swept.transport.send(request_to(upstream.origin, timeouts=off), b"", True, recorder)
        await recorder.until(lambda r: r.body == b"ab")
        for _ in range(3):
            swept.tick(1e6)
        assert not recorder.is_finished
        call.cancel()
        swept.transport.close()


@pytest.mark.anyio
async def test_an_address_that_does_not_answer_is_a_504() -> None:
    """A listener whose queue is full leaves further connections without an answer."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        swept = Swept()
        recorder = Recorder()
        request = request_to(Origin("http", *address), timeouts=Timeouts(connect_s=5))
        swept.transport.send(request, b"", True, recorder)
        await turns()
        swept.tick(4.9)
        assert not recorder.is_finished
        swept.tick(0.2)
        await recorder.finished()
        await turns()
        assert swept.transport.stats()[request.origin].opening == 0
        swept.transport.close()
        for filler in fillers:
            filler.close()
    assert recorder.code == "upstream_connect_timeout"
    assert recorder.error is not None
    assert recorder.error.status == 504


# --- flow control


@pytest.mark.anyio
async def test_a_slow_upstream_holds_the_client_back() -> None:
    size = 32_000_000
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        head = await peer.read_head()
        assert b"chunked" in head
        await go.wait()
        body = await peer.read_chunked()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%d" % (len(str(len(body))), len(body)))

    async with running(script) as upstream:
        transport = new_transport()
        recorder = Recorder()
        call = transport.send(request_to(upstream.origin, "POST"), b"", False, recorder)
        sent = 0
        while recorder.flow[-1:] != ["blocked"] and sent < size:
            call.send_body(bytes(65536), False)
            sent += 65536
            await turns()  # the kernel may still take it
        assert recorder.flow[-1] == "blocked"
        go.set()
        await recorder.until(lambda r: r.flow[-1] == "writable")
        assert recorder.flow == ["blocked", "writable"] * (len(recorder.flow) // 2)
        call.send_body(b"", True)
        await recorder.finished()
        transport.close()
    assert recorder.body == b"%d" % sent


@pytest.mark.anyio
async def test_a_body_that_comes_before_the_connection_waits_for_it() -> None:
    async def script(peer: Peer) -> None:
        await peer.read_head()
        body = await peer.read_chunked()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    async with running(script) as upstream:
        transport = new_transport()
        recorder = Recorder()
        call = transport.send(request_to(upstream.origin, "POST"), b"a" * 1000, False, recorder)
        call.send_body(b"b" * 70_000, False)
        assert recorder.flow == ["blocked"]
        await recorder.until(lambda r: r.flow == ["blocked", "writable"])
        call.send_body(b"c", True)
        await recorder.finished()
        transport.close()
    assert recorder.body == b"a" * 1000 + b"b" * 70_000 + b"c"


@pytest.mark.anyio
async def test_a_call_paused_before_it_has_a_connection_stays_paused() -> None:
    answered = asyncio.Event()

    async def script(peer: Peer) -> None:
        while True:
            await peer.answer()
            answered.set()

    async with running(script) as upstream:
        transport = new_transport()
        recorder = Recorder()
        call = transport.send(request_to(upstream.origin), b"", True, recorder)
        call.pause()
        await answered.wait()
        await turns()
        assert not recorder.heads
        call.resume()
        await recorder.finished()
        # and the pause is not inherited by the next call
        second = Recorder()
        transport.send(request_to(upstream.origin), b"", True, second)
        await second.finished()
        assert upstream.connections == 1
        transport.close()


@pytest.mark.anyio
async def test_a_connection_whose_call_ended_paused_reads_for_the_next_one() -> None:
    class PausesAtTheHead(Recorder):
        call: UpstreamCall

        def on_response_head(self, head: ResponseHead) -> None:
            super().on_response_head(head)
            self.call.pause()

    async def script(peer: Peer) -> None:
        while True:
            await peer.answer()

    async with running(script) as upstream:
        transport = new_transport()
        for _ in range(2):
            recorder = PausesAtTheHead()
            recorder.call = transport.send(request_to(upstream.origin), b"", True, recorder)
            await recorder.finished()
            assert recorder.body == b"ok"
        assert upstream.connections == 1
        transport.close()


class CancelsItself(Recorder):
    """A receiver that drops its call while it is being told something."""

    call: UpstreamCall
    where = ""

    def on_informational(self, status: int, headers: Headers) -> None:
        super().on_informational(status, headers)
        self.drop("informational")

    def on_response_head(self, head: ResponseHead) -> None:
        super().on_response_head(head)
        self.drop("head")

    def on_response_body(self, data: bytes, last: bool, trailers: HeaderPairs) -> None:
        super().on_response_body(data, last, trailers)
        self.drop("body")

    def drop(self, where: str) -> None:
        if where == self.where:
            self.call.cancel()


@pytest.mark.anyio
@pytest.mark.parametrize(("where", "heard"), [("informational", (1, 0, 0)), ("head", (1, 1, 0)), ("body", (1, 1, 1))])
async def test_a_receiver_that_drops_its_call_hears_nothing_more(where: str, heard: tuple[int, int, int]) -> None:
    gone = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.send(b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
        await peer.until_closed()
        gone.set()

    async with running(script) as upstream:
        transport = new_transport()
        recorder = CancelsItself()
        recorder.where = where
        recorder.call = transport.send(request_to(upstream.origin), b"", True, recorder)
        await asyncio.wait_for(gone.wait(), 10)
        assert (len(recorder.interim), len(recorder.heads), len(recorder.deliveries)) == heard
        assert recorder.error is None
        assert transport.stats()[upstream.origin].busy == 0
        transport.close()


# --- tunnels


@pytest.mark.anyio
async def test_a_websocket_is_tunnelled_both_ways_until_the_upstream_closes() -> None:
    seen: list[bytes] = []

    async def script(peer: Peer) -> None:
        seen.append(await peer.read_head())
        await peer.send(SWITCH + b"hello")
        seen.append(await peer.reader.readexactly(9))
        await peer.send(b"\x81\x02ok")

    async with running(script) as upstream:
        transport = new_transport()
        recorder = Recorder()
        request = request_to(upstream.origin, headers=[(b"sec-websocket-key", b"abc")], upgrade=b"websocket")
        call = transport.send(request, b"", True, recorder)
        call.send_body(b"early", False)  # must not reach the upstream before it has agreed
        await recorder.until(lambda r: r.body == b"hello")
        assert seen == [seen[0]]
        call.send_body(b"late", False)
        await recorder.finished()
        transport.close()
    assert recorder.status == 101
    assert recorder.heads[0].headers.get(b"upgrade") == b"websocket"
    assert b"\r\nconnection: upgrade\r\nupgrade: websocket\r\n" in seen[0]
    assert b"sec-websocket-key: abc" in seen[0]
    assert b"content-length" not in seen[0]
    assert seen[1] == b"earlylate"
    assert recorder.body == b"hello\x81\x02ok"


@pytest.mark.anyio
async def test_the_end_of_the_clients_side_reaches_the_upstream() -> None:
    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(SWITCH)
        received = await peer.until_closed()
        await peer.send(received.upper())

    async with running(script) as upstream:
        transport = new_transport()
        recorder = Recorder()
        call = transport.send(request_to(upstream.origin, upgrade=b"echo"), b"", True, recorder)
        await recorder.until(lambda r: bool(r.heads))
        call.send_body(b"bye", True)
        call.send_body(b"ignored", False)
        await recorder.finished()
        transport.close()
    assert recorder.body == b"BYE"


@pytest.mark.anyio
async def test_a_refused_upgrade_is_an_ordinary_answer_and_drops_what_was_held() -> None:
    async def script(peer: Peer) -> None:
        while True:
            await peer.read_head()
            await peer.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")

    async with running(script) as upstream:
        transport = new_transport()
        for _ in range(2):
            recorder = Recorder()
            call = transport.send(request_to(upstream.origin, upgrade=b"websocket"), b"", True, recorder)
            call.send_body(b"frame", False)
            await recorder.finished()
            assert (recorder.status, recorder.body) == (403, b"no")
        assert upstream.connections == 1
        transport.close()


@pytest.mark.anyio
async def test_a_silent_tunnel_ends_but_traffic_in_either_direction_keeps_it() -> None:
    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(SWITCH)
        await peer.until_closed()

    async with running(script) as upstream:
        swept = Swept()
        recorder = Recorder()
        request = request_to(upstream.origin, upgrade=b"websocket", timeouts=Timeouts(idle_s=5))
        call = swept.transport.send(request, b"", True, recorder)
        await recorder.until(lambda r: bool(r.heads))
        for _ in range(5):
            call.send_body(b"ping", False)
            await turns()
            swept.tick(4)
        assert not recorder.is_finished
        swept.tick(4)
        swept.tick(4)
        await recorder.finished()
        swept.transport.close()
    assert recorder.code == "upstream_idle_timeout"


@pytest.mark.anyio
async def test_a_reset_in_the_middle_of_a_body_is_no_end() -> None:
    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
        await heard.wait()
        sock = peer.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        peer.reset()

    heard = asyncio.Event()
    async with running(script) as upstream:
        transport = new_transport()
        recorder = Recorder()
        transport.send(request_to(upstream.origin), b"", True, recorder)
        await recorder.until(lambda r: r.body == b"until the end")
        heard.set()
        await recorder.finished()
        transport.close()
    assert recorder.code == "upstream_reset"
    assert not any(last for _, last in recorder.deliveries)
