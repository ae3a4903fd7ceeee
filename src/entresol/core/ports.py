"""The outside world, as the rings see it. Adapters implement these; tests implement them too.

The data plane is made of callbacks, not coroutines: a task or a future per request costs more than everything else
the gateway does (docs/concepts/data-plane.md). One exchange is four objects:

    client ──bytes──▶ server adapter ──Handler.handle──▶ RequestReceiver      (a floor's request path)
    client ◀─bytes── Responder ◀────────────────────────┘      │
    upstream ◀─bytes── UpstreamCall ◀── Transport.send ◀───────┤
    upstream ──bytes──▶ transport ───────▶ ResponseReceiver ◀──┘ (the same request path)

Every callback runs on the event loop's thread and must not block.

The classes of the hot path have the methods and do not inherit from these: a compiled class inherits from compiled
classes only, and a type checker compares the shapes all the same.
"""

from collections.abc import Awaitable
from typing import Protocol

from entresol.core.cells import CounterCell, HistogramCell
from entresol.core.errors import GatewayError
from entresol.core.http import HeaderPairs, Headers, RequestHead, ResponseHead, UpstreamRequest


class RequestReceiver(Protocol):
    """Receives what a client sends after the head, and the state of the connection to it."""

    def on_request_body(self, data: bytes, last: bool, trailers: HeaderPairs) -> None:
        """Body bytes, unframed. Exactly one call has `last`; a request without a body gets `(b"", True, [])`.

        After an upgrade, tunnelled bytes arrive here; `last` then means that the client closed.
        """

    def on_body_refused(self, error: GatewayError) -> None:
        """The body is malformed, too large or did not come in time; nothing more of it arrives.

        Answer at once. Whoever does not (the default) is told `on_client_gone`, and the adapter answers.
        """
        return None

    def on_client_gone(self) -> None:
        """The client's connection is lost or its message broke off. No answer can be sent any more."""

    def on_client_blocked(self) -> None:
        """The client reads too slowly: stop producing until `on_client_writable`."""

    def on_client_writable(self) -> None:
        """The client has caught up."""


class Responder(Protocol):
    """Writes one response to one client. Framing, connection reuse and HEAD/204/304 rules are the adapter's.

    Order: `inform`* then `start`, `send`*, `finish`; or `abort` at any time. After `finish` or `abort` every call
    is ignored, so that a late upstream byte can never reach the next request on the connection.
    """

    def inform(self, status: int, headers: HeaderPairs) -> None:
        """Send an interim response, 102 to 199."""

    def ask_for_body(self) -> None:
        """Send `100 Continue` if the client waits for one. Call before waiting for the request body."""

    def start(self, head: ResponseHead) -> None:
        """Announce the response. Bytes may be held until the next `send` or `finish`, so that both go in one write."""

    def send(self, data: bytes) -> None:
        """Send body bytes at once (never buffered). `b""` only pushes out a held head."""

    def finish(self, data: bytes = b"", trailers: HeaderPairs | None = None) -> None:
        """Send the last body bytes and end the response."""

    def abort(self) -> None:
        """Break the connection off, so that the client cannot take a partial response for a whole one."""

    def pause_request(self) -> None:
        """Stop reading the client's body: whoever consumes it is slower."""

    def resume_request(self) -> None:
        """Read on."""

    @property
    def is_blocked(self) -> bool:
        """True while the client reads too slowly."""


class Handler(Protocol):
    """What a server adapter hands requests to: a floor, the status page, a mounted application."""

    def handle(self, request: RequestHead, responder: Responder) -> RequestReceiver:
        """Take a request. The body follows through the receiver that is returned."""


class ResponseReceiver(Protocol):
    """Receives an upstream's response. After `on_upstream_error` or a `last` chunk nothing more comes."""

    def on_informational(self, status: int, headers: Headers) -> None:
        """An interim response other than 100 and 101."""

    def on_response_head(self, head: ResponseHead) -> None:
        """The final response head. With status 101 the connection is a tunnel from here on."""

    def on_response_body(self, data: bytes, last: bool, trailers: HeaderPairs) -> None:
        """Body bytes, unframed; everything that arrived in one read comes in one call.

        Every read that carries a head or body ends with exactly one such call, so `(b"", False, [])` says "a head,
        and nothing else yet". Exactly one call has `last`.
        """

    def on_upstream_error(self, error: GatewayError) -> None:
        """The upstream could not be reached, was too slow, broke off, or broke the protocol."""

    def on_upstream_blocked(self) -> None:
        """The upstream reads our body too slowly: stop sending until `on_upstream_writable`."""

    def on_upstream_writable(self) -> None:
        """The upstream has caught up."""


class UpstreamCall(Protocol):
    """One request under way at an upstream."""

    def send_body(self, data: bytes, last: bool, trailers: HeaderPairs | None = None) -> None:
        """More of the request body (or of the tunnel)."""

    def pause(self) -> None:
        """Stop reading the response: the client is slower."""

    def resume(self) -> None:
        """Read on."""

    def cancel(self) -> None:
        """Drop the call at once; the connection is not reused and the receiver hears nothing more."""


class Transport(Protocol):
    """Sends requests to upstreams over pooled connections."""

    def send(self, request: UpstreamRequest, body: bytes, last: bool, receiver: ResponseReceiver) -> UpstreamCall:
        """Start a call. `last` says that `body` is all of it (Content-Length framing); else more follows, chunked.

        A `content-length` among the request's headers is kept when the body follows in parts. Never raises for
        network reasons: failures reach `receiver.on_upstream_error`, possibly before this returns.
        """


class Clock(Protocol):
    """Time, so that tests own it."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def monotonic(self) -> float:
        """Seconds that never go back."""


class Taken(Protocol):
    """The answer of a counter: may the request pass, and what is left in each window."""

    @property
    def allowed(self) -> bool: ...

    @property
    def remaining(self) -> tuple[int, ...]: ...


class Window(Protocol):
    """A fixed window that a counter counts in."""

    @property
    def name(self) -> str: ...

    @property
    def start(self) -> int:
        """Epoch second at which the window began."""

    @property
    def length_s(self) -> int: ...

    @property
    def limit(self) -> int: ...


class Counters(Protocol):
    """Counts that all workers share. Memory answers as a rule; the awaitable is the exception."""

    def take(self, key: str, windows: tuple[Window, ...], cost: int = 1) -> Taken | Awaitable[Taken]:
        """Count `cost` in every window if it fits into all of them, else in none. Atomic over all workers."""


class LineSink(Protocol):
    """Appends lines to files off the event loop, through a bounded queue."""

    def write(self, path: str, line: bytes, reopen: bool = False) -> None:
        """Queue one line (the newline is added). When the queue is full the line is dropped and counted."""


class Metrics(Protocol):
    """Metric cells that live in this worker; whoever scrapes sums them over all workers."""

    def counter(self, name: str, help_text: str, labels: tuple[str, ...], values: tuple[str, ...]) -> CounterCell:
        """The cell of one label combination; keep it, looking it up costs more than adding to it."""

    def histogram(
        self, name: str, help_text: str, labels: tuple[str, ...], values: tuple[str, ...], buckets: tuple[float, ...]
    ) -> HistogramCell:
        """The histogram of one label combination."""
