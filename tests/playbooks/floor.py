"""A floor in process: fake client and upstream ends that implement the ports, around the real request path.

play = Playbook(plan_with(route(...)), plugins)
client = play.client_sends("GET", "/x")
play.upstream.answers(200, b"hello")
assert client.status == 200
"""

from collections.abc import Callable, Sequence

from entresol.api_floor.answers import Identity
from entresol.api_floor.chains import chain_of
from entresol.api_floor.entities import Consumer, Credential, Route, Service
from entresol.api_floor.pipeline import ApiFloor, RequestPath
from entresol.api_floor.plan import Chain, CompiledRoute, CompiledService, Plan, RouteMatch, Router
from entresol.api_floor.plugin import AnyPlugin
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
from entresol.core.ports import ResponseReceiver

CONNECTION = Connection("203.0.113.7", 40000, "192.0.2.1", 8000)
SERVICE = Service(id="service-1", name="backend", host="backend.test", port=8080)


class FakeClock:
    """Time that moves when told to."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.wall = now
        self.ticks = 100.0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.ticks

    def advance(self, seconds: float) -> None:
        self.wall += seconds
        self.ticks += seconds


class FakeClient:
    """The client's end of one exchange; implements core.ports.Responder and records what it was sent."""

    def __init__(self) -> None:
        self.head: ResponseHead | None = None
        self.body = b""
        self.chunks: list[bytes] = []
        self.trailers: HeaderPairs = []
        self.informed: list[int] = []
        self.is_finished = False
        self.is_aborted = False
        self.asked_for_body = False
        self.is_paused = False
        self.is_blocked = False
        self.path: RequestPath | None = None

    @property
    def status(self) -> int:
        assert self.head is not None, "no response has begun"
        return self.head.status

    def header(self, name: str) -> str | None:
        assert self.head is not None, "no response has begun"
        value = self.head.headers.get(name.lower().encode())
        return None if value is None else value.decode("latin-1")

    # core.ports.Responder

    def inform(self, status: int, headers: HeaderPairs) -> None:
        self.informed.append(status)

    def ask_for_body(self) -> None:
        self.asked_for_body = True

    def start(self, head: ResponseHead) -> None:
        assert self.head is None, "a response has begun already"
        self.head = head

    def send(self, data: bytes) -> None:
        assert self.head is not None, "no response has begun"
        assert not self.is_finished, "the response has ended"
        if data:
            self.chunks.append(data)
        self.body += data

    def finish(self, data: bytes = b"", trailers: HeaderPairs | None = None) -> None:
        self.send(data)
        self.trailers = trailers or []
        self.is_finished = True

    def abort(self) -> None:
        self.is_aborted = True

    def pause_request(self) -> None:
        self.is_paused = True

    def resume_request(self) -> None:
        self.is_paused = False

    # What the client does.

    def sends(self, data: bytes, *, last: bool = False, trailers: HeaderPairs | None = None) -> None:
        assert self.path is not None
        self.path.on_request_body(data, last, trailers or [])

    def body_is_refused(self, error: GatewayError) -> None:
        assert self.path is not None
        self.path.on_body_refused(error)

    def leaves(self) -> None:
        assert self.path is not None
        self.path.on_client_gone()


class FakeCall:
    """One upstream call; the test answers it."""

    def __init__(self, request: UpstreamRequest, body: bytes, last: bool, receiver: ResponseReceiver) -> None:
        self.request = request
        self.body = body
        self.is_complete = last
        self.receiver = receiver
        self.is_cancelled = False
        self.is_paused = False

    def send_body(self, data: bytes, last: bool, trailers: HeaderPairs | None = None) -> None:
        self.body += data
        self.is_complete = last

    def pause(self) -> None:
        self.is_paused = True

    def resume(self) -> None:
        self.is_paused = False

    def cancel(self) -> None:
        self.is_cancelled = True

    def header(self, name: str) -> str | None:
        value = self.request.headers.get(name.lower().encode())
        return None if value is None else value.decode("latin-1")

    # What the upstream does.

    def starts(self, status: int, headers: HeaderPairs | None = None, content_length: int | None = None) -> None:
        self.receiver.on_response_head(ResponseHead(status, Headers(list(headers or [])), content_length))

    def sends(self, data: bytes, *, last: bool = False, trailers: HeaderPairs | None = None) -> None:
        self.receiver.on_response_body(data, last, trailers or [])

    def answers(self, status: int, body: bytes = b"", headers: HeaderPairs | None = None) -> None:
        self.starts(status, headers, len(body))
        self.sends(body, last=True)

    def fails(self, error: GatewayError) -> None:
        self.receiver.on_upstream_error(error)


