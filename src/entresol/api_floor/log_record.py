"""Kong's log record: what every log plugin writes about a request, as one JSON object.

Names and units are Kong's (Gateway 3.15): latencies in whole milliseconds, `started_at` in milliseconds since the
epoch. Ours beside them: `error`, `correlation_id`, `request.version`. Values of fields that hold credentials are
`REDACTED`, wherever they would appear. See docs/reference/log-record.md.
"""

from typing import Any, Final

import msgspec

from entresol.api_floor.ai_slots import AI_LOG_STATISTICS, AI_META, AI_PAYLOAD, AI_USAGE
from entresol.api_floor.entities import Entity, Route, Service
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.log_slots import ALWAYS_SECRET, CORRELATION_ID, SECRET_NAMES
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
_entities: dict[str, tuple[Entity, msgspec.Raw]] = {}  # by id; an entity that was changed is another object
_MAX_ENTITIES: Final = 10_000


def log_line(exchange: Exchange) -> bytes:
    """The record as JSON on one line, without a newline at the end."""
    return _encode(log_record(exchange))


def log_record(exchange: Exchange) -> dict[str, Any]:
    """The record. Encode it at once: it holds parts of the exchange, not copies."""
    secrets = exchange.get(SECRET_NAMES) or _NONE
    response, credential, match = exchange.response, exchange.credential, exchange.match
    upstream = exchange.upstream
    record: dict[str, Any] = {
        "request": _request(exchange, secrets),
        "response": {
            "status": _status(exchange),
            "headers": {} if response is None else shown_headers(response.headers.pairs, secrets),
            "size": exchange.response_bytes,
        },
        "latencies": _latencies(exchange),
        "tries": _tries(exchange),
        "client_ip": exchange.client_ip,
        "started_at": int(exchange.started_at * 1000),
        "source": exchange.source,
        "workspace_name": "default",
    }
    if upstream is not None:
        record["upstream_uri"] = masked_target(upstream.target, secrets)
    if exchange.upstream_status:
        record["upstream_status"] = str(exchange.upstream_status)
    if match is not None:
        record["route"] = _entity(match.route.entity)
        if match.route.service is not None:
            record["service"] = _entity(match.route.service.entity)
    if exchange.consumer is not None:
        record["consumer"] = exchange.consumer
    if credential is not None:
        record["authenticated_entity"] = {"id": credential.id, "consumer_id": credential.consumer}
    _add_findings(record, exchange)
    return record


def shown_headers(pairs: HeaderPairs, secrets: frozenset[str] = _NONE) -> dict[str, Any]:
    """Header fields as an object: text, a list where a field is repeated, `REDACTED` for credentials."""
    shown: dict[str, Any] = {}
    for key, value in pairs:
        name = key.decode("latin-1")
        text = REDACTED if key in SECRET_HEADERS or name in secrets else value.decode("utf-8", "backslashreplace")
        if name not in shown:
            shown[name] = text
        elif isinstance(shown[name], list):
            shown[name].append(text)
        else:
            shown[name] = [shown[name], text]
    return shown


def masked_target(target: str, secrets: frozenset[str] = _NONE) -> str:
    """Path and query, with the values of parameters that hold credentials masked."""
    path, mark, query = target.partition("?")
    return f"{path}?{masked_query(query, secrets)}" if mark else target


def masked_query(query: str, secrets: frozenset[str] = _NONE) -> str:
    """A query with the values of parameters that hold credentials masked."""
    return with_parameters_masked(query, lambda name: _is_secret(name, secrets), REDACTED)


def _is_secret(parameter: str, secrets: frozenset[str]) -> bool:
    name = parameter.lower()
    return name in SECRET_PARAMETERS or name in secrets


def _status(exchange: Exchange) -> int:
    """Of the answer; without one, what the fault would have been answered with (499: the client went away)."""
    if exchange.response is not None:
        return exchange.response.status
    return 0 if exchange.error is None else exchange.error.status


def _request(exchange: Exchange, secrets: frozenset[str]) -> dict[str, Any]:
    request = exchange.request
    connection = request.connection
    query = masked_query(request.query, secrets) if request.query else ""
    uri = f"{request.path}?{query}" if query else request.path
    host = (request.headers.get(b"host") or b"").decode("latin-1")
    if not host.endswith("]"):  # an IPv6 address without a port
        host = host.rpartition(":")[0] or host
    shown: dict[str, Any] = {
        "id": exchange.request_id,
        "method": request.method,
        "uri": uri,
        "url": f"{connection.scheme}://{host}:{connection.local_port}{uri}",
        "querystring": _querystring(query) if query else {},
        "headers": shown_headers(request.headers.pairs, secrets),
        "size": exchange.request_bytes,
        "version": request.version,
    }
    if connection.tls is not None:
        shown["tls"] = _tls(connection.tls)
    return shown


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


def _latencies(exchange: Exchange) -> dict[str, int]:
    """Kong's split of the whole time: `proxy` waiting for the upstream's head (-1: not asked), `receive` from its
    head to the end, `kong` the rest, which is ours."""
    times = exchange.times
    total = _milliseconds(times.finished - times.started)
    proxy, receive = -1, 0
    if times.upstream_sent:
        proxy = _milliseconds((times.response_head or times.finished) - times.upstream_sent)
        receive = _milliseconds(times.finished - times.response_head) if times.response_head else 0
    return {"request": total, "kong": max(0, total - max(0, proxy) - receive), "proxy": proxy, "receive": receive}


def _milliseconds(seconds: float) -> int:
    return max(0, int(seconds * 1000 + 0.5))


def _tries(exchange: Exchange) -> list[dict[str, Any]]:
    upstream, times = exchange.upstream, exchange.times
    if upstream is None or not times.upstream_sent:
        return []
    started = exchange.started_at + times.upstream_sent - times.started
    attempt: dict[str, Any] = {
        "balancer_start": int(started * 1000),
        "ip": upstream.origin.host,
        "port": upstream.origin.port,
    }
    if isinstance(exchange.error, UpstreamError) and not exchange.upstream_status:
        attempt["state"] = "failed"
        attempt["code"] = exchange.error.status
    return [attempt]


def _add_findings(record: dict[str, Any], exchange: Exchange) -> None:
    """What plugins found out, and what went wrong."""
    correlation_id = exchange.get(CORRELATION_ID)
    if correlation_id is not None:
        record["correlation_id"] = correlation_id
    if exchange.error is not None:
        record["error"] = {"code": exchange.error.code, "message": exchange.error.message}
    elif exchange.refusal_code is not None:
        record["error"] = {"code": exchange.refusal_code}
    meta = exchange.get(AI_META)
    if meta is None:
        return
    proxy: dict[str, Any] = {}
    if exchange.get(AI_LOG_STATISTICS):
        proxy["meta"] = meta
        usage = exchange.get(AI_USAGE)
        if usage is not None:
            proxy["usage"] = usage
    payload = exchange.get(AI_PAYLOAD)
    if payload is not None:
        proxy["payload"] = payload
    if proxy:
        record["ai"] = {"proxy": proxy}


def _entity(entity: Route | Service) -> msgspec.Raw:
    """A route or service as Kong shows it; encoded once, for it never changes."""
    known = _entities.get(entity.id)
    if known is not None and known[0] is entity:
        return known[1]
    fields = msgspec.to_builtins(entity)
    if isinstance(entity, Route) and entity.service is not None:
        fields["service"] = {"id": entity.service}
    raw = msgspec.Raw(_encode(fields))
    if len(_entities) >= _MAX_ENTITIES:
        _entities.clear()
    _entities[entity.id] = (entity, raw)
    return raw
