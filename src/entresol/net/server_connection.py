"""One client connection: an asyncio protocol that takes requests in order and answers each before the next.

Laws (docs/concepts/data-plane.md):

1. One request is under way at a time. What arrives meanwhile stays unparsed, up to `max_pipelined` bytes.
2. A request under way has exactly one responder; whoever ends it detaches it first, then tells the receiver.
3. The client's end of file while its request is under way means that it has gone: the receiver hears so at once.
4. Every refusal closes the connection, after the client had time to read the answer.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, ParamSpec, cast

from entresol.core.errors import ClientError
from entresol.core.http import RequestHead
from entresol.net.outgoing import Outgoing
from entresol.net.peers import Ends, describe_connection
from entresol.net.refusals import INTERNAL_ERROR, REQUEST_TIMEOUT, Refusal
from entresol.net.request_machine import BodyPart, RequestMachine
from entresol.net.responder import ServerResponder

if TYPE_CHECKING:
    from entresol.net.server import HttpServer

logger = logging.getLogger("entresol.net.server")

P = ParamSpec("P")

_CLOSE: Final = b"connection: close\r\n"
_KEEP_ALIVE: Final = b"connection: keep-alive\r\n"


class ServerConnection:
    """An `asyncio.Protocol` in shape: reads with a `RequestMachine`, hands requests to the server's handler, writes
    what responders give it."""

    __slots__ = (
        "_accepted_on",
        "_closing_since",
        "_discarded",
        "_ends",
        "_head_since",
        "_is_body_complete",
        "_is_body_paused",
        "_is_pumping",
        "_is_reading_paused",
        "_is_tunnel",
        "_last_active",
        "_limits",
        "_machine",
        "_must_close",
        "_out",
        "_responder",
        "_stalled_bytes",
        "_stalled_since",
        "_transport",
        "_waits_for_continue",
        "is_write_blocked",
        "requests",
        "server",
    )

    def __init__(self, server: "HttpServer", accepted_on: str, ends: Ends | None) -> None:
        self.server = server
        self._limits = server.limits
        self._accepted_on = accepted_on
        self._ends = ends
        self._machine: RequestMachine
        self._transport: asyncio.Transport | None = None
        self._out: Outgoing
        self._responder: ServerResponder | None = None
        self._is_body_complete = True
        self._is_body_paused = False
        self._is_reading_paused = False
        self._is_tunnel = False
        self._is_pumping = False
        self._waits_for_continue = False
        self._must_close = False
        self._discarded = 0
        self._closing_since: float | None = None  # from then on nothing is taken in any more
        self._head_since: float | None = None  # while a part of a head is there
        self._last_active = server.time
        self._stalled_bytes = 0
        self._stalled_since = 0.0
        self.is_write_blocked = False
        """True while the client reads too slowly."""
        self.requests = 0
        """Requests taken on this connection."""

    # The transport calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._out = Outgoing(self._transport, self.server.flusher)
        self._transport.set_write_buffer_limits(high=self._limits.write_buffer)
        self._machine = RequestMachine(self._limits, describe_connection(transport, self._ends))
        self.server.connections.add(self)
        if self.server.is_draining:
            self._close()

    def data_received(self, data: bytes) -> None:
        self._last_active = self.server.time
        if self._closing_since is None:  # else lingering: nothing of this is a request any more
            self._machine.receive(data)
            self._pump()

    def eof_received(self) -> bool:
        responder, transport = self._responder, self._transport
        if transport is not None:
            self._out.flush()  # returning False closes
        if responder is None or transport is None:
            return False  # what was answered is still written out
        if not self._is_tunnel or responder.receiver is None:
            self._give_up()
            return False
        self._tell(responder.receiver.on_request_body, b"", True, [])
        return transport.get_extra_info("ssl_object") is None  # TLS knows no half-closed connection

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._closing_since = self.server.time
        self._drop_request()
        self.server.connection_closed(self)

    def pause_writing(self) -> None:
        self.is_write_blocked = True
        responder = self._responder
        if responder is not None and responder.receiver is not None:
            self._tell(responder.receiver.on_client_blocked)

    def resume_writing(self) -> None:
        self.is_write_blocked = False
        responder = self._responder
        if responder is None:
            self._pump()
        elif responder.receiver is not None:
            self._tell(responder.receiver.on_client_writable)

    # Requests.

    def _pump(self) -> None:
        """Take events while one may be taken. Never nested: a handler that answers at once comes back to this loop."""
        if self._is_pumping:
            return
        self._is_pumping = True
        machine = self._machine
        while self._closing_since is None and not self._is_body_paused:
            if (
                self._is_body_complete
                and not self._is_tunnel
                and (self._responder is not None or self.is_write_blocked)
            ):
                break
            event = machine.next_event()
            if event is None:
                break
            if type(event) is BodyPart:
                self._take_part(event)
            elif type(event) is RequestHead:
                self._take_head(event)
            else:
                self._refuse_request(cast("Refusal", event))
        self._is_pumping = False
        if machine.unread or self._is_reading_paused:
            self._balance_reading()

    def _take_head(self, request: RequestHead) -> None:
        self.requests += 1
        self._head_since = None
        self._is_body_complete = False
        self._waits_for_continue = self._machine.expects_continue
        responder = self._responder = ServerResponder(self, request, self._out)
        try:
            responder.receiver = self.server.handler.handle(request, responder)
        except Exception:
            logger.exception("the handler failed")
            self._refuse(INTERNAL_ERROR)
            return
        if responder.is_over:
            responder.receiver = None  # answered at once: see ServerResponder.finish about cycles
        elif self.is_write_blocked:
            self._tell(responder.receiver.on_client_blocked)

    def _take_part(self, part: BodyPart) -> None:
        responder = self._responder
        self._waits_for_continue = False
        if part.last:
            self._is_body_complete = True
        if responder is None:
            self._discard(part)
        elif responder.receiver is not None:
            try:
                responder.receiver.on_request_body(part.data, part.last, part.trailers)
            except Exception:
                logger.exception("a request receiver failed")
                self._refuse(INTERNAL_ERROR)

    def _discard(self, part: BodyPart) -> None:
        """The rest of a body whose request is already answered."""
        self._discarded += len(part.data)
        if part.last:
            self._discarded = 0
            if self._must_close or self.server.is_draining:
                self._close()
        elif self._discarded > self._limits.max_discarded:
            self._linger()

    def _balance_reading(self) -> None:
        """Stop reading when enough further requests wait; note when a part of a head began to wait."""
        unread = self._machine.unread
        if unread and self._responder is None and self._is_body_complete and self._head_since is None:
            self._head_since = self.server.time
        too_much = unread > self._limits.max_pipelined and self._is_body_complete
        self._set_reading(not self._is_body_paused and not too_much)

    def _set_reading(self, wanted: bool) -> None:
        transport = self._transport
        if transport is None or wanted is not self._is_reading_paused or transport.is_closing():
            return
        self._is_reading_paused = not wanted
        if wanted:
            transport.resume_reading()
        else:
            transport.pause_reading()

    def _tell(self, callback: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call a receiver. What it raises ends its request, never the connection's order."""
        try:
            callback(*args, **kwargs)
        except Exception:
            logger.exception("a request receiver failed")
            self._refuse(INTERNAL_ERROR)

    # The responder of the request under way calls these.

    def settle_reuse(self, is_close_delimited: bool) -> bytes:
        """Decide whether the connection outlives the response; returns the Connection field line that says so."""
        if (
            is_close_delimited
            or not self._machine.keep_alive
            or self.server.is_draining
            or self._must_close
            or (not self._is_body_complete and self._is_rest_too_long())
        ):
            self._must_close = True
            return _CLOSE
        responder = self._responder
        return b"" if responder is None or responder.request.version == "1.1" else _KEEP_ALIVE

    def _is_rest_too_long(self) -> bool:
        """An early answer: True when the rest of the request is not worth reading, or may never come."""
        left = self._machine.body_left
        return self._waits_for_continue or (left is not None and left > self._limits.max_discarded)

    def response_finished(self) -> None:
        """The response is out; the responder has let go. Go on with the next request."""
        self._responder = None
        self._last_active = self.server.time
        if self._is_tunnel:
            self._close()
        elif self._is_body_complete:
            if self._must_close or self.server.is_draining:
                self._close()
            elif not self._is_pumping and self._machine.unread:
                self._pump()
        elif self._must_close:
            self._linger()
        else:
            self.resume_body()
            self._pump()

    def stop_waiting_for_continue(self) -> bool:
        """True when 100 Continue has to be sent now: the client waits, and has not sent its body unasked."""
        waits, self._waits_for_continue = self._waits_for_continue, False
        if waits:
            self._last_active = self.server.time
        return waits and not self._machine.unread

    def pause_body(self) -> None:
        """Read no more of the body. With the whole body here, reading goes on, to see the client go."""
        if self._is_tunnel or not self._is_body_complete:
            self._is_body_paused = True
            self._set_reading(False)

    def resume_body(self) -> None:
        """Read on."""
        if self._is_body_paused:
            self._is_body_paused = False
            self._last_active = self.server.time
            self._set_reading(True)
            self._pump()

    def become_tunnel(self) -> None:
        """101 is out: what the client sent after its request, and sends from now on, belongs to the tunnel."""
        self._is_tunnel = True
        self._last_active = self.server.time
        self._machine.switch_protocols()
        self._pump()

    def touch(self) -> None:
        """Bytes go through the tunnel."""
        self._last_active = self.server.time

    def break_off(self) -> None:
        """The responder was told to abort."""
        self._responder = None
        self._abort()

    # Endings.

    def _refuse_request(self, refusal: Refusal) -> None:
        """Refuse what the client sent. Who has taken its head may answer: it knows the client's format, and logs."""
        responder = self._responder
        if responder is not None and responder.receiver is not None and not (responder.has_sent or self._is_tunnel):
            self._must_close = True
            error = ClientError(refusal.code, refusal.message, status=refusal.status)
            self._tell(responder.receiver.on_body_refused, error)
            if responder.is_over:
                return
        self._refuse(refusal)

    def _refuse(self, refusal: Refusal) -> None:
        """End the request under way, or the one that is not acceptable, with an answer of our own, and close."""
        responder = self._responder
        is_answered = not self._is_body_complete if responder is None else responder.has_sent
        is_head = responder is not None and responder.request.method == "HEAD"
        self._drop_request()
        transport = self._transport
        if transport is None or self._closing_since is not None:
            return
        logger.info("refused a request on %s: %d %s", self._accepted_on, refusal.status, refusal.code)
        if is_answered:
            self._abort()
        else:
            self._out.write(refusal.encode(with_body=not is_head))
            self._linger()

    def _drop_request(self) -> None:
        """Detach the responder, then tell the receiver that nobody waits for an answer."""
        responder, self._responder = self._responder, None
        if responder is None or responder.is_over:
            return
        responder.detach()
        receiver, responder.receiver = responder.receiver, None  # see ServerResponder.finish about cycles
        if receiver is not None:
            self._tell(receiver.on_client_gone)

    def _give_up(self) -> None:
        """The client has gone, or behaves as if it had."""
        self._drop_request()
        self._abort()

    def _abort(self) -> None:
        self._closing_since = self.server.time
        if self._transport is not None:
            self._out.abort()

    def _close(self) -> None:
        """All that was taken in is answered: close once it is written out."""
        transport = self._transport
        if transport is None or self._closing_since is not None:
            return
        if self._machine.unread or self._is_reading_paused:
            self._linger()
        else:
            self._closing_since = self.server.time
            self._out.close()

    def _linger(self) -> None:
        """Close the way that lets the client read the answer although it is still sending (RFC 9112 §9.6)."""
        transport = self._transport
        if transport is None or self._closing_since is not None:
            return
        self._closing_since = self.server.time
        self._is_body_paused = False
        self._set_reading(True)
        self._out.write_eof()

    def drain(self) -> None:
        """Close if no request is under way, or has begun to arrive; else the end of the response will."""
        if self._responder is None and self._is_body_complete and self._machine.is_between_requests:
            self._close()

    def abort(self) -> None:
        """Break off whatever is under way."""
        self._give_up()

    # Clocks.

    def sweep(self, now: float) -> None:
        """Called once a second with the server's time: end what has taken too long."""
        transport = self._transport
        if transport is None:
            return
        limits = self._limits
        idle_s = now - self._last_active
        if self._is_write_stalled(transport, now):
            self._give_up()
        elif self._closing_since is not None:
            if now - self._closing_since > limits.linger_s and not transport.get_write_buffer_size():
                transport.abort()
        elif self._is_tunnel:
            if idle_s > limits.tunnel_idle_s > 0:
                self._give_up()
        elif not self._is_body_complete:
            self._sweep_body(idle_s)
        elif self._responder is None:
            self._sweep_between(now, idle_s)

    def _is_write_stalled(self, transport: asyncio.Transport, now: float) -> bool:
        waiting, before = transport.get_write_buffer_size(), self._stalled_bytes
        self._stalled_bytes = waiting
        if not waiting or not before or waiting < before:
            self._stalled_since = now
        return now - self._stalled_since > self._limits.write_timeout_s > 0

    def _sweep_body(self, idle_s: float) -> None:
        if self._responder is None:
            if idle_s > self._limits.linger_s:
                self._linger()
        elif not self._is_body_paused and not self._waits_for_continue and idle_s > self._limits.body_timeout_s > 0:
            self._refuse_request(REQUEST_TIMEOUT)

    def _sweep_between(self, now: float, idle_s: float) -> None:
        limits = self._limits
        if self._head_since is not None:
            if now - self._head_since > limits.head_timeout_s > 0 and not self.is_write_blocked:
                self._refuse(REQUEST_TIMEOUT)
        elif idle_s > (limits.keep_alive_s if self.requests else limits.head_timeout_s) > 0:
            self._close()
