"""A Starlette application mounted beside another handler on the own server, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from contract.servers.contract_handler import ContractHandler
from entresol.net.asgi import AsgiMount, PathMounts
from entresol.net.clock import SystemClock
from entresol.net.limits import Limits
from entresol.net.listener import Listener, bind_socket, serve
from entresol.net.server import HttpServer


class Console:
    """The mounted application, and what it notices."""

    def __init__(self) -> None:
        self.step = asyncio.Event()
        self.ended = asyncio.Event()
        self.app = Starlette(
            routes=[
                Route("/", self.page),
                Route("/upload", self.upload, methods=["POST"]),
                Mount("/deep", routes=[Route("/{name}", self.page, name="deep")]),
                Route("/events", self.events),
                Route("/fault", self.fault),
            ]
        )

    async def page(self, request: Request) -> Response:
        return JSONResponse(
            {"path": request.url.path, "root": request.scope["root_path"], "host": request.url.hostname}
        )

    async def upload(self, request: Request) -> Response:
        size = 0
        async for piece in request.stream():
            size += len(piece)
        return PlainTextResponse(str(size))

    async def events(self, request: Request) -> Response:
        async def produce() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"data: x\n\n"
                    await self.step.wait()
                    self.step.clear()
            finally:
                self.ended.set()

        return StreamingResponse(produce(), media_type="text/event-stream")

    async def fault(self, request: Request) -> Response:
        raise RuntimeError("a fault in the console")


@asynccontextmanager
async def mounted() -> AsyncIterator[tuple[Console, httpx.AsyncClient]]:
    console = Console()
    mount = AsgiMount("/console", console.app)
    await mount.start()
    server = HttpServer(PathMounts([mount], ContractHandler()), Limits(), SystemClock())
    sock = bind_socket("127.0.0.1:0")
    port = sock.getsockname()[1]
    await serve(asyncio.get_running_loop(), sock, Listener("127.0.0.1:0"), server)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        yield console, client
    server.begin_drain()
    assert await server.wait_drained(5) == 0
    await mount.stop()


def test_both_sides_of_a_mount_are_served_on_one_connection() -> None:
    async def scenario() -> None:
        async with mounted() as (_, client):
            assert (await client.get("/console/")).json() == {
                "path": "/console/",
                "root": "/console",
                "host": "127.0.0.1",
            }
            assert (await client.get("/console/deep/x")).json()["path"] == "/console/deep/x"
            assert (await client.get("/status?status=404")).text == "refused"
            assert (await client.get("/console/nowhere")).status_code == 404
            assert (await client.head("/console/")).content == b""

    asyncio.run(scenario())


def test_a_large_upload_arrives_whole() -> None:
    async def scenario() -> None:
        async with mounted() as (_, client):
            assert (await client.post("/console/upload", content=b"x" * 5_000_001)).text == "5000001"

    asyncio.run(scenario())


def test_events_stream_and_end_with_the_client() -> None:
    async def scenario() -> None:
        async with mounted() as (console, client):
            async with client.stream("GET", "/console/events") as answer:
                pieces = answer.aiter_raw()
                for _ in range(3):
                    assert await anext(pieces) == b"data: x\n\n"
                    console.step.set()
            await asyncio.wait_for(console.ended.wait(), 5)  # although it has nothing to send

    asyncio.run(scenario())


def test_a_fault_in_the_application_is_a_500_and_the_server_goes_on() -> None:
    async def scenario() -> None:
        async with mounted() as (_, client):
            assert (await client.get("/console/fault")).status_code == 500
            assert (await client.get("/console/")).status_code == 200

    asyncio.run(scenario())
