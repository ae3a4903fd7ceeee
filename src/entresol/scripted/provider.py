"""`ScriptedProvider`, a handler for any server adapter: collects a request, looks up its script and plays it."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from entresol.core.http import HeaderPairs, Headers, RequestHead, ResponseHead
from entresol.core.ports import Handler, RequestReceiver, Responder
from entresol.scripted import realtime_play
from entresol.scripted.endpoints import Settings, answer
from entresol.scripted.script import Incoming, Script, Send, Step, Wait


class Cancellable(Protocol):
    """Something due later that may be called off."""

    def cancel(self) -> None:
        """It must not happen any more."""


Later = Callable[[float, Callable[[], None]], Cancellable]
"""Runs a callback after some seconds; tests inject their own."""


def on_the_loop(delay_s: float, callback: Callable[[], None]) -> Cancellable:
    """`Later` on the running event loop."""
    loop = asyncio.get_running_loop()
    return loop.call_later(delay_s, callback) if delay_s > 0 else loop.call_soon(callback)


class Received(msgspec.Struct, frozen=True):
    """What a client sent, and what it got."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    wire: str
    """openai, anthropic, gemini or none."""
    model: str
    status: int
    close_code: int | None = None
    """Of a realtime session whose client said goodbye; `body` then holds its messages, one a line."""

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)


class ScriptedProvider(Handler):
    """A provider whose answers follow from the request.

    `received` keeps the last `keep` requests, `abandoned` counts the clients that left before their answer was whole.
    """

    def __init__(
        self,
        settings: Settings = Settings(),  # noqa: B008  # immutable
        *,
        chunk_delay_s: float = 0.0,
        keep: int = 1000,
        later: Later = on_the_loop,
    ) -> None:
        self.settings = settings
        self.chunk_delay_s = chunk_delay_s
        self.received: list[Received] = []
        self.abandoned = 0
        self.on_abandoned: Callable[[], None] | None = None
        """Called when a client leaves before its answer is whole, so that a test need not poll."""
        self.on_session_over: Callable[[], None] | None = None
        """Called when a realtime session was recorded."""
        self._keep = keep
        self._later = later

    def handle(self, request: RequestHead, responder: Responder) -> RequestReceiver:
        """Take a request."""
        if request.path == realtime_play.PATH and request.method == "GET":
            return self._open_session(request, responder)
        return _Play(self, request, responder, self._later)

    def _open_session(self, request: RequestHead, responder: Responder) -> RequestReceiver:
        """A realtime session: recorded with the messages of its client when it is over."""

        def record(play: realtime_play.RealtimePlay) -> None:
            body = b"\n".join(play.received)
            received = Received(
                request.method, request.path, request.query, request.headers, body, "openai", play.model, play.status,
                play.close_code,
            )  # fmt: skip
            self.record(received)
            if self.on_session_over is not None:
                self.on_session_over()

        return realtime_play.RealtimePlay(request, responder, self.settings, record)

    def record(self, received: Received) -> None:
        """Keep what was received; the oldest goes."""
        self.received.append(received)
        del self.received[: -self._keep]

    def abandon(self) -> None:
        """A client left."""
        self.abandoned += 1
        if self.on_abandoned is not None:
            self.on_abandoned()


class _Play(RequestReceiver):
    """One request: collects its body, then plays the script, a step at a time."""

    def __init__(self, provider: ScriptedProvider, request: RequestHead, responder: Responder, later: Later) -> None:
        self._provider = provider
        self._request = request
        self._responder = responder
        self._later = later
        self._body: list[bytes] = []
        self._script: Script | None = None
        self._steps: list[Step] = []
        self._has_started = False
        self._is_over = False
        self._is_held = False
        self._due: Cancellable | None = None
        responder.ask_for_body()

    def on_request_body(self, data: bytes, last: bool, trailers: HeaderPairs) -> None:
        self._body.append(data)
        if last and self._script is None:
            self._start(b"".join(self._body))

    def on_client_gone(self) -> None:
        if self._due is not None:
            self._due.cancel()
        if not self._is_over:
            self._is_over = True
            self._provider.abandon()

    def on_client_blocked(self) -> None:
        self._is_held = True

    def on_client_writable(self) -> None:
        self._is_held = False
        if self._due is None and not self._is_over and self._script is not None:
            self._due = self._later(0, self._next)

    def _start(self, body: bytes) -> None:
        request = self._request
        headers: dict[str, str] = {}
        for name, value in request.headers:
            headers.setdefault(name.decode("latin-1"), value.decode("latin-1"))
        answered = answer(Incoming(request.method, request.path, request.query, headers, body), self._provider.settings)
        script = self._script = answered.script
        self._provider.record(
            Received(
                request.method,
                request.path,
                request.query,
                request.headers,
                body,
                answered.wire,
                answered.model,
                script.status,
            )
        )
        self._steps = [*script.before_head, *script.steps]
        self._next()

    def _next(self) -> None:
        """Carry out the next step; whole answers go out in one piece."""
        self._due = None
        script = self._script
        if self._is_over or self._is_held or script is None:
            return
        if not script.streamed and all(isinstance(step, Send) for step in self._steps):
            self._finish_whole(script)
            return
        if not self._steps:
            self._is_over = True
            self._responder.finish()
            return
        step = self._steps.pop(0)
        delay = 0.0
        if isinstance(step, Send):
            self._open(script)
            self._responder.send(step.data)
            delay = self._provider.chunk_delay_s if self._steps else 0.0
        elif isinstance(step, Wait):
            delay = step.seconds
        else:
            self._is_over = True
            self._responder.abort()
            return
        self._due = self._later(delay, self._next)

    def _open(self, script: Script) -> None:
        if not self._has_started:
            self._has_started = True
            self._responder.start(ResponseHead(script.status, Headers(list(script.headers))))

    def _finish_whole(self, script: Script) -> None:
        self._is_over = True
        body = b"".join(step.data for step in self._steps if isinstance(step, Send))
        if not self._has_started:
            self._responder.start(ResponseHead(script.status, Headers(list(script.headers)), len(body)))
        self._responder.finish(body)
