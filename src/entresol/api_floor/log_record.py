"""Kong's log record: what every log plugin writes about a request, as one JSON object.

Names and units are Kong's (Gateway 3.15): latencies in whole milliseconds, `started_at` in milliseconds since the
epoch. Ours beside them: `error`, `correlation_id`, `request.version`. Values of fields that hold credentials are
`REDACTED`, wherever they would appear. See docs/reference/log-record.md.
"""

import functools
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from entresol.api_floor.ai_slots import AI_LOG_STATISTICS, AI_META, AI_PAYLOAD, AI_USAGE, AiMeta, AiPayload, AiUsage
from entresol.api_floor.entities import Consumer
from entresol.api_floor.exchange import Exchange, Times
from entresol.api_floor.log_slots import ALWAYS_SECRET, CORRELATION_ID, SECRET_NAMES
from entresol.api_floor.plan import CompiledRoute
from entresol.core.errors import UpstreamError
from entresol.core.http import HeaderPairs, TlsInfo
from entresol.policy.request_fields import query_values, with_parameters_masked

REDACTED: Final = "REDACTED"
SECRET_HEADERS: Final = frozenset((b"authorization", b"proxy-authorization", b"cookie", b"set-cookie")) | {
    name.encode("ascii") for name in ALWAYS_SECRET
}
"""Never logged, whether or not a plugin says that they held a credential."""
SECRET_PARAMETERS: Final = ALWAYS_SECRET | {"access_token", "api_key", "key", "token"}
_NONE: Final[frozenset[str]] = frozenset()

_encode = msgspec.json.Encoder().encode
_encode_into = msgspec.json.Encoder().encode_into

# What the same few of are seen again and again is made once; the tables are emptied when they are full.
_routes: dict[str, tuple[CompiledRoute, Raw, Raw | UnsetType]] = {}  # by id; one that was changed is another object
_consumers: dict[str, tuple[Consumer, Raw]] = {}
_hosts: dict[str, str] = {}
_names: dict[bytes, str] = {}
_NO_ROUTE: Final = (UNSET, UNSET)
_MAX_ENTITIES: Final = 10_000
_MAX_TEXTS: Final = 1_000


class _Part(msgspec.Struct, gc=False):
    """An object in the record. Unset fields are left out."""


class _Request(_Part):
    id: str
    method: str
    uri: str
    url: str
    querystring: dict[str, Any]
    headers: dict[str, Any]
    size: int
    version: str
    tls: "dict[str, str] | UnsetType" = UNSET


class _Response(_Part):
    status: int
    headers: dict[str, Any]
    size: int


class _Latencies(_Part):
    request: int
    kong: int
    proxy: int
    receive: int


class _Try(_Part):
    balancer_start: int
    ip: str
    port: int
    state: str | UnsetType = UNSET
    code: int | UnsetType = UNSET


class _Authenticated(_Part):
    id: str
    consumer_id: str


class _Fault(_Part):
    code: str
    message: str | UnsetType = UNSET


class _Call(_Part):
    meta: AiMeta | UnsetType = UNSET
    usage: AiUsage | UnsetType = UNSET
    payload: AiPayload | UnsetType = UNSET


class _Ai(_Part):
    proxy: _Call


class LogRecord(_Part):
    """The record; typed parts, because they encode in half the time of dicts."""

    request: _Request
    response: _Response
    latencies: _Latencies
    tries: tuple[_Try, ...]
    client_ip: str
    started_at: int
    source: str
    workspace_name: str
    upstream_uri: str | UnsetType
    upstream_status: str | UnsetType
    route: Raw | UnsetType
    service: Raw | UnsetType
    consumer: Raw | UnsetType
    authenticated_entity: _Authenticated | UnsetType
    correlation_id: str | UnsetType
    error: _Fault | UnsetType
    ai: _Ai | UnsetType


def log_line(exchange: Exchange, buffer: bytearray) -> bytes:
    """The record as JSON on one line, without a newline at the end.

    `buffer` is written over: a new one for each line would have to grow, which takes a fifth of the time.
    """
    _encode_into(log_record(exchange), buffer)
    return bytes(buffer)


