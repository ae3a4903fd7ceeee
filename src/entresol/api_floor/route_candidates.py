"""The pieces a route is matched by, their order, and the tables that find them by path."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from entresol.api_floor.entities import Route
from entresol.api_floor.plan import CompiledRoute
from entresol.core.http import RequestHead

MAX_HEADER_COUNT: Final = 255
SET_SIZE: Final = 64
"""Regular expressions that RE2 tries in one pass; larger sets may outgrow its memory limit."""


class Conditions:
    """What a request must fulfil besides host and path."""

    __slots__ = ("beyond_method", "headers", "methods", "port", "snis")

    def __init__(self, route: Route, port: int | None) -> None:
        self.methods = frozenset(route.methods or ())
        self.snis = frozenset(name.removesuffix(".").lower() for name in route.snis or ())
        self.headers = tuple(HeaderCondition(name, values) for name, values in (route.headers or {}).items())
        self.port = port
        self.beyond_method = bool(self.snis or self.headers or port is not None)

    def hold(self, request: RequestHead, port: int) -> bool:
        """Whether the request fulfils them; `port` is what the client addressed."""
        if self.methods and request.method not in self.methods:
            return False
        if not self.beyond_method:
            return True
        if self.port is not None and self.port != port:
            return False
        tls = request.connection.tls
        if self.snis and tls is not None and (tls.server_name or "").removesuffix(".").lower() not in self.snis:
            return False
        return all(condition.holds(request) for condition in self.headers)


class HeaderCondition:
    """One of the values of a header must be one of these, or match one of the expressions."""

    __slots__ = ("expressions", "name", "values")

    def __init__(self, name: str, values: tuple[str, ...]) -> None:
        self.name = name.lower().encode("ascii")
        self.values = frozenset(value.lower() for value in values if not value.startswith("~*"))
        self.expressions = tuple(_compiled(value[2:].lower()) for value in values if value.startswith("~*"))

    def holds(self, request: RequestHead) -> bool:
        """Compares in lower case."""
        for raw in request.headers.get_all(self.name):
            value = raw.decode("utf-8", "replace").lower()
            if value in self.values or any(expression.search(value) for expression in self.expressions):
                return True
        return False


class Candidate:
    """One (host, path) pair of a route."""

    __slots__ = ("conditions", "expression", "host", "is_simple", "order", "prefix", "rank", "route")

    def __init__(self, route: CompiledRoute, host: str | None, path: str | None, conditions: Conditions) -> None:
        self.route = route
        self.host = host
        """As a key: a name, `.suffix` for `*.suffix`, `prefix.` for `prefix.*`; None for any."""
        self.prefix = path if path is not None and not path.startswith("~") else None
        self.expression = _compiled(path[1:]) if path is not None and path.startswith("~") else None
        self.conditions = conditions
        self.is_simple = not (conditions.methods or conditions.beyond_method)
        self.order: tuple[int, ...] = ()
        self.rank = 0
        """Place in the order of all candidates, 0 first."""

    @property
    def is_pathless(self) -> bool:
        """True when any path will do."""
        return self.prefix is None and self.expression is None

    def extent(self, path: str) -> tuple[int, Mapping[str, str]]:
        """How much of a matching path it covers, and the named captures."""
        if self.prefix is not None:
            return len(self.prefix), {}
        if self.expression is None:
            return 1, {}  # as if it had the path `/`
        found = self.expression.match(path)
        return found.end(), {name: value for name, value in found.groupdict().items() if value is not None}


def candidates_of(route: CompiledRoute, position: int) -> Iterator[Candidate]:
    """The candidates of a route; `position` says how old it is among routes without `created_at`."""
    entity = route.entity
    age = entity.created_at or 0
    for host in entity.hosts or (None,):
        key, port = (None, None) if host is None else _host_key(host)
        conditions = Conditions(entity, port)
        for index, path in enumerate(entity.paths or (None,)):
            candidate = Candidate(route, key, path, conditions)
            candidate.order = (*(-rank for rank in priority_of(entity, path)), age, position, index)
            yield candidate


def priority_of(route: Route, path: str | None) -> tuple[int, ...]:
    """Kong's priority of a route with one of its paths, most significant part first, higher wins.

    How many kinds of conditions; hosts without wildcard; number of headers; regex path; `regex_priority`; length of
    the prefix (the bit fields of kong/router/transform.lua).
    """
    kinds = sum(map(bool, (route.methods, route.hosts, route.headers, route.snis, route.paths)))
    plain_hosts = bool(route.hosts) and not any("*" in host for host in route.hosts or ())
    headers = min(len(route.headers or ()), MAX_HEADER_COUNT)
    is_regex = path is not None and path.startswith("~")
    prefix_length = 0 if path is None or is_regex else len(path)
    return kinds, int(plain_hosts), headers, int(is_regex), route.regex_priority if is_regex else 0, prefix_length


def _host_key(host: str) -> tuple[str, int | None]:
    name, separator, port = host.lower().rpartition(":")
    if not separator or host.endswith("]"):
        name, port = host.lower(), ""
    key = name.removeprefix("*") if name.startswith("*.") else name.removesuffix("*")
    return key, int(port) if port else None


class PathTable:
    """Candidates of one host by path."""

    __slots__ = ("_by_prefix", "_expressions", "_lengths", "_lengths_below", "_pathless")

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        by_prefix: dict[str, list[Candidate]] = {}
        expressions: list[Candidate] = []
        pathless: list[Candidate] = []
        for candidate in candidates:
            if candidate.prefix is not None:
                by_prefix.setdefault(candidate.prefix, []).append(candidate)
            else:
                (pathless if candidate.expression is None else expressions).append(candidate)
        self._by_prefix = {prefix: tuple(own) for prefix, own in by_prefix.items()}
        self._lengths, self._lengths_below = _lengths_of(by_prefix)
        self._expressions = tuple(
            ExpressionTable(tuple(expressions[start : start + SET_SIZE]))
            for start in range(0, len(expressions), SET_SIZE)
        )
        self._pathless = tuple(pathless)

    def first(self, path: str, request: RequestHead, port: int, best: Candidate | None) -> Candidate | None:
        """The first candidate in order that matches, if it comes before `best`; else `best`."""
        by_prefix = self._by_prefix
        for length in self._lengths:
            bucket = by_prefix.get(path[:length])
            if bucket is not None:
                best = _first(bucket, request, port, best)
        if self._lengths_below:
            slash = path.find("/", 1)
            if slash > 0:
                for length in self._lengths_below.get(path[: slash + 1], ()):
                    bucket = by_prefix.get(path[:length])
                    if bucket is not None:
                        best = _first(bucket, request, port, best)
        for expressions in self._expressions:
            best = expressions.first(path, request, port, best)
        return _first(self._pathless, request, port, best) if self._pathless else best


def _lengths_of(prefixes: Iterable[str]) -> tuple[tuple[int, ...], dict[str, tuple[int, ...]]]:
    """The lengths to try: of prefixes within the first segment, and of longer ones by that segment."""
    short: set[int] = set()
    below: dict[str, set[int]] = {}
    for prefix in prefixes:
        slash = prefix.find("/", 1)
        if slash < 0:
            short.add(len(prefix))
        else:
            below.setdefault(prefix[: slash + 1], set()).add(len(prefix))
    longest_first = {segment: tuple(sorted(own, reverse=True)) for segment, own in below.items()}
    return tuple(sorted(short, reverse=True)), longest_first


def _first(bucket: tuple[Candidate, ...], request: RequestHead, port: int, best: Candidate | None) -> Candidate | None:
    for candidate in bucket:
        if best is not None and best.rank < candidate.rank:
            return best
        if candidate.is_simple or candidate.conditions.hold(request, port):
            return candidate
    return best


class ExpressionTable:
    """Candidates with regular expressions; RE2 tries them all in one pass over the path."""

    __slots__ = ("_candidates", "_set")

    def __init__(self, candidates: tuple[Candidate, ...]) -> None:
        import re2

        self._candidates = candidates
        self._set = re2.Set.MatchSet(_options())
        for candidate in candidates:
            self._set.Add(candidate.expression.pattern)  # type: ignore[union-attr]
        self._set.Compile()

    def first(self, path: str, request: RequestHead, port: int, best: Candidate | None) -> Candidate | None:
        """See `PathTable.first`."""
        matching = tuple(self._candidates[index] for index in sorted(self._set.Match(path)))
        return _first(matching, request, port, best)


def _options() -> Any:
    import re2

    options = re2.Options()
    options.log_errors = False
    return options


def _compiled(pattern: str) -> Any:
    """An RE2 pattern; `entity_rules.regex_problem` has accepted it."""
    import re2

    return re2.compile(pattern, _options())
