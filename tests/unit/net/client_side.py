"""The client's side of a server connection, without a network: a transport that records, a handler that is driven."""

import asyncio
from collections.abc import Callable
from typing import Final

from entresol.core.errors import GatewayError
from entresol.core.http import Connection, HeaderPairs, Headers, RequestHead, ResponseHead
from entresol.core.ports import RequestReceiver, Responder
from entresol.net.limits import Limits
from entresol.net.outgoing import Flusher
from entresol.net.server import HttpServer
from entresol.net.server_connection import ServerConnection

CONNECTION = Connection("192.0.2.1", 40000, "192.0.2.2", 8000)
GET = b"GET /a HTTP/1.1\r\nHost: gateway.test\r\n\r\n"


class SteppedClock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.monotonic_s = 1000.0

    def now(self) -> float:
        return 1_700_000_000.0 + self.monotonic_s

    def monotonic(self) -> float:
        return self.monotonic_s


class FakeTransport(asyncio.Transport):
    """Records what is written. `buffered` is what a slow client has not taken."""

    def __init__(self, extra: dict[str, object] | None = None) -> None:
        super().__init__({"peername": ("192.0.2.1", 40000), "sockname": ("192.0.2.2", 8000), **(extra or {})})
        self.writes: list[bytes] = []
        self.buffered = 0
        self.reads = True
        self.is_closed = False
        self.is_aborted = False
        self.has_eof = False

    @property
    def sent(self) -> bytes:
        return b"".join(self.writes)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        is_over = self.has_eof or self.is_closing()
        assert not is_over, "written after the end"
        self.writes.append(bytes(data))

    def write_eof(self) -> None:
        self.has_eof = True

    def can_write_eof(self) -> bool:
        return True

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high = high

    def pause_reading(self) -> None:
        assert self.reads, "paused twice"
        self.reads = False

    def resume_reading(self) -> None:
        assert not self.reads, "resumed twice"
        self.reads = True

    def is_closing(self) -> bool:
        return self.is_closed or self.is_aborted

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_aborted = True


class Exchange:
    """One request as a handler saw it, and its responder. `react` runs on every body part."""

    def __init__(self, request: RequestHead, responder: Responder, react: Callable[["Exchange"], None] | None) -> None:
        self.request = request
        self.responder = responder
        self.body = b""
        self.parts: list[bytes] = []
        self.is_complete = False
        self.trailers: HeaderPairs = []
        self.events: list[str] = []
        self.answers_refusals = False
        self._react = react

    def answer(self, body: bytes = b"ok", status: int = 200, fields: HeaderPairs | None = None) -> None:
        self.responder.start(ResponseHead(status, Headers(fields or []), len(body)))
        self.responder.finish(body)

    def on_request_body(self, data: bytes, last: bool, trailers: HeaderPairs) -> None:
        assert not self.is_complete or self.request.upgrade, "a part after the last one"
        self.body += data
        self.parts.append(data)
        self.is_complete = last
        self.trailers = trailers
        if self._react is not None:
            self._react(self)

    def on_body_refused(self, error: GatewayError) -> None:
        self.events.append(error.code)
        if self.answers_refusals:
            self.answer(b"mine", error.status)

    def on_client_gone(self) -> None:
        self.events.append("gone")

    def on_client_blocked(self) -> None:
        self.events.append("blocked")

    def on_client_writable(self) -> None:
        self.events.append("writable")


AT_ONCE: Final = Flusher(schedule=lambda flush: flush())
"""What is written is seen at once, not at the end of a turn."""


class DrivenHandler:
    """Keeps requests for the test to answer; `on_head` and `on_body` may answer at once."""

    def __init__(
        self,
        on_head: Callable[[Exchange], None] | None = None,
        on_body: Callable[[Exchange], None] | None = None,
    ) -> None:
        self.exchanges: list[Exchange] = []
        self._on_head = on_head
        self._on_body = on_body

    def handle(self, request: RequestHead, responder: Responder) -> RequestReceiver:
        exchange = Exchange(request, responder, self._on_body)
        self.exchanges.append(exchange)
        if self._on_head is not None:
            self._on_head(exchange)
        return exchange


class Client:
    """One connection to a server, from the client's end."""

    def __init__(
        self,
        handler: DrivenHandler | None = None,
        limits: Limits | None = None,
        extra: dict[str, object] | None = None,
        server: HttpServer | None = None,
    ) -> None:
        self.clock = SteppedClock()
        self.handler = handler or DrivenHandler()
        self.server = server or HttpServer(self.handler, limits or Limits(), self.clock, AT_ONCE)
        self.transport = FakeTransport(extra)
        connection = self.server.protocol()
        assert isinstance(connection, ServerConnection)
        self.connection = connection
        connection.connection_made(self.transport)

    def send(self, data: bytes) -> "Client":
        self.connection.data_received(data)
        return self

    def disconnect(self) -> None:
        self.connection.connection_lost(None)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, with a sweep each second as in real life."""
        target = self.clock.monotonic_s + seconds
        while self.clock.monotonic_s < target:
            self.clock.monotonic_s = min(self.clock.monotonic_s + 1.0, target)
            self.server.sweep()

    @property
    def exchange(self) -> Exchange:
        return self.handler.exchanges[-1]

    @property
    def statuses(self) -> list[int]:
        """The status codes of everything that looks like a status line in what was sent."""
        return [int(part[:3]) for part in self.transport.sent.split(b"HTTP/1.1 ")[1:]]

    @property
    def is_open(self) -> bool:
        transport = self.transport
        return not (transport.is_closed or transport.is_aborted or transport.has_eof)


def answering(body: bytes = b"ok") -> DrivenHandler:
    """A handler that answers each request once its body is complete."""

    def react(exchange: Exchange) -> None:
        if exchange.is_complete:
            exchange.answer(body)

    return DrivenHandler(on_body=react)
