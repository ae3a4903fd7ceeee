"""A model call as log records and metrics show it: what plugins that call models put into `ai_slots`."""

from typing import Final

from entresol.api_floor.ai_slots import AiMeta, AiPayload, AiUsage
from entresol.api_floor.exchange import Exchange
from entresol.llm.call import LLMCall
from entresol.llm.prices import Charge, Prices
from entresol.llm.types import Usage
from entresol.llm.usage import completion_details, prompt_details

PAYLOAD_BYTES: Final = 1_048_576
"""More of a body is not logged."""
_UNBILLED: Final = ("files", "count_tokens")
"""Operations that no provider takes money for."""
_TIER_FIELD: Final = b"x-gemini-service-tier"
"""Where Gemini tells which tier served a call: its answers do not."""
_SOME: Final = Usage(input=1, output=1)
"""Costs something, unless the model is free."""


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


def account_of(exchange: Exchange, call: LLMCall, prices: Prices, first_byte: float) -> AiUsage | None:
    """What an answered call used and cost; None where nothing was called.

    Where a model was called and the provider did not tell the tokens, nothing is known: that is a state, and not zero.
    """
    answer = call.reading
    if answer is None:
        return None
    facts = answer.facts
    usage, names = facts.usage, (facts.model, call.model)
    tier = facts.service_tier
    if tier is None and exchange.response is not None and call.ends.native.name == "gemini":
        tier = (exchange.response.headers.get(_TIER_FIELD) or b"").decode("latin-1") or None
    if usage is not None and (usage.total_input or usage.total_output or usage.reported_cost is not None):
        charge = prices.cost_of_any(names, usage, tier, exchange.started_at)
        account = call_usage(exchange, usage, charge, first_byte)
        account.is_partial = not facts.is_complete
        return account
    if not 200 <= exchange.upstream_status < 300 or not _calls_a_model(call.ends.client.operation, exchange):
        return None
    if facts.error is not None and not answer.is_stream and facts.is_complete:
        return None  # a refusal that was answered with 200
    free = prices.cost_of_any(names, _SOME, tier, exchange.started_at)
    return AiUsage(is_partial=not facts.is_complete) if free.cost != 0 else _free(free)


def _calls_a_model(operation: str, exchange: Exchange) -> bool:
    if operation == "batches":
        return exchange.request.method == "POST" and not exchange.request.path.endswith("/cancel")
    return operation not in _UNBILLED


def _free(charge: Charge) -> AiUsage:
    return AiUsage(cost=0.0, price_id=charge.price_id, price_version=charge.price_version)


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
