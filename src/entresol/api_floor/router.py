"""Finds the route of a request by Kong's `traditional_compatible` rules, without looking at every route.

A route becomes candidates, one for each of its (host, path) pairs; all candidates have one order: Kong's 64-bit
priority, then the older route. Tables keyed by host and path prefix give the few candidates that can match; of these
the first in that order whose remaining conditions hold takes the request.

As in Kong, `protocols` does not take part: a plain request on an https-only route is matched, so that it can be
redirected; its match says so in `refusal`.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from entresol.api_floor.entities import Route
from entresol.api_floor.plan import NO_CAPTURES, CompiledRoute, RouteMatch, Router
from entresol.api_floor.route_candidates import Candidate, PathTable, candidates_of
from entresol.core.decision import Answer, Deny, Outcome
from entresol.core.http import RequestHead
from entresol.core.uri import escape_path, normalise_path

MEMO_SIZE: Final = 1024
MEMO_PATH_LENGTH: Final = 256


class RouteTable(Router):
    """The router of one plan. Results are remembered where method, host and path decide alone."""

    def __init__(self, routes: Sequence[CompiledRoute]) -> None:
        candidates = sorted(
            (candidate for position, route in enumerate(routes) for candidate in candidates_of(route, position)),
            key=lambda candidate: candidate.order,
        )
        for rank, candidate in enumerate(candidates):
            candidate.rank = rank
        self._hosts = _tables(candidates)
        self._any_host = PathTable(candidate for candidate in candidates if candidate.host is None)
        self._suffixes = frozenset(key for key in self._hosts if key.startswith("."))
        self._prefixes = frozenset(key for key in self._hosts if key.endswith("."))
        self._uses_methods = any(candidate.conditions.methods for candidate in candidates)
        self._remembers = not any(candidate.conditions.beyond_method for candidate in candidates)
        self._path_decides = not self._hosts and not self._uses_methods
        self._fields = frozenset([field for candidate in candidates for field in candidate.conditions.field_names])
        self._memo: dict[object, RouteMatch] = {}

    def match(self, request: RequestHead) -> RouteMatch | None:
        """The route that takes the request, or None; with a refusal when the request should have come over TLS."""
        match = self._remembered(request)
        if match is not None and match.route.https_only and request.connection.tls is None:
            refusal = _towards_https(match.route.entity, request)
            return RouteMatch(match.route, match.upstream_path, match.prefix, match.captures, refusal)
        return match

    def looks_at(self, field: bytes) -> bool:
        """Whether a route has conditions on the header field (lower-case)."""
        return field in self._fields

    def _remembered(self, request: RequestHead) -> RouteMatch | None:
        path = request.path
        host = request.headers.get(b"host") if self._hosts else None
        if not self._remembers or len(path) > MEMO_PATH_LENGTH:
            return self._find(request, host)
        key: object = path if self._path_decides else (request.method if self._uses_methods else "", host, path)
        match = self._memo.get(key)
        if match is None:
            match = self._find(request, host)
            if match is not None:
                if len(self._memo) >= MEMO_SIZE:
                    self._memo.clear()
                self._memo[key] = match
        return match

    def _find(self, request: RequestHead, host: bytes | None) -> RouteMatch | None:
        path = normalise_path(request.path)
        port = 0
        best = None
        if host is not None:
            name, port = _split_host(host)
            for table in self._tables_of(name):
                best = table.first(path, request, port, best)
        best = self._any_host.first(path, request, port, best)
        return None if best is None else self._result(best, path)

    def _tables_of(self, name: str) -> Iterable[PathTable]:
        hosts = self._hosts
        if name in hosts:
            yield hosts[name]
        if self._suffixes or self._prefixes:
            dot = name.find(".")
            while dot >= 0:
                if name[dot:] in self._suffixes:
                    yield hosts[name[dot:]]
                if name[: dot + 1] in self._prefixes:
                    yield hosts[name[: dot + 1]]
                dot = name.find(".", dot + 1)

    def _result(self, candidate: Candidate, path: str) -> RouteMatch:
        route = candidate.route
        if candidate.expression is None:
            matched, captures = candidate.length, NO_CAPTURES
        else:
            matched, captures = candidate.expression.extent(path)
        return RouteMatch(
            route=route,
            upstream_path=candidate.build(path, matched),
            prefix=path[:matched] if route.entity.strip_path and candidate.prefix is not None else "",
            captures=captures,
        )


def _tables(candidates: Sequence[Candidate]) -> dict[str, PathTable]:
    by_host: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        if candidate.host is not None:
            by_host.setdefault(candidate.host, []).append(candidate)
    return {host: PathTable(own) for host, own in by_host.items()}


def _towards_https(route: Route, request: RequestHead) -> Outcome:
    """426 or a redirect to the same place (Kong: `https_redirect_status_code`)."""
    host = request.headers.get(b"host")
    if route.https_redirect_status_code == 426 or not host:
        upgrade = ((b"connection", b"Upgrade"), (b"upgrade", b"TLS/1.2, HTTP/1.1"))
        return Deny(426, "https_required", "Please use HTTPS protocol", headers=upgrade)
    target = escape_path(request.path) + request.query_part
    name = _split_host(host)[0]  # the port was that of the plain listener
    location = f"https://{name}{target}".encode("ascii", "ignore")
    return Answer(route.https_redirect_status_code, headers=((b"location", location),))


def _split_host(host: bytes) -> tuple[str, int]:
    """Name in lower case and port; 0 where the client named none."""
    name = host.decode("latin-1").lower()
    head, separator, digits = name.rpartition(":")
    if separator and digits.isascii() and digits.isdigit() and len(digits) <= 5:
        return head.removesuffix("."), int(digits)
    return name.removesuffix("."), 0
