"""The pieces a route is matched by, their order, and the tables that find them by path."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from entresol.api_floor.entities import Route
from entresol.api_floor.path_handling import path_builder
from entresol.api_floor.plan import CompiledRoute
from entresol.core.http import RequestHead

MAX_HEADER_COUNT: Final = 255
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
FEW_EXPRESSIONS: Final = 4
SET_SIZE: Final = 64
"""Regular expressions that RE2 tries in one pass; larger sets outgrow its memory limit sooner."""


class Conditions:
    """What a request must fulfil besides host and path."""

    __slots__ = ("beyond_method", "headers", "methods", "port", "snis")

    def __init__(self, route: Route, port: int | None) -> None:
        self.methods = frozenset(route.methods or ())
        self.snis = None if not route.snis else ServerNames(route.snis)
        self.headers = tuple(HeaderCondition(name, values) for name, values in (route.headers or {}).items())
        self.port = port
        self.beyond_method = bool(self.snis is not None or self.headers or port is not None)

    def hold(self, request: RequestHead, port: int) -> bool:
        """Whether the request fulfils them; `port` is what its Host says, 0 if it says none."""
        if self.methods and request.method not in self.methods:
            return False
        if not self.beyond_method:
            return True
        if self.port is not None and self.port not in ((port,) if port else _ports_of(request)):
            return False
        tls = request.connection.tls
        if self.snis is not None and tls is not None and not self.snis.hold((tls.server_name or "").lower()):
            return False
        return all(condition.holds(request) for condition in self.headers)

    @property
    def field_names(self) -> list[bytes]:
        """The header fields there are conditions on, lower-case."""
        return [condition.name for condition in self.headers]


def _ports_of(request: RequestHead) -> tuple[int, int]:
    """The ports that a request without one may be for: the scheme's, and the one it came in on (as in Kong)."""
    connection = request.connection
    return _DEFAULT_PORTS[connection.scheme], connection.local_port


class ServerNames:
    """The names a client may have asked for in TLS; a `*` at one end stands for anything."""

    __slots__ = ("_names", "_prefixes", "_suffixes")

    def __init__(self, patterns: Iterable[str]) -> None:
        names = [pattern.lower().removesuffix(".") for pattern in patterns]
        self._names = frozenset([name for name in names if "*" not in name])
        self._suffixes = tuple([name[1:] for name in names if name.startswith("*")])
        self._prefixes = tuple([name[:-1] for name in names if name.endswith("*")])

    def hold(self, name: str) -> bool:
        """Whether a name in lower case is one of them; a trailing dot does not count."""
        name = name.removesuffix(".")
        return name in self._names or name.endswith(self._suffixes) or name.startswith(self._prefixes)


class HeaderCondition:
    """One of the values of a header must be one of these, or match one of the expressions."""

    __slots__ = ("expressions", "name", "values")

    def __init__(self, name: str, values: tuple[str, ...]) -> None:
        self.name = name.lower().encode("ascii")
        self.values = frozenset(value.lower() for value in values if not value.startswith("~*"))
        self.expressions = tuple(compiled(value[2:].lower()) for value in values if value.startswith("~*"))

    def holds(self, request: RequestHead) -> bool:
        """Compares in lower case."""
        for raw in request.headers.get_all(self.name):
            value = raw.decode("utf-8", "replace").lower()
            if value in self.values or any(expression.search(value) for expression in self.expressions):
                return True
        return False


class Expression:
    """A regular expression over normalised paths, anchored at their start. Such paths are ASCII, so bytes will do."""

    __slots__ = ("_compiled", "_names", "_source", "prefix")

    def __init__(self, pattern: str) -> None:
        self._source = b"^(?:" + pattern.encode() + b")"
        self._compiled = compiled(self._source)
        self._names = tuple((name.decode(), index) for name, index in self._compiled.groupindex.items())
        self.prefix = _literal_prefix(self._compiled)
        """What every match starts with, as far as RE2 can tell."""

    def matches(self, path: str) -> bool:
        """Whether the start of the path matches."""
        return self._compiled.match(path.encode("ascii", "replace")) is not None

    def extent(self, path: str) -> tuple[int, Mapping[str, str]]:
        """How much of a matching path is matched, and the named groups that took part."""
        found = self._compiled.match(path.encode("ascii", "replace"))
        captures = {name: found.group(index) for name, index in self._names}
        return found.end(), {name: value.decode() for name, value in captures.items() if value is not None}

    def add_to(self, expressions: Any) -> None:
        """Make it part of an RE2 set."""
        expressions.Add(self._source)


def _literal_prefix(pattern: Any) -> str:
    import re2

    try:
        least, most = pattern.possiblematchrange(64)
    except re2.error:  # such as a pattern that starts with `.*`
        return ""
    length = next((at for at, pair in enumerate(zip(least, most, strict=False)) if pair[0] != pair[1]), len(least))
    prefix: bytes = least[:length]
    return prefix.decode() if prefix.isascii() else ""


