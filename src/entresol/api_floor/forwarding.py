"""What goes on to the upstream and what comes back: end-to-end fields only, identity fields only from us."""

from typing import Final

from entresol.api_floor.exchange import Exchange
from entresol.api_floor.log_fields import SECRET_HEADERS
from entresol.api_floor.plan import RouteMatch
from entresol.core.http import HOP_BY_HOP, HeaderPairs, Headers, Origin, RequestHead, Timeouts, UpstreamRequest

IDENTITY_FIELDS: Final = frozenset(
    (
        b"x-consumer-id",
        b"x-consumer-username",
        b"x-consumer-custom-id",
        b"x-credential-identifier",
        b"x-anonymous-consumer",
        b"x-consumer-groups",
        b"x-authenticated-groups",
    )
)
"""Fields by which we tell an upstream who calls; a client's own copies are removed, or it could be anyone."""


def _spellings(names: frozenset[bytes]) -> frozenset[bytes]:
    """The names, and each with any of its `-` as `_`: upstreams of the CGI kind (RFC 3875 §4.1.18), WSGI among them,
    do not tell `X_Consumer_Id` from `X-Consumer-Id`."""
    found: set[bytes] = set()
    for name in names:
        first, *rest = name.split(b"-")
        spelled = [first]
        for word in rest:
            spelled = [begun + mark + word for begun in spelled for mark in (b"-", b"_")]
        found.update(spelled)
    return frozenset(found)


_NOT_FORWARDED: Final = _spellings(
    HOP_BY_HOP
    | IDENTITY_FIELDS
    | {
        b"host",
        b"content-length",
        b"expect",
        b"x-real-ip",
        b"x-forwarded-for",
        b"x-forwarded-proto",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-path",
        b"x-forwarded-prefix",
    }
)
_NOT_IN_TRAILERS: Final = _NOT_FORWARDED | _spellings(SECRET_HEADERS)
_NOWHERE: Final = Origin("http", "", 0)
_DEFAULT_TIMEOUTS: Final = Timeouts()
_NOT_RETURNED: Final = HOP_BY_HOP | {b"content-length"}
_PLAIN_CONNECTION: Final = frozenset((b"keep-alive", b"close", b"Keep-Alive", b"Close"))


def build_upstream_request(exchange: Exchange, match: RouteMatch) -> UpstreamRequest | None:
    """The request for the service of the matched route; None when the route has no service."""
    service = match.route.service
    if service is None:
        return None
    request = exchange.request
    headers = request.headers
    host = headers.get(b"host") or b""
    pairs = _forwarded(headers)
    _add_forwarded_fields(pairs, request, host, match.prefix)
    return UpstreamRequest(
        service.origin,
        request.method,
        _target(request, match),
        Headers(pairs),
        host.decode("latin-1") if host and match.route.preserve_host else service.origin.authority,
        service.timeouts,
        headers.get(b"upgrade") if request.upgrade else None,
    )


def announce_length(upstream: UpstreamRequest, request: RequestHead) -> None:
    """For a body that goes on as it comes: its size, if the client told it. Not every upstream takes chunked coding."""
    length = request.headers.get(b"content-length")
    if length is not None:
        upstream.headers.set(b"content-length", length)


def build_redirected_request(exchange: Exchange, match: RouteMatch) -> UpstreamRequest:
    """The request where a plugin says in `access` where it goes: what of the client's may go along. The service, if
    there is one, has its say on clocks and TLS."""
    request, service = exchange.request, match.route.service
    return UpstreamRequest(
        _NOWHERE if service is None else service.origin,
        request.method,
        _target(request, match),
        Headers(_forwarded(request.headers)),
        "",
        _DEFAULT_TIMEOUTS if service is None else service.timeouts,
    )


def copied(upstream: UpstreamRequest) -> UpstreamRequest:
    """The same request once more, to be changed independently."""
    return UpstreamRequest(
        upstream.origin,
        upstream.method,
        upstream.target,
        Headers(upstream.headers.pairs.copy()),
        upstream.host,
        upstream.timeouts,
        upstream.upgrade,
    )


def end_to_end_fields(headers: Headers) -> HeaderPairs:
    """The fields of an upstream's interim response that go on to the client."""
    return _end_to_end(headers, _NOT_RETURNED)


def trailer_fields(trailers: HeaderPairs) -> HeaderPairs:
    """Trailers that may be passed on (RFC 9110 §6.5.1): none that frame, route or authenticate."""
    return [pair for pair in trailers if pair[0] not in _NOT_IN_TRAILERS]


def _target(request: RequestHead, match: RouteMatch) -> str:
    return match.upstream_path + request.query_part


def _forwarded(headers: Headers) -> HeaderPairs:
    return _end_to_end(headers, _NOT_FORWARDED)


def _end_to_end(headers: Headers, dropped: frozenset[bytes]) -> HeaderPairs:
    naming = [value for value in headers.get_all(b"connection") if value not in _PLAIN_CONNECTION]
    if naming:
        dropped = dropped | {option.strip().lower() for value in naming for option in value.split(b",")}
    return [pair for pair in headers.pairs if pair[0] not in dropped]


def _add_forwarded_fields(pairs: HeaderPairs, request: RequestHead, host: bytes, prefix: str) -> None:
    """Kong's X-Forwarded fields. No sender is trusted, so only the chain of addresses is kept, and extended."""
    same = request.connection.forwarded_fields
    address = same[0][1]
    chain = request.headers.get_all(b"x-forwarded-for")
    pairs += same
    pairs.append((b"x-forwarded-for", b", ".join([*chain, address]) if chain else address))
    pairs.append((b"x-forwarded-host", _name_of(host)))
    pairs.append((b"x-forwarded-path", request.path.encode("latin-1")))
    if prefix and prefix != "/":  # nothing is in front of what the upstream sees
        pairs.append((b"x-forwarded-prefix", prefix.encode("latin-1")))


def _name_of(host: bytes) -> bytes:
    """A Host without its port, which X-Forwarded-Port tells, in lower case."""
    name, colon, port = host.rpartition(b":")
    return name.lower() if colon and (port.isdigit() or not port) else host.lower()
