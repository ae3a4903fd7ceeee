"""What an AI plugin tells log and metrics plugins about a model call.

`ai-proxy` (and whatever else calls a model) writes these slots; `file-log` and `prometheus` read them in their `log`
phase. The structs encode under the names that Kong's log record uses below `ai.proxy`.
"""

from typing import Literal

import msgspec

from entresol.core.slots import Slot

RequestMode = Literal["oneshot", "stream", "realtime"]


class AiMeta(
    msgspec.Struct,
    kw_only=True,
    omit_defaults=True,
    gc=False,
    rename={"provider": "provider_name", "llm_latency_ms": "llm_latency"},
):
    """Which model was asked, and how. None: not known (yet)."""

    plugin_id: str
    """Id of the plugin instance that made the call."""
    provider: str
    """`openai`, `anthropic`, …"""
    request_model: str | None = None
    """The model the provider was asked for."""
    response_model: str | None = None
    """The model the provider says it used."""
    llm_latency_ms: int | None = None
    """From sending the request to the last byte of the answer."""
    request_mode: RequestMode | None = None


class AiUsage(
    msgspec.Struct,
    kw_only=True,
    omit_defaults=True,
    gc=False,
    rename={"time_to_first_token_ms": "time_to_first_token", "time_per_token_ms": "time_per_token"},
):
    """What the call used. None: nobody told; 0 really means none."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: dict[str, int] | None = None
    """Such as `cached_tokens`, `audio_tokens`; part of `prompt_tokens`."""
    completion_tokens_details: dict[str, int] | None = None
    """Such as `reasoning_tokens`; part of `completion_tokens`."""
    cost: float | None = None
    """In the currency of the configured prices, US dollars as a rule; None when no price is known."""
    time_to_first_token_ms: float | None = None
    time_per_token_ms: float | None = None
    """Mean milliseconds per completion token after the first byte."""


class AiPayload(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The bodies of the call, as text; written only when payloads are to be logged."""

    request: str | None = None
    response: str | None = None


AI_META: Slot[AiMeta] = Slot("ai.proxy.meta")
AI_USAGE: Slot[AiUsage] = Slot("ai.proxy.usage")
AI_PAYLOAD: Slot[AiPayload] = Slot("ai.proxy.payload")
"""Write this slot only if the plugin's `logging.log_payloads` is on."""
AI_LOG_STATISTICS: Slot[bool] = Slot("ai.proxy.log_statistics")
"""True if the plugin's `logging.log_statistics` is on: log records then show meta and usage. Metrics always count."""
