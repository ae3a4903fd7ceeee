"""The log record built in the plainest way, to hold the fast one against."""

import json
from typing import Any

import msgspec

from entresol.api_floor.ai_slots import AI_LOG_STATISTICS, AI_META, AI_PAYLOAD, AI_USAGE
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.log_fields import REDACTED, SECRET_HEADERS
from entresol.api_floor.log_request import masked_query
from entresol.api_floor.log_slots import CORRELATION_ID, SECRET_NAMES
from entresol.core.errors import UpstreamError
from entresol.core.http import Headers, RequestHead


def plain_log_record(exchange: Exchange) -> Any:
    """What the record must be, as JSON decodes it."""
    secrets = exchange.get(SECRET_NAMES) or frozenset()
    request, response, upstream, times = exchange.request, exchange.response, exchange.upstream, exchange.times
    connection, error = request.connection, exchange.error
    query = masked_query(request.query, secrets)
    uri = f"{request.path}?{query}" if query else request.path
    host = (request.headers.get(b"host") or b"").decode("latin-1")
    if not host.endswith("]") and ":" in host:
        host = host[: host.rindex(":")] or host
    status = 0 if error is None else error.status
    total = round_ms(times.finished - times.started)
    proxy, receive = -1, 0
    if times.upstream_sent:
        proxy = round_ms((times.response_head or times.finished) - times.upstream_sent)
        receive = round_ms(times.finished - times.response_head) if times.response_head else 0
    record: dict[str, Any] = {
        "request": {
            "id": exchange.request_id,
            "method": request.method,
            "uri": uri,
            "url": f"{connection.scheme}://{host}:{connection.local_port}{uri}",
            "querystring": {},
            "headers": plain_headers(request.headers, secrets),
            "size": exchange.request_bytes + plain_head_size(request),
            "version": request.version,
        },
        "response": {
            "status": status if response is None else response.status,
            "headers": {} if response is None else plain_headers(response.headers, secrets),
            "size": exchange.response_bytes,
        },
        "latencies": {
            "request": total,
            "kong": max(0, total - max(0, proxy) - receive),
            "proxy": proxy,
            "receive": receive,
        },
        "tries": [],
        "client_ip": exchange.client_ip,
        "started_at": int(exchange.started_at * 1000),
        "source": exchange.source,
        "workspace": "0dc6f45b-8f8d-40d2-a504-473544ee190b",
        "workspace_name": "default",
    }
    if upstream is not None:
        path, mark, query = upstream.target.partition("?")
        record["upstream_uri"] = path + mark + masked_query(query, secrets)
        if times.upstream_sent:
            attempt: dict[str, Any] = {
                "balancer_start": int((exchange.started_at + times.upstream_sent - times.started) * 1000),
                "balancer_latency": 0,
                "ip": upstream.origin.host,
                "port": upstream.origin.port,
            }
            if isinstance(error, UpstreamError) and not exchange.upstream_status:
                attempt |= {"state": "failed", "code": error.status}
            record["tries"] = [attempt]
    if exchange.upstream_status:
        record["upstream_status"] = str(exchange.upstream_status)
    return json.loads(json.dumps(record | plain_entities(exchange) | plain_findings(exchange)))  # tuples become lists


def plain_head_size(request: RequestHead) -> int:
    target = f"{request.path}?{request.query}" if request.query else request.path
    lines = [f"{request.method} {target} HTTP/{request.version}".encode("latin-1")]
    lines += [name + b": " + value for name, value in request.headers]
    return len(b"\r\n".join([*lines, b"", b""]))


def plain_findings(exchange: Exchange) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    error = exchange.error
    if CORRELATION_ID in exchange:
        shown["correlation_id"] = exchange[CORRELATION_ID]
    if error is not None:
        shown["error"] = {"code": error.code, "message": error.message}
    elif exchange.refusal_code is not None:
        shown["error"] = {"code": exchange.refusal_code}
    call = plain_call(exchange)
    return shown | {"ai": {"proxy": call}} if call else shown


def plain_headers(headers: Headers, secrets: frozenset[str]) -> dict[str, Any]:
    shown: dict[str, list[str]] = {}
    for key, value in headers:
        name = key.decode("latin-1")
        is_secret = key in SECRET_HEADERS or name in secrets
        shown.setdefault(name, []).append(REDACTED if is_secret else value.decode("utf-8", "backslashreplace"))
    return {name: values[0] if len(values) == 1 else values for name, values in shown.items()}


def plain_entities(exchange: Exchange) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    match, consumer, credential = exchange.match, exchange.consumer, exchange.credential
    if match is not None:
        shown["route"] = msgspec.to_builtins(match.route.entity)
        if match.route.service is not None:
            shown["route"]["service"] = {"id": match.route.service.entity.id}
            shown["service"] = msgspec.to_builtins(match.route.service.entity)
    if consumer is not None:
        shown["consumer"] = msgspec.to_builtins(consumer)
    if credential is not None:
        shown["authenticated_entity"] = {"id": credential.id, "consumer_id": credential.consumer}
        shown["auth_type"] = "key-auth"
    return shown


def plain_call(exchange: Exchange) -> dict[str, Any]:
    call: dict[str, Any] = {}
    if AI_META in exchange:
        if exchange.get(AI_LOG_STATISTICS):
            call["meta"] = shown(exchange[AI_META], META)
            if AI_USAGE in exchange:
                call["usage"] = shown(exchange[AI_USAGE], USAGE)
        if AI_PAYLOAD in exchange:
            call["payload"] = shown(exchange[AI_PAYLOAD], ("request", "response"))
    return call


META = ("plugin_id", "provider", "request_model", "response_model", "llm_latency_ms", "request_mode")
USAGE = (
    "prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "completion_tokens_details", "cost",
    "price_id", "price_version", "time_to_first_token_ms", "time_per_token_ms",
)  # fmt: skip


def shown(told: object, names: tuple[str, ...]) -> dict[str, Any]:
    """What is known, under Kong's names; that no price is known is shown, too."""
    always = ("cost", "price_id")
    values = {name: getattr(told, name) for name in names}
    found = {name.removesuffix("_ms"): each for name, each in values.items() if each is not None or name in always}
    return {"provider_name" if name == "provider" else name: value for name, value in found.items()}


def round_ms(seconds: float) -> int:
    return int(seconds * 1000 + 0.5)
