"""How a request is carried along the path: what the adapters call, how a step waits, how a request ends.

The steps themselves, in their order, are in `pipeline.py`. The laws:

1. Every entry from outside catches whatever a step raises and hands it to `fault`: an answer, never a lost request.
2. `_is_done` is set once, by `end`; after it nothing is sent, and late callbacks do nothing.
3. A request that ends before its upstream does cancels the upstream call.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from entresol.api_floor.answers import Identity, gateway_response
from entresol.api_floor.entities import Consumer
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.forwarding import end_to_end_fields, trailer_fields
from entresol.api_floor.plan import Chain
from entresol.api_floor.plugin import BodyFilter
from entresol.api_floor.request_body import RequestBody
from entresol.core.decision import Answer, Deny, Outcome
from entresol.core.errors import ClientError, GatewayError, InternalError, UpstreamError
from entresol.core.http import HeaderPairs, Headers, ResponseHead
from entresol.core.ports import Clock, Responder, UpstreamCall

logger = logging.getLogger("entresol.api_floor")

REWRITE: Final = 1  # the steps that may wait
ACCESS: Final = 2
UPSTREAM: Final = 3

HELD_UNREAD: Final = 65536  # bytes of a request body that may pile up before somebody consumes them
LAST_WORDS: Final = 65536  # bytes that an upstream may still send after it was taken leave of
HELD_RESPONSE = 64 * 1024 * 1024  # bytes of a response that a plugin may have held back


Later = Callable[[Callable[[], None]], None]
"""Calls back when what was just written is on its way to the client."""


def at_once(callback: Callable[[], None]) -> None:
    """A `Later` for adapters that write at once."""
    callback()


class Passage:
    """The state of one request and the callbacks that move it on. `RequestPath` adds the steps."""

    # Defaults stand in the class: most requests never change them, and making a request is on the hot path.
    _chain_consumer: Consumer | None = None
    _next = 0  # which plugin of the phase comes next
    _body_is_whole = False  # and stands in exchange.body
    _waiting = 0  # the step that waits for body bytes
    _task: asyncio.Future[Outcome | None] | None = None
    _call: UpstreamCall | None = None
    _filters: tuple[BodyFilter, ...] = ()
    _held: list[bytes] | None = None  # the response, when a plugin wants it whole
    _held_size = 0
    _left: UpstreamCall | None = None  # an upstream that was taken leave of and has not closed yet
    _left_size = 0
    _is_request_paused = False
    _is_started = False
    _is_done = False

    def __init__(
        self, exchange: Exchange, responder: Responder, clock: Clock, identity: Identity, later: Later
    ) -> None:
        self.exchange = exchange
        self._responder = responder
        self._clock = clock
        self._identity = identity
        self._later = later
        self._chain: Chain = exchange.plan.global_chain
        self._body = RequestBody()

    # The steps that carrying a request needs to know.

    def proceed(self, step: int) -> None:
        """Go on with a step that has waited."""
        raise NotImplementedError

    def header_filter(self, head: ResponseHead) -> None:
        raise NotImplementedError

    def body_filter(self, data: bytes, last: bool, trailers: HeaderPairs) -> None:
        raise NotImplementedError

    def log(self) -> None:
        raise NotImplementedError

    # From the client.

    def on_request_body(self, data: bytes, last: bool, trailers: HeaderPairs) -> None:
        if self._call is not None:
            self._body.size += len(data)
            if self.exchange.filter_request is not None:
                self._send_filtered(data, last, trailers)
                return
            self._call.send_body(data, last, trailer_fields(trailers) if trailers else None)
            return
        if self._is_done:
            return
        self._body.add(data, last, trailers)
        step, self._waiting = self._waiting, 0
        if step:
            try:
                self.proceed(step)
            except Exception as error:  # noqa: BLE001  # answered and logged there
                self.fault(error)
        elif self._body.size > HELD_UNREAD:
            self._is_request_paused = True
            self._responder.pause_request()

    def on_body_refused(self, error: GatewayError) -> None:
        self.fail(error)

    def on_client_gone(self) -> None:
        if not self._is_done:
            self._drop_upstream()
            self.exchange.error = ClientError("client_closed_request", "the client closed the connection", status=499)
            self.end()

    def on_client_blocked(self) -> None:
        if self._call is not None:
            self._call.pause()

    def on_client_writable(self) -> None:
        if self._call is not None:
            self._call.resume()

    # From the upstream.

    def on_upstream_blocked(self) -> None:
        self._responder.pause_request()

    def on_upstream_writable(self) -> None:
        self._responder.resume_request()

    def on_informational(self, status: int, headers: Headers) -> None:
        self._responder.inform(status, end_to_end_fields(headers))

    def on_response_head(self, head: ResponseHead) -> None:
        exchange = self.exchange
        exchange.times.response_head = self._clock.monotonic()
        exchange.upstream_status = head.status
        exchange.source = "service"
        head.headers.remove(b"upgrade")  # the one connection field a transport keeps: that of a tunnel
        self._identity.mark_proxied(head.headers, exchange)
        try:
            self._start(head)
        except Exception as error:  # noqa: BLE001  # answered and logged there
            self.fault(error)

    def on_response_body(self, data: bytes, last: bool, trailers: HeaderPairs) -> None:
        if self._is_done:
            self._read_over(data, last)
            return
        try:
            if self._held is None:
                self.body_filter(data, last, trailers)
            else:
                self._hold(self._held, data, last)
        except Exception as error:  # noqa: BLE001  # answered and logged there
            self.fault(error)

    def on_upstream_error(self, error: GatewayError) -> None:
        self._call = None
        self.fail(error)

    # How a step waits.

    def _wait_for_body(self, step: int) -> None:
        self._waiting = step
        self._responder.ask_for_body()
        self._resume_request()

    def _resume_request(self) -> None:
        if self._is_request_paused:
            self._is_request_paused = False
            self._responder.resume_request()

    def _has_whole_body(self, limit: int | None) -> bool:
        """True once `exchange.body` holds all of the body; raises 413 as soon as it is more than `limit` bytes."""
        body = self._body
        body.check(limit)
        if body.is_complete and not self._body_is_whole:
            self.exchange.body = body.take()
            self._body_is_whole = True
        return self._body_is_whole

    def _stop(self, outcome: Outcome | Awaitable[Outcome | None], step: int) -> None:
        """A plugin's phase has an outcome, or one that has to be waited for; `step` then goes on."""
        if isinstance(outcome, (Answer, Deny)):
            self.answer(outcome)
        else:
            self._task = asyncio.ensure_future(outcome)
            self._task.add_done_callback(partial(self._go_on, step))

    def _go_on(self, step: int, waited: "asyncio.Future[Outcome | None]") -> None:
        self._task = None
        if self._is_done:
            if not waited.cancelled() and waited.exception() is not None:
                logger.warning("request %s ended before a plugin failed: %r", self.exchange.request_id, waited)
            return
        try:
            self._take_outcome(waited, step)
        except Exception as error:  # noqa: BLE001  # answered and logged there
            self.fault(error)

    def _take_outcome(self, waited: "asyncio.Future[Outcome | None]", step: int) -> None:
        if waited.cancelled():
            raise InternalError("internal_error", "An unexpected error occurred")
        outcome = waited.result()
        if outcome is None:
            self.proceed(step)
        else:
            self.answer(outcome)

    # What a plugin's filter does to a request body.

    def _has_filtered(self) -> bool:
        """False while the filter gives out nothing and more is to come: the upstream is then not asked yet."""
        exchange, body = self.exchange, self._body
        change = exchange.filter_request
        assert change is not None  # or nobody would ask
        exchange.fail = self.fail
        if self._body_is_whole:
            exchange.body = change(exchange.body, True)
            return True
        data = change(body.take(), body.is_complete)
        body.put_back(data)
        return bool(data) or body.is_complete or exchange.request.upgrade

    def _send_filtered(self, data: bytes, last: bool, trailers: HeaderPairs) -> None:
        change = self.exchange.filter_request
        assert change is not None  # or nobody would ask
        try:
            data = change(data, last)
        except Exception as error:  # noqa: BLE001  # answered and logged there
            self.fault(error)
            return
        if self._call is not None and (data or last):  # else the filter has ended the request
            self._call.send_body(data, last, trailer_fields(trailers) if trailers else None)

    # How a request ends.

    def end(self) -> None:
        """It is over. Nobody should wait for the log plugins: they are told when the client's last byte is written."""
        exchange, self._call, self._is_done = self.exchange, None, True
        exchange.times.finished = self._clock.monotonic()
        exchange.request_bytes = self._body.size
        if exchange.filter_request is not None:
            exchange.filter_request = exchange.fail = None
        if self._chain.log:
            self._later(self.log)

    def fault(self, error: Exception) -> None:
        """Whatever a step raises becomes an answer, never a lost request."""
        if isinstance(error, GatewayError):
            self.fail(error)
        else:
            logger.error("request %s failed", self.exchange.request_id, exc_info=error)
            self.fail(InternalError("internal_error", "An unexpected error occurred"))

    def _mark_request(self, headers: Headers) -> None:
        """Tell a service of the way to it; a model provider learns nothing of ours."""
        if not self._chain.replaces_upstream:
            self._identity.mark_request(headers, self.exchange)

    def answer(self, outcome: Outcome | GatewayError) -> None:
        """End the request with a response of our own."""
        self._drop_upstream()
        head, body = gateway_response(self.exchange, outcome, self._chain.error_format)
        self._identity.mark_own(head.headers, self.exchange, self._clock.monotonic())
        self._is_started = True  # from here on a fault can only break the connection off
        self._held = None
        self.header_filter(head)
        self._responder.start(head)
        self.exchange.response_bytes += len(body)
        self._responder.finish(body)
        self.end()

    def fail(self, error: GatewayError) -> None:
        """End the request with an error: an answer if none has begun, else the stream's own error, else a break."""
        if self._is_done:
            return
        exchange = self.exchange
        exchange.error, exchange.source = error, "error"
        if not self._is_started:
            try:
                self.answer(error)
            except Exception as second:  # noqa: BLE001  # answered and logged there
                self.fault(second)
            return
        if exchange.take_leave is not None and self._call is not None:
            self._leave_tunnel(exchange.take_leave(error))
        self._drop_upstream()
        render, head = exchange.render_stream_error, exchange.response
        if render is not None and head is not None and head.content_length is None:
            self._responder.finish(render(error))
        else:
            self._responder.abort()
        self.end()

    def _drop_upstream(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.cancel()
        if self._task is not None:
            self._task.cancel()

    def _leave_tunnel(self, farewell: bytes) -> None:
        """Close our half of a tunnel. The upstream's is read over: a reset could overtake this."""
        call, self._call = self._call, None
        if call is not None:
            self._left = call
            call.resume()
            call.send_body(farewell, True)

    def _read_over(self, data: bytes, last: bool) -> None:
        """Bytes that nobody wants any more: an upstream that was taken leave of has its last word, and no more."""
        self._left_size += len(data)
        if last:
            self._left = None
        elif self._left is not None and self._left_size > LAST_WORDS:
            call, self._left = self._left, None
            call.cancel()

    def _start(self, head: ResponseHead) -> None:
        self.header_filter(head)
        if self.exchange.buffer_response:
            self._held = []
        else:
            self._responder.start(head)
            self._is_started = True

    def _hold(self, held: list[bytes], data: bytes, last: bool) -> None:
        held.append(data)
        self._held_size += len(data)
        if self._held_size > HELD_RESPONSE:
            self.fail(UpstreamError("upstream_response_too_large", f"response is larger than {HELD_RESPONSE} bytes"))
        elif last:
            self._release(b"".join(held))

    def _release(self, body: bytes) -> None:
        """A response that was held back is whole: filter it in one piece, then send it with its true length."""
        self._held = None
        for change in self._filters:
            body = change(body, True)
        self._filters = ()
        head = self.exchange.response
        assert head is not None  # set by header_filter, which came first
        head.content_length = len(body)
        self._responder.start(head)
        self._is_started = True
        self.body_filter(body, True, [])
