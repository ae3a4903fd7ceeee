"""The aliases describe what frameworks export: the type checker accepts them, and the call works."""

import asyncio

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from entresol.net.asgi_types import AsgiApp, Message, Scope


def test_a_starlette_application_is_an_asgi_app() -> None:
    app: AsgiApp = Starlette(routes=[Route("/", lambda request: PlainTextResponse("hello"))])
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]  # asyncio.run wants a coroutine, this is one
    assert sent[-1]["body"] == b"hello"
