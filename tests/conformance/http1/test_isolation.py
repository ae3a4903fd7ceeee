"""The three faults an earlier data plane had, each over real sockets: connections that were not reused, an upstream
attached to a dead client, and an answer on another client's connection.
"""

import asyncio
import random
from collections import Counter

import pytest

from conformance.http1.cases import SMUGGLED, chunked, get
from conformance.http1.event_loops import run
from conformance.http1.gateway import Closed, Gateway, RawClient, client_of
from conformance.http1.recording_upstream import Received, RecordingUpstream, UpstreamConnection

pytestmark = pytest.mark.usefixtures("each_event_loop")

CLIENTS = 200
STEPS = 6
SEEDS = (1, 2, 3)


def test_200_requests_on_4_connections_use_at_most_4_upstream_connections() -> None:
    async def scenario() -> None:
        async with Gateway() as gateway:

            async def client() -> None:
                async with client_of(gateway) as connection:
                    for number in range(50):
                        connection.send(b"GET /reuse/%d HTTP/1.1\r\nHost: a\r\n\r\n" % number)
                        assert (await connection.answer()).status == 200

            await asyncio.gather(*(client() for _ in range(4)))
            upstream = gateway.upstream
            assert len(upstream.complete) == 200
            assert 1 <= len(upstream.connections) <= 4
            (stats,) = gateway.transport.stats().values()
            assert stats.opened == len(upstream.connections)
            assert stats.reused >= 200 - stats.opened  # a call that waited may get a connection that came free
            assert len(gateway.server.connections) <= 4

    run(scenario())


