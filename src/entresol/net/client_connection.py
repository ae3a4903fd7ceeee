"""One connection to an upstream: an asyncio protocol around a ResponseMachine, carrying one call at a time.

It goes back to the pool only when the response was whole, nothing came after it, the request was sent to its end and
nothing went wrong. In every other case it is closed, so that no byte can ever reach another call.
"""

import asyncio
import select
import ssl
from typing import TYPE_CHECKING, cast

from entresol.core.errors import GatewayError
from entresol.core.http import Origin
from entresol.net import upstream_errors
from entresol.net.outgoing import Outgoing
from entresol.net.pool import OriginPool
from entresol.net.response_machine import ResponseFault, ResponseMachine

if TYPE_CHECKING:
    from entresol.net.client import Http1Transport
    from entresol.net.client_call import Http1Call

STALE_CHECK_AFTER_S = 1.0


class Http1Connection:
    """A connection to one origin. How bytes are read is the subclasses' affair."""

    __slots__ = (
        "_call", "_flushed", "_machine", "_mark", "_out", "_owner", "_pool", "_saw_bytes", "_transport",
        "_was_buffered", "_written", "idle_since", "is_reused", "is_write_paused", "opened_at",
    )  # fmt: skip

    def __init__(self, owner: "Http1Transport", pool: "OriginPool[Http1Connection]", machine: ResponseMachine) -> None:
        self._owner = owner
        self._pool = pool
        self._machine = machine
        self._call: Http1Call | None = None
        self.is_write_paused = False
        self._saw_bytes = False
        self._mark = 0.0
        self._written = 0
        self._flushed = 0
        self._was_buffered = False
        self.is_reused = False
        self.opened_at = 0.0
        self.idle_since = 0.0

    # --- for the pool

    def is_stale(self, now: float) -> bool:
        """True when the upstream has closed it, or sent bytes, while it was idle."""
        transport = self._transport
        if transport.is_closing():
            return True
        return now - self.idle_since > STALE_CHECK_AFTER_S and _is_readable(transport)

    def close(self) -> None:
        """Close after a last flush."""
        self._out.close()

    # --- for the call

    def begin(self, call: "Http1Call", now: float) -> None:
        """Send the head and what there is of the body, in one write, and listen for the response to it."""
        self._call = call
        call.connection = self
        self._machine.expect(call.request.method, call.request.upgrade is not None)
        self._saw_bytes = False
        self._was_buffered = False
        self._mark = now
        self._owner.active.add(self)
        transport = self._transport
        if call.is_paused:
            transport.pause_reading()
        data = call.opening
        self._flushed = 0
        self._written = len(data)
        self._out.write(data)

    def write(self, data: bytes) -> None:
        """More of the request body, or of the tunnel."""
        self._saw_bytes = True
        self._written += len(data)
        self._out.write(data)

    def write_eof(self) -> None:
        """The client has closed its side of the tunnel. TLS cannot say so; the upstream then learns it at the end."""
        self._out.write_eof()

    def restart_clock(self, now: float) -> None:
        """The request is whole: from now on the upstream's time runs."""
        self._mark = now

    def pause(self) -> None:
        """Stop reading."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self, now: float) -> None:
        """Read on. The time of the pause was the client's, not the upstream's."""
        self._mark = now
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def drop(self) -> None:
        """Break off at once: the call is not interested any more."""
        self._finish_broken()
        self._transport.abort()

    # --- asyncio protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        self._transport = cast("asyncio.Transport", transport)
        self._out = Outgoing(self._transport, self._owner.flusher)

    def data_received(self, data: bytes) -> None:
        """Everything that arrived in one read goes to the receiver in one call."""
        call = self._call
        if call is None:
            self._drop_idle()
            return
        self._saw_bytes = True
        machine = self._machine
        try:
            machine.feed(data)
        except ResponseFault as fault:
            self._fail(upstream_errors.protocol_error(self._pool.origin, str(fault)))
            return
        if machine.head is not None or machine.informational:
            self._deliver_head(call)
        elif machine.is_complete:
            self._deliver_last(call)
        elif machine.parts:
            call.receiver.on_response_body(machine.take_body(), False, machine.trailers)

    def eof_received(self) -> bool:
        """The upstream has closed its side."""
        call, machine = self._call, self._machine
        if call is None:
            self._drop_idle()
            return False
        if machine.has_begun:
            self._out.flush()  # returning False closes; what was not sent before an answer began can go elsewhere
        if not machine.is_tunnel and not self._end_is_proper():
            self._lost("the TLS connection was cut off")
            return False
        try:
            machine.feed_eof()
        except ResponseFault as fault:
            self._lost(str(fault))
        else:
            self._deliver_last(call)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if self._call is not None:
            reason = "the connection was reset" if exc is not None else "the connection was closed"
            self._lost(f"{reason} {self._stage()}")
        else:
            self._pool.forget_idle(self)
        self._machine.close()

    def pause_writing(self) -> None:
        """The send buffer is full."""
        self.is_write_paused = True
        if self._call is not None:
            self._call.on_blocked()

    def resume_writing(self) -> None:
        """The send buffer has drained."""
        self.is_write_paused = False
        if self._call is not None:
            self._call.on_writable()

    # --- clocks

    def sweep(self, now: float) -> None:
        """Fail the call if one of its clocks has run out. Called about once a second."""
        call = self._call
        if call is None:
            return
        total = call.request.timeouts.total_s
        if total and now - call.started_at >= total:
            self._fail(upstream_errors.total_timeout(self._pool.origin, total))
        elif self._has_moved(call):
            self._mark = now
        else:
            error = self._overdue(call, now - self._mark)
            if error is not None:
                self._fail(error)

    def _has_moved(self, call: "Http1Call") -> bool:
        """True when there was progress since the last sweep, or when it is the client who keeps us waiting."""
        buffered = self._transport.get_write_buffer_size()
        if buffered:
            flushed, self._flushed = self._flushed, self._written - buffered
            self._was_buffered = True
            return self._flushed > flushed
        was_buffered, self._was_buffered = self._was_buffered, False
        saw_bytes, self._saw_bytes = self._saw_bytes, False
        return was_buffered or saw_bytes or call.is_paused or not (call.is_sent or self._machine.has_begun)

    def _overdue(self, call: "Http1Call", waited: float) -> GatewayError | None:
        limits = call.request.timeouts
        origin = self._pool.origin
        if self._was_buffered:
            if limits.write_s and waited >= limits.write_s:
                return upstream_errors.write_timeout(origin, limits.write_s)
        elif self._machine.has_begun:
            if limits.idle_s and waited >= limits.idle_s:
                return upstream_errors.idle_timeout(origin, limits.idle_s)
        elif limits.first_byte_s and waited >= limits.first_byte_s:
            return upstream_errors.first_byte_timeout(origin, limits.first_byte_s)
        return None

    @property
    def origin(self) -> Origin:
        """Where it leads."""
        return self._pool.origin

    def fail(self, error: GatewayError) -> None:
        """Break off and tell the receiver why."""
        self._fail(error)

    # --- inside

    def _deliver_head(self, call: "Http1Call") -> None:
        machine = self._machine
        receiver = call.receiver
        if machine.informational:
            interim, machine.informational = machine.informational, []
            for status, headers in interim:
                receiver.on_informational(status, headers)
                if self._call is not call:
                    return
        head = machine.take_head()
        if head is None:
            return
        call.forget_opening()
        if machine.is_tunnel:
            call.on_tunnel()
        receiver.on_response_head(head)
        if self._call is not call:
            return
        if machine.is_complete:
            self._deliver_last(call)
        else:
            receiver.on_response_body(machine.take_body(), False, machine.trailers)

    def _deliver_last(self, call: "Http1Call") -> None:
        """The end. The connection is settled first, so that the receiver may start its next call on it."""
        machine = self._machine
        data = machine.take_body()
        trailers = machine.trailers
        transport = self._transport
        is_sound = machine.can_reuse and call.is_sent and not transport.is_closing()
        self._call = None
        owner = self._owner
        owner.active.discard(self)
        call.on_over()
        # bytes still to be sent: the upstream answered before it had the request
        if is_sound and not self._out.unsent_bytes():
            if call.is_paused:
                transport.resume_reading()
            self.is_reused = True
            self._pool.give_back(self, owner.now())
        else:
            self._pool.forget()
            self._out.close()
        call.receiver.on_response_body(data, True, trailers)

    def _lost(self, detail: str) -> None:
        """The upstream went away. If it cannot have begun on the request, try once more on a new connection."""
        call = self._call
        assert call is not None
        if self.is_reused and not self._machine.has_begun:
            was_written = self._out.unsent_bytes() < self._written
            if call.try_again(was_written, self._owner.now()):
                self._finish_broken()
                self._transport.abort()
                return
        self._fail(upstream_errors.reset(self._pool.origin, detail))

    def _fail(self, error: GatewayError) -> None:
        call = self._call
        if call is None:
            return
        self._finish_broken()
        self._transport.abort()
        call.on_over()
        call.receiver.on_upstream_error(error)

    def _finish_broken(self) -> None:
        self._call = None
        self._owner.active.discard(self)
        self._pool.forget()

    def _drop_idle(self) -> None:
        self._pool.forget_idle(self)
        self._transport.abort()

    def _end_is_proper(self) -> bool:
        """True when the end of the stream is what the upstream meant, not a cut."""
        return True

    def _stage(self) -> str:
        if not self._machine.has_begun:
            return "before any response"
        return "in the middle of the response"


class PlainConnection(Http1Connection):
    """Over TCP or a Unix socket: the event loop hands over bytes. An `asyncio.Protocol` in shape."""

    __slots__ = ()


class TlsConnection(Http1Connection):
    """Over TLS, an `asyncio.BufferedProtocol` in shape: it decrypts into a buffer that all connections share.

    uvloop otherwise allocates 256 KiB for every read, which costs more than decrypting a small message. Sharing is
    safe, since the bytes are copied out before anything else can happen on the loop's thread.
    """

    __slots__ = ("_buffer",)

    def __init__(
        self, owner: "Http1Transport", pool: "OriginPool[Http1Connection]", machine: ResponseMachine, buffer: memoryview
    ) -> None:
        super().__init__(owner, pool, machine)
        self._buffer = buffer

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to decrypt to."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes were decrypted."""
        self.data_received(bytes(self._buffer[:nbytes]))

    def _end_is_proper(self) -> bool:
        """Only close_notify ends a TLS stream (RFC 9112 §9.8); uvloop tells the difference itself, asyncio does not."""
        tls: ssl.SSLObject = self._transport.get_extra_info("ssl_object")
        try:
            return tls.read(1) == b""
        except ssl.SSLError:
            return False


def _is_readable(transport: asyncio.BaseTransport) -> bool:
    """True when the socket has bytes or its end to read that the event loop has not come to yet."""
    sock = transport.get_extra_info("socket")
    if sock is None or sock.fileno() < 0:
        return False
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))
