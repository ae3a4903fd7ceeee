"""Kong's log record: what every log plugin writes about a request, as one JSON object.

Names and units are Kong's (Gateway 3.15): latencies in whole milliseconds, `started_at` in milliseconds since the
epoch. Ours beside them: `error`, `correlation_id`, `request.version`. Values of fields that hold credentials are
`REDACTED`, wherever they would appear. See docs/reference/log-record.md.
"""

from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from entresol.api_floor.ai_slots import AI_LOG_STATISTICS, AI_META, AI_PAYLOAD, AI_USAGE, AiMeta, AiPayload, AiUsage
from entresol.api_floor.exchange import Exchange, Times
from entresol.api_floor.log_entities import consumer_json, credential_json, shown_route
from entresol.api_floor.log_fields import shown_fields
from entresol.api_floor.log_parts import Ai, Call, Fault, Latencies, LogRecord, Meta, Payload, Response, Try, Usage
from entresol.api_floor.log_request import masked_target, request_json
from entresol.api_floor.log_slots import CORRELATION_ID, SECRET_NAMES
from entresol.core.errors import UpstreamError

_encode_into: Final = msgspec.json.Encoder().encode_into


def log_line(exchange: Exchange, buffer: bytearray) -> bytes:
    """The record as JSON on one line, without a newline at the end.

    `buffer` is written over: a new one for each line would have to grow, which takes a fifth of the time.
    """
    _encode_into(log_record(exchange), buffer)
    return bytes(buffer)


def log_record(exchange: Exchange) -> LogRecord:
    """The record. Encode it at once: it holds parts of the exchange, not copies."""
    secrets = exchange.get(SECRET_NAMES)
    fields = shown_fields(secrets)
    response, upstream, match, error = exchange.response, exchange.upstream, exchange.match, exchange.error
    if response is not None:
        status, headers = response.status, fields.json(response.headers.pairs)
    else:  # what the fault would have been answered with (499: the client went away)
        status, headers = 0 if error is None else error.status, b"{}"
    route = None if match is None else shown_route(match.route)
    consumer, credential = exchange.consumer, exchange.credential
    correlation_id, meta = exchange.get(CORRELATION_ID), exchange.get(AI_META)
    return LogRecord(
        Raw(request_json(exchange, secrets, fields)),
        Response(status, Raw(headers), exchange.response_bytes),
        _latencies(exchange.times),
        _tries(exchange),
        exchange.client_ip,
        int(exchange.started_at * 1000),
        exchange.source,
        "default",
        UNSET if upstream is None else masked_target(upstream.target, secrets),
        str(exchange.upstream_status) if exchange.upstream_status else UNSET,
        UNSET if route is None else route.json,
        UNSET if route is None else route.service_json,
        UNSET if consumer is None else consumer_json(consumer),
        UNSET if credential is None else credential_json(credential),
        UNSET if correlation_id is None else correlation_id,
        _fault(exchange),
        UNSET if meta is None else _call(exchange, meta),
    )


def _latencies(times: Times) -> Latencies:
    """Kong's split of the whole time: `proxy` waiting for the upstream's head (-1: not asked), `receive` from its
    head to the end, `kong` the rest, which is ours."""
    finished, sent, head = times.finished, times.upstream_sent, times.response_head
    total = int((finished - times.started) * 1000 + 0.5)
    if not sent:
        return Latencies(total, total, -1, 0)
    proxy = int(((head or finished) - sent) * 1000 + 0.5)
    receive = int((finished - head) * 1000 + 0.5) if head else 0
    ours = total - proxy - receive
    return Latencies(total, ours if ours > 0 else 0, proxy, receive)


def _tries(exchange: Exchange) -> tuple[Try, ...]:
    upstream, times = exchange.upstream, exchange.times
    sent = times.upstream_sent
    if upstream is None or not sent:
        return ()
    origin = upstream.origin
    started = int((exchange.started_at + sent - times.started) * 1000)
    if exchange.upstream_status or not isinstance(exchange.error, UpstreamError):
        return (Try(started, origin.host, origin.port),)
    return (Try(started, origin.host, origin.port, "failed", exchange.error.status),)


def _fault(exchange: Exchange) -> Fault | UnsetType:
    error, refusal = exchange.error, exchange.refusal_code
    if error is not None:
        return Fault(error.code, error.message)
    return UNSET if refusal is None else Fault(refusal)


def _call(exchange: Exchange, meta: AiMeta) -> Ai | UnsetType:
    """What an AI plugin tells of its call."""
    payload, usage = exchange.get(AI_PAYLOAD), exchange.get(AI_USAGE)
    shown = UNSET if payload is None else _payload(payload)
    if exchange.get(AI_LOG_STATISTICS):
        return Ai(Call(_meta(meta), UNSET if usage is None else _usage(usage), shown))
    return UNSET if payload is None else Ai(Call(UNSET, UNSET, shown))


def _meta(meta: AiMeta) -> Meta:
    return Meta(
        meta.plugin_id,
        meta.provider,
        meta.request_model,
        meta.response_model,
        meta.llm_latency_ms,
        meta.request_mode,
    )


def _usage(usage: AiUsage) -> Usage:
    return Usage(
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.total_tokens,
        usage.prompt_tokens_details,
        usage.completion_tokens_details,
        usage.cost,
        usage.time_to_first_token_ms,
        usage.time_per_token_ms,
    )


def _payload(payload: AiPayload) -> Payload:
    return Payload(payload.request, payload.response)