def log_record(exchange: Exchange) -> LogRecord:
    """The record. Encode it at once: it holds parts of the exchange, not copies."""
    secrets = exchange.get(SECRET_NAMES) or _NONE
    hidden = SECRET_HEADERS if secrets is _NONE else _hidden_fields(secrets)
    response, upstream, match = exchange.response, exchange.upstream, exchange.match
    consumer, credential, meta = exchange.consumer, exchange.credential, exchange.get(AI_META)
    error, correlation_id = exchange.error, exchange.get(CORRELATION_ID)
    route, service = _NO_ROUTE if match is None else _route(match.route)
    return LogRecord(
        _request(exchange, secrets, hidden),
        _Response(
            # Without an answer, what the fault would have been answered with (499: the client went away).
            response.status if response is not None else 0 if error is None else error.status,
            {} if response is None else shown_headers(response.headers.pairs, hidden),
            exchange.response_bytes,
        ),
        _latencies(exchange.times),
        _tries(exchange),
        exchange.client_ip,
        int(exchange.started_at * 1000),
        exchange.source,
        "default",
        UNSET if upstream is None else masked_target(upstream.target, secrets),
        str(exchange.upstream_status) if exchange.upstream_status else UNSET,
        route,
        service,
        UNSET if consumer is None else _consumer(consumer),
        UNSET if credential is None else _Authenticated(credential.id, credential.consumer),
        UNSET if correlation_id is None else correlation_id,
        UNSET if error is None and exchange.refusal_code is None else _fault(exchange),
        UNSET if meta is None else _call(exchange, meta),
    )


def shown_headers(pairs: HeaderPairs, hidden: frozenset[bytes] = SECRET_HEADERS) -> dict[str, Any]:
    """Header fields as an object: text, a list where a field is repeated, `REDACTED` for those that are hidden."""
    try:
        shown: dict[str, Any] = {_names[key]: value.decode() if key not in hidden else REDACTED for key, value in pairs}
    except (KeyError, UnicodeDecodeError):
        pass
    else:
        if len(shown) == len(pairs):
            return shown
    return _shown_one_by_one(pairs, hidden)


def _shown_one_by_one(pairs: HeaderPairs, hidden: frozenset[bytes]) -> dict[str, Any]:
    """For repeated fields, values that are not text, and names that are seen for the first time."""
    shown: dict[str, Any] = {}
    for key, value in pairs:
        name = key.decode("latin-1")
        if len(_names) >= _MAX_TEXTS:
            _names.clear()
        _names[key] = name
        text = REDACTED if key in hidden else value.decode("utf-8", "backslashreplace")
        if name not in shown:
            shown[name] = text
        elif isinstance(shown[name], list):
            shown[name].append(text)
        else:
            shown[name] = [shown[name], text]
    return shown


@functools.lru_cache(maxsize=_MAX_TEXTS)
def _hidden_fields(secrets: frozenset[str]) -> frozenset[bytes]:
    return SECRET_HEADERS | {name.encode("latin-1", "replace") for name in secrets}


def masked_target(target: str, secrets: frozenset[str] = _NONE) -> str:
    """Path and query, with the values of parameters that hold credentials masked."""
    if "?" not in target:
        return target
    path, _, query = target.partition("?")
    return f"{path}?{masked_query(query, secrets)}"


def masked_query(query: str, secrets: frozenset[str] = _NONE) -> str:
    """A query with the values of parameters that hold credentials masked."""
    return with_parameters_masked(query, lambda name: _is_secret(name, secrets), REDACTED)


def _is_secret(parameter: str, secrets: frozenset[str]) -> bool:
    name = parameter.lower()
    return name in SECRET_PARAMETERS or name in secrets


def _request(exchange: Exchange, secrets: frozenset[str], hidden: frozenset[bytes]) -> _Request:
    request = exchange.request
    connection = request.connection
    headers = shown_headers(request.headers.pairs, hidden)
    host = headers.get("host", "")
    if isinstance(host, list):
        host = host[0]
    base = _hosts.get(host)
    if base is None:
        base = _base_of(host)
    querystring: dict[str, Any] = {}
    uri = request.path
    if request.query:
        query = masked_query(request.query, secrets)
        querystring = _querystring(query)
        uri = f"{uri}?{query}"
    scheme = "http" if connection.tls is None else "https"
    return _Request(
        exchange.request_id,
        request.method,
        uri,
        f"{scheme}://{base}:{connection.local_port}{uri}",
        querystring,
        headers,
        exchange.request_bytes,
        request.version,
        UNSET if connection.tls is None else _tls(connection.tls),
    )


