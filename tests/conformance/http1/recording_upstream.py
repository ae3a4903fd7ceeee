"""An upstream that keeps every raw byte it was sent and reads it with a parser that is not ours (h11)."""

import asyncio
from collections.abc import Callable
from typing import Final, cast

import h11

GATEWAY_MARK: Final = b"x-real-ip"
"""Each request the gateway forwards has this field exactly once; bytes that slipped past it have none."""


class Received:
    """One request, as h11 read it."""

    def __init__(self, head: h11.Request) -> None:
        self.method = head.method.decode("ascii")
        self.target = head.target.decode("ascii")
        self.fields = [(bytes(name), bytes(value)) for name, value in head.headers]
        self.body = b""
        self.trailers: list[tuple[bytes, bytes]] = []
        self.is_complete = False

    def field(self, name: bytes) -> bytes | None:
        """The value of a field, of which there must be at most one."""
        values = [value for key, value in self.fields if key == name]
        assert len(values) <= 1, f"{name!r} is repeated"
        return values[0] if values else None


class UpstreamConnection(asyncio.Protocol):
    """One connection of the gateway to the upstream."""

    def __init__(self, upstream: "RecordingUpstream") -> None:
        self.upstream = upstream
        self.raw = bytearray()
        self.requests: list[Received] = []
        self.fault: str | None = None
        self.is_closed = False
        self._reader = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.upstream.connections.append(self)

    def data_received(self, data: bytes) -> None:
        self.raw += data
        self._reader.receive_data(data)
        try:
            self._read()
        except h11.RemoteProtocolError as error:
            self.fault = str(error)
            self.transport.close()
        self.upstream.note()

    def eof_received(self) -> bool:
        self.upstream.note()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closed = True
        self.upstream.note()

    def answer(self, data: bytes) -> None:
        """Send a response as bytes and get ready for the next request."""
        self.transport.write(data)
        self._reader.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
        self._reader.send(h11.EndOfMessage())
        if self._reader.our_state is h11.DONE and self._reader.their_state is h11.DONE:
            self._reader.start_next_cycle()

    def _read(self) -> None:
        while True:
            event = self._reader.next_event()
            if event is h11.NEED_DATA or event is h11.PAUSED:
                return
            if isinstance(event, h11.Request):
                self.requests.append(Received(event))
                self.upstream.on_head(self, self.requests[-1])
            elif isinstance(event, h11.Data):
                self.requests[-1].body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                request = self.requests[-1]
                request.trailers = [(bytes(name), bytes(value)) for name, value in event.headers]
                request.is_complete = True
                self.upstream.on_request(self, request)
            else:
                return


def no_interest(connection: UpstreamConnection, request: Received) -> None:
    """For tests that look at whole requests only."""


def answer_plainly(connection: UpstreamConnection, request: Received) -> None:
    """200 with a body that names the request."""
    body = f"{request.method} {request.target} {len(request.body)}".encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body)
    connection.answer(head if request.method == "HEAD" else head + body)


class RecordingUpstream:
    """Accepts connections, records, answers by `on_request`."""

    def __init__(self, on_request: Callable[[UpstreamConnection, Received], None] = answer_plainly) -> None:
        self.on_request = on_request
        self.on_head: Callable[[UpstreamConnection, Received], None] = no_interest
        self.connections: list[UpstreamConnection] = []
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> int:
        """Listen on a port of loopback, a free one by default; gives the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: UpstreamConnection(self), "127.0.0.1", port)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        """Close the listener and every connection."""
        if self._server is not None:
            self._server.close()
        for connection in self.connections:
            connection.transport.abort()

    def note(self) -> None:
        """Something has changed: wake who waits for it."""
        self._changed.set()

    async def until(self, condition: Callable[[], bool], seconds: float = 5) -> None:
        """Wait until something is true of what was received; TimeoutError after `seconds`."""

        async def wait() -> None:
            while not condition():
                self._changed.clear()
                await self._changed.wait()

        await asyncio.wait_for(wait(), seconds)

    @property
    def requests(self) -> list[Received]:
        """Every request of which a head arrived."""
        return [request for connection in self.connections for request in connection.requests]

    @property
    def complete(self) -> list[Received]:
        """Every request that arrived whole."""
        return [request for request in self.requests if request.is_complete]

    def check_soundness(self) -> None:
        """What has to hold whatever clients sent: only well-formed requests of the gateway's own making."""
        for connection in self.connections:
            assert connection.fault is None, f"h11 refused what the gateway sent: {connection.fault}"
            for request in connection.requests:
                assert "smuggled" not in request.target, "a smuggled request reached the upstream"
                names = [name for name, _ in request.fields]
                assert names.count(GATEWAY_MARK) == 1, f"{request.target} did not pass through the gateway"
                assert names.count(b"host") == 1
                assert names.count(b"content-length") + names.count(b"transfer-encoding") <= 1
                assert names.count(b"authorization") <= 1
            for head in _heads(connection):
                assert b"\0" not in head
                assert head.count(b"\r") == head.count(b"\n") == head.count(b"\r\n")
                assert b"\r\n " not in head
                assert b"\r\n\t" not in head


def _heads(connection: UpstreamConnection) -> list[bytes]:
    """The raw heads, found by the request lines that h11 read: a second opinion on the bytes themselves."""
    found, position, raw = [], 0, bytes(connection.raw)
    for request in connection.requests:
        start = raw.index(f"{request.method} {request.target} HTTP/1.1\r\n".encode(), position)
        position = raw.index(b"\r\n\r\n", start) + 4
        found.append(raw[start:position])
    return found
