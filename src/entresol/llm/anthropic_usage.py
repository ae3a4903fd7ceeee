"""Tokens of Anthropic's answers, and the tier that served them.

Source: Anthropic API reference, "Create a message", `usage`.
"""

from typing import Final

from entresol.llm.anthropic_structs import UsageWire
from entresol.llm.token_count import count
from entresol.llm.types import JsonObject, Usage

_NOTHING: Final = (None, None, None, None)
_TIERS: Final = {"standard": "default"}
FAST: Final = "fast"


def service_tier(wire: UsageWire) -> str | None:
    """The tier that served the call, in canonical words, OpenAI's. Fast mode is one, at a price of its own."""
    if wire.speed == FAST:
        return FAST
    return None if wire.service_tier is None else _TIERS.get(wire.service_tier, wire.service_tier)


def read_usage(wire: UsageWire) -> Usage | None:
    """The buckets of `usage`; None where nothing is counted: that is not zero."""
    counted = (wire.input_tokens, wire.output_tokens, wire.cache_creation_input_tokens, wire.cache_read_input_tokens)
    if counted == _NOTHING:
        return None
    output = count(wire.output_tokens)
    usage = Usage(input=count(wire.input_tokens), cache_read=count(wire.cache_read_input_tokens))
    written = count(wire.cache_creation_input_tokens)
    if wire.cache_creation is not None:
        usage.cache_write_1h = count(wire.cache_creation.ephemeral_1h_input_tokens)
        usage.cache_write = count(wire.cache_creation.ephemeral_5m_input_tokens)
    usage.cache_write = max(usage.cache_write, written - usage.cache_write_1h)
    if wire.output_tokens_details is not None:
        usage.reasoning = min(count(wire.output_tokens_details.thinking_tokens), output)
    usage.output = output - usage.reasoning
    return usage


def merge_usage(into: UsageWire, later: UsageWire) -> None:
    """Counts in a stream are totals so far: later ones replace earlier ones, absent ones leave them.

    So does 0, which servers say at the end that tell the input at the start only.
    """
    for name in UsageWire.__struct_fields__:
        value = getattr(later, name)
        if value or (value is not None and getattr(into, name) is None):
            setattr(into, name, value)


def write_usage(usage: Usage, tier: str | None = None) -> JsonObject:
    """The `usage` object of an answer."""
    wire: JsonObject = {
        "input_tokens": usage.plain_input,
        "cache_creation_input_tokens": usage.cache_write + usage.cache_write_1h,
        "cache_read_input_tokens": usage.total_cache_read,
        "output_tokens": usage.total_output,
    }
    if usage.cache_write or usage.cache_write_1h:
        wire["cache_creation"] = {
            "ephemeral_5m_input_tokens": usage.cache_write,
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        }
    if usage.reasoning:
        wire["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    if tier == FAST:
        wire["service_tier"], wire["speed"] = "standard", FAST
    elif tier is not None:
        wire["service_tier"] = "standard" if tier == "default" else tier
    return wire
