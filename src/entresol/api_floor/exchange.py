"""The one object that travels the API floor's path."""

from collections.abc import Callable

from entresol.api_floor.entities import Consumer, Credential
from entresol.api_floor.plan import Plan, RouteMatch
from entresol.core.errors import GatewayError
from entresol.core.http import RequestHead, ResponseHead, UpstreamRequest
from entresol.core.slots import Slots


class Times:
    """Monotonic seconds at the milestones of a request; 0.0 while one has not happened."""

    upstream_sent = 0.0
    response_head = 0.0
    finished = 0.0

    def __init__(self, started: float) -> None:
        self.started = started


class Exchange(Slots):
    """A request, what the path found out about it, and its response.

    Plugins read and write its fields; `slots` (``exchange[SLOT]``) carry what one plugin tells another.
    """

    # Defaults stand in the class: most requests never change them, and making an exchange is on the hot path.
    match: RouteMatch | None = None
    consumer: Consumer | None = None
    credential: Credential | None = None
    body = b""
    """The whole request body, once a plugin that declares `needs_body` runs; assign to replace it."""
    upstream: UpstreamRequest | None = None
    """What will be sent; made from route and service after `rewrite`, changed by plugins in `access`."""
    upstream_status = 0
    response: ResponseHead | None = None
    """The response head on its way to the client, from `header_filter` on."""
    buffer_response = False
    """Set in `header_filter` (or before): hold the response back until it is whole. Body filters then get all of it
    in one call and may still raise a GatewayError that becomes a clean error answer."""
    render_stream_error: Callable[[GatewayError], bytes] | None = None
    """Set by who knows the stream's wire format: an error as the last event of a stream that has begun."""
    filter_request: Callable[[bytes, bool], bytes] | None = None
    """Set in `access`: all of the request body (after a 101, of the client's half of the tunnel) goes through it, piece
    by piece, with whether it is the last. Nothing is sent upstream before it gives out its first bytes, or the body
    ends: until then it may still change `upstream`. No length is announced but one that the plugin sets itself."""
    fail: Callable[[GatewayError], None] | None = None
    """With `filter_request`, from the first piece until the request ends: end it with an error, from a timer, say."""
    take_leave: Callable[[GatewayError], bytes] | None = None
    """Set by who knows a tunnel's protocol: what the upstream is told when an error ends the tunnel."""
    source = "exit"
    """Who made the response, in Kong's words: `service` sent it, `exit` is a plugin, `error` the gateway."""
    error: GatewayError | None = None
    refusal_code: str | None = None
    request_bytes = 0
    response_bytes = 0

    def __init__(self, request: RequestHead, request_id: str, plan: Plan, started_at: float, started: float) -> None:
        super().__init__()
        self.request = request
        self.request_id = request_id
        """32 lower-case hex digits."""
        self.plan = plan
        self.started_at = started_at
        """Seconds since the epoch."""
        self.times = Times(started)
        self.client_ip = request.connection.peer_ip
