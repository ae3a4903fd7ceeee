"""An ASGI 3 application (Starlette and the like) mounted beside the floors under a path prefix.

    console = AsgiMount("/console", app)
    handler = PathMounts([console], otherwise=api_floor)

For pages and APIs that people use, not for traffic: one task per request. Upgrades are refused with 501.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

import msgspec

from entresol.core.http import HOP_BY_HOP, HeaderPairs, Headers, RequestHead, ResponseHead
from entresol.core.ports import Handler, RequestReceiver, Responder
from entresol.net.asgi_types import AsgiApp, Message, Scope

logger = logging.getLogger("entresol.net.asgi")

HIGH_WATER: Final = 65_536
"""Request body bytes that wait for the application before the client's connection is no longer read."""

_VERSION: Final = {"version": "3.0", "spec_version": "2.3"}
"""At 2.4 Starlette would notice that a client has gone only when it sends; at 2.3 it listens for it."""


class PathMounts(Handler):
    """Gives a request to the mount whose prefix it starts with (on a segment boundary), else to `otherwise`."""

    def __init__(self, mounts: "Sequence[AsgiMount]", otherwise: Handler) -> None:
        self._mounts = sorted(mounts, key=lambda mount: -len(mount.prefix))
        self._otherwise = otherwise

    def handle(self, request: RequestHead, responder: Responder) -> RequestReceiver:
        """Pass the request on. Prefixes are compared with the path as received: an encoded one does not match."""
        path = request.path
        for mount in self._mounts:
            if path.startswith(mount.prefix) and path[len(mount.prefix) : len(mount.prefix) + 1] in ("", "/"):
                return mount.handle(request, responder)
        return self._otherwise.handle(request, responder)


class AsgiMount(Handler):
    """Serves an application. `start` and `stop` run its lifespan on the event loop that serves it."""

    def __init__(self, prefix: str, app: AsgiApp) -> None:
        if prefix and (not prefix.startswith("/") or prefix.endswith("/") or "%" in prefix):
            raise ValueError(f"a mount prefix is empty or a path like /console, not {prefix!r}")
        self.prefix = prefix
        self.app = app
        self.state: dict[str, object] = {}
        self._lifespan: _Lifespan | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Run the application's start-up. Raises RuntimeError when the application says that it failed."""
        lifespan = _Lifespan(self.app, self.state)
        if await lifespan.startup():
            self._lifespan = lifespan

    async def stop(self) -> None:
        """Let running requests end, then run the application's shutdown."""
        if self._running:
            await asyncio.wait(self._running)
        if self._lifespan is not None:
            await self._lifespan.shutdown()
            self._lifespan = None

    def handle(self, request: RequestHead, responder: Responder) -> RequestReceiver:
        """Run the application for one request, in a task of its own."""
        exchange = _MountedExchange(self.app, responder)
        if request.upgrade:
            exchange.refuse(501, "upgrade_unsupported", "the application mounted here takes no upgrades")
            return exchange
        task = asyncio.get_running_loop().create_task(exchange.run(self._scope(request)))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return exchange

    def _scope(self, request: RequestHead) -> Scope:
        connection = request.connection
        return {
            "type": "http",
            "asgi": _VERSION,
            "http_version": request.version,
            "method": request.method,
            "scheme": connection.scheme,
            "path": unquote(request.path),
            "raw_path": request.path.encode("latin-1"),
            "query_string": request.query.encode("latin-1"),
            "root_path": self.prefix,
            "headers": request.headers.pairs.copy(),
            "client": (connection.peer_ip, connection.peer_port),
            "server": (connection.local_ip, connection.local_port),
            "state": self.state.copy(),
            "extensions": {},
        }


