"""Calls whose bodies pass as they come: forms with files in them, stored files, and batches. Nothing is held whole.

Of a form only a few text fields are read (`llm.multipart`); the model is checked, replaced or put in on the way.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple, Protocol

from entresol.api_floor.ai_call import AI_CALL, AiCall, Way
from entresol.api_floor.exchange import Exchange
from entresol.core.errors import ClientError
from entresol.core.http import UpstreamRequest
from entresol.core.ports import Clock
from entresol.llm.credentials import Credential
from entresol.llm.format import Format
from entresol.llm.multipart import Choice, FormRewriter
from entresol.llm.multipart_heads import boundary_of

Filter = Callable[[bytes, bool], bytes]

STORES: Final = ("files", "batches")
"""Operations on what the provider keeps: no model is called."""
FORMS: Final = ("transcriptions", "translations", "image_edits")
_ITEMS: Final = {
    "files": re.compile(r"/files((?:/[A-Za-z0-9_-]{1,200})?(?:/content)?)/?"),
    "batches": re.compile(r"/batches((?:/[A-Za-z0-9_-]{1,200})?(?:/cancel)?)/?"),
}
_METHODS: Final = {"": ("GET", "POST"), "item": ("GET", "DELETE"), "/content": ("GET",), "/cancel": ("POST",)}
_UNNAMED: Final = "-"
"""Stands in for a model whose name is still to come."""


class CallLimits(NamedTuple):
    """What a route allows its calls that pass unread."""

    max_bytes: int = 0
    """Of a request; 0 is no limit."""
    streaming: str = "allow"
    """Answers: allow, always or deny."""
    max_session_s: float | None = None
    max_tokens: int | None = None
    """Of a session."""


class CallMaker(Protocol):
    """What the plugin knows of its calls."""

    def configured_model(self, exchange: Exchange) -> str | None:
        """The route's model, if it has one."""

    def chosen_model(self, said: str | None, configured: str | None) -> str:
        """The model to call, where the client says `said`. Raises ClientError."""

    def way_to(
        self, exchange: Exchange, upstream: UpstreamRequest, client: Format, model: str, stream: bool, query: str
    ) -> Way:
        """How calls of a model go."""


