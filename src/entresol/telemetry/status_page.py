"""The status listener's handler: how the node is, whether it takes traffic, its metrics."""

from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from entresol.core.http import HeaderPairs, Headers, RequestHead, ResponseHead
from entresol.core.ports import Handler, RequestReceiver, Responder
from entresol.telemetry.metrics import Family, Snapshot
from entresol.telemetry.node_families import node_families
from entresol.telemetry.prometheus_text import CONTENT_TYPE, render

_JSON: Final = b"application/json; charset=utf-8"

_encode = msgspec.json.Encoder(order="sorted").encode


class NodeView(Protocol):
    """What the page asks the node."""

    def status(self) -> object:
        """Anything that encodes to JSON."""

    def is_ready(self) -> bool:
        """True while requests are taken."""

    def collect(self, when_collected: Callable[[Snapshot], None]) -> None:
        """The metrics of all workers, now or later."""


class StatusPage(Handler):
    """`GET /status`, `/status/ready` (200 or 503) and `/metrics`; see docs/reference/status.md."""

    def __init__(self, node: NodeView, kong_names: bool = True) -> None:
        self._node = node
        self._kong_names = kong_names

    def handle(self, request: RequestHead, responder: Responder) -> RequestReceiver:
        """Answer at once; a body that follows is of no interest."""
        node = self._node
        if request.method not in ("GET", "HEAD"):
            _answer(responder, 405, _JSON, _encode({"message": "Method not allowed"}), ((b"allow", b"GET, HEAD"),))
        elif request.path == "/metrics":
            return _Collecting(node, responder, self._kong_names)
        elif request.path == "/status":
            _answer(responder, 200, _JSON, _encode(node.status()))
        elif request.path == "/status/ready":
            ready = node.is_ready()
            _answer(responder, 200 if ready else 503, _JSON, _encode({"message": "ready" if ready else "not ready"}))
        else:
            _answer(responder, 404, _JSON, _encode({"message": "Not found"}))
        return _Ignoring()


class _Ignoring(RequestReceiver):
    """Takes whatever the client sends, for nothing."""

    def on_request_body(self, data: bytes, last: bool, trailers: HeaderPairs) -> None: ...

    def on_client_gone(self) -> None: ...

    def on_client_blocked(self) -> None: ...

    def on_client_writable(self) -> None: ...


class _Collecting(_Ignoring):
    """A scrape that waits for the other workers. A responder ignores answers to clients that have left."""

    def __init__(self, node: NodeView, responder: Responder, kong_names: bool) -> None:
        self._responder = responder
        self._kong_names = kong_names
        node.collect(self._collected)

    def _collected(self, snapshot: Snapshot) -> None:
        families = sorted([*snapshot, *node_families()], key=_name_of)
        _answer(self._responder, 200, CONTENT_TYPE, render(families, self._kong_names))


def _name_of(family: Family) -> str:
    return family.name


def _answer(
    responder: Responder, status: int, content_type: bytes, body: bytes, more: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    headers = Headers([(b"content-type", content_type), (b"cache-control", b"no-store"), *more])
    responder.start(ResponseHead(status, headers, len(body)))
    responder.finish(body)
