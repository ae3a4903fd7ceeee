"""What every upstream transport must do, whatever it is made of. Subclasses say which one and what it cannot do."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Protocol

import pytest

from entresol.core.errors import ClientError, UpstreamError
from entresol.core.http import HeaderPairs, Origin, Timeouts
from entresol.core.ports import Transport
from unit.net.scripted_upstream import ManualClock, Peer, Recorder, Upstream, request_to, running


class SweptTransport(Transport, Protocol):
    """A transport with the two calls that its owner makes."""

    def sweep(self, now: float) -> None: ...

    def close(self) -> None: ...


class TransportContract:
    """Run against a scripted upstream on the loopback interface."""

    clock: ManualClock
    added_fields: tuple[bytes, ...] = ()
    """Fields that the transport adds to a request whether we like it or not."""
    closes_unanswered_calls = True
    """A call that is cancelled before its answer is closed at once."""

    def make(self, clock: ManualClock) -> SweptTransport:
        raise NotImplementedError

    async def stopped(self, transport: SweptTransport) -> None:
        transport.close()

    @contextlib.asynccontextmanager
    async def transport(self) -> AsyncIterator[SweptTransport]:
        self.clock = ManualClock()
        transport = self.make(self.clock)
        try:
            yield transport
        finally:
            await self.stopped(transport)

    async def exchange(
        self,
        upstream: Upstream,
        transport: Transport,
        method: str = "GET",
        body: bytes = b"",
        headers: HeaderPairs | None = None,
    ) -> Recorder:
        recorder = Recorder()
        transport.send(request_to(upstream.origin, method, "/path?q=1", headers), body, True, recorder)
        return await recorder.finished()

    @pytest.mark.anyio
    async def test_a_request_goes_out_and_its_response_comes_back(self) -> None:
        seen: list[bytes] = []

        async def script(peer: Peer) -> None:
            seen.append(await peer.read_request())
            await peer.send(b"HTTP/1.1 201 Created\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 5\r\n\r\nhello")

        async with running(script) as upstream, self.transport() as transport:
            recorder = await self.exchange(upstream, transport, "POST", b"ping", [(b"x-custom", b"yes")])
        lines = seen[0].lower().split(b"\r\n")
        assert lines[0] == b"post /path?q=1 http/1.1"
        assert b"host: " + upstream.origin.authority.encode() in lines
        assert b"x-custom: yes" in lines
        assert b"content-length: 4" in lines
        assert lines[-1] == b"ping"
        names = {line.partition(b":")[0] for line in lines[1:-2]}
        assert names == {b"host", b"x-custom", b"content-length", *self.added_fields}
        head = recorder.heads[0]
        assert (head.status, head.content_length) == (201, 5)
        assert head.headers.get_all(b"x-a") == [b"1", b"2"]
        assert b"content-length" not in head.headers
        assert recorder.body == b"hello"
        assert [last for _, last in recorder.deliveries].count(True) == 1

    @pytest.mark.anyio
    @pytest.mark.parametrize(
        ("response", "body"),
        [
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", b"abc"),
            (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end"),
            (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
            (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", b""),
            (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n\x1f\x8bxyz", b"\x1f\x8bxyz"),
            (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 1\r\n\r\na", b"a"),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", b"a"),
            (b"HTTP/1.1 500 Oops\r\nContent-Length: 1\r\n\r\na", b"a"),
        ],
        ids=["chunked", "close-delimited", "204", "304", "not decoded", "not followed", "after 100", "500"],
    )
    async def test_every_kind_of_body_arrives_as_it_is(self, response: bytes, body: bytes) -> None:
        async def script(peer: Peer) -> None:
            await peer.read_request()
            await peer.send(response)

        async with running(script) as upstream, self.transport() as transport:
            recorder = await self.exchange(upstream, transport)
        assert recorder.error is None
        assert recorder.body == body
        assert len(recorder.heads) == 1

    @pytest.mark.anyio
    async def test_a_response_to_head_has_no_body_and_keeps_its_length(self) -> None:
        async def script(peer: Peer) -> None:
            while True:
                await peer.read_request()
                await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")

        async with running(script) as upstream, self.transport() as transport:
            for _ in range(3):
                recorder = await self.exchange(upstream, transport, "HEAD")
                assert (recorder.body, recorder.heads[0].content_length) == (b"", 5)
        assert upstream.connections == 1

    @pytest.mark.anyio
    async def test_connections_are_really_reused(self) -> None:
        async def script(peer: Peer) -> None:
            while True:
                await peer.answer()

        async with running(script) as upstream, self.transport() as transport:
            for _ in range(50):
                recorder = await self.exchange(upstream, transport, "POST", b"x")
                assert recorder.body == b"ok"
            assert upstream.connections == 1

    @pytest.mark.anyio
    async def test_chunks_are_delivered_as_they_come(self) -> None:
        heard = asyncio.Event()

        async def script(peer: Peer) -> None:
            await peer.read_request()
            await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(5):
                heard.clear()
                await peer.send(b"5\r\nevent\r\n")
                await heard.wait()
            await peer.send(b"0\r\n\r\n")

        async with running(script) as upstream, self.transport() as transport:
            recorder = Recorder()
            transport.send(request_to(upstream.origin), b"", True, recorder)
            for count in range(1, 6):
                await recorder.until(lambda r, n=count: len(r.body) == 5 * n)  # type: ignore[misc]
                heard.set()
            await recorder.finished()
        assert recorder.body == b"event" * 5

    @pytest.mark.anyio
    async def test_a_body_of_unknown_length_goes_out_in_chunks(self) -> None:
        bodies: list[bytes] = []

        async def script(peer: Peer) -> None:
            head = await peer.read_head()
            assert b"transfer-encoding: chunked" in head.lower()
            assert b"content-length" not in head.lower()
            bodies.append(await peer.read_chunked())
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        async with running(script) as upstream, self.transport() as transport:
            recorder = Recorder()
            call = transport.send(request_to(upstream.origin, "POST"), b"one ", False, recorder)
            call.send_body(b"two ", False)
            call.send_body(b"", False)
            call.send_body(b"three", True)
            await recorder.finished()
        assert recorder.status == 200
        assert bodies == [b"one two three"]

    @pytest.mark.anyio
    async def test_an_announced_length_is_kept_when_the_body_comes_in_parts(self) -> None:
        seen: list[bytes] = []

        async def script(peer: Peer) -> None:
            seen.append(await peer.answer())

        async with running(script) as upstream, self.transport() as transport:
            recorder = Recorder()
            headers = [(b"content-length", b"8")]
            call = transport.send(request_to(upstream.origin, "PUT", headers=headers), b"1234", False, recorder)
            call.send_body(b"5678", True)
            await recorder.finished()
        assert seen[0].lower().count(b"content-length: 8\r\n") == 1
        assert seen[0].endswith(b"12345678")

    @pytest.mark.anyio
    async def test_a_large_body_survives_both_ways(self) -> None:
        payload = bytes(range(256)) * 8192

        async def script(peer: Peer) -> None:
            request = await peer.read_request()
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(payload) + request[-len(payload) :])

        async with running(script) as upstream, self.transport() as transport:
            recorder = await self.exchange(upstream, transport, "POST", payload)
        assert recorder.body == payload

    @pytest.mark.anyio
    async def test_many_calls_at_once_get_each_their_own_answer(self) -> None:
        async def script(peer: Peer) -> None:
            while True:
                request = await peer.read_request()
                name = request.split(b" ")[1]
                await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(name), name))

        async with running(script) as upstream, self.transport() as transport:
            for _ in range(3):
                recorders = [Recorder() for _ in range(40)]
                for number, recorder in enumerate(recorders):
                    transport.send(request_to(upstream.origin, "GET", f"/call/{number}"), b"", True, recorder)
                for number, recorder in enumerate(recorders):
                    await recorder.finished()
                    assert recorder.body == b"/call/%d" % number

    @pytest.mark.anyio
    async def test_a_refused_connection_is_a_502(self) -> None:
        async with running(lambda peer: peer.until_closed_quietly()) as upstream:
            origin = upstream.origin
        async with self.transport() as transport:
            recorder = Recorder()
            transport.send(request_to(origin), b"", True, recorder)
            await recorder.finished()
        self.assert_upstream_error(recorder, 502, "upstream_connect_refused", origin)
        assert recorder.error is not None
        assert recorder.error.message.startswith("An invalid response was received from the upstream server")

    @pytest.mark.anyio
    async def test_a_name_without_address_is_a_503(self) -> None:
        origin = Origin("http", "no-such-host.invalid", 80)
        async with self.transport() as transport:
            recorder = Recorder()
            transport.send(request_to(origin), b"", True, recorder)
            await recorder.finished()
        assert recorder.error is not None
        assert (recorder.error.status, recorder.code) == (503, "upstream_name_resolution_failed")
        assert recorder.error.message.startswith("name resolution failed")

    @pytest.mark.anyio
    @pytest.mark.parametrize(
        "response",
        [
            b"",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        ],
        ids=["before the head", "within a length", "within chunks"],
    )
    async def test_a_response_that_breaks_off_is_an_error(self, response: bytes) -> None:
        async def script(peer: Peer) -> None:
            await peer.read_request()
            await peer.send(response)

        async with running(script) as upstream, self.transport() as transport:
            recorder = await self.exchange(upstream, transport, "POST", b"x")
        self.assert_upstream_error(recorder, 502, "upstream_reset", upstream.origin)
        assert not any(last for _, last in recorder.deliveries)

    @pytest.mark.anyio
    @pytest.mark.parametrize(
        "response",
        [
            b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            b"HTTP/1.1 200 OK\r\nx : y\r\nContent-Length: 0\r\n\r\n",
        ],
    )
    async def test_garbage_is_a_protocol_error(self, response: bytes) -> None:
        async def script(peer: Peer) -> None:
            await peer.read_request()
            await peer.send(response)
            await peer.until_closed()

        async with running(script) as upstream, self.transport() as transport:
            recorder = await self.exchange(upstream, transport)
        self.assert_upstream_error(recorder, 502, "upstream_protocol_error", upstream.origin)
        assert recorder.heads == []

    @pytest.mark.anyio
    async def test_an_upstream_that_does_not_answer_is_a_504(self) -> None:
        got_request = asyncio.Event()

        async def script(peer: Peer) -> None:
            await peer.read_request()
            got_request.set()
            await peer.until_closed()

        async with running(script) as upstream, self.transport() as transport:
            recorder = Recorder()
            timeouts = Timeouts(first_byte_s=5.0)
            transport.send(request_to(upstream.origin, timeouts=timeouts), b"", True, recorder)
            await got_request.wait()
            self.tick(transport, 4.9)
            assert not recorder.is_finished
            self.tick(transport, 0.2)
            await recorder.finished()
        self.assert_upstream_error(recorder, 504, "upstream_first_byte_timeout", upstream.origin)
        assert recorder.error is not None
        assert recorder.error.message.startswith("The upstream server is timing out")

    @pytest.mark.anyio
    async def test_a_response_that_stalls_is_a_504(self) -> None:
        async def script(peer: Peer) -> None:
            await peer.read_request()
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
            await peer.until_closed()

        async with running(script) as upstream, self.transport() as transport:
            recorder = Recorder()
            transport.send(request_to(upstream.origin, timeouts=Timeouts(idle_s=5.0)), b"", True, recorder)
            await recorder.until(lambda r: r.body == b"ab")
            self.tick(transport, 4.9)
            assert not recorder.is_finished
            self.tick(transport, 5.1)
            await recorder.finished()
        self.assert_upstream_error(recorder, 504, "upstream_idle_timeout", upstream.origin)

    @pytest.mark.anyio
    async def test_the_whole_exchange_has_a_limit(self) -> None:
        async def script(peer: Peer) -> None:
            await peer.read_request()
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
            await peer.until_closed()

        async with running(script) as upstream, self.transport() as transport:
            recorder = Recorder()
            transport.send(request_to(upstream.origin, timeouts=Timeouts(total_s=7.0)), b"", True, recorder)
            await recorder.until(lambda r: r.body == b"ab")
            self.tick(transport, 6.9)
            assert not recorder.is_finished
            self.tick(transport, 0.2)
            await recorder.finished()
        self.assert_upstream_error(recorder, 504, "upstream_total_timeout", upstream.origin)

    @pytest.mark.anyio
    async def test_a_call_cancelled_before_its_answer_hears_nothing_more(self) -> None:
        closed = asyncio.Event()
        started = asyncio.Event()

        async def script(peer: Peer) -> None:
            if peer.number > 1:
                await peer.answer(b"second")
                return
            await peer.read_request()
            started.set()
            await peer.until_closed()
            closed.set()

        async with running(script) as upstream, self.transport() as transport:
            first = Recorder()
            call = transport.send(request_to(upstream.origin), b"", True, first)
            await started.wait()
            call.cancel()
            if self.closes_unanswered_calls:
                await asyncio.wait_for(closed.wait(), 10)
            second = await self.exchange(upstream, transport)
            call.cancel()
            call.send_body(b"late", True)
        assert second.body == b"second"
        assert (first.heads, first.deliveries, first.error) == ([], [], None)

    @pytest.mark.anyio
    async def test_a_call_cancelled_within_its_answer_is_closed_at_once(self) -> None:
        closed = asyncio.Event()

        async def script(peer: Peer) -> None:
            await peer.read_request()
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
            await peer.until_closed()
            closed.set()

        async with running(script) as upstream, self.transport() as transport:
            recorder = Recorder()
            call = transport.send(request_to(upstream.origin), b"", True, recorder)
            await recorder.until(lambda r: r.body == b"ab")
            call.cancel()
            await asyncio.wait_for(closed.wait(), 10)
        assert (recorder.body, recorder.error) == (b"ab", None)
        assert not any(last for _, last in recorder.deliveries)

    @pytest.mark.anyio
    async def test_a_paused_call_makes_the_upstream_wait(self) -> None:
        size = 16 * 1024 * 1024
        sent = 0

        async def script(peer: Peer) -> None:
            nonlocal sent
            await peer.read_request()
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            for _ in range(size // 65536):
                await peer.send(bytes(65536))
                sent += 65536

        async with running(script) as upstream, self.transport() as transport:
            recorder = Recorder()
            call = transport.send(request_to(upstream.origin), b"", True, recorder)
            await recorder.until(lambda r: bool(r.heads))
            call.pause()
            before = -1
            while before != sent:  # until nothing moves any more
                before = sent
                for _ in range(200):
                    await asyncio.sleep(0)
            assert sent < size
            call.resume()
            await recorder.finished()
        assert len(recorder.body) == size

    @pytest.mark.anyio
    @pytest.mark.parametrize(
        ("method", "target", "headers"),
        [
            ("GET", "/a\r\nx: y", []),
            ("GET", "/a b", []),
            ("GET ", "/", []),
            ("GET", "/", [(b"x", b"a\r\nhost: evil")]),
            ("GET", "/", [(b"x", b"a\nb")]),
            ("GET", "/", [(b"x", b"a\0b")]),
            ("GET", "/", [(b"x: y\r\nz", b"a")]),
            ("GET", "/", [(b"bad name", b"a")]),
            ("GET", "/", [(b"", b"a")]),
        ],
    )
    async def test_parts_that_would_break_the_request_are_refused(
        self, method: str, target: str, headers: HeaderPairs
    ) -> None:
        async with running(lambda peer: peer.until_closed_quietly()) as upstream, self.transport() as transport:
            recorder = Recorder()
            transport.send(request_to(upstream.origin, method, target, headers), b"", True, recorder)
            await recorder.finished()
        assert isinstance(recorder.error, ClientError)
        assert recorder.code == "request_not_sendable"

    def tick(self, transport: SweptTransport, seconds: float) -> None:
        """Let time pass, as the sweeper does."""
        self.clock.seconds += seconds
        transport.sweep(self.clock.seconds)

    def assert_upstream_error(self, recorder: Recorder, status: int, code: str, origin: Origin) -> None:
        error = recorder.error
        assert isinstance(error, UpstreamError)
        assert (error.status, error.code) == (status, code)
        assert f"{origin.host}:{origin.port}" in error.message
