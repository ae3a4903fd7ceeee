"""From tokens to money, in integers: no call is billed twice, none is lost to rounding, an unknown price is not zero.

Rates are whole pico-dollars (1e-12 $) per token, because real prices need it: $0.0625 per million tokens is 62.5
nano-dollars per token. Costs are whole nano-dollars (1e-9 $), rounded up once, at the end.
"""

from typing import Final

from entresol.llm.price_table import Rates
from entresol.llm.types import Usage

PICO_PER_DOLLAR_PER_MILLION: Final = 1_000_000
"""$1 per million tokens, in pico-dollars per token."""


def cost_nanodollars(usage: Usage, rates: Rates) -> int | None:
    """What the tokens cost; None if some of them have no rate.

    A bucket without a rate of its own is billed as what it is a part of: cached and spoken input as input, and so on.
    """
    pico = usage.input * rates.input
    if rates.request is not None:
        pico += rates.request
    if usage.cache_read:
        pico += usage.cache_read * _or(rates.cache_read, rates.input)
    if usage.cache_write or usage.cache_write_1h:
        write = _or(rates.cache_write, rates.input)
        pico += usage.cache_write * write + usage.cache_write_1h * _or(rates.cache_write_1h, write)
    if usage.input_audio or usage.input_image or usage.cache_read_audio:
        pico += usage.input_audio * _or(rates.input_audio, rates.input)
        pico += usage.input_image * _or(rates.input_image, rates.input)
        pico += usage.cache_read_audio * _or(rates.cache_read_audio, _or(rates.cache_read, rates.input))
    if usage.output_audio or usage.output_image:
        media = _media_picodollars(usage, rates)
        if media is None:
            return None
        pico += media
    output, reasoning = usage.output, usage.reasoning
    if reasoning and rates.reasoning is not None:
        pico += reasoning * rates.reasoning
    else:
        output += reasoning
    if output:
        if rates.output is None:
            return None
        pico += output * rates.output
    return -(-pico // 1000)


def _media_picodollars(usage: Usage, rates: Rates) -> int | None:
    pico = 0
    for tokens, rate in ((usage.output_audio, rates.output_audio), (usage.output_image, rates.output_image)):
        if tokens:
            rate = rates.output if rate is None else rate
            if rate is None:
                return None
            pico += tokens * rate
    return pico


def prompt_details(usage: Usage) -> dict[str, int] | None:
    """What of the prompt was cached, spoken or an image, in OpenAI's words; None if nothing was.

    Ours are parts that have their own price: `cache_write_1h_tokens` of `cache_write_tokens`, `cached_audio_tokens` of
    `cached_tokens`. `audio_tokens` and `image_tokens` were not cached.
    """
    cached, written = usage.total_cache_read, usage.cache_write + usage.cache_write_1h
    if not (cached or written or usage.input_audio or usage.input_image):
        return None
    details = {"cached_tokens": cached, "cache_write_tokens": written, "audio_tokens": usage.input_audio}
    if usage.cache_write_1h:
        details["cache_write_1h_tokens"] = usage.cache_write_1h
    if usage.cache_read_audio:
        details["cached_audio_tokens"] = usage.cache_read_audio
    if usage.input_image:
        details["image_tokens"] = usage.input_image
    return details


def completion_details(usage: Usage) -> dict[str, int] | None:
    """What of the answer was reasoning, speech or images; None if nothing was."""
    if not (usage.reasoning or usage.output_audio or usage.output_image):
        return None
    return {
        "reasoning_tokens": usage.reasoning,
        "audio_tokens": usage.output_audio,
        "image_tokens": usage.output_image,
    }


def rate_of(dollars_per_million: float) -> int:
    """Dollars per million tokens, as people write prices, in pico-dollars per token."""
    return round(dollars_per_million * PICO_PER_DOLLAR_PER_MILLION)


def _or(rate: int | None, other: int) -> int:
    return other if rate is None else rate
