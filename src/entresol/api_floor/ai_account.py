"""A model call as log records and metrics show it: what plugins that call models put into `ai_slots`."""

from typing import Final

from entresol.api_floor.ai_slots import AiMeta, AiPayload, AiUsage
from entresol.api_floor.exchange import Exchange
from entresol.llm.call import LLMCall
from entresol.llm.prices import Charge
from entresol.llm.types import Usage
from entresol.llm.usage import completion_details, prompt_details

PAYLOAD_BYTES: Final = 1_048_576
"""More of a body is not logged."""


def call_meta(exchange: Exchange, plugin_id: str, provider: str, call: LLMCall) -> AiMeta:
    """Which model was asked, and how. Call it when the request is over."""
    times = exchange.times
    return AiMeta(
        plugin_id=plugin_id,
        provider=provider,
        request_model=call.model,
        llm_latency_ms=int((times.finished - times.upstream_sent) * 1000 + 0.5) if times.upstream_sent else None,
        request_mode="stream" if call.stream else "oneshot",
        dropped=call.dropped,
    )


def call_usage(exchange: Exchange, usage: Usage, charge: Charge, first_byte: float) -> AiUsage:
    """What the call used and cost. `first_byte` on the clock of `exchange.times`, 0.0 if none came."""
    times, prompt, completion = exchange.times, usage.total_input, usage.total_output
    cost = charge.cost
    first = each = None
    if first_byte:  # times in whole microseconds, which is exact enough
        first = int((first_byte - times.upstream_sent) * 1_000_000 + 0.5) / 1000
        if completion:
            each = int((times.finished - first_byte) / completion * 1_000_000 + 0.5) / 1000
    return AiUsage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        prompt_tokens_details=None if prompt == usage.input else prompt_details(usage),
        completion_tokens_details=None if completion == usage.output else completion_details(usage),
        cost=None if cost is None else cost / 1_000_000_000,
        price_id=charge.price_id,
        price_version=charge.price_version,
        time_to_first_token_ms=first,
        time_per_token_ms=each,
    )


def payload_text(body: bytes) -> str:
    """A body as it is logged: text, up to `PAYLOAD_BYTES`."""
    return body[:PAYLOAD_BYTES].decode("utf-8", "replace")


def keep_payload(payload: AiPayload, data: bytes) -> None:
    """Remember what the client got, piece by piece, up to `PAYLOAD_BYTES`."""
    known = payload.response or ""
    if len(known) < PAYLOAD_BYTES:
        payload.response = known + data[: PAYLOAD_BYTES - len(known)].decode("utf-8", "replace")
