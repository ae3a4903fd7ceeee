"""What AI plugins tell of a model call, as the log record shows it. What is not known is left out."""

from typing import Final

import msgspec

from entresol.api_floor.ai_slots import AI_LOG_STATISTICS, AI_META, AI_PAYLOAD, AI_USAGE, AiMeta, AiUsage
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.log_ai_structs import Call, Meta, Payload, Usage

_encode: Final = msgspec.json.Encoder().encode


def ai_member(exchange: Exchange) -> bytes:
    """The record's member `ai` with a comma before it; empty if no AI plugin had a part in the request."""
    meta = exchange.get(AI_META)
    if meta is None:
        return b""
    call, payload = Call(), exchange.get(AI_PAYLOAD)
    if exchange.get(AI_LOG_STATISTICS):
        call.meta = _meta(meta)
        usage = exchange.get(AI_USAGE)
        if usage is not None:
            call.usage = _usage(usage)
    elif payload is None:
        return b""
    if payload is not None:
        call.payload = Payload(payload.request, payload.response)
    return b',"ai":{"proxy":%b}' % _encode(call)


def _meta(meta: AiMeta) -> Meta:
    return Meta(
        meta.plugin_id,
        meta.provider,
        meta.request_model,
        meta.response_model,
        meta.llm_latency_ms,
        meta.request_mode,
        meta.dropped,
        meta.estimated,
    )


def _usage(usage: AiUsage) -> Usage:
    return Usage(
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.total_tokens,
        usage.prompt_tokens_details,
        usage.completion_tokens_details,
        usage.cost,
        usage.price_id,
        usage.price_version,
        usage.is_partial,
        usage.time_to_first_token_ms,
        usage.time_per_token_ms,
    )
