"""One request under way: what is left to send of it, and whether it may be sent once more."""

from typing import TYPE_CHECKING, Final

from entresol.core.errors import GatewayError, InternalError
from entresol.core.http import HeaderPairs, UpstreamRequest
from entresol.core.ports import ResponseReceiver
from entresol.net.request_writer import encode_chunk

if TYPE_CHECKING:
    from entresol.net.client import Http1Transport
    from entresol.net.client_connection import Http1Connection
    from entresol.net.pool import OriginPool

IDEMPOTENT: Final = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"))
"""RFC 9110 §9.2.2: sending it twice does what sending it once does."""

HIGH_WATER_BYTES: Final = 65536
"""How much request body is held while there is no connection yet, before the client is asked to wait."""


class Http1Call:
    """An `UpstreamCall`: a request at an upstream, or waiting for a connection to it."""

    __slots__ = (
        "_is_blocked", "_is_replayable", "_is_tunnel", "_left", "_opening", "_owner", "_pool", "_tried_again",
        "_tunnel_held", "_tunnel_is_closed", "connect_limit_s", "connection", "is_over", "is_paused", "is_sent",
        "receiver", "request", "started_at", "waiting_since",
    )  # fmt: skip

    def __init__(
        self,
        owner: "Http1Transport",
        pool: "OriginPool[Http1Connection]",
        request: UpstreamRequest,
        receiver: ResponseReceiver,
        now: float,
    ) -> None:
        self._owner = owner
        self._pool = pool
        self.request = request
        self.receiver = receiver
        self.started_at = now
        self.connection: Http1Connection | None = None
        self.is_paused = False
        self.is_sent = False
        """The last byte of the request was handed to the connection, or will be together with the first."""
        self._opening = b""
        self._left: int | None = 0
        self._is_replayable = True
        self.is_over = False
        self._is_blocked = False
        self._is_tunnel = False
        self._tunnel_is_closed = False
        self._tunnel_held = b""
        self._tried_again = False

    # --- UpstreamCall

    def send_body(self, data: bytes, last: bool, trailers: HeaderPairs | None = None) -> None:
        """More of the request body, or of the tunnel."""
        if self.is_over:
            return
        if self.request.upgrade is not None:
            self._send_through_tunnel(data, last)
            return
        if self.is_sent:
            return
        framed = encode_chunk(data, last, trailers) if self._left is None else self._count(data, last)
        self.is_sent = last
        connection = self.connection
        if self.is_over:
            return
        if connection is None:
            self._hold(framed)
            return
        self._is_replayable = False
        if framed:
            connection.write(framed)
        if last and self.connection is connection:
            connection.restart_clock(self._owner.now())

    def pause(self) -> None:
        """Stop reading the response."""
        if not self.is_paused:
            self.is_paused = True
            if self.connection is not None:
                self.connection.pause()

    def resume(self) -> None:
        """Read on."""
        if self.is_paused:
            self.is_paused = False
            if self.connection is not None:
                self.connection.resume(self._owner.now())

    def cancel(self) -> None:
        """Drop the call at once."""
        if self.is_over:
            return
        connection = self.connection
        self.on_over()
        if connection is None:
            self._pool.leave(self)
        else:
            connection.drop()

    # --- for the transport, the pool and the connection

    def open(self, head: bytes, body: bytes, last: bool, length: int | None) -> None:
        """What goes out first. `length` is the announced body size, None for a chunked body."""
        self._opening = head
        self._left = length
        if last or self.request.upgrade is not None:
            self._opening = head + body if body else head
            self.is_sent = True
        elif body:
            self._opening = head + (encode_chunk(body, False) if length is None else self._count(body, False))

    def attach(self, connection: "Http1Connection") -> None:
        """There is a connection: send what has come together."""
        connection.begin(self, self._owner.now())
        if self._is_blocked and not connection.is_write_paused:
            self.on_writable()

    def wait(self, now: float) -> None:
        """Queue for a connection."""
        timeouts = self.request.timeouts
        self.waiting_since = now
        limits = [limit for limit in (timeouts.connect_s, timeouts.total_s) if limit]
        self.connect_limit_s = min(limits, default=0.0)
        self._pool.wait(self, now)

    def fail(self, error: GatewayError) -> None:
        """There is no connection to be had."""
        if not self.is_over:
            self.on_over()
            self.receiver.on_upstream_error(error)

    @property
    def opening(self) -> bytes:
        """The bytes to begin with: head, and body as far as it was there."""
        return self._opening

    def forget_opening(self) -> None:
        """The response has begun: there will be no second try, so the request body is not needed any more."""
        self._opening = b""

    def try_again(self, was_written: bool, now: float) -> bool:
        """After a pooled connection turned out to be dead: queue for a new one, once, if that is safe."""
        if self._tried_again or not self._is_replayable:
            return False
        if was_written and self.request.method not in IDEMPOTENT:
            return False
        self._tried_again = True
        self.connection = None
        self.wait(now)
        return True

    def on_tunnel(self) -> None:
        """The upstream has switched protocols: what the client sent meanwhile goes out."""
        self._is_tunnel = True
        connection = self.connection
        held, self._tunnel_held = self._tunnel_held, b""
        if connection is not None and held:
            connection.write(held)
        if connection is not None and self._tunnel_is_closed:
            connection.write_eof()

    def on_over(self) -> None:
        """Nothing more happens on this call."""
        self.is_over = True
        self.connection = None
        self._opening = b""

    def on_blocked(self) -> None:
        """The upstream reads too slowly."""
        if not self._is_blocked and (not self.is_sent or self._is_tunnel):
            self._is_blocked = True
            self.receiver.on_upstream_blocked()

    def on_writable(self) -> None:
        """The upstream has caught up."""
        if self._is_blocked:
            self._is_blocked = False
            self.receiver.on_upstream_writable()

    # --- inside

    def _count(self, data: bytes, last: bool) -> bytes:
        """Body bytes of an announced length go as they are; a wrong length would spoil the connection."""
        assert self._left is not None
        self._left -= len(data)
        if self._left < 0 or (last and self._left):
            connection = self.connection
            error = InternalError("request_body_length_wrong", "the request body is not as long as its Content-Length")
            if connection is not None:
                connection.fail(error)
            else:
                self._pool.leave(self)
                self.fail(error)
            return b""
        return data

    def _hold(self, framed: bytes) -> None:
        self._opening += framed
        if len(self._opening) > HIGH_WATER_BYTES:
            self.on_blocked()

    def _send_through_tunnel(self, data: bytes, last: bool) -> None:
        if self._tunnel_is_closed:
            return
        connection = self.connection
        self._tunnel_is_closed = last
        if not self._is_tunnel or connection is None:
            self._tunnel_held += data
            return
        if data:
            connection.write(data)
        if last:
            connection.write_eof()
