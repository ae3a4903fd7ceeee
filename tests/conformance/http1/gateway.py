"""A whole gateway on loopback: the server, the API floor with a real plan, the pooled client, a recording upstream."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Self

from conformance.http1.recording_upstream import RecordingUpstream
from entresol.api_floor.answers import Identity
from entresol.api_floor.chains import ChainSelector
from entresol.api_floor.compile import compile_route, compile_service
from entresol.api_floor.consumer_index import ConsumerIndex
from entresol.api_floor.entities import Route, Service
from entresol.api_floor.pipeline import ApiFloor
from entresol.api_floor.plan import Plan
from entresol.api_floor.router import RouteTable
from entresol.net.client import Http1Transport
from entresol.net.limits import Limits
from entresol.net.listener import Listener, bind_socket, serve
from entresol.net.server import HttpServer

MAX_BODY = 100_000
LIMITS = Limits(max_body=MAX_BODY)


class SystemClock:
    """The machine's clock, moved on by `skip` when a test needs time to have passed."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def skip(self, seconds: float) -> None:
        self.skipped += seconds

    def now(self) -> float:
        return time.time() + self.skipped

    def monotonic(self) -> float:
        return time.monotonic() + self.skipped


def plan_for(upstream_port: int, clock: SystemClock) -> Plan:
    """Everything goes to the upstream on loopback, paths and Host as they came; short upstream clocks."""
    service = compile_service(
        Service(
            id="00000000-0000-4000-8000-000000000001",
            host="127.0.0.1",
            port=upstream_port,
            connect_timeout=5_000,
            read_timeout=20_000,
            write_timeout=20_000,
        )
    )
    route = Route(
        id="00000000-0000-4000-8000-000000000002",
        service=service.entity.id,
        protocols=("http", "https"),
        paths=("/",),
        strip_path=False,
        preserve_host=True,
    )
    selector = ChainSelector([], {})
    return Plan(
        version="conformance",
        router=RouteTable([compile_route(route, service)]),
        consumers=ConsumerIndex((), (), clock),
        consumers_with_plugins=selector.consumers_with_plugins(),
        certificates=(),
        global_chain=selector.global_chain(),
        chain_source=selector,
    )


class Gateway:
    """`async with Gateway() as gateway`: listens on `gateway.port`, forwards to `gateway.upstream`."""

    def __init__(
        self,
        upstream: RecordingUpstream | None = None,
        limits: Limits = LIMITS,
        listener: Listener = Listener("127.0.0.1:0"),  # noqa: B008  # immutable
    ) -> None:
        self.upstream = upstream or RecordingUpstream()
        self.limits = limits
        self.listener = listener
        self.clock = SystemClock()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        upstream_port = await self.upstream.start()
        self.upstream_port = upstream_port
        self.transport = Http1Transport(loop, self.clock)
        plan = plan_for(upstream_port, self.clock)
        self.floor = ApiFloor(plan, self.transport, self.clock, Identity("Entresol", "0"))
        self.server = HttpServer(self.floor, self.limits, self.clock)
        sock = bind_socket(self.listener.address)
        self.port: int = 0 if self.listener.address.startswith("unix:") else sock.getsockname()[1]
        self.listening = await serve(loop, sock, self.listener, self.server)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.listening.close()
        for connection in tuple(self.server.connections):
            connection.abort()
        self.transport.close()
        await self.upstream.stop()
        await asyncio.sleep(0)

    def sweep(self) -> None:
        """Let every clock run once, as the once-a-second sweeps do."""
        self.server.sweep()
        self.transport.sweep(self.clock.monotonic())

    async def connect(self, **options: Any) -> "RawClient":
        """A client connection; `options` are those of `open_connection`, such as `ssl`."""
        return RawClient(*await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22, **options))


class Answer:
    """A response, read off the wire without any parser of ours."""

    def __init__(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        self.status = status
        self.fields = fields
        self.body = b""
        self.trailers: list[tuple[bytes, bytes]] = []

    def field(self, name: bytes) -> bytes | None:
        """The first value of a field."""
        return next((value for key, value in self.fields if key == name), None)


class Closed(Exception):
    """The server closed where a response could have begun."""


class RawClient:
    """Sends bytes, reads responses strictly by RFC 9112 §6."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        """Send; a peer that has closed meanwhile is no error here."""
        self.writer.write(data)

    async def answer(self, method: str = "GET", seconds: float = 10) -> Answer:
        """The next final response to a request with `method`. Raises Closed, or TimeoutError after `seconds`."""
        return await asyncio.wait_for(self._answer(method), seconds)

    async def _answer(self, method: str) -> Answer:
        answer = await self.head()
        while answer.status < 200 and answer.status != 101:
            answer = await self.head()
        if method != "HEAD" and answer.status not in (101, 204, 304):
            await self._read_body(answer)
        return answer

    async def head(self) -> Answer:
        """The next response head, interim or final."""
        try:
            raw = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise AssertionError(f"the response head broke off: {error.partial!r}") from None
            raise Closed from None
        except ConnectionError:
            raise Closed from None
        lines = raw[:-4].split(b"\r\n")
        version, status, _ = lines[0].split(b" ", 2)
        assert version == b"HTTP/1.1"
        return Answer(int(status), [_field(line) for line in lines[1:]])

    async def _read_body(self, answer: Answer) -> None:
        coding, length = answer.field(b"transfer-encoding"), answer.field(b"content-length")
        assert coding is None or length is None
        if coding is not None:
            assert coding == b"chunked"
            async for chunk in self.chunks(answer):
                answer.body += chunk
        elif length is not None:
            answer.body = await self.reader.readexactly(int(length))
        else:
            answer.body = await self.reader.read(-1)

    async def chunks(self, answer: Answer) -> AsyncIterator[bytes]:
        """The chunks of a chunked body as they arrive."""
        while size := int((await self.reader.readuntil(b"\r\n"))[:-2], 16):
            chunk = await self.reader.readexactly(size + 2)
            assert chunk.endswith(b"\r\n")
            yield chunk[:-2]
        while line := (await self.reader.readuntil(b"\r\n"))[:-2]:
            answer.trailers.append(_field(line))

    async def rest(self, seconds: float = 10) -> bytes:
        """Everything up to the end of the connection, by FIN or by RST."""
        try:
            return await asyncio.wait_for(self.reader.read(-1), seconds)
        except ConnectionError:
            return b""

    async def close(self) -> None:
        """Close, and wait until it is closed."""
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()

    def reset(self) -> None:
        """Break the connection off."""
        self.writer.transport.abort()


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, separator, value = line.partition(b":")
    assert separator, f"not a field line: {line!r}"
    assert name == name.strip(), f"white space around the field name: {line!r}"
    return name.lower(), value.strip(b" \t")


@asynccontextmanager
async def client_of(gateway: Gateway, **options: Any) -> AsyncIterator[RawClient]:
    """A client connection that is closed in the end."""
    client = await gateway.connect(**options)
    try:
        yield client
    finally:
        await client.close()
