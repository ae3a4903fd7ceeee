"""A real loopback server whose every connection follows a script, and a receiver that writes down what it hears."""

import asyncio
import contextlib
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from entresol.core.errors import GatewayError
from entresol.core.http import HeaderPairs, Headers, Origin, ResponseHead, Timeouts, UpstreamRequest

Script = Callable[["Peer"], Awaitable[None]]


class ManualClock:
    """Time that moves when the test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds


class Peer:
    """One connection, seen from the upstream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.reader = reader
        self.writer = writer
        self.number = number

    async def read_head(self) -> bytes:
        return await self.reader.readuntil(b"\r\n\r\n")

    async def read_request(self) -> bytes:
        """A request whose body has a Content-Length."""
        head = await self.read_head()
        length = 0
        for line in head.split(b"\r\n"):
            if line.startswith(b"content-length: "):
                length = int(line[16:])
        return head + await self.reader.readexactly(length)

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, body: bytes = b"ok") -> bytes:
        request = await self.read_request()
        await self.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        return request

    async def read_chunked(self) -> bytes:
        """A chunked body without trailers."""
        body = b""
        while True:
            size = int(await self.reader.readline(), 16)
            body += (await self.reader.readexactly(size + 2))[:-2]
            if not size:
                return body

    async def until_closed_quietly(self) -> None:
        await self.until_closed()

    async def answer_quietly(self) -> None:
        await self.answer()

    async def until_closed(self) -> bytes:
        with contextlib.suppress(ConnectionError):
            return await self.reader.read()
        return b""

    def reset(self) -> None:
        self.writer.transport.abort()


class Upstream:
    """A running server. `connections` counts what it has accepted."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.connections = 0
        self.faults: list[BaseException] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self.origin = Origin("http", "127.0.0.1", 0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.append(writer)
        try:
            await self._script(Peer(reader, writer, self.connections))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away: what the test is about, or it will notice
        except asyncio.CancelledError:
            pass  # by stop, when the test is over
        except Exception as fault:  # noqa: BLE001  # raised again by stop
            self.faults.append(fault)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def stop(self) -> None:
        """End the scripts that still wait for something; what went wrong in one fails the test."""
        for _ in range(5):  # a connection may just have been accepted
            await asyncio.sleep(0)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            # asyncio 3.11 stumbles over an abort after a close that had something left to flush
            with contextlib.suppress(AttributeError):
                writer.transport.abort()
        for _ in range(5):  # until the event loop has closed the sockets
            await asyncio.sleep(0)
        assert self.faults == []


@contextlib.asynccontextmanager
async def running(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Upstream]:
    """A server on a free port of 127.0.0.1."""
    upstream = Upstream(script)
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    upstream.origin = Origin("https" if tls else "http", "127.0.0.1", port)
    try:
        yield upstream
    finally:
        server.close()
        await upstream.stop()


@contextlib.asynccontextmanager
async def running_on_unix_socket(script: Script) -> AsyncIterator[Upstream]:
    """A server on a Unix socket."""
    upstream = Upstream(script)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "upstream.sock")
        server = await asyncio.start_unix_server(upstream.serve, path)
        upstream.origin = Origin("http", "backend", 80, unix_path=path)
        try:
            yield upstream
        finally:
            server.close()
            await upstream.stop()


class Recorder:
    """A ResponseReceiver that keeps everything, and lets a test wait for it."""

    def __init__(self) -> None:
        self.heads: list[ResponseHead] = []
        self.interim: list[tuple[int, HeaderPairs]] = []
        self.deliveries: list[tuple[bytes, bool]] = []
        self.trailers: HeaderPairs = []
        self.error: GatewayError | None = None
        self.flow: list[str] = []
        self._done = asyncio.Event()
        self._progress = asyncio.Event()

    def on_informational(self, status: int, headers: Headers) -> None:
        self.interim.append((status, headers.pairs))
        self._progress.set()

    def on_response_head(self, head: ResponseHead) -> None:
        self.heads.append(head)

    def on_response_body(self, data: bytes, last: bool, trailers: HeaderPairs) -> None:
        self.deliveries.append((data, last))
        self._progress.set()
        if last:
            self.trailers = list(trailers)
            self._done.set()

    def on_upstream_error(self, error: GatewayError) -> None:
        self.error = error
        self._progress.set()
        self._done.set()

    def on_upstream_blocked(self) -> None:
        self.flow.append("blocked")
        self._progress.set()

    def on_upstream_writable(self) -> None:
        self.flow.append("writable")
        self._progress.set()

    async def finished(self) -> "Recorder":
        await asyncio.wait_for(self._done.wait(), 10)
        return self

    async def until(self, condition: Callable[["Recorder"], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition(self):
                self._progress.clear()
                await self._progress.wait()

    @property
    def is_finished(self) -> bool:
        return self._done.is_set()

    @property
    def status(self) -> int:
        return self.heads[0].status

    @property
    def body(self) -> bytes:
        return b"".join(data for data, _ in self.deliveries)

    @property
    def code(self) -> str | None:
        return self.error.code if self.error is not None else None


def request_to(
    origin: Origin,
    method: str = "GET",
    target: str = "/",
    headers: HeaderPairs | None = None,
    timeouts: Timeouts | None = None,
    upgrade: bytes | None = None,
) -> UpstreamRequest:
    """A request with the parts a test does not care about filled in."""
    return UpstreamRequest(
        origin=origin,
        method=method,
        target=target,
        headers=Headers(headers or []),
        host=origin.authority,
        timeouts=timeouts or Timeouts(),
        upgrade=upgrade,
    )