class Candidate:
    """One (host, path) pair of a route."""

    __slots__ = ("build", "conditions", "expression", "host", "is_simple", "length", "order", "prefix", "rank", "route")

    def __init__(self, route: CompiledRoute, host: str | None, path: str | None, conditions: Conditions) -> None:
        self.route = route
        self.host = host
        """As a key: a name, `.suffix` for `*.suffix`, `prefix.` for `prefix.*`; None for any."""
        self.expression = Expression(path[1:]) if path is not None and path.startswith("~") else None
        self.prefix = path if self.expression is None else self.expression.prefix
        """What a path has to start with; None when the route has no paths."""
        self.length = 1 if self.prefix is None else len(self.prefix)
        """How much of the path is matched, unless an expression says; without paths it is as with the path `/`."""
        service_path = "/" if route.service is None else route.service.path
        self.build = path_builder(service_path, route.entity.strip_path, route.entity.path_handling)
        self.conditions = conditions
        self.is_simple = self.expression is None and not (conditions.methods or conditions.beyond_method)
        self.order: tuple[int, ...] = ()
        self.rank = 0
        """Place in the order of all candidates, 0 first."""

    def takes(self, path: str, request: RequestHead, port: int) -> bool:
        """Whether everything holds besides host and prefix."""
        return self.conditions.hold(request, port) and (self.expression is None or self.expression.matches(path))


def candidates_of(route: CompiledRoute, position: int) -> Iterator[Candidate]:
    """The candidates of a route; `position` says how old it is among routes without `created_at`.

    Of equal ones, those for one port come first.
    """
    entity = route.entity
    age = entity.created_at or 0
    for host in entity.hosts or (None,):
        key, port = (None, None) if host is None else _host_key(host)
        conditions = Conditions(entity, port)
        for index, path in enumerate(entity.paths or (None,)):
            candidate = Candidate(route, key, path, conditions)
            candidate.order = (*(-rank for rank in priority_of(entity, path)), int(port is None), age, position, index)
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

    __slots__ = ("_buckets", "_lengths", "_lengths_below", "_pathless")

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        by_prefix: dict[str, list[Candidate]] = {}
        pathless: list[Candidate] = []
        for candidate in candidates:
            if candidate.prefix is None:
                pathless.append(candidate)
            else:
                by_prefix.setdefault(candidate.prefix, []).append(candidate)
        self._buckets = {prefix: Bucket(own) for prefix, own in by_prefix.items()}
        self._lengths, self._lengths_below = _lengths_of(by_prefix)
        self._pathless = Bucket(pathless)

    def first(self, path: str, request: RequestHead, port: int, best: Candidate | None) -> Candidate | None:
        """The first candidate in order that matches, if it comes before `best`; else `best`."""
        buckets = self._buckets
        for length in self._lengths:
            bucket = buckets.get(path[:length])
            if bucket is not None:
                best = bucket.first(path, request, port, best)
        if self._lengths_below:
            slash = path.find("/", 1)
            if slash > 0:
                for length in self._lengths_below.get(path[: slash + 1], ()):
                    bucket = buckets.get(path[:length])
                    if bucket is not None:
                        best = bucket.first(path, request, port, best)
        return self._pathless.first(path, request, port, best)


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


class Bucket:
    """Candidates with one prefix, in order. Many expressions are tried by RE2 in one pass, a few one by one."""

    __slots__ = ("_candidates", "_sets")

    def __init__(self, candidates: list[Candidate]) -> None:
        expressions = [candidate for candidate in candidates if candidate.expression is not None]
        self._sets: tuple[ExpressionSet, ...] = ()
        if len(expressions) > FEW_EXPRESSIONS:
            candidates = [candidate for candidate in candidates if candidate.expression is None]
            starts = range(0, len(expressions), SET_SIZE)
            self._sets = tuple(ExpressionSet(expressions[start : start + SET_SIZE]) for start in starts)
        self._candidates = tuple(candidates)

    def first(self, path: str, request: RequestHead, port: int, best: Candidate | None) -> Candidate | None:
        """See `PathTable.first`."""
        for candidate in self._candidates:
            if best is not None and best.rank < candidate.rank:
                break
            if candidate.is_simple or candidate.takes(path, request, port):
                best = candidate
                break
        for expressions in self._sets:
            best = expressions.first(path, request, port, best)
        return best


class ExpressionSet:
    """Candidates with expressions of one prefix."""

    __slots__ = ("_candidates", "_set")

    def __init__(self, candidates: list[Candidate]) -> None:
        self._candidates = candidates
        self._set = _set_of([candidate.expression for candidate in candidates if candidate.expression is not None])

    def first(self, path: str, request: RequestHead, port: int, best: Candidate | None) -> Candidate | None:
        """See `PathTable.first`."""
        if self._set is None:
            places: Iterable[int] = range(len(self._candidates))
        else:
            places = sorted(self._set.Match(path.encode("ascii", "replace")) or ())
        for place in places:
            candidate = self._candidates[place]
            if best is not None and best.rank < candidate.rank:
                break
            if candidate.takes(path, request, port):
                return candidate
        return best


def _set_of(expressions: Iterable[Expression]) -> Any:
    """The RE2 set of some expressions, or None when together they need more memory than RE2 allows."""
    import re2

    expression_set = re2.Set.MatchSet(options())
    for expression in expressions:
        expression.add_to(expression_set)
    try:
        expression_set.Compile()
    except re2.error:
        return None
    return expression_set


def options() -> Any:
    """RE2 options that keep it from writing to the standard error stream."""
    import re2

    quiet = re2.Options()
    quiet.log_errors = False
    return quiet


def compiled(pattern: str | bytes) -> Any:
    """An RE2 pattern; `entity_rules.regex_problem` has accepted it."""
    import re2

    return re2.compile(pattern, options())
