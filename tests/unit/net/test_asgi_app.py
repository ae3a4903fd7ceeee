"""The gateway as an ASGI application, driven by hand: what the handler does, and what the server is told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from entresol.core.http import HeaderPairs, Headers, RequestHead, ResponseHead
from entresol.core.ports import Handler, RequestReceiver, Responder
from entresol.net.asgi_app import HIGH_WATER, HandlerFactory, create_asgi_app
from entresol.net.asgi_types import AsgiApp, Message, Scope

Script = Callable[[RequestHead, Responder], None]


class Recorder(RequestReceiver):
    """Keeps what it is told, and lets the test wait for it."""

    def __init__(self) -> None:
        self.events: list[object] = []
        self.changed = asyncio.Event()

    def on_request_body(self, data: bytes, last: bool, trailers: HeaderPairs) -> None:
        self._note((data, last))

    def on_client_gone(self) -> None:
        self._note("gone")

    def on_client_blocked(self) -> None:
        self._note("blocked")

    def on_client_writable(self) -> None:
        self._note("writable")

    def _note(self, event: object) -> None:
        self.events.append(event)
        self.changed.set()

    async def until(self, event: object) -> None:
        while event not in self.events:
            self.changed.clear()
            await self.changed.wait()


class ScriptedHandler(Handler):
    def __init__(self, script: Script) -> None:
        self.script = script
        self.receiver = Recorder()
        self.responder: Responder | None = None
        self.head: RequestHead | None = None

    def handle(self, request: RequestHead, responder: Responder) -> RequestReceiver:
        self.head, self.responder = request, responder
        self.script(request, responder)
        return self.receiver


class Server:
    """Plays the ASGI server for one request."""

    def __init__(self, **scope: Any) -> None:
        self.scope: Scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "headers": [(b"host", b"a")],
            "client": ("192.0.2.1", 1),
            "server": ("192.0.2.2", 2),
        }
        self.scope.update(scope)
        self.incoming: asyncio.Queue[Message] = asyncio.Queue()
        self.sent: list[Message] = []
        self.asked = 0
        self.may_send = asyncio.Event()
        self.may_send.set()
        self.is_disconnected = False

    async def receive(self) -> Message:
        self.asked += 1
        return await self.incoming.get()

    async def send(self, message: Message) -> None:
        await self.may_send.wait()
        if self.is_disconnected:
            raise OSError("disconnected")
        self.sent.append(message)

    def body(self, data: bytes, more: bool = False) -> None:
        self.incoming.put_nowait({"type": "http.request", "body": data, "more_body": more})

    def run(self, app: AsgiApp) -> asyncio.Task[None]:
        async def call() -> None:
            await app(self.scope, self.receive, self.send)

        return asyncio.get_running_loop().create_task(call())


def factory_of(handler: Handler, journal: list[str] | None = None) -> HandlerFactory:
    @asynccontextmanager
    async def factory() -> AsyncIterator[Handler]:
        if journal is not None:
            journal.append("open")
        yield handler
        if journal is not None:
            journal.append("closed")

    return factory


def answer(status: int, body: bytes, length: int | None = None) -> Script:
    def script(request: RequestHead, responder: Responder) -> None:
        fields = [(b"x-a", b"b"), (b"connection", b"close"), (b"transfer-encoding", b"chunked")]
        responder.start(ResponseHead(status, Headers(fields), len(body) if length is None else length))
        responder.finish(body)

    return script


def nothing(request: RequestHead, responder: Responder) -> None:
    """Leaves the response to the test."""


def outcome(script: Script, **scope: Any) -> list[Message]:
    """What a server is sent when the handler runs `script` at once."""

    async def scenario() -> list[Message]:
        server = Server(**scope)
        server.body(b"")
        await server.run(create_asgi_app(factory_of(ScriptedHandler(script))))
        return server.sent

    return asyncio.run(scenario())


def test_an_answer_goes_out_without_the_fields_of_the_connection() -> None:
    start, body = outcome(answer(200, b"hello"))
    assert start == {
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"x-a", b"b"), (b"content-length", b"5")],
    }
    assert body == {"type": "http.response.body", "body": b"hello", "more_body": False}


@pytest.mark.parametrize(
    ("status", "version", "is_offered"),
    [(426, "1.1", True), (426, "1.0", True), (426, "2", False), (200, "1.1", False)],
)
def test_a_required_upgrade_is_named_on_http_1_alone(status: int, version: str, is_offered: bool) -> None:
    def script(request: RequestHead, responder: Responder) -> None:
        responder.start(ResponseHead(status, Headers([(b"connection", b"Upgrade"), (b"upgrade", b"TLS/1.2")]), 0))
        responder.finish()

    offer = [(b"upgrade", b"TLS/1.2"), (b"connection", b"upgrade")] if is_offered else []
    assert outcome(script, http_version=version)[0]["headers"] == [*offer, (b"content-length", b"0")]


def test_head_keeps_the_length_and_loses_the_body() -> None:
    start, body = outcome(answer(200, b"", length=5), method="HEAD")
    assert (b"content-length", b"5") in start["headers"]
    assert body["body"] == b""


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_body_has_neither_length_nor_body(status: int) -> None:
    start, body = outcome(answer(status, b"", length=5))
    assert start["headers"] == [(b"x-a", b"b")]
    assert body["body"] == b""


def test_early_hints_go_out_where_the_server_takes_them() -> None:
    def script(request: RequestHead, responder: Responder) -> None:
        responder.inform(103, [(b"link", b"</style>"), (b"x", b"y")])
        responder.inform(102, [])
        answer(200, b"")(request, responder)

    messages = outcome(script, extensions={"http.response.early_hint": {}})
    assert messages[0] == {"type": "http.response.early_hint", "links": [b"</style>"]}
    assert [message["type"] for message in outcome(script)] == ["http.response.start", "http.response.body"]


def test_calls_after_the_end_are_ignored() -> None:
    def script(request: RequestHead, responder: Responder) -> None:
        answer(200, b"first")(request, responder)
        answer(500, b"second")(request, responder)
        responder.send(b"late")
        responder.abort()

    messages = outcome(script)
    assert [message["type"] for message in messages] == ["http.response.start", "http.response.body"]
    assert messages[-1]["body"] == b"first"


def test_a_refused_request_reaches_no_handler_and_closes_the_connection() -> None:
    async def scenario() -> None:
        handler = ScriptedHandler(answer(200, b""))
        server = Server(headers=[(b"host", b"a"), (b"host", b"b")])
        await server.run(create_asgi_app(factory_of(handler)))
        assert handler.head is None
        assert server.sent[0]["status"] == 400
        assert (b"connection", b"close") in server.sent[0]["headers"]
        assert (b"x-entresol-error", b"header_repeated") in server.sent[0]["headers"]

    asyncio.run(scenario())


def test_http_2_answers_have_no_connection_field() -> None:
    repeated = [(b"host", b"a"), (b"authorization", b"a"), (b"authorization", b"b")]
    start = outcome(nothing, http_version="2", headers=repeated)[0]
    assert b"connection" not in dict(start["headers"])


def test_a_fault_before_the_answer_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    def script(request: RequestHead, responder: Responder) -> None:
        raise RuntimeError("a secret detail")

    start, body = outcome(script)
    assert start["status"] == 500
    assert b"secret" not in body["body"]
    assert "the gateway failed to take a request" in caplog.text


def test_a_fault_after_the_start_breaks_the_response_off(caplog: pytest.LogCaptureFixture) -> None:
    def script(request: RequestHead, responder: Responder) -> None:
        responder.start(ResponseHead(200, Headers()))
        raise RuntimeError("too late for an answer")

    with pytest.raises(ConnectionAbortedError):
        outcome(script)


def test_the_body_arrives_in_pieces_and_once_whole() -> None:
    async def scenario() -> None:
        handler = ScriptedHandler(nothing)
        server = Server(method="POST")
        task = server.run(create_asgi_app(factory_of(handler)))
        server.body(b"one", more=True)
        server.body(b"two")
        await handler.receiver.until((b"two", True))
        assert handler.receiver.events == [(b"one", False), (b"two", True)]
        assert handler.responder is not None
        answer(200, b"")(RequestHead, handler.responder)  # type: ignore[arg-type]  # the script ignores it
        await task

    asyncio.run(scenario())


def test_expect_continue_holds_the_body_until_it_is_asked_for() -> None:
    async def scenario() -> None:
        handler = ScriptedHandler(nothing)
        server = Server(method="POST", headers=[(b"host", b"a"), (b"expect", b"100-continue")])
        task = server.run(create_asgi_app(factory_of(handler)))
        server.body(b"body")
        for _ in range(5):
            await asyncio.sleep(0)
        assert server.asked == 0
        assert handler.responder is not None
        handler.responder.ask_for_body()
        await handler.receiver.until((b"body", True))
        handler.responder.abort()
        with pytest.raises(ConnectionAbortedError):
            await task

    asyncio.run(scenario())


def test_a_paused_request_body_is_not_read_on() -> None:
    async def scenario() -> None:
        handler = ScriptedHandler(lambda request, responder: responder.pause_request())
        server = Server(method="POST")
        task = server.run(create_asgi_app(factory_of(handler)))
        server.body(b"one", more=True)
        server.body(b"two")
        await handler.receiver.until((b"one", False))
        for _ in range(5):
            await asyncio.sleep(0)
        assert server.asked == 1
        assert handler.responder is not None
        handler.responder.resume_request()
        await handler.receiver.until((b"two", True))
        handler.responder.abort()
        with pytest.raises(ConnectionAbortedError):
            await task

    asyncio.run(scenario())


def test_a_slow_client_blocks_the_producer_until_it_has_caught_up() -> None:
    async def scenario() -> None:
        handler = ScriptedHandler(nothing)
        server = Server()
        server.may_send.clear()
        task = server.run(create_asgi_app(factory_of(handler)))
        server.body(b"")
        await handler.receiver.until((b"", True))
        responder = handler.responder
        assert responder is not None
        responder.start(ResponseHead(200, Headers()))
        responder.send(b"x" * HIGH_WATER)
        assert not responder.is_blocked
        responder.send(b"x")
        assert responder.is_blocked
        server.may_send.set()
        await handler.receiver.until("writable")
        assert not responder.is_blocked
        assert handler.receiver.events == [(b"", True), "blocked", "writable"]
        responder.finish(b"end")
        await task
        assert sum(len(message.get("body", b"")) for message in server.sent) == HIGH_WATER + 4

    asyncio.run(scenario())


def test_a_disconnect_is_told_at_once_and_only_once() -> None:
    async def scenario() -> None:
        handler = ScriptedHandler(nothing)
        server = Server()
        task = server.run(create_asgi_app(factory_of(handler)))
        server.body(b"")
        server.incoming.put_nowait({"type": "http.disconnect"})
        await task
        assert handler.receiver.events == [(b"", True), "gone"]
        assert handler.responder is not None
        answer(200, b"late")(RequestHead, handler.responder)  # type: ignore[arg-type]  # the script ignores it
        assert server.sent == []

    asyncio.run(scenario())


def test_a_send_that_fails_is_a_disconnect() -> None:
    async def scenario() -> None:
        handler = ScriptedHandler(lambda request, responder: responder.start(ResponseHead(200, Headers())))
        server = Server()
        server.is_disconnected = True
        await server.run(create_asgi_app(factory_of(handler)))
        assert handler.receiver.events[-1] == "gone"

    asyncio.run(scenario())


def test_a_cancelled_request_is_a_disconnect() -> None:
    async def scenario() -> None:
        handler = ScriptedHandler(nothing)
        server = Server()
        task = server.run(create_asgi_app(factory_of(handler)))
        server.body(b"")
        await handler.receiver.until((b"", True))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert handler.receiver.events[-1] == "gone"

    asyncio.run(scenario())


def test_the_handler_lives_as_long_as_the_lifespan() -> None:
    async def scenario() -> None:
        journal: list[str] = []
        server = Server(type="lifespan")
        task = server.run(create_asgi_app(factory_of(ScriptedHandler(nothing), journal)))
        server.incoming.put_nowait({"type": "lifespan.startup"})
        server.incoming.put_nowait({"type": "lifespan.shutdown"})
        await task
        assert journal == ["open", "closed"]
        assert [message["type"] for message in server.sent] == [
            "lifespan.startup.complete",
            "lifespan.shutdown.complete",
        ]

    asyncio.run(scenario())


def test_a_start_up_that_fails_is_told_to_the_server(caplog: pytest.LogCaptureFixture) -> None:
    @asynccontextmanager
    async def factory() -> AsyncIterator[Handler]:
        raise RuntimeError("the file has an error")
        yield ScriptedHandler(nothing)

    async def scenario() -> None:
        server = Server(type="lifespan")
        server.incoming.put_nowait({"type": "lifespan.startup"})
        await server.run(create_asgi_app(factory))
        assert server.sent == [{"type": "lifespan.startup.failed", "message": "the file has an error"}]

    asyncio.run(scenario())


def test_without_lifespan_the_first_request_opens_the_handler_once() -> None:
    async def scenario() -> None:
        journal: list[str] = []
        app = create_asgi_app(factory_of(ScriptedHandler(answer(200, b"")), journal))
        servers = [Server(), Server(), Server()]
        await asyncio.gather(*(server.run(app) for server in servers))
        assert journal == ["open"]
        assert [server.sent[0]["status"] for server in servers] == [200, 200, 200]

    asyncio.run(scenario())


@pytest.mark.parametrize("extensions", [{}, {"websocket.http.response": {}}])
def test_a_websocket_is_refused(extensions: dict[str, object]) -> None:
    async def scenario() -> None:
        server = Server(type="websocket", extensions=extensions)
        server.incoming.put_nowait({"type": "websocket.connect"})
        await server.run(create_asgi_app(factory_of(ScriptedHandler(nothing))))
        first = server.sent[0]
        assert first.get("status") == 501 if extensions else first["type"] == "websocket.close"

    asyncio.run(scenario())


def test_an_unknown_scope_type_is_an_error() -> None:
    async def scenario() -> None:
        with pytest.raises(ValueError, match="quic"):
            await Server(type="quic").run(create_asgi_app(factory_of(ScriptedHandler(nothing))))

    asyncio.run(scenario())