class _MountedExchange(RequestReceiver):
    """One request: the client's callbacks on one side, the application's `receive` and `send` on the other."""

    __slots__ = (
        "_app", "_body", "_body_size", "_head", "_is_blocked", "_is_body_complete", "_is_body_delivered", "_is_gone",
        "_is_over", "_is_paused", "_is_started", "_responder", "_wake",
    )  # fmt: skip

    def __init__(self, app: AsgiApp, responder: Responder) -> None:
        self._app = app
        self._responder = responder
        self._body: list[bytes] = []
        self._body_size = 0
        self._head: ResponseHead | None = None
        self._is_body_complete = False
        self._is_body_delivered = False
        self._is_blocked = responder.is_blocked
        self._is_gone = False
        self._is_over = False
        self._is_paused = False
        self._is_started = False
        self._wake = asyncio.Event()

    async def run(self, scope: Scope) -> None:
        """Call the application; end the response for it when it fails or forgets to."""
        try:
            await self._app(scope, self._receive, self._send)
        except Exception:
            if not self._is_gone:
                logger.exception("a mounted application failed")
        if self._is_over or self._is_gone:
            return
        if self._is_started:
            self._is_over = True
            self._responder.abort()
        else:
            self.refuse(500, "internal_error", "An unexpected error occurred")

    def refuse(self, status: int, code: str, message: str) -> None:
        """Answer in place of the application."""
        self._is_over = True
        body = msgspec.json.encode({"message": message, "code": code})
        pairs = [(b"content-type", b"application/json; charset=utf-8"), (b"x-entresol-error", code.encode("ascii"))]
        self._responder.start(ResponseHead(status, Headers(pairs), len(body)))
        self._responder.finish(body)

    # the application's side

    async def _receive(self) -> Message:
        while True:
            if self._is_gone or self._is_over:
                return {"type": "http.disconnect"}
            if not self._is_body_delivered:
                if self._body or self._is_body_complete:
                    return self._next_body()
                self._responder.ask_for_body()
            await self._wait()

    def _next_body(self) -> Message:
        body, self._body, self._body_size = b"".join(self._body), [], 0
        self._is_body_delivered = self._is_body_complete
        if self._is_paused:
            self._is_paused = False
            self._responder.resume_request()
        return {"type": "http.request", "body": body, "more_body": not self._is_body_delivered}

    async def _send(self, message: Message) -> None:
        while self._is_blocked and not self._is_gone:
            await self._wait()
        if self._is_gone:
            raise OSError("the client has disconnected")
        kind = message["type"]
        if kind == "http.response.start" and self._head is None and not self._is_over:
            self._head = _response_head(message)
        elif kind == "http.response.body" and self._head is not None and not self._is_over:
            self._send_body(self._head, bytes(message.get("body", b"")), bool(message.get("more_body", False)))
        else:
            raise RuntimeError(f"the ASGI message {kind!r} is out of order")

    def _send_body(self, head: ResponseHead, body: bytes, more: bool) -> None:
        responder = self._responder
        if not self._is_started:
            self._is_started = True
            if not more and head.content_length is None:
                head.content_length = len(body)
            responder.start(head)
        if more:
            responder.send(body)
            return
        self._is_over = True
        responder.finish(body)
        self._wake.set()

    async def _wait(self) -> None:
        self._wake.clear()
        await self._wake.wait()

    # RequestReceiver

    def on_request_body(self, data: bytes, last: bool, trailers: HeaderPairs) -> None:
        """Hold body bytes for the application."""
        if self._is_over:
            return
        if data:
            self._body.append(data)
            self._body_size += len(data)
            if self._body_size > HIGH_WATER and not last and not self._is_paused:
                self._is_paused = True
                self._responder.pause_request()
        self._is_body_complete = last
        self._wake.set()

    def on_client_gone(self) -> None:
        """Tell the application: `receive` gives `http.disconnect`, `send` raises OSError."""
        self._is_gone = True
        self._wake.set()

    def on_client_blocked(self) -> None:
        """Hold the application's next `send`."""
        self._is_blocked = True

    def on_client_writable(self) -> None:
        """Let the application send on."""
        self._is_blocked = False
        self._wake.set()


def _response_head(message: Message) -> ResponseHead:
    """The announced head; framing and connection fields are the server adapter's."""
    length: int | None = None
    pairs: HeaderPairs = []
    for raw_name, raw_value in message.get("headers", ()):
        name, value = bytes(raw_name).lower(), bytes(raw_value)
        if name == b"content-length":
            length = int(value)
        elif name not in HOP_BY_HOP:
            pairs.append((name, value))
    return ResponseHead(int(message["status"]), Headers(pairs), length)


class _Lifespan:
    """The application's lifespan: one task that sees start-up, then shutdown (ASGI lifespan 2.0)."""

    def __init__(self, app: AsgiApp, state: dict[str, object]) -> None:
        self._scope: Scope = {"type": "lifespan", "asgi": _VERSION, "state": state}
        self._app = app
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> bool:
        """True when the application has started; False when it does not speak lifespan."""
        self._task = asyncio.get_running_loop().create_task(self._run())
        answer = await self._ask("lifespan.startup")
        if answer["type"] == "lifespan.startup.failed":
            await self._task
            raise RuntimeError(f"a mounted application could not start: {answer.get('message', '')}")
        return bool(answer["type"] == "lifespan.startup.complete")

    async def shutdown(self) -> None:
        """Tell the application to stop and wait until it has."""
        if self._task is None or self._task.done():
            return
        answer = await self._ask("lifespan.shutdown")
        if answer["type"] == "lifespan.shutdown.failed":
            logger.error("a mounted application could not shut down: %s", answer.get("message", ""))
        await self._task

    async def _ask(self, kind: str) -> Message:
        self._to_app.put_nowait({"type": kind})
        return await self._from_app.get()

    async def _run(self) -> None:
        try:
            await self._app(self._scope, self._to_app.get, self._from_app.put)
        except Exception:  # an application may refuse a scope type it does not know
            logger.info("a mounted application ended its lifespan with an error", exc_info=True)
        self._from_app.put_nowait({"type": "lifespan.ended"})