@pytest.mark.parametrize("kind", ["POST with a body", "chunked POST", "HEAD", "204", "304"])
def test_connections_are_reused_whatever_the_framing(kind: str) -> None:
    status = int(kind) if kind.isdigit() else 200
    request = {
        "POST with a body": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        "chunked POST": chunked(b"5\r\nhello\r\n0\r\n\r\n"),
        "HEAD": b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
    }.get(kind, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    method = request.split(b" ")[0].decode()

    def on_request(connection: UpstreamConnection, received: Received) -> None:
        if status != 200:
            connection.answer(b"HTTP/1.1 %d X\r\netag: x\r\n\r\n" % status)
        elif method == "HEAD":
            connection.answer(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
        else:
            connection.answer(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")

    async def scenario() -> None:
        async with Gateway(RecordingUpstream(on_request)) as gateway, client_of(gateway) as client:
            for _ in range(10):
                client.send(request)
                assert (await client.answer(method)).status == status
            assert len(gateway.upstream.connections) == 1
            assert len(gateway.upstream.complete) == 10

    run(scenario())


def hold(connection: UpstreamConnection, received: Received) -> None:
    """Never answers."""


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (get(b"X-A: b\r\n c"), "a folded field"),
        (get(b"Authorization: a", b"Authorization: b"), "two credentials"),
        (b"\x16\x03\x01", "a TLS client hello"),
        (b"not http at all\r\n\r\n", "garbage"),
        (chunked(b"0x5\r\nhello\r\n") + SMUGGLED, "a bad chunk"),
    ],
)
def test_a_bad_second_request_leaves_no_upstream_attached_to_a_dead_client(second: bytes, why: str) -> None:
    """The bad one waits its turn; when the client gives up, the upstream of the first is let go at once."""

    async def scenario() -> None:
        async with Gateway(RecordingUpstream(hold)) as gateway:
            client = await gateway.connect()
            client.send(get(line=b"GET /first HTTP/1.1") + second)
            upstream = gateway.upstream
            await upstream.until(lambda: len(upstream.complete) == 1)
            client.reset()
            await upstream.until(lambda: upstream.connections[0].is_closed)
            assert [request.target for request in upstream.requests] == ["/first"]
            assert not gateway.transport.active
            assert not gateway.server.connections

    run(scenario())


@pytest.mark.parametrize("ending", ["reset", "close"])
def test_a_client_that_leaves_frees_its_upstream_and_the_next_gets_its_own_answer(ending: str) -> None:
    """The upstream answers the dead client's request late: that answer must reach nobody."""
    first: list[UpstreamConnection] = []

    def on_request(connection: UpstreamConnection, received: Received) -> None:
        if received.target == "/first":
            first.append(connection)
        else:
            connection.answer(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecond")

    async def scenario() -> None:
        async with Gateway(RecordingUpstream(on_request)) as gateway:
            client = await gateway.connect()
            client.send(get(line=b"GET /first HTTP/1.1"))
            upstream = gateway.upstream
            await upstream.until(lambda: len(first) == 1)
            if ending == "reset":
                client.reset()
            else:
                await client.close()
            await upstream.until(lambda: first[0].is_closed)
            async with client_of(gateway) as other:
                other.send(get(line=b"GET /second HTTP/1.1"))
                assert (await other.answer()).body == b"second"
            assert len(upstream.connections) == 2

    run(scenario())


class Chaos:
    """An upstream and clients that misbehave by a seed: early answers, resets, late bytes, aborts, pipelining."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.upstream = RecordingUpstream(self.on_request)
        self.upstream.on_head = self.on_head
        self.answered: set[int] = set()

    def on_head(self, connection: UpstreamConnection, received: Received) -> None:
        """Sometimes answer before the body, sometimes break off before any answer."""
        if received.method != "POST":
            return
        roll = self.random.random()
        if roll < 0.15:
            self.counts["early answers"] += 1
            connection.transport.write(self._response(received, "close"))
            connection.transport.close()
            self.answered.add(id(received))
        elif roll < 0.25:
            self.counts["upstream resets"] += 1
            connection.transport.abort()

    def on_request(self, connection: UpstreamConnection, received: Received) -> None:
        """Answer whole, in pieces, too much, or not at all."""
        if id(received) in self.answered or connection.transport.is_closing():
            return
        roll = self.random.random()
        response = self._response(received, "keep-alive")
        if roll < 0.1:
            self.counts["broken answers"] += 1
            connection.transport.write(response[: self.random.randrange(len(response))])
            connection.transport.abort()
        elif roll < 0.2:
            self.counts["answers with a second one behind"] += 1
            connection.answer(response + b"HTTP/1.1 200 OK\r\nx-id: nobody\r\ncontent-length: 6\r\n\r\nnobody")
        elif roll < 0.5:
            self.counts["late answers"] += 1
            cut = self.random.randrange(1, len(response))
            loop = asyncio.get_running_loop()
            loop.call_later(self.random.random() / 50, self._later, connection, response[:cut], response[cut:])
        else:
            connection.answer(response)

    def _later(self, connection: UpstreamConnection, first: bytes, second: bytes) -> None:
        if not connection.transport.is_closing():
            connection.transport.write(first)
            asyncio.get_running_loop().call_soon(connection.answer, second)

    def _response(self, received: Received, connection: str) -> bytes:
        """Carries the request's id in the head and all over the body."""
        identity = received.field(b"x-id") or b"missing"
        body = identity * self.random.choice((1, 10, 2000))
        head = b"HTTP/1.1 200 OK\r\nx-id: %b\r\nconnection: %b\r\n" % (identity, connection.encode())
        if self.random.random() < 0.5:
            return head + b"content-length: %d\r\n\r\n%b" % (len(body), body)
        return head + b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)

    async def client(self, gateway: Gateway, name: int) -> None:
        """One client: several connections one after the other, each with some requests, each with its own id."""
        for step in range(STEPS):
            client = await gateway.connect()
            try:
                await self._talk(client, name, step)
            finally:
                client.reset()

    async def _talk(self, client: RawClient, name: int, step: int) -> None:
        identities = [b"%d-%d-%d." % (name, step, number) for number in range(self.random.choice((1, 1, 2, 4)))]
        for identity in identities:
            client.send(self._request(identity))
        if self.random.random() < 0.2:
            client.send(get(b"X-A: b\r\n c"))  # refused when its turn comes
        if self.random.random() < 0.25:
            self.counts["client aborts"] += 1
            await asyncio.sleep(self.random.random() / 50)
            return
        for identity in identities:
            try:
                answer = await client.answer()
            except (Closed, asyncio.IncompleteReadError, ConnectionError, AssertionError):
                self.counts["connections that ended"] += 1
                return
            self._check(answer.status, answer.field(b"x-id"), answer.body, identity)

    def _check(self, status: int, answered: bytes | None, body: bytes, identity: bytes) -> None:
        if status == 200:
            assert answered == identity, f"{identity!r} got the answer of {answered!r}"
            assert body.replace(identity, b"") == b"", f"{identity!r} got foreign bytes"
            self.counts["answers"] += 1
        else:
            assert status in (400, 502, 503, 504), status
            assert answered is None
            self.counts["gateway errors"] += 1

    def _request(self, identity: bytes) -> bytes:
        roll = self.random.random()
        size = self.random.choice((0, 100, 50_000))
        if roll < 0.4:
            return b"GET /x HTTP/1.1\r\nHost: a\r\nX-Id: %b\r\n\r\n" % identity
        head = b"POST /x HTTP/1.1\r\nHost: a\r\nX-Id: %b\r\n" % identity
        if roll < 0.7:
            return head + b"Content-Length: %d\r\n\r\n" % size + b"b" * size
        return head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (size + 1, b"b" * (size + 1))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_answer_ever_reaches_another_client(seed: int) -> None:
    async def scenario() -> None:
        chaos = Chaos(seed)
        async with Gateway(chaos.upstream) as gateway:
            await asyncio.wait_for(asyncio.gather(*(chaos.client(gateway, name) for name in range(CLIENTS))), 60)
            await chaos.upstream.until(lambda: not gateway.transport.active, 30)
            for what in ("answers", "early answers", "upstream resets", "broken answers", "late answers",
                         "answers with a second one behind", "client aborts", "gateway errors"):  # fmt: skip
                assert chaos.counts[what] > 10, (what, chaos.counts)
            assert all(call.fault is None or "closed" in call.fault for call in chaos.upstream.connections)

    run(scenario())