class FakeTransport:
    """Implements core.ports.Transport; `calls` are the upstream calls so far."""

    def __init__(self) -> None:
        self.calls: list[FakeCall] = []
        self.fails_with: GatewayError | None = None

    def send(self, request: UpstreamRequest, body: bytes, last: bool, receiver: ResponseReceiver) -> FakeCall:
        call = FakeCall(request, body, last, receiver)
        self.calls.append(call)
        if self.fails_with is not None:
            receiver.on_upstream_error(self.fails_with)
        return call

    @property
    def call(self) -> FakeCall:
        assert self.calls, "nothing was sent upstream"
        return self.calls[-1]


class OneRoute(Router):
    """A router that knows one route."""

    def __init__(self, match: RouteMatch | None) -> None:
        self._match = match

    def match(self, request: RequestHead) -> RouteMatch | None:
        return self._match


class Consumers:
    """Consumers by credential digest and by name; implements api_floor.plugin.ConsumerDirectory."""

    def __init__(self) -> None:
        self._by_digest: dict[tuple[str, bytes], tuple[Consumer, Credential]] = {}
        self._by_name: dict[str, Consumer] = {}

    def add(self, consumer: Consumer, credentials: dict[tuple[str, bytes], Credential] | None = None) -> None:
        for name in (consumer.id, consumer.username):
            if name is not None:
                self._by_name[name] = consumer
        for key, credential in (credentials or {}).items():
            self._by_digest[key] = (consumer, credential)

    def by_credential(self, kind: str, digest: bytes) -> tuple[Consumer, Credential] | None:
        return self._by_digest.get((kind, digest))

    def has_expired(self, kind: str, digest: bytes) -> bool:
        return False

    def by_name(self, name_or_id: str) -> Consumer | None:
        return self._by_name.get(name_or_id)


ChainOf = Callable[[Consumer | None], Sequence[AnyPlugin]]


class Playbook:
    """The API floor with one route to `backend.test:8080` and the plugins given."""

    def __init__(
        self,
        plugins: Sequence[AnyPlugin] = (),
        *,
        plugins_for: ChainOf | None = None,
        match: RouteMatch | str | None = "default",
        consumers: Consumers | None = None,
        global_plugins: Sequence[AnyPlugin] = (),
        service: bool = True,
    ) -> None:
        self.clock = FakeClock()
        self.transport = FakeTransport()
        self.consumers = consumers or Consumers()
        compiled = CompiledService(SERVICE, Origin("http", "backend.test", 8080), "/", Timeouts())
        route = CompiledRoute(Route(id="route-1", name="r", paths=("/",)), compiled if service else None)
        chosen = RouteMatch(route, "/up") if match == "default" else match
        assert not isinstance(chosen, str)

        def chain(route: CompiledRoute, consumer: Consumer | None) -> Chain:
            mine = plugins if plugins_for is None else plugins_for(consumer)
            return chain_of((*mine, *global_plugins), tuple(global_plugins))

        self.plan = Plan(
            version="test",
            router=OneRoute(chosen),
            consumers=self.consumers,
            consumers_with_plugins=frozenset(("vip",)),
            certificates=(),
            global_chain=chain_of(tuple(global_plugins), tuple(global_plugins)),
            chain_source=chain,
        )
        self.floor = ApiFloor(self.plan, self.transport, self.clock, Identity("Entresol", "1.0"))

    @property
    def upstream(self) -> FakeCall:
        return self.transport.call

    def client_starts(
        self,
        method: str = "GET",
        path: str = "/x",
        *,
        headers: HeaderPairs | None = None,
        query: str = "",
        connection: Connection = CONNECTION,
        upgrade: bool = False,
        host: str = "gateway.test",
    ) -> FakeClient:
        """Send a request head only."""
        client = FakeClient()
        fields = [(b"host", host.encode()), *(headers or [])]
        request = RequestHead(method, path, query, Headers(fields), connection, upgrade=upgrade)
        client.path = self.floor.handle(request, client)
        return client

    def client_sends(
        self,
        method: str = "GET",
        path: str = "/x",
        body: bytes = b"",
        *,
        headers: HeaderPairs | None = None,
        query: str = "",
    ) -> FakeClient:
        """Send a whole request."""
        client = self.client_starts(method, path, headers=headers, query=query)
        client.sends(body, last=True)
        return client
