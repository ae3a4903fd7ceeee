"""The whole gateway as an ASGI 3 application, for uvicorn, hypercorn (HTTP/2) and granian.

    app = create_asgi_app(handler_factory)

One request is the server's task, which writes, and one task of ours, which reads. That costs several times what the
own server needs per request, and buys HTTP/2 and whatever else the server brings. What is lost: upgrades (a WebSocket
gets 501), client trailers, interim responses; see docs/howto/asgi.md.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import Final

import msgspec

from entresol.core.errors import ClientError, GatewayError, InternalError
from entresol.core.http import HeaderPairs, RequestHead, ResponseHead
from entresol.core.ports import Handler, RequestReceiver, Responder
from entresol.net.asgi_head import request_head
from entresol.net.asgi_types import AsgiApp, Message, Receive, Scope, Send
from entresol.net.response_head import offered_upgrade

logger = logging.getLogger("entresol.net.asgi")

HIGH_WATER: Final = 65_536
"""Bytes that wait for the server before the producer is told to stop."""
LOW_WATER: Final = 16_384

HandlerFactory = Callable[[], AbstractAsyncContextManager[Handler]]
"""Opens what a handler needs (plan, transport, sweeps) on the running loop, and closes it on exit."""

_CONNECTION_FIELDS: Final = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)
_BODILESS: Final = frozenset((204, 304))
_UPGRADE_REQUIRED: Final = HTTPStatus.UPGRADE_REQUIRED.value


def create_asgi_app(handler_factory: HandlerFactory) -> AsgiApp:
    """An application that enters `handler_factory` at lifespan start-up, or at the first request without lifespan."""
    return _GatewayApp(handler_factory)


class _GatewayApp:
    def __init__(self, handler_factory: HandlerFactory) -> None:
        self._factory = handler_factory
        self._context: AbstractAsyncContextManager[Handler] | None = None
        self._handler: Handler | None = None
        self._opening: asyncio.Lock | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            handler = self._handler or await self._open()
            await _serve(handler, scope, receive, send)
        elif kind == "lifespan":
            await self._live(receive, send)
        elif kind == "websocket":
            await _refuse_websocket(scope, receive, send)
        else:
            raise ValueError(f"unknown ASGI scope type {kind!r}")

    async def _open(self) -> Handler:
        if self._opening is None:
            self._opening = asyncio.Lock()
        async with self._opening:
            if self._handler is None:
                self._context = self._factory()
                self._handler = await self._context.__aenter__()
            return self._handler

    async def _close(self) -> None:
        context, self._context, self._handler = self._context, None, None
        if context is not None:
            await context.__aexit__(None, None, None)

    async def _live(self, receive: Receive, send: Send) -> None:
        for phase, step in (("startup", self._open), ("shutdown", self._close)):
            await receive()
            try:
                await step()
            except Exception as error:  # the edge: the server reports it and stops
                logger.exception("the gateway could not finish its %s", phase)
                await send({"type": f"lifespan.{phase}.failed", "message": str(error)})
                return
            await send({"type": f"lifespan.{phase}.complete"})


async def _serve(handler: Handler, scope: Scope, receive: Receive, send: Send) -> None:
    exchange = _AsgiExchange(scope)
    try:
        exchange.begin(handler, request_head(scope))
    except ClientError as refusal:
        exchange.answer_error(refusal)
    except Exception:  # the edge
        logger.exception("the gateway failed to take a request")
        exchange.answer_error(InternalError("internal_error", "An unexpected error occurred"))
    await exchange.run(receive, send)


class _AsgiExchange(Responder):
    """One request and its response. Messages queue here until the server's `send` takes them."""

    __slots__ = (
        "_body_wanted", "_has_body", "_interim", "_is_blocked", "_is_broken", "_is_gone", "_is_http_1", "_is_over",
        "_is_started", "_queue", "_queued", "_reading", "_receiver", "_wake",
    )  # fmt: skip

    def __init__(self, scope: Scope) -> None:
        self._receiver: RequestReceiver | None = None
        self._queue: deque[Message] = deque()
        self._queued = 0
        self._wake = asyncio.Event()
        self._reading = asyncio.Event()
        self._reading.set()
        self._body_wanted = asyncio.Event()
        self._has_body = scope["method"] != "HEAD"
        self._is_http_1 = str(scope["http_version"]).startswith("1")
        self._interim = "http.response.early_hint" in (scope.get("extensions") or {})
        self._is_blocked = False
        self._is_broken = False
        self._is_gone = False
        self._is_over = False
        self._is_started = False

    def begin(self, handler: Handler, head: RequestHead) -> None:
        """Hand the request over. The server answers `Expect: 100-continue` when it is first asked for the body."""
        if head.headers.get(b"expect") is None:
            self._body_wanted.set()
        self._receiver = handler.handle(head, self)
        if self._is_blocked and not self._is_over:
            self._receiver.on_client_blocked()

    async def run(self, receive: Receive, send: Send) -> None:
        """Read and write until the response is out or the client is gone."""
        reader = asyncio.create_task(self._read(receive)) if self._receiver is not None else None
        try:
            await self._write(send)
        finally:
            if not self._is_over:
                self._client_gone()
            if reader is not None and not reader.done():
                reader.cancel()
        if self._is_broken:
            raise ConnectionAbortedError("the response broke off; the server must not end it as if it were whole")

    async def _read(self, receive: Receive) -> None:
        receiver = self._receiver
        assert receiver is not None
        try:
            await self._body_wanted.wait()
            while not self._is_over:
                message = await receive()
                if message["type"] == "http.disconnect":
                    self._client_gone()
                    return
                if not self._is_over:
                    receiver.on_request_body(bytes(message.get("body", b"")), not message.get("more_body", False), [])
                await self._reading.wait()
        except Exception:  # a background task: a server that fails here has lost the client's message
            logger.warning("the rest of a request could not be read", exc_info=True)
            self._client_gone()

    async def _write(self, send: Send) -> None:
        queue, wake = self._queue, self._wake
        while True:
            while queue:
                message = queue.popleft()
                try:
                    await send(message)
                except OSError:  # ASGI 2.4: the client has disconnected
                    self._client_gone()
                    return
                self._queued -= len(message.get("body", b""))
                if self._is_blocked and self._queued <= LOW_WATER:
                    self._is_blocked = False
                    if self._receiver is not None and not self._is_over:
                        self._receiver.on_client_writable()
            if self._is_over:
                return
            wake.clear()
            await wake.wait()

    def _client_gone(self) -> None:
        if self._is_over:
            return
        self._is_over = self._is_gone = True
        self._queue.clear()
        self._wake.set()
        if self._receiver is not None:
            self._receiver.on_client_gone()

    def answer_error(self, error: GatewayError) -> None:
        """Answer a request that no handler took."""
        if self._is_started:
            self.abort()
            return
        body = msgspec.json.encode({"message": error.message, "code": error.code})
        pairs = [
            (b"content-type", b"application/json; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
            (b"x-entresol-error", error.code.encode("ascii")),
        ]
        if self._is_http_1:
            pairs.append((b"connection", b"close"))  # whatever follows was framed by a message we do not trust
        self._is_started = True
        self._put({"type": "http.response.start", "status": error.status, "headers": pairs})
        self.finish(body)

    # Responder

    def inform(self, status: int, headers: HeaderPairs) -> None:
        """Early hints go on where the server can send them; ASGI has no other interim response."""
        if status == 103 and self._interim and not self._is_over and not self._is_started:
            links = [value for name, value in headers if name == b"link"]
            self._put({"type": "http.response.early_hint", "links": links})

    def ask_for_body(self) -> None:
        """Asking the server for the body makes it send `100 Continue`."""
        self._body_wanted.set()

    def start(self, head: ResponseHead) -> None:
        """Queue the response head."""
        if self._is_over or self._is_started:
            return
        self._is_started = True
        pairs = [pair for pair in head.headers.pairs if pair[0] not in _CONNECTION_FIELDS]
        if head.status == _UPGRADE_REQUIRED and self._is_http_1:  # later versions have no Upgrade
            pairs += offered_upgrade(head.headers.pairs)
        if head.status in _BODILESS:
            self._has_body = False
        elif head.content_length is not None:
            pairs.append((b"content-length", b"%d" % head.content_length))
        self._put({"type": "http.response.start", "status": head.status, "headers": pairs})

    def send(self, data: bytes) -> None:
        """Queue body bytes; an empty piece makes the server push out the head."""
        if self._is_over:
            return
        if self._has_body:
            self._put({"type": "http.response.body", "body": data, "more_body": True})
            self._queued += len(data)
            if self._queued > HIGH_WATER and not self._is_blocked:
                self._is_blocked = True
                if self._receiver is not None:
                    self._receiver.on_client_blocked()

    def finish(self, data: bytes = b"", trailers: HeaderPairs | None = None) -> None:
        """Queue the end. Trailers are dropped: ASGI servers want them announced before the head."""
        if self._is_over:
            return
        self._is_over = True
        self._put({"type": "http.response.body", "body": data if self._has_body else b"", "more_body": False})

    def abort(self) -> None:
        """End the application by an exception once what is queued is out: servers then cut the connection or stream."""
        if self._is_over:
            return
        self._is_over = self._is_broken = True
        if self._is_blocked:
            self._queue.clear()
        self._wake.set()

    def pause_request(self) -> None:
        """Ask the server for no more of the body."""
        self._reading.clear()

    def resume_request(self) -> None:
        """Read on."""
        self._reading.set()

    @property
    def is_blocked(self) -> bool:
        """True while more than HIGH_WATER bytes wait for the server."""
        return self._is_blocked

    def _put(self, message: Message) -> None:
        self._queue.append(message)
        self._wake.set()


async def _refuse_websocket(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 501 where the server can say so, else close before the handshake (403)."""
    await receive()
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": 1011, "reason": "WebSocket needs Entresol's own server"})
        return
    text = "WebSocket is not available behind this ASGI server; use the own server (entresol serve)"
    body = msgspec.json.encode({"message": text, "code": "websocket_unsupported"})
    pairs = [
        (b"content-type", b"application/json; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"x-entresol-error", b"websocket_unsupported"),
    ]
    await send({"type": "websocket.http.response.start", "status": 501, "headers": pairs})
    await send({"type": "websocket.http.response.body", "body": body, "more_body": False})
