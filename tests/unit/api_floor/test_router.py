"""api_floor.router: Kong's traditional_compatible rules (kong/router/transform.lua, 08-router_spec.lua)."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entresol.api_floor.compile import compile_route, compile_service
from entresol.api_floor.entities import Route, Service
from entresol.api_floor.plan import RouteMatch
from entresol.api_floor.router import MEMO_SIZE, RouteTable
from entresol.core.decision import Answer, Deny
from entresol.core.http import Connection, Headers, RequestHead, TlsInfo

SERVICE = compile_service(Service(id="service", host="upstream.test"))


def router(**routes: dict[str, Any]) -> RouteTable:
    """Routes by id, oldest first."""
    entities = [Route(id=name, **{"protocols": ("http", "https"), **fields}) for name, fields in routes.items()]
    return RouteTable([compile_route(entity, SERVICE) for entity in entities])


def request(
    path: str = "/",
    method: str = "GET",
    host: str | None = "gateway.test",
    headers: dict[str, str] | None = None,
    sni: str | None = None,
    query: str = "",
) -> RequestHead:
    pairs = [] if host is None else [(b"host", host.encode())]
    pairs += [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    tls = None if sni is None else TlsInfo("TLSv1.3", "cipher", server_name=sni)
    return RequestHead(method, path, query, Headers(pairs), Connection("192.0.2.1", 5, "192.0.2.2", 8000, tls))


def winner(table: RouteTable, asked: RequestHead) -> str | None:
    match = table.match(asked)
    return None if match is None else match.route.entity.id


MATCHING: list[tuple[str, dict[str, Any], RequestHead, bool]] = [
    ("a prefix", {"paths": ("/a",)}, request("/a/b"), True),
    ("a prefix is not bound to segments", {"paths": ("/a",)}, request("/abc"), True),
    ("a prefix with a slash at its end", {"paths": ("/a/",)}, request("/a"), False),
    ("case counts in paths", {"paths": ("/a",)}, request("/A"), False),
    ("a deep prefix", {"paths": ("/a/b/c",)}, request("/a/b/cd"), True),
    ("a deep prefix that differs", {"paths": ("/a/b/c",)}, request("/a/b/d"), False),
    ("a prefix longer than the path", {"paths": ("/a/b",)}, request("/a"), False),
    ("one of several paths", {"paths": ("/a", "/b")}, request("/b"), True),
    ("dot segments are removed first", {"paths": ("/a",)}, request("/x/../a"), True),
    ("and cannot reach around a prefix", {"paths": ("/a",)}, request("/a/../b"), False),
    ("escapes of unreserved characters are decoded", {"paths": ("/a",)}, request("/%61"), True),
    ("encoded dots too", {"paths": ("/a",)}, request("/a/%2e%2e/b"), False),
    ("slashes are merged", {"paths": ("/a/b",)}, request("//a//b"), True),
    ("a reserved character stays escaped", {"paths": ("/a/b",)}, request("/a%2Fb"), False),
    ("a regex", {"paths": (r"~/\d+$",)}, request("/123"), True),
    ("a regex is anchored at its start", {"paths": ("~/b",)}, request("/a/b"), False),
    ("a regex is not anchored at its end", {"paths": ("~/a",)}, request("/a/b"), True),
    ("every branch of a regex is anchored", {"paths": ("~/a|/b",)}, request("/x/b"), False),
    ("the other branch of a regex", {"paths": ("~/a|/b",)}, request("/b"), True),
    ("a regex without a literal start", {"paths": ("~.*/end$",)}, request("/any/end"), True),
    ("a regex in any case", {"paths": ("~(?i)/ABC$",)}, request("/aBc"), True),
    ("a method", {"methods": ("POST",)}, request(method="POST"), True),
    ("another method", {"methods": ("POST",)}, request(method="GET"), False),
    ("a host", {"hosts": ("a.test",)}, request(host="a.test"), True),
    ("a host in capitals", {"hosts": ("A.test",)}, request(host="a.TEST"), True),
    ("a host with a port in the request", {"hosts": ("a.test",)}, request(host="a.test:8000"), True),
    ("a host with a final dot", {"hosts": ("a.test",)}, request(host="a.test."), True),
    ("another host", {"hosts": ("a.test",)}, request(host="b.test"), False),
    ("no host at all", {"hosts": ("a.test",)}, request(host=None), False),
    ("a host and its port", {"hosts": ("a.test:8000",)}, request(host="a.test:8000"), True),
    ("a host and another port", {"hosts": ("a.test:8000",)}, request(host="a.test:8001"), False),
    ("the default port of http", {"hosts": ("a.test:80",)}, request(host="a.test"), True),
    ("the default port of https", {"hosts": ("a.test:443",)}, request(host="a.test", sni="x"), True),
    ("a wildcard on the left", {"hosts": ("*.a.test",)}, request(host="x.y.a.test"), True),
    ("a wildcard needs something", {"hosts": ("*.a.test",)}, request(host="a.test"), False),
    ("a wildcard is bound to labels", {"hosts": ("*.a.test",)}, request(host="xa.test"), False),
    ("a wildcard on the right", {"hosts": ("a.*",)}, request(host="a.b.test"), True),
    ("a wildcard on the right that differs", {"hosts": ("a.*",)}, request(host="b.a.test"), False),
    ("the port of the listener", {"hosts": ("a.test:8000",)}, request(host="a.test"), True),
    ("neither the scheme's port nor the listener's", {"hosts": ("a.test:443",)}, request(host="a.test"), False),
    ("a port in the request counts alone", {"hosts": ("a.test:8000",)}, request(host="a.test:80"), False),
    ("a wildcard and a port", {"hosts": ("*.a.test:90",)}, request(host="x.a.test:90"), True),
    ("a wildcard and another port", {"hosts": ("*.a.test:90",)}, request(host="x.a.test:91"), False),
    ("an IPv6 host", {"hosts": ("[::1]",)}, request(host="[::1]:8000"), True),
    ("a header", {"headers": {"X-Team": ("a", "b")}}, request(headers={"x-team": "B"}), True),
    ("another value", {"headers": {"X-Team": ("a",)}}, request(headers={"x-team": "b"}), False),
    ("a header that is missing", {"headers": {"X-Team": ("a",)}}, request(), False),
    ("all headers count", {"headers": {"x": ("a",), "y": ("b",)}}, request(headers={"x": "a"}), False),
    ("a header regex", {"headers": {"x": ("~*^te[ams]+$",)}}, request(headers={"x": "TEAM"}), True),
    ("a header regex that differs", {"headers": {"x": ("~*^te[ams]+$",)}}, request(headers={"x": "tea!"}), False),
    ("a server name", {"snis": ("a.test",)}, request(sni="a.test"), True),
    ("a server name with a final dot", {"snis": ("a.test.",)}, request(sni="A.test"), True),
    ("a server name below a wildcard", {"snis": ("*.test",)}, request(sni="b.A.test."), True),
    ("a server name that a wildcard leaves out", {"snis": ("*.test",)}, request(sni="test"), False),
    ("a server name before a wildcard", {"snis": ("x.test", "a.*")}, request(sni="a.example"), True),
    ("another server name", {"snis": ("a.test",)}, request(sni="b.test"), False),
    ("no server name over TLS", {"snis": ("a.test",)}, request(sni=""), False),
    ("server names are ignored without TLS", {"snis": ("a.test",)}, request(), True),
    (
        "everything at once",
        {"paths": ("/a",), "hosts": ("a.test",), "methods": ("GET",)},
        request("/a", host="a.test"),
        True,
    ),
    ("the server as a whole", {"paths": ("/",)}, request("*", method="OPTIONS"), False),
    ("a route without paths takes it", {"methods": ("OPTIONS",)}, request("*", method="OPTIONS"), True),
]


@pytest.mark.parametrize(
    ("fields", "asked", "taken"), [case[1:] for case in MATCHING], ids=[case[0] for case in MATCHING]
)
def test_a_route_takes_what_fulfils_all_its_conditions(fields: dict[str, Any], asked: RequestHead, taken: bool) -> None:
    assert (winner(router(route=fields), asked) == "route") is taken


PRIORITY: list[tuple[str, dict[str, dict[str, Any]], RequestHead, str]] = [
    ("the longer prefix", {"short": {"paths": ("/a",)}, "long": {"paths": ("/a/b",)}}, request("/a/b"), "long"),
    (
        "more kinds of conditions before a longer prefix",
        {"long": {"paths": ("/a/b",)}, "kinds": {"paths": ("/a",), "methods": ("GET",)}},
        request("/a/b"),
        "kinds",
    ),
    (
        "a plain host before a wildcard",
        {"wild": {"hosts": ("*.test",)}, "plain": {"hosts": ("a.test",)}},
        request(host="a.test"),
        "plain",
    ),
    (
        "a host with a port before the same without",
        {"any": {"hosts": ("a.test",)}, "port": {"hosts": ("a.test:8000",)}},
        request(host="a.test:8000"),
        "port",
    ),
    (
        "but not before more conditions",
        {"port": {"hosts": ("a.test:8000",)}, "kinds": {"hosts": ("a.test",), "methods": ("GET",)}},
        request(host="a.test:8000"),
        "kinds",
    ),
    (
        "one wildcard among the hosts makes the route a wildcard one",
        {"mixed": {"hosts": ("a.test", "*.b"), "paths": ("/long",)}, "plain": {"hosts": ("a.test",), "paths": ("/",)}},
        request("/long", host="a.test"),
        "plain",
    ),
    (
        "more headers",
        {"one": {"headers": {"x": ("1",)}}, "two": {"headers": {"x": ("1",), "y": ("2",)}}},
        request(headers={"x": "1", "y": "2"}),
        "two",
    ),
    (
        "more headers before a regex path",
        {
            "regex": {"headers": {"x": ("1",)}, "paths": ("~/a",)},
            "two": {"headers": {"x": ("1",), "y": ("2",)}, "paths": ("/a",)},
        },
        request("/a", headers={"x": "1", "y": "2"}),
        "two",
    ),
    (
        "a regex before a prefix",
        {"plain": {"paths": ("/a/b/c",)}, "regex": {"paths": ("~/a",)}},
        request("/a/b/c"),
        "regex",
    ),
    (
        "the higher regex_priority",
        {"low": {"paths": ("~/a",)}, "high": {"paths": (r"~/\w",), "regex_priority": 5}},
        request("/a"),
        "high",
    ),
    (
        "a negative regex_priority comes last",
        {"low": {"paths": ("~/a",), "regex_priority": -1}, "high": {"paths": (r"~/\w",)}},
        request("/a"),
        "high",
    ),
    ("the older route", {"old": {"paths": ("/a",)}, "new": {"paths": ("/a",)}}, request("/a"), "old"),
    (
        "the older route by created_at",
        {"new": {"paths": ("/a",), "created_at": 2}, "old": {"paths": ("/a",), "created_at": 1}},
        request("/a"),
        "old",
    ),
    (
        "the next in order when a condition fails",
        {"post": {"paths": ("/a/b",), "methods": ("POST",)}, "any": {"paths": ("/a",)}},
        request("/a/b"),
        "any",
    ),
    (
        "a host route before one without",
        {"path": {"paths": ("/a/very/long/path",)}, "host": {"hosts": ("a.test",), "paths": ("/",)}},
        request("/a/very/long/path", host="a.test"),
        "host",
    ),
    (
        "each path of a route with its own priority",
        {"both": {"paths": ("/a", "~/zz")}, "long": {"paths": ("/a/b",)}},
        request("/a/b"),
        "long",
    ),
]


@pytest.mark.parametrize(
    ("routes", "asked", "expected"), [case[1:] for case in PRIORITY], ids=[case[0] for case in PRIORITY]
)
def test_among_matching_routes_wins(routes: dict[str, dict[str, Any]], asked: RequestHead, expected: str) -> None:
    assert winner(router(**routes), asked) == expected


def matched(table: RouteTable, asked: RequestHead) -> RouteMatch:
    match = table.match(asked)
    assert match is not None
    return match


def test_the_matched_prefix_is_stripped_and_told() -> None:
    match = matched(router(r={"paths": ("/a",)}), request("/a/b%2fc"))
    assert (match.upstream_path, match.prefix) == ("/b%2Fc", "/a")


def test_without_strip_path_nothing_is_told() -> None:
    match = matched(router(r={"paths": ("/a",), "strip_path": False}), request("/a/b"))
    assert (match.upstream_path, match.prefix) == ("/a/b", "")


def test_a_route_without_paths_strips_nothing() -> None:
    match = matched(router(r={"methods": ("GET",)}), request("/a/b"))
    assert (match.upstream_path, match.prefix) == ("/a/b", "")


def test_what_a_regex_matched_is_stripped_and_named_groups_are_captured() -> None:
    match = matched(router(r={"paths": (r"~/models/(?<model>[^/]+)(/(?<rest>zz))?",)}), request("/models/gpt-4/chat"))
    assert (match.upstream_path, match.prefix) == ("/chat", "/models/gpt-4")
    assert match.captures == {"model": "gpt-4"}


def test_named_groups_may_be_written_as_in_python() -> None:
    assert matched(router(r={"paths": (r"~/(?P<a>\w+)",)}), request("/x")).captures == {"a": "x"}


def test_a_plain_request_on_an_https_route_is_told_to_upgrade() -> None:
    refusal = matched(router(r={"paths": ("/a",), "protocols": ("https",)}), request("/a")).refusal
    assert isinstance(refusal, Deny)
    assert (refusal.status, refusal.code, refusal.message) == (426, "https_required", "Please use HTTPS protocol")
    assert dict(refusal.headers) == {b"connection": b"Upgrade", b"upgrade": b"TLS/1.2, HTTP/1.1"}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_or_redirected_to_the_same_place(status: int) -> None:
    table = router(r={"paths": ("/a",), "protocols": ("https",), "https_redirect_status_code": status})
    for path, query, location in (("/a/b", "x=1", b"/a/b?x=1"), ("/a//%41 b", "", b"/a//%41%20b")):
        refusal = matched(table, request(path, query=query, host="GATEWAY.test:8000")).refusal
        assert refusal == Answer(status, headers=((b"location", b"https://gateway.test" + location),))


def test_an_https_route_answers_over_tls_also_after_a_plain_request() -> None:
    table = router(r={"paths": ("/a",), "protocols": ("https",)})
    assert matched(table, request("/a")).refusal is not None
    assert matched(table, request("/a", sni="x")).refusal is None


def test_a_plain_route_also_answers_over_tls_as_in_kong() -> None:
    assert matched(router(r={"paths": ("/a",), "protocols": ("http",)}), request("/a", sni="x")).refusal is None


def test_remembered_results_depend_on_method_and_host() -> None:
    table = router(get={"paths": ("/a",), "methods": ("GET",)}, host={"paths": ("/a",), "hosts": ("b.test",)})
    for _ in range(2):
        assert winner(table, request("/a")) == "get"
        assert winner(table, request("/a", method="PUT")) is None
        assert winner(table, request("/a", method="PUT", host="b.test")) == "host"


def test_results_that_depend_on_headers_are_not_remembered() -> None:
    table = router(x={"headers": {"x": ("1",)}, "paths": ("/a",)}, any={"paths": ("/a",)})
    assert winner(table, request("/a", headers={"x": "1"})) == "x"
    assert winner(table, request("/a")) == "any"


def test_the_memory_of_results_is_bounded() -> None:
    table = router(r={"paths": ("/",)})
    for index in range(3 * MEMO_SIZE):
        assert winner(table, request(f"/{index}")) == "r"
    assert winner(table, request("/" + "a" * 10_000)) == "r"
    assert len(table._memo) <= MEMO_SIZE
    assert all(len(str(key)) <= 256 for key in table._memo)


def test_a_table_says_which_fields_its_routes_look_at() -> None:
    table = router(x={"headers": {"X-Kind": ("1",)}, "paths": ("/a",)}, any={"paths": ("/a",)})
    assert (table.looks_at(b"x-kind"), table.looks_at(b"content-length")) == (True, False)


def test_many_regexes_of_one_prefix_are_told_apart() -> None:
    fields = {f"r{index}": {"paths": (rf"~/(?<team>\w+)/{index}$",), "strip_path": False} for index in range(150)}
    table = router(**fields)
    for index in (0, 3, 64, 149):
        assert winner(table, request(f"/blue/{index}")) == f"r{index}"
    assert winner(table, request("/blue/150")) is None


def test_regexes_that_are_too_large_together_still_work() -> None:
    fields = {f"r{index}": {"paths": (rf"~/.*\pL{{40}}x{index}$",)} for index in range(12)}
    assert winner(router(**fields), request("/" + "a" * 45 + "x11")) == "r11"


@pytest.mark.parametrize("pattern", [r"~/(a+)+$", r"~/(a|a)*b", r"~/(.*)*\d", r"~/(\w+\s?)+$"])
def test_no_regex_can_explode(pattern: str) -> None:
    table = router(r={"paths": (pattern,)})
    started = time.perf_counter()
    table.match(request("/" + "a" * 50_000 + "!"))
    assert time.perf_counter() - started < 1  # backtracking would take longer than the universe has


WORDS = st.sampled_from(["a", "b", "ab", "chat", "v1"])
PATTERNS = st.lists(WORDS, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
ROUTES = st.fixed_dictionaries(
    {},
    optional={
        "paths": st.lists(PATTERNS | PATTERNS.map(lambda path: "~" + path), min_size=1, max_size=2).map(tuple),
        "hosts": st.lists(st.sampled_from(["a.test", "*.test", "a.*"]), min_size=1, max_size=2).map(tuple),
        "methods": st.lists(st.sampled_from(["GET", "POST"]), min_size=1, max_size=2).map(tuple),
        "headers": st.just({"x": ("1",)}),
    },
)


def in_kongs_order(fields: dict[str, Any], position: int, path: str | None) -> tuple[int, ...]:
    hosts, is_regex = fields.get("hosts", ()), path is not None and path.startswith("~")
    plain = bool(hosts) and not any("*" in host for host in hosts)
    length = 0 if path is None or is_regex else len(path)
    return (-len(fields), -int(plain), -len(fields.get("headers", ())), -int(is_regex), -length, position)


def holds(fields: dict[str, Any], path: str | None, asked: RequestHead) -> bool:
    host = (asked.headers.get(b"host") or b"").decode()
    patterns = fields.get("hosts", (host,))
    fits_host = any(
        host == one or (one[0] == "*" and host.endswith(one[1:])) or (one[-1] == "*" and host.startswith(one[:-1]))
        for one in patterns
    )
    fits_path = path is None or asked.path.startswith(path.removeprefix("~"))
    fits_method = asked.method in fields.get("methods", (asked.method,))
    return fits_host and fits_path and fits_method and ("headers" not in fields or asked.headers.get(b"x") == b"1")


@settings(max_examples=300)
@given(
    st.lists(ROUTES, min_size=1, max_size=12),
    PATTERNS,
    st.sampled_from(["GET", "POST"]),
    st.sampled_from(["a.test", "b.test", "c.org"]),
    st.booleans(),
)
def test_the_tables_find_what_a_look_at_every_route_would(
    routes: list[dict[str, Any]], path: str, method: str, host: str, has_header: bool
) -> None:
    asked = request(path, method, host, {"x": "1"} if has_header else None)
    candidates = sorted(
        (in_kongs_order(fields, position, one), position)
        for position, fields in enumerate(routes)
        for one in fields.get("paths", (None,))
        if holds(fields, one, asked)
    )
    expected = f"r{candidates[0][1]}" if candidates else None
    table = router(**{f"r{position}": fields for position, fields in enumerate(routes)})
    assert winner(table, asked) == expected
    assert winner(table, asked) == expected
