"""CPU time of the API floor's path alone, between a client and an upstream that cost nothing.

python -m bench.micro_path
"""

import timeit

from entresol.api_floor.answers import Identity
from entresol.api_floor.entities import Route, Service
from entresol.api_floor.pipeline import ApiFloor
from entresol.api_floor.plan import Chain, CompiledRoute, CompiledService, Plan, RouteMatch, Router
from entresol.core.http import Connection, HeaderPairs, Headers, Origin, RequestHead, ResponseHead, Timeouts

FIELDS = [
    (b"host", b"127.0.0.1:8000"), (b"user-agent", b"bench/1"), (b"accept", b"*/*"), (b"content-type", b"application/json"),
    (b"authorization", b"Bearer sk-0123456789abcdef"), (b"content-length", b"932"),
]  # fmt: skip
ANSWER = [(b"content-type", b"application/json"), (b"x-request-id", b"req_0123456789abcdef")]
BODY = b"x" * 932
CONNECTION = Connection("127.0.0.1", 40000, "127.0.0.1", 8000)


class Nobody(Router):
    """Every end of the exchange at once: takes everything, keeps nothing."""

    is_blocked = False
    now = staticmethod(lambda: 1.0)
    monotonic = staticmethod(lambda: 1.0)

    def send(self, *_: object) -> "Nobody":
        return self

    def start(self, head: ResponseHead) -> None: ...
    def finish(self, data: bytes = b"", trailers: HeaderPairs | None = None) -> None: ...
    def ask_for_body(self) -> None: ...
    def resume_request(self) -> None: ...
    def match(self, request: RequestHead) -> RouteMatch:
        return MATCH


SERVICE = Service(id="s", host="backend", port=80)
MATCH = RouteMatch(
    CompiledRoute(
        Route(id="r", paths=("/",)), CompiledService(SERVICE, Origin("http", "backend", 80), "/", Timeouts())
    ),
    "/v1/chat/completions",
)


def main() -> None:
    nobody = Nobody()
    plan = Plan(
        version="", router=nobody, consumers=nobody, consumers_with_plugins=frozenset(), certificates=(),
        global_chain=Chain(), chain_source=lambda route, consumer: Chain(),
    )  # type: ignore[arg-type]  # fmt: skip
    floor = ApiFloor(plan, nobody, nobody, Identity("Entresol", "1"))  # type: ignore[arg-type]

    def one() -> None:
        request = RequestHead("POST", "/v1/chat/completions", "", Headers(FIELDS), CONNECTION)
        path = floor.handle(request, nobody)  # type: ignore[arg-type]
        path.on_request_body(BODY, True, [])
        path.on_response_head(ResponseHead(200, Headers(ANSWER.copy()), 525))
        path.on_response_body(BODY, True, [])

    count = 50_000
    best = min(timeit.repeat(one, number=count, repeat=7)) / count
    print(f"path: {best * 1e6:.2f} µs per request")


if __name__ == "__main__":
    main()
