"""What finding a route costs: `python bench/micro_router.py` prints microseconds per request.

Rows: how many routes and of which kind. `first sight` is a path the router has not seen (every path differs),
`repeated` one that it has.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable

from entresol.api_floor.compile import compile_route, compile_service
from entresol.api_floor.entities import Route, Service
from entresol.api_floor.router import RouteTable
from entresol.core.http import Connection, Headers, RequestHead

CONNECTION = Connection("192.0.2.1", 50000, "192.0.2.2", 8000)
SERVICE = compile_service(Service(id="service", host="upstream.test"))


def table(routes: Iterable[Route]) -> RouteTable:
    return RouteTable([compile_route(route, SERVICE) for route in routes])


def request(path: str, host: str = "gateway.test") -> RequestHead:
    headers = [(b"host", host.encode()), (b"user-agent", b"bench"), (b"accept", b"*/*"), (b"apikey", b"k")]
    return RequestHead("POST", path, "", Headers(headers), CONNECTION)


def cost_us(router: RouteTable, requests: list[RequestHead]) -> float:
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        for one in requests:
            router.match(one)
        best = min(best, time.perf_counter() - started)
    return best / len(requests) * 1e6


def prefix(index: int) -> Route:
    return Route(id=f"r{index}", protocols=("http", "https"), paths=(f"/team-{index}/chat",))


def regex(index: int) -> Route:
    return Route(id=f"r{index}", protocols=("http", "https"), paths=(rf"~/team-{index}/models/(?<model>\w+)$",))


def host(index: int) -> Route:
    return Route(id=f"r{index}", protocols=("http", "https"), hosts=(f"team-{index}.test",), paths=("/",))


def header(index: int) -> Route:
    return Route(id=f"r{index}", protocols=("http", "https"), headers={"x-team": (str(index),)}, paths=(f"/h{index}",))


CASES: dict[str, tuple[Callable[[int], Route], Callable[[int, int], RequestHead]]] = {
    "prefix": (prefix, lambda index, n: request(f"/team-{index}/chat/completions/{n}")),
    "regex": (regex, lambda index, n: request(f"/team-{index}/models/m{n}")),
    "host": (host, lambda index, n: request(f"/chat/{n}", f"team-{index}.test")),
    "header": (header, lambda index, n: request(f"/h{index}/{n}")),
    "no match": (prefix, lambda index, n: request(f"/elsewhere/{n}")),
}


def main() -> None:
    rows = []
    print(f"{'routes':>8} {'kind':<10} {'first sight':>12} {'repeated':>10}   µs")
    for kind, (make, ask) in CASES.items():
        for count in (1, 10, 1000):
            routes = [make(index) for index in range(count)]
            fresh = cost_us(table(routes), [ask(n % count, n) for n in range(20_000)])
            repeated = cost_us(table(routes), [ask(n % count, 0) for n in range(20_000)])
            rows.append({"routes": count, "kind": kind, "first_us": fresh, "repeated_us": repeated})
            print(f"{count:>8} {kind:<10} {fresh:>12.2f} {repeated:>10.2f}")
    if "--json" in sys.argv:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
