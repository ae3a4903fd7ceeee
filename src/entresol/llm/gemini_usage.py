"""Tokens of Gemini's answers: counts that overlap, and buckets that do not.

Source: Gemini API reference (v1beta), "UsageMetadata".
"""

from entresol.llm.gemini_structs import Modality, UsageWire
from entresol.llm.token_count import count
from entresol.llm.types import JsonObject, Usage


def _of(details: list[Modality] | None, modality: str) -> int:
    return sum(count(item.token_count) for item in details or () if item.modality == modality)


def read_usage(wire: UsageWire) -> Usage | None:
    """Counts that overlap become buckets that do not; None where nothing is counted: that is not zero."""
    if wire.prompt_token_count is None and wire.candidates_token_count is None and wire.thoughts_token_count is None:
        return None
    prompt = (count(wire.prompt_token_count)) + (count(wire.tool_use_prompt_token_count))
    output = count(wire.candidates_token_count)
    usage = Usage(reasoning=count(wire.thoughts_token_count))
    cached = min(count(wire.cached_content_token_count), prompt)
    usage.cache_read_audio = min(_of(wire.cache_tokens_details, "AUDIO"), cached)
    usage.cache_read = cached - usage.cache_read_audio
    audio = _of(wire.prompt_tokens_details, "AUDIO") + _of(wire.tool_use_prompt_tokens_details, "AUDIO")
    usage.input_audio = min(max(audio - usage.cache_read_audio, 0), prompt - cached)
    usage.input = prompt - cached - usage.input_audio
    usage.output_audio = min(_of(wire.candidates_tokens_details, "AUDIO"), output)
    usage.output_image = min(_of(wire.candidates_tokens_details, "IMAGE"), output - usage.output_audio)
    usage.output = output - usage.output_audio - usage.output_image
    return usage


def _by_modality(text: int, audio: int) -> list[JsonObject]:
    return [{"modality": "TEXT", "tokenCount": text}, {"modality": "AUDIO", "tokenCount": audio}]


def write_usage(usage: Usage) -> JsonObject:
    """The `usageMetadata` of an answer."""
    prompt = usage.total_input
    visible = usage.output + usage.output_audio + usage.output_image
    wire: JsonObject = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": visible,
        "totalTokenCount": prompt + visible + usage.reasoning,
    }
    cached = usage.total_cache_read
    if cached:
        wire["cachedContentTokenCount"] = cached
    if usage.cache_read_audio:
        wire["cacheTokensDetails"] = _by_modality(usage.cache_read, usage.cache_read_audio)
    if usage.reasoning:
        wire["thoughtsTokenCount"] = usage.reasoning
    spoken = usage.input_audio + usage.cache_read_audio
    if spoken:
        wire["promptTokensDetails"] = _by_modality(prompt - spoken, spoken)
    kinds = (("TEXT", usage.output), ("AUDIO", usage.output_audio), ("IMAGE", usage.output_image))
    if usage.output_audio or usage.output_image:
        wire["candidatesTokensDetails"] = [{"modality": kind, "tokenCount": count} for kind, count in kinds if count]
    return wire
