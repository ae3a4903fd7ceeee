"""The handler that every server adapter is tested with: one behaviour a path, steered over HTTP, so that the server
can run in a process of its own and the suite needs no clock.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

import msgspec

from conformance.http1.gateway import SystemClock, plan_for
from entresol.api_floor.answers import Identity
from entresol.api_floor.pipeline import ApiFloor
from entresol.core.http import HeaderPairs, Headers, RequestHead, ResponseHead
from entresol.core.ports import Handler, RequestReceiver, Responder
from entresol.net.client import Http1Transport

CHUNK = b"0123456789abcdef" * 4096
"""64 KiB: one piece of a large response."""


class ContractHandler(Handler):
    """Runs the behaviour that the first path segment names. `state` outlives a request, so that others can ask."""

    def __init__(self, floor: Handler | None = None) -> None:
        self.floor = floor
        self.streams: dict[str, Responder] = {}
        self.received: dict[str, int] = {}
        self.gone: set[str] = set()
        self.sent: dict[str, int] = {}
        self.waiting: list[Waiting] = []

    def handle(self, request: RequestHead, responder: Responder) -> RequestReceiver:
        if request.path.startswith("/forward/") and self.floor is not None:
            return self.floor.handle(request, responder)
        behaviour = BEHAVIOURS[request.path.split("/")[1]]
        query = {name: values[0] for name, values in parse_qs(request.query).items()}
        exchange = behaviour(self, request, query, responder)
        exchange.begin()
        return exchange

    def changed(self) -> None:
        """Answer every waiter whose condition has come true."""
        for waiting in self.waiting.copy():
            waiting.check()


class Behaviour(RequestReceiver):
    """Base: takes a request, and does nothing with its body."""

    def __init__(
        self, owner: ContractHandler, request: RequestHead, query: dict[str, str], responder: Responder
    ) -> None:
        self.owner = owner
        self.request = request
        self.query = query
        self.responder = responder
        self.id = query.get("id", "")

    def begin(self) -> None:
        """Called before any of the body."""

    def answer(self, status: int, body: bytes, *extra: tuple[bytes, bytes]) -> None:
        self.responder.start(ResponseHead(status, Headers(list(extra)), len(body)))
        self.responder.finish(body)

    def on_request_body(self, data: bytes, last: bool, trailers: HeaderPairs) -> None:
        pass

    def on_client_gone(self) -> None:
        self.owner.gone.add(self.id)
        self.owner.changed()

    def on_client_blocked(self) -> None:
        pass

    def on_client_writable(self) -> None:
        pass


class Plain(Behaviour):
    """Tells what arrived."""

    def on_request_body(self, data: bytes, last: bool, trailers: HeaderPairs) -> None:
        request = self.request
        if last:
            seen = {
                "method": request.method,
                "path": request.path,
                "query": request.query,
                "version": request.version,
                "host": (request.headers.get(b"host") or b"").decode(),
                "fields": [value.decode() for value in request.headers.get_all(b"x-seen")],
                "peer": request.connection.peer_ip,
                "scheme": request.connection.scheme,
            }
            body = msgspec.json.encode(seen)
            self.answer(200, body, (b"content-type", b"application/json"), (b"x-answer", b"1"), (b"x-answer", b"2"))


class Status(Behaviour):
    """Answers with the status asked for and, where that status may have one, a body."""

    def begin(self) -> None:
        status = int(self.query["status"])
        self.answer(status, b"" if status in (204, 304) else b"refused", (b"retry-after", b"7"))


class Upgrade(Behaviour):
    """Refuses until the client speaks another protocol."""

    def begin(self) -> None:
        self.answer(426, b"refused", (b"connection", b"Upgrade"), (b"upgrade", b"TLS/1.2, HTTP/1.1"))


class Stream(Behaviour):
    """Sends a first piece; `Release` sends the others."""

    def begin(self) -> None:
        self.responder.start(ResponseHead(200, Headers([(b"content-type", b"text/event-stream")])))
        self.responder.send(b"data: first\n\n")
        self.owner.streams[self.id] = self.responder
        self.owner.changed()


class Release(Behaviour):
    """Sends the next piece of a stream, ends it, or breaks it off."""

    def begin(self) -> None:
        responder = self.owner.streams[self.id]
        step = self.query["step"]
        if step == "next":
            responder.send(b"data: next\n\n")
        elif step == "end":
            responder.finish(b"data: last\n\n")
        else:
            responder.abort()
        self.answer(200, b"")


class Upload(Behaviour):
    """Counts body bytes as they arrive, answers with the sum."""

    def begin(self) -> None:
        self.owner.received[self.id] = 0
        self.responder.ask_for_body()

    def on_request_body(self, data: bytes, last: bool, trailers: HeaderPairs) -> None:
        self.owner.received[self.id] += len(data)
        self.owner.changed()
        if last:
            self.answer(200, b"%d" % self.owner.received[self.id])


class Waiting(Behaviour):
    """Answers once something has become true: `received` bytes of an upload, or `gone`."""

    def begin(self) -> None:
        self.owner.waiting.append(self)
        self.check()

    def check(self) -> None:
        owner = self.owner
        if self.query["for"] == "gone":
            is_true = self.query["of"] in owner.gone
        else:
            is_true = owner.received.get(self.query["of"], 0) >= int(self.query["for"])
        if is_true:
            owner.waiting.remove(self)
            self.answer(200, b"%d" % owner.sent.get(self.query["of"], 0))


class Large(Behaviour):
    """Produces `count` chunks as fast as the client takes them."""

    def begin(self) -> None:
        self.left = int(self.query["count"])
        self.responder.start(ResponseHead(200, Headers(), None if "stream" in self.query else self.left * len(CHUNK)))
        self.owner.sent[self.id] = 0
        self.on_client_writable()

    def on_client_writable(self) -> None:
        while self.left and not self.responder.is_blocked:
            self.left -= 1
            self.owner.sent[self.id] += 1
            if self.left:
                self.responder.send(CHUNK)
            else:
                self.responder.finish(CHUNK)


class Sent(Behaviour):
    """Tells how many chunks of a large response have been produced."""

    def begin(self) -> None:
        self.answer(200, b"%d" % self.owner.sent.get(self.query["of"], 0))


class Fail(Behaviour):
    """Has a fault of its own."""

    def begin(self) -> None:
        raise RuntimeError("the handler has a fault")


BEHAVIOURS: dict[str, type[Behaviour]] = {
    "plain": Plain,
    "status": Status,
    "upgrade": Upgrade,
    "stream": Stream,
    "release": Release,
    "upload": Upload,
    "wait": Waiting,
    "large": Large,
    "sent": Sent,
    "fail": Fail,
}


UPSTREAM_PORT = "CONTRACT_UPSTREAM_PORT"
"""The environment variable that says where `/forward/` goes."""


@asynccontextmanager
async def contract_handler() -> AsyncIterator[Handler]:
    """The handler factory for the ASGI form: the behaviours, and a real floor under `/forward/`."""
    clock = SystemClock()
    transport = Http1Transport(asyncio.get_running_loop(), clock)
    plan = plan_for(int(os.environ[UPSTREAM_PORT]), clock)
    try:
        yield ContractHandler(ApiFloor(plan, transport, clock, Identity("Entresol", "0")))
    finally:
        transport.close()
