"""A mounted application: what it receives, what the client's responder is told, what happens when either fails."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from entresol.core.http import Connection, HeaderPairs, Headers, RequestHead, ResponseHead
from entresol.core.ports import Handler, RequestReceiver, Responder
from entresol.net.asgi import HIGH_WATER, AsgiMount, PathMounts
from entresol.net.asgi_types import Receive, Scope, Send

CONNECTION = Connection("192.0.2.1", 5000, "192.0.2.2", 80)


class RecordingResponder(Responder):
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.head: ResponseHead | None = None
        self.body = b""
        self.blocked = False
        self.changed = asyncio.Event()

    def inform(self, status: int, headers: HeaderPairs) -> None:
        self._note("inform")

    def ask_for_body(self) -> None:
        self._note("ask_for_body")

    def start(self, head: ResponseHead) -> None:
        self.head = head
        self._note("start")

    def send(self, data: bytes) -> None:
        self.body += data
        self._note("send")

    def finish(self, data: bytes = b"", trailers: HeaderPairs | None = None) -> None:
        self.body += data
        self._note("finish")

    def abort(self) -> None:
        self._note("abort")

    def pause_request(self) -> None:
        self._note("pause_request")

    def resume_request(self) -> None:
        self._note("resume_request")

    @property
    def is_blocked(self) -> bool:
        return self.blocked

    def _note(self, call: str) -> None:
        self.calls.append(call)
        self.changed.set()

    async def until(self, call: str) -> None:
        while call not in self.calls:
            self.changed.clear()
            await self.changed.wait()


def request(path: str = "/console/page", method: str = "GET", query: str = "", upgrade: bool = False) -> RequestHead:
    return RequestHead(method, path, query, Headers([(b"host", b"a")]), CONNECTION, "1.1", upgrade)


async def echo(incoming: Request) -> Response:
    return PlainTextResponse(await incoming.body())


async def parts(incoming: Request) -> Response:
    return JSONResponse({"path": incoming.url.path, "query": incoming.url.query, "state": dict(incoming.state._state)})


def starlette() -> Starlette:
    return Starlette(routes=[Route("/echo", echo, methods=["POST"]), Route("/page é", parts)])


Scenario = Callable[[RecordingResponder], Coroutine[Any, Any, None]]


def play(scenario: Scenario) -> RecordingResponder:
    async def run() -> RecordingResponder:
        responder = RecordingResponder()
        await asyncio.wait_for(scenario(responder), 5)
        return responder

    return asyncio.run(run())


def test_a_request_reaches_the_application_below_its_prefix() -> None:
    async def scenario(responder: RecordingResponder) -> None:
        AsgiMount("/console", starlette()).handle(request("/console/page%20%C3%A9", query="a=b"), responder)
        await responder.until("finish")

    responder = play(scenario)
    assert responder.body.decode() == '{"path":"/console/page é","query":"a=b","state":{}}'
    assert responder.head is not None
    assert (responder.head.status, responder.head.content_length) == (200, len(responder.body))
    assert b"content-length" not in responder.head.headers


def test_the_body_reaches_the_application_in_pieces() -> None:
    async def scenario(responder: RecordingResponder) -> None:
        receiver = AsgiMount("/console", starlette()).handle(request("/console/echo", "POST"), responder)
        await responder.until("ask_for_body")
        receiver.on_request_body(b"one ", False, [])
        receiver.on_request_body(b"two", True, [])
        await responder.until("finish")

    assert play(scenario).body == b"one two"


def test_an_application_that_does_not_read_stops_the_client() -> None:
    begin = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await begin.wait()
        await receive()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def scenario(responder: RecordingResponder) -> None:
        receiver = AsgiMount("", app).handle(request("/", "POST"), responder)
        receiver.on_request_body(b"x" * HIGH_WATER, False, [])
        assert responder.calls == []
        receiver.on_request_body(b"x", False, [])
        assert responder.calls == ["pause_request"]
        begin.set()
        await responder.until("finish")

    assert play(scenario).calls == ["pause_request", "resume_request", "start", "finish"]


def test_a_slow_client_holds_the_application_back() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"Connection", b"close")]})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await send({"type": "http.response.body", "body": b"two", "more_body": False})

    async def scenario(responder: RecordingResponder) -> None:
        responder.blocked = True
        receiver = AsgiMount("", app).handle(request(), responder)
        for _ in range(5):
            await asyncio.sleep(0)
        assert responder.calls == []
        receiver.on_client_writable()
        await responder.until("finish")

    responder = play(scenario)
    assert responder.body == b"onetwo"
    assert responder.calls == ["start", "send", "finish"]
    assert responder.head == ResponseHead(200, Headers(), None)


def test_an_application_that_waits_is_ended_when_the_client_goes() -> None:
    left = asyncio.Event()

    async def pages() -> AsyncIterator[bytes]:
        try:
            yield b"page"
            await asyncio.Event().wait()
        finally:
            left.set()

    async def endless(incoming: Request) -> Response:
        return StreamingResponse(pages())

    async def scenario(responder: RecordingResponder) -> None:
        app = Starlette(routes=[Route("/", endless)])
        receiver = AsgiMount("", app).handle(request("/"), responder)
        await responder.until("send")
        receiver.on_client_gone()
        await left.wait()

    assert "abort" not in play(scenario).calls


def test_an_application_that_only_sends_learns_by_an_error_that_the_client_has_gone() -> None:
    caught: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"page", "more_body": True})
                await asyncio.sleep(0)
        except OSError as error:
            caught.append(str(error))

    async def scenario(responder: RecordingResponder) -> None:
        mount = AsgiMount("", app)
        receiver = mount.handle(request("/"), responder)
        await responder.until("send")
        receiver.on_client_gone()
        await mount.stop()

    assert "abort" not in play(scenario).calls
    assert caught == ["the client has disconnected"]


def test_receive_gives_a_disconnect_after_the_client_has_gone() -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend([(await receive())["type"], (await receive())["type"]])

    async def scenario(responder: RecordingResponder) -> None:
        mount = AsgiMount("", app)
        receiver = mount.handle(request(), responder)
        receiver.on_request_body(b"", True, [])
        await asyncio.sleep(0)
        receiver.on_client_gone()
        await mount.stop()

    assert play(scenario).calls == []
    assert seen == ["http.request", "http.disconnect"]


@pytest.mark.parametrize("begins", [False, True])
def test_an_application_that_fails_gives_500_or_breaks_off(begins: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if begins:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"part", "more_body": True})
        raise RuntimeError("a secret detail")

    async def scenario(responder: RecordingResponder) -> None:
        AsgiMount("", app).handle(request(), responder)
        await responder.until("abort" if begins else "finish")

    responder = play(scenario)
    assert responder.head is not None
    assert responder.head.status == (200 if begins else 500)
    assert b"secret" not in responder.body
    assert "a mounted application failed" in caplog.text


def test_an_application_that_answers_nothing_gives_500() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        """Forgets to answer."""

    async def scenario(responder: RecordingResponder) -> None:
        AsgiMount("", app).handle(request(), responder)
        await responder.until("finish")

    head = play(scenario).head
    assert head is not None
    assert head.status == 500


def test_messages_out_of_order_are_refused(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.body", "body": b"too early"})

    async def scenario(responder: RecordingResponder) -> None:
        AsgiMount("", app).handle(request(), responder)
        await responder.until("finish")

    assert b"too early" not in play(scenario).body
    assert "out of order" in caplog.text


def test_an_upgrade_is_refused_with_501() -> None:
    async def scenario(responder: RecordingResponder) -> None:
        AsgiMount("/console", starlette()).handle(request(upgrade=True), responder)

    head = play(scenario).head
    assert head is not None
    assert head.status == 501


def test_the_lifespan_runs_and_its_state_reaches_requests() -> None:
    journal: list[str] = []

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, str]]:
        journal.append("started")
        yield {"who": "console"}
        journal.append("stopped")

    async def scenario(responder: RecordingResponder) -> None:
        mount = AsgiMount("/console", Starlette(routes=[Route("/page", parts)], lifespan=lifespan))
        await mount.start()
        mount.handle(request(), responder)
        await responder.until("finish")
        await mount.stop()

    assert b'"state":{"who":"console"}' in play(scenario).body
    assert journal == ["started", "stopped"]


def test_a_start_up_that_fails_says_why() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    async def scenario(responder: RecordingResponder) -> None:
        with pytest.raises(RuntimeError, match="no database"):
            await AsgiMount("", app).start()

    play(scenario)


def test_an_application_without_lifespan_can_be_started_and_stopped() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"

    async def scenario(responder: RecordingResponder) -> None:
        mount = AsgiMount("", app)
        await mount.start()
        await mount.stop()

    play(scenario)


class NamedHandler(Handler):
    def __init__(self) -> None:
        self.paths: list[str] = []

    def handle(self, request: RequestHead, responder: Responder) -> RequestReceiver:
        self.paths.append(request.path)
        return AsgiMount("", starlette()).handle(request, responder)


@pytest.mark.parametrize(
    ("path", "is_mounted"),
    [
        ("/console", True),
        ("/console/", True),
        ("/console/a", True),
        ("/consoles", False),
        ("/", False),
        ("/%63onsole", False),
        ("*", False),
    ],
)
def test_a_prefix_matches_whole_segments(path: str, is_mounted: bool) -> None:
    async def scenario(responder: RecordingResponder) -> None:
        otherwise = NamedHandler()
        PathMounts([AsgiMount("/console", starlette())], otherwise).handle(request(path), responder)
        await responder.until("finish")
        assert bool(otherwise.paths) is not is_mounted

    play(scenario)


def test_the_longest_prefix_wins() -> None:
    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("the outer mount must not be called")

    async def scenario(responder: RecordingResponder) -> None:
        mounts = [AsgiMount("/a", outer), AsgiMount("/a/b", starlette())]
        PathMounts(mounts, NamedHandler()).handle(request("/a/b/page%20%C3%A9"), responder)
        await responder.until("finish")

    head = play(scenario).head
    assert head is not None
    assert head.status == 200


@pytest.mark.parametrize("prefix", ["console", "/console/", "/a%20b", "/"])
def test_a_prefix_that_is_no_plain_path_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        AsgiMount(prefix, starlette())
