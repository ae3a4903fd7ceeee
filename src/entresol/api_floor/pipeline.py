"""The API floor's one path. `ApiFloor.handle` sends every request along it:

  1 match          the route that takes the request            (none: 404)
  2 rewrite        global plugins
  3 access         plugins by priority: authenticate, limit, guard, prepare; may answer
  4 upstream       send, stream the body after it
  5 header_filter  plugins see and change the response head
  6 body_filter    per chunk, never buffered unless a plugin asks for it
  7 log            always, after the client's last byte was written

The path is driven by callbacks (core.ports): a step that has to wait returns, and a callback goes on where it
stopped; `passage.py` is about that. A task exists only while an `async def` phase is waited for.
"""

import logging

from entresol.api_floor.answers import Identity, RequestIds
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.forwarding import (
    announce_length,
    build_redirected_request,
    build_upstream_request,
    copied,
    trailer_fields,
)
from entresol.api_floor.passage import ACCESS, REWRITE, UPSTREAM, Later, Passage, at_once
from entresol.api_floor.plan import Plan, PreparedRequest, RouteMatch
from entresol.core.decision import Deny
from entresol.core.http import HeaderPairs, RequestHead, ResponseHead
from entresol.core.ports import Clock, Responder, Transport

logger = logging.getLogger("entresol.api_floor")


class ApiFloor:
    """Takes requests. Assigning `plan` swaps the configuration for every request that starts from then on."""

    def __init__(
        self, plan: Plan, transport: Transport, clock: Clock, identity: Identity, later: Later | None = None
    ) -> None:
        self.plan = plan
        self.transport = transport
        self.clock = clock
        self.identity = identity
        self.later = later or at_once
        self._ids = RequestIds()

    def handle(self, request: RequestHead, responder: Responder) -> "RequestPath":
        """Start a request on its path."""
        clock = self.clock
        exchange = Exchange(request, self._ids.new(), self.plan, clock.now(), clock.monotonic())
        path = RequestPath(exchange, responder, self)
        try:
            path.match()
        except Exception as error:  # noqa: BLE001  # answered and logged there
            path.fault(error)
        return path


class RequestPath(Passage):
    """One request's way: the steps, in order."""

    def __init__(self, exchange: Exchange, responder: Responder, floor: ApiFloor) -> None:
        super().__init__(exchange, responder, floor.clock, floor.identity, floor.later)
        self._transport = floor.transport

    def match(self) -> None:
        exchange = self.exchange
        plan, known = exchange.plan, exchange.request.known
        if known is not None:
            prepared = known.prepared
            if isinstance(prepared, PreparedRequest) and prepared.plan is plan:
                exchange.match, self._chain = prepared.match, prepared.chain
                exchange.upstream = copied(prepared.upstream)
                self.access()
                return
        exchange.match = match = plan.router.match(exchange.request)
        if match is not None:
            self._chain = plan.chain(match.route, None)
        self.rewrite()

    def rewrite(self) -> None:
        exchange = self.exchange
        plugins = self._chain.rewrite
        while self._next < len(plugins):
            plugin = plugins[self._next]
            self._next += 1
            outcome = plugin.rewrite(exchange)
            if outcome is not None:
                self._stop(outcome, REWRITE)
                return
        match = exchange.match
        if match is None:
            self.answer(Deny(404, "no_route", "no Route matched with those values"))
        elif match.refusal is not None:
            self.answer(match.refusal)
        else:
            if self._chain.replaces_upstream:
                exchange.upstream = build_redirected_request(exchange, match)
            else:
                exchange.upstream = build_upstream_request(exchange, match)
            self._prepare(match)
            self._next = 0
            self.access()

    def access(self) -> None:
        exchange = self.exchange
        steps = self._chain.access
        while True:
            if exchange.consumer is not self._chain_consumer:
                self._follow_consumer()
                steps = self._chain.access
            if self._next == len(steps):
                break
            step = steps[self._next]
            if step.needs_body and not self._has_whole_body(step.body_limit):
                self._wait_for_body(ACCESS)
                return
            self._next += 1
            outcome = step.plugin.access(exchange)
            if outcome is not None:
                self._stop(outcome, ACCESS)
                return
        self.upstream()

    def upstream(self) -> None:
        exchange, body = self.exchange, self._body
        if exchange.upstream is None:
            self.answer(Deny(503, "no_service", "no Service found with those values"))
        elif not body.has_begun or (exchange.filter_request is not None and not self._has_filtered()):
            self._wait_for_body(UPSTREAM)
        else:
            self._mark_request(exchange.upstream.headers)
            data = exchange.body if self._body_is_whole else body.take()
            exchange.times.upstream_sent = self._clock.monotonic()
            trailers = trailer_fields(body.trailers) if body.trailers else None
            if not body.is_complete and exchange.filter_request is None:
                announce_length(exchange.upstream, exchange.request)
            self._call = self._transport.send(exchange.upstream, data, body.is_complete and not trailers, self)
            if trailers:
                self._call.send_body(b"", True, trailers)
            elif not body.is_complete:
                self._responder.ask_for_body()
                self._resume_request()

    def header_filter(self, head: ResponseHead) -> None:
        exchange = self.exchange
        exchange.response = head
        for plugin in self._chain.header_filter:
            plugin.header_filter(exchange)
        if self._chain.body_filter and exchange.source == "service":
            filters = [plugin.body_filter(exchange) for plugin in self._chain.body_filter]
            self._filters = tuple([change for change in filters if change is not None])

    def body_filter(self, data: bytes, last: bool, trailers: HeaderPairs) -> None:
        for change in self._filters:
            data = change(data, last)
        self.exchange.response_bytes += len(data)
        if last:
            self._responder.finish(data, trailer_fields(trailers) if trailers else None)
            self.end()
        else:
            self._responder.send(data)

    def log(self) -> None:
        exchange = self.exchange
        for plugin in self._chain.log:
            try:
                plugin.log(exchange)
            except Exception:
                logger.exception("%s.log failed", type(plugin).__qualname__)

    def proceed(self, step: int) -> None:
        if step == REWRITE:
            self.rewrite()
        elif step == ACCESS:
            self.access()
        else:
            self.upstream()

    def _prepare(self, match: RouteMatch) -> None:
        """When the client may send the same head again: keep what follows from it. Content-Length is no part of it."""
        exchange, chain = self.exchange, self._chain
        plan, known, upstream = exchange.plan, exchange.request.known, exchange.upstream
        if known is None or upstream is None or chain.rewrite or plan.router.looks_at(b"content-length"):
            return
        known.prepared = PreparedRequest(plan, match, chain, copied(upstream))

    def _follow_consumer(self) -> None:
        """Somebody was authenticated: go on with the plugins as this consumer has them."""
        exchange, match, before = self.exchange, self.exchange.match, self._chain
        self._chain_consumer = exchange.consumer
        assert match is not None  # access runs only on a matched route
        self._chain = chain = exchange.plan.chain(match.route, exchange.consumer)
        if chain is before:
            return
        if exchange.upstream is None and chain.replaces_upstream:
            exchange.upstream = build_redirected_request(exchange, match)
        if self._next:
            self._next = chain.steps_down_to(before.access[self._next - 1].priority)
