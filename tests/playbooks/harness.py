"""A gateway in one process without sockets: the real path, fakes for what lies outside.

gateway = Gateway((KeyAuth, {"key_names": ["apikey"]}), consumers=[...], credentials=[...])
reply = gateway.call("GET", "/get?apikey=secret")
assert reply.status == 200
assert reply.sent.headers.get(b"x-consumer-username") == b"alice"
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

import msgspec

from entresol.api_floor.answers import Identity
from entresol.api_floor.chains import chain_of
from entresol.api_floor.consumer_index import ConsumerIndex
from entresol.api_floor.entities import Consumer, KeyAuthCredential, Route, Service
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.pipeline import ApiFloor, RequestPath
from entresol.api_floor.plan import CompiledRoute, CompiledService, Plan, RouteMatch, Router
from entresol.api_floor.plugin import AnyPlugin, PluginContext, Scope
from entresol.api_floor.plugin_context import Door
from entresol.core.errors import GatewayError
from entresol.core.http import (
    Connection,
    HeaderPairs,
    Headers,
    Origin,
    RequestHead,
    ResponseHead,
    Timeouts,
    UpstreamRequest,
)
from entresol.core.ports import Counters, ResponseReceiver, Taken, Window
from entresol.core.schema import Violation, parse
from entresol.llm.cloud_credentials import NO_CLOUDS, CloudCredentials
from entresol.llm.price_table import PriceTable
from entresol.store.counters import LocalCounters
from entresol.telemetry.metrics import WorkerMetrics

START = 1_700_000_000.0
PEER = "203.0.113.7"

UpstreamAnswer = tuple[int, HeaderPairs, bytes]
Upstream = Callable[[UpstreamRequest, bytes], UpstreamAnswer | GatewayError]


class ManualClock:
    """Time that stands still until a test moves it."""

    def __init__(self, now: float = START) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time - START + 1000.0


class KeptLines:
    """A `LineSink` that remembers."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, bytes, bool]] = []

    def write(self, path: str, line: bytes, reopen: bool = False) -> None:
        self.lines.append((path, line, reopen))


class BrokenCounters:
    """Counters whose store cannot be reached."""

    def take(self, key: str, windows: tuple[Window, ...], cost: int = 1) -> Taken:
        raise ConnectionRefusedError("the store is down")


class AwaitedCounters:
    """Counters whose answers take a turn of the event loop."""

    def __init__(self, inner: Counters) -> None:
        self._inner = inner

    def take(self, key: str, windows: tuple[Window, ...], cost: int = 1) -> Awaitable[Taken]:
        async def answer() -> Taken:
            await asyncio.sleep(0)
            return cast("Taken", self._inner.take(key, windows, cost))

        return answer()


class Reply:
    """What became of a request; also the `Responder` that it was written to."""

    def __init__(self) -> None:
        self.status = 0
        self.headers = Headers()
        self.body = b""
        self.is_finished = False
        self.is_aborted = False
        self.sent: UpstreamRequest | None = None
        """What went to the upstream, if anything did."""
        self.sent_body = b""
        self.exchange: Exchange

    @property
    def json(self) -> Any:
        """The decoded body."""
        return msgspec.json.decode(self.body)

    @property
    def is_blocked(self) -> bool:
        return False

    def header(self, name: str) -> str | None:
        """The first value of a response header."""
        value = self.headers.get(name.lower().encode())
        return None if value is None else value.decode()

    def inform(self, status: int, headers: HeaderPairs) -> None:
        pass

    def ask_for_body(self) -> None:
        pass

    def start(self, head: ResponseHead) -> None:
        assert self.status == 0, "a response was started twice"
        self.status = head.status
        self.headers = head.headers

    def send(self, data: bytes) -> None:
        self.body += data

    def finish(self, data: bytes = b"", trailers: HeaderPairs | None = None) -> None:
        self.body += data
        self.is_finished = True

    def abort(self) -> None:
        self.is_aborted = True

    def pause_request(self) -> None:
        pass

    def resume_request(self) -> None:
        pass


class FakeTransport:
    """Answers what `upstream` says, once the path has returned to whoever drives it."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.calls: list[FakeCall] = []

    def send(self, request: UpstreamRequest, body: bytes, last: bool, receiver: ResponseReceiver) -> "FakeCall":
        call = FakeCall(self, request, receiver)
        self.calls.append(call)
        call.send_body(body, last)
        return call


class FakeCall:
    def __init__(self, transport: FakeTransport, request: UpstreamRequest, receiver: ResponseReceiver) -> None:
        self._transport = transport
        self._receiver = receiver
        self.request = request
        self.body = b""
        self._is_sent = False
        self._is_over = False

    def send_body(self, data: bytes, last: bool, trailers: HeaderPairs | None = None) -> None:
        self.body += data
        self._is_sent = last

    def deliver(self) -> None:
        """Let the answer arrive, if the request is complete."""
        if self._is_over or not self._is_sent:
            return
        self._is_over = True
        answer = self._transport.upstream(self.request, self.body)
        if isinstance(answer, GatewayError):
            self._receiver.on_upstream_error(answer)
            return
        status, pairs, body = answer
        self._receiver.on_response_head(ResponseHead(status, Headers(list(pairs)), len(body)))
        self._receiver.on_response_body(body, True, [])

    def pause(self) -> None:
        pass

    def resume(self) -> None:
        pass

    def cancel(self) -> None:
        self._is_over = True


def ok(request: UpstreamRequest, body: bytes) -> UpstreamAnswer:
    """The upstream that is content with everything."""
    return 200, [(b"content-type", b"application/json")], b'{"ok":true}'


def plugin_config(plugin: type[AnyPlugin] | Any, raw: Mapping[str, Any]) -> Any:
    """A valid configuration. Fails the test on a violation."""
    config = parse(plugin.config_type, dict(raw))
    assert not isinstance(config, list), [str(violation) for violation in config]
    return config


def violations_of(plugin: type[AnyPlugin] | Any, raw: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with a configuration, by field."""
    found = parse(plugin.config_type, dict(raw))
    assert isinstance(found, list), "the configuration is valid"
    return {violation.path: violation.message for violation in cast("list[Violation]", found)}