class Uploads:
    """The calls of one operation, on one route."""

    def __init__(
        self, client: Format, credential: Credential, clock: Clock, limits: CallLimits, depends_on_model: bool
    ) -> None:
        """`depends_on_model`: so does the address."""
        self._client = client
        self._credential = credential
        self._clock = clock
        self._limit = limits.max_bytes
        self._streaming = limits.streaming
        self._depends_on_model = depends_on_model

    def access(self, exchange: Exchange, upstream: UpstreamRequest, maker: CallMaker) -> None:
        """Point the request at the provider, and put the filter into its way. Raises ClientError."""
        if self._client.operation in STORES:
            self._reach_store(exchange, upstream, maker)
        else:
            self._send_form(exchange, upstream, maker)

    def _send_form(self, exchange: Exchange, upstream: UpstreamRequest, maker: CallMaker) -> None:
        content_type = exchange.request.headers.get(b"content-type") or b""
        boundary = boundary_of(content_type)
        configured = maker.configured_model(exchange)
        waits = configured is None and self._depends_on_model
        query = upstream.target.partition("?")[2]
        call = self._aim(exchange, upstream, maker, configured or _UNNAMED)
        choices: dict[str, Choice] = {
            "model": partial(self._choose, exchange, upstream, maker, call, configured, query)
        }
        if self._client.operation != "translations":
            choices["stream"] = partial(self._choose_stream, call)
        rewriter = FormRewriter(boundary, choices, waits_for="model" if waits else "")
        exchange.filter_request = self._limited(rewriter.feed)
        self._set_fields(upstream, call, b"multipart/form-data; boundary=" + _quoted(boundary))
        upstream.method = "POST"

    def _choose(
        self, exchange: Exchange, upstream: UpstreamRequest, maker: CallMaker, call: AiCall, configured: str | None,
        query: str, said: str | None,
    ) -> str:  # fmt: skip
        """The model, which the client has named, or not at all."""
        model = maker.chosen_model(said, configured)
        if configured is None:
            call.way = way = maker.way_to(exchange, upstream, self._client, model, False, query)
            call.model = model
            if self._depends_on_model:
                upstream.origin, upstream.host, upstream.target = way.origin, way.origin.authority, way.target
        return model

    def _choose_stream(self, call: AiCall, said: str | None) -> str | None:
        wants = (said or "").strip().lower() in ("true", "1")
        if wants and self._streaming == "deny":
            raise ClientError("streaming_denied", "response streaming is not enabled for this LLM")
        call.stream = wants or self._streaming == "always"
        return "true" if call.stream and not wants else said

    def _reach_store(self, exchange: Exchange, upstream: UpstreamRequest, maker: CallMaker) -> None:
        request, name = exchange.request, self._client.operation
        found = _ITEMS[name].search(request.path)
        item = "" if found is None or found.end() != len(request.path) else found[1]
        if found is None or found.end() != len(request.path):
            raise ClientError("bad_request", f"the path must end in /{name}, or go on with an id", status=404)
        kind = next((end for end in ("/content", "/cancel") if item.endswith(end)), "item" if item else "")
        if request.method not in _METHODS[kind] or (request.method, name, kind) == ("DELETE", "batches", "item"):
            raise ClientError("bad_request", f"{request.method} is not possible on this path", status=405)
        content_type = b"application/json"
        if request.method == "POST" and name == "files":
            boundary = boundary_of(request.headers.get(b"content-type") or b"")
            content_type = b"multipart/form-data; boundary=" + _quoted(boundary)
            exchange.filter_request = self._limited(FormRewriter(boundary, {}).feed)
        else:
            exchange.filter_request = self._limited(_passed)
            length = request.headers.get(b"content-length")
            if length is not None:
                upstream.headers.set(b"content-length", length)
        call = self._aim(exchange, upstream, maker, _UNNAMED)
        call.model = maker.configured_model(exchange) or ""
        path, mark, query = upstream.target.partition("?")
        upstream.target = (path.rstrip("/") + item if item else path) + mark + query
        upstream.method = request.method
        self._set_fields(upstream, call, content_type if request.method == "POST" else None)

    def _aim(self, exchange: Exchange, upstream: UpstreamRequest, maker: CallMaker, model: str) -> AiCall:
        """Send it where calls of the model go."""
        query = upstream.target.partition("?")[2]
        way = maker.way_to(exchange, upstream, self._client, model, False, query)
        upstream.origin, upstream.host, upstream.target = way.origin, way.origin.authority, way.target
        upstream.upgrade = None
        call = exchange[AI_CALL] = AiCall(way, self._credential, self._clock, exchange)
        return call

    def _set_fields(self, upstream: UpstreamRequest, call: AiCall, content_type: bytes | None) -> None:
        ends = call.way.ends
        fields = [field for field in ends.fields_beside(upstream.headers) if field[0] != b"content-type"]
        if content_type is not None:
            fields.append((b"content-type", content_type))
        upstream.headers.pairs = self._credential.header_fields(upstream.headers.pairs, fields, ends.is_same_format)

    def _limited(self, change: Filter) -> Filter:
        """The same filter, for requests up to the limit."""
        return _Limited(change, self._limit).feed if self._limit else change


class _Limited:
    """A filter that counts."""

    def __init__(self, change: Filter, limit: int) -> None:
        self._change = change
        self._limit = limit
        self._size = 0

    def feed(self, data: bytes, last: bool) -> bytes:
        """The filter's; raises ClientError 413 over the limit."""
        self._size += len(data)
        if self._size > self._limit:
            message = f"request body is larger than the {self._limit} bytes this route accepts"
            raise ClientError("request_too_large", message, status=413)
        return self._change(data, last)


def _passed(data: bytes, last: bool) -> bytes:
    return data


def _quoted(boundary: bytes) -> bytes:
    """A boundary as a parameter: in quotes where it is no token (RFC 2045 §5.1)."""
    return boundary if re.fullmatch(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", boundary) else b'"%b"' % boundary
