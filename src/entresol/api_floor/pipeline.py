"""The API floor's one path. `ApiFloor.handle` sends every request along it:

  1 match          the route that takes the request            (none: 404)
  2 rewrite        global plugins
  3 access         plugins by priority: authenticate, limit, guard, prepare; may answer
  4 upstream       send, stream the body after it
  5 header_filter  plugins see and change the response head
  6 body_filter    per chunk, never buffered unless a plugin asks for it
  7 log            always

The path is driven by callbacks (core.ports): a step that has to wait returns, and the callback goes on where it
stopped. A task exists only while an `async def` phase is waited for.
"""

import asyncio
import logging
from collections.abc import Awaitable

from entresol.api_floor import answers, forwarding
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.plan import Chain, Plan
from entresol.api_floor.plugin import AnyPlugin, BodyFilter
from entresol.core.decision import Answer, Deny, Outcome
from entresol.core.errors import ClientError, GatewayError, InternalError, UpstreamError
from entresol.core.http import HeaderPairs, Headers, RequestHead, ResponseHead
from entresol.core.ports import Clock, Handler, RequestReceiver, Responder, Transport, UpstreamCall

logger = logging.getLogger("entresol.api_floor")


class ApiFloor(Handler):
    """Takes requests. Assigning `plan` swaps the configuration for every request that starts from then on."""

    def __init__(self, plan: Plan, transport: Transport, clock: Clock, identity: answers.Identity) -> None:
        self.plan = plan
        self.transport = transport
        self.clock = clock
        self.identity = identity

    def handle(self, request: RequestHead, responder: Responder) -> "RequestPath":
        """Start a request on its path."""
        clock = self.clock
        exchange = Exchange(request, answers.new_request_id(), self.plan, clock.now(), clock.monotonic())
        path = RequestPath(self, exchange, responder)
        path.guarded(path.match)
        return path


class RequestPath(RequestReceiver):
    """One request's way: the steps in order, then the callbacks that carry it from one to the next."""

    __slots__ = (
        "_access_index", "_body_complete", "_body_parts", "_body_size", "_call", "_chain", "_exchange", "_filters",
        "_floor", "_held", "_is_done", "_is_started", "_resume", "_responder", "_task",
    )  # fmt: skip