class Gateway:
    """One route, one service, the given plugins and consumers."""

    def __init__(
        self,
        *plugins: tuple[type[Any], Mapping[str, Any]],
        consumers: Sequence[Consumer] = (),
        credentials: Sequence[KeyAuthCredential] = (),
        upstream: Upstream = ok,
        counters: Counters | None = None,
        scope: Scope | None = None,
        route: Route | None = None,
        clouds: CloudCredentials = NO_CLOUDS,
        prices: PriceTable | None = None,
        door: Door | None = None,
    ) -> None:
        self.prices = prices
        self._door = door
        self.clock = ManualClock()
        self._clouds = clouds
        self.lines = KeptLines()
        self.metrics = WorkerMetrics()
        self.counters: Any = LocalCounters(self.clock) if counters is None else counters
        self.transport = FakeTransport(upstream)
        self.directory = ConsumerIndex(list(consumers), list(credentials), self.clock)
        self._scope = Scope() if scope is None else scope
        self.plugins: tuple[AnyPlugin, ...] = tuple(
            self.build(plugin, raw, f"00000000-0000-4000-8000-{at:012}") for at, (plugin, raw) in enumerate(plugins)
        )
        self.route = compiled_route() if route is None else CompiledRoute(route, compiled_route().service)
        self.has_route = True
        self.floor = ApiFloor(self._plan(), self.transport, self.clock, Identity("Entresol", "test"))

    def build(self, plugin: type[Any], raw: Mapping[str, Any], instance_id: str) -> AnyPlugin:
        """A plugin instance on this gateway's ports."""
        context = PluginContext(
            instance_id=instance_id,
            scope=self._scope,
            clock=self.clock,
            counters=self.counters,
            lines=self.lines,
            metrics=self.metrics,
            consumers=self.directory,
            logger=logging.getLogger(f"entresol.plugins.{plugin.name}"),
            credentials=self._clouds,
            prices=self.prices,
            door=self._door,
        )
        return cast("AnyPlugin", plugin(plugin_config(plugin, raw), context))

    def call(
        self, method: str = "GET", target: str = "/", headers: HeaderPairs | None = None, body: bytes = b""
    ) -> Reply:
        """Send a request and wait for its end; nothing in it may have to be awaited."""
        reply, path = self._begin(method, target, headers, body)
        for call in self.transport.calls:
            call.deliver()
        return self._ended(reply, path)

    def call_awaited(
        self, method: str = "GET", target: str = "/", headers: HeaderPairs | None = None, body: bytes = b""
    ) -> Reply:
        """Like `call`, where a plugin awaits something."""

        async def run() -> Reply:
            reply, path = self._begin(method, target, headers, body)
            while not reply.is_finished and not reply.is_aborted:
                await asyncio.sleep(0)
                for call in self.transport.calls:
                    call.deliver()
            return self._ended(reply, path)

        return asyncio.run(run())

    def records(self) -> list[Any]:
        """The log records that were written."""
        return [msgspec.json.decode(line) for _, line, _ in self.lines.lines]

    def chat(self, body: Any, path: str = "/chat", headers: HeaderPairs | None = None) -> Reply:
        """POST a JSON body."""
        pairs = [(b"content-type", b"application/json"), *(headers or [])]
        return self.call("POST", path, pairs, body if isinstance(body, bytes) else msgspec.json.encode(body))

    def _begin(self, method: str, target: str, headers: HeaderPairs | None, body: bytes) -> tuple[Reply, RequestPath]:
        path, _, query = target.partition("?")
        request = RequestHead(
            method=method,
            path=path,
            query=query,
            headers=Headers([(b"host", b"gateway.test:8000"), *(headers or [])]),
            connection=Connection(PEER, 40000, "192.0.2.1", 8000),
        )
        request.has_empty_query = target.endswith("?") and not query
        reply = Reply()
        receiver = self.floor.handle(request, reply)
        receiver.on_request_body(body, True, [])
        return reply, receiver

    def _ended(self, reply: Reply, path: RequestPath) -> Reply:
        assert reply.is_finished or reply.is_aborted, "the request did not end"
        reply.exchange = path.exchange
        if self.transport.calls:
            call = self.transport.calls.pop()
            reply.sent, reply.sent_body = call.request, call.body
        return reply

    def _plan(self) -> Plan:
        chain = chain_of(self.plugins, self.plugins)
        return Plan(
            version="test",
            router=OneRouter(self),
            consumers=self.directory,
            consumers_with_plugins=frozenset(),
            certificates=(),
            global_chain=chain,
            chain_source=lambda route, consumer: chain,
        )


class OneRouter(Router):
    """The gateway's one route takes everything, or nothing is taken."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def match(self, request: RequestHead) -> RouteMatch | None:
        return RouteMatch(self._gateway.route, request.path) if self._gateway.has_route else None


def compiled_route() -> CompiledRoute:
    """A route to a service on http://upstream.test:8080."""
    service = Service(id="00000000-0000-4000-8000-00000000a001", name="upstream", host="upstream.test", port=8080)
    route = Route(id="00000000-0000-4000-8000-00000000b001", name="all", service=service.id, paths=("/",))
    origin = Origin("http", service.host, service.port)
    return CompiledRoute(route, CompiledService(service, origin, "/", Timeouts()))