def _base_of(host: str) -> str:
    """The host that was asked for, without its port."""
    base = host if host.endswith("]") else host.rpartition(":")[0] or host  # `]`: an IPv6 address without a port
    if len(_hosts) >= _MAX_TEXTS:
        _hosts.clear()
    _hosts[host] = base
    return base


def _querystring(query: str) -> dict[str, Any]:
    """Parameters by name: text, a list where one is repeated, true where it has no `=`."""
    shown: dict[str, Any] = {}
    for piece in query.split("&"):
        key, mark, _ = piece.partition("=")
        if key and key not in shown:
            values: list[Any] = query_values(query, key) if mark else [True]
            shown[key] = values[0] if len(values) == 1 else values or True
    return shown


def _tls(tls: TlsInfo) -> dict[str, str]:
    verified = "NONE" if tls.client_certificate is None else "SUCCESS"
    return {"version": tls.version, "cipher": tls.cipher, "client_verify": verified}


def _latencies(times: Times) -> _Latencies:
    """Kong's split of the whole time: `proxy` waiting for the upstream's head (-1: not asked), `receive` from its
    head to the end, `kong` the rest, which is ours."""
    finished, sent, head = times.finished, times.upstream_sent, times.response_head
    total = int((finished - times.started) * 1000 + 0.5)
    if not sent:
        return _Latencies(total, total, -1, 0)
    proxy = int(((head or finished) - sent) * 1000 + 0.5)
    receive = int((finished - head) * 1000 + 0.5) if head else 0
    ours = total - proxy - receive
    return _Latencies(total, ours if ours > 0 else 0, proxy, receive)


def _tries(exchange: Exchange) -> tuple[_Try, ...]:
    upstream, times = exchange.upstream, exchange.times
    sent = times.upstream_sent
    if upstream is None or not sent:
        return ()
    origin = upstream.origin
    started = int((exchange.started_at + sent - times.started) * 1000)
    if exchange.upstream_status or not isinstance(exchange.error, UpstreamError):
        return (_Try(started, origin.host, origin.port),)
    return (_Try(started, origin.host, origin.port, "failed", exchange.error.status),)


def _fault(exchange: Exchange) -> _Fault | UnsetType:
    error = exchange.error
    if error is not None:
        return _Fault(error.code, error.message)
    return UNSET if exchange.refusal_code is None else _Fault(exchange.refusal_code)


def _call(exchange: Exchange, meta: AiMeta) -> _Ai | UnsetType:
    """What an AI plugin tells of its call."""
    payload, usage = exchange.get(AI_PAYLOAD), exchange.get(AI_USAGE)
    if exchange.get(AI_LOG_STATISTICS):
        return _Ai(_Call(meta, UNSET if usage is None else usage, UNSET if payload is None else payload))
    return UNSET if payload is None else _Ai(_Call(UNSET, UNSET, payload))


# Entities are encoded once, for they never change.


def _route(route: CompiledRoute) -> tuple[Raw, Raw | UnsetType]:
    """A route and its service as Kong shows them."""
    known = _routes.get(route.entity.id)
    if known is None or known[0] is not route:
        fields = msgspec.to_builtins(route.entity)
        if route.entity.service is not None:
            fields["service"] = {"id": route.entity.service}
        service = UNSET if route.service is None else Raw(_encode(route.service.entity))
        if len(_routes) >= _MAX_ENTITIES:
            _routes.clear()
        known = _routes[route.entity.id] = route, Raw(_encode(fields)), service
    return known[1], known[2]


def _consumer(consumer: Consumer) -> Raw:
    known = _consumers.get(consumer.id)
    if known is None or known[0] is not consumer:
        if len(_consumers) >= _MAX_ENTITIES:
            _consumers.clear()
        known = _consumers[consumer.id] = consumer, Raw(_encode(consumer))
    return known[1]
