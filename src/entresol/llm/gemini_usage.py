"""Tokens of Gemini's answers: counts that overlap, and buckets that do not.

Source: Gemini API reference (v1beta), "UsageMetadata".
"""

from entresol.llm.gemini_structs import Modality, UsageWire
from entresol.llm.types import JsonObject, Usage, count


def _of(details: list[Modality] | None, modality: str) -> int:
    return sum(count(item.token_count) for item in details or () if item.modality == modality)


def read_usage(wire: UsageWire) -> Usage:
    """Counts that overlap become buckets that do not."""
    prompt = (count(wire.prompt_token_count)) + (count(wire.tool_use_prompt_token_count))
    output = count(wire.candidates_token_count)
    usage = Usage(reasoning=count(wire.thoughts_token_count))
    usage.cache_read = min(count(wire.cached_content_token_count), prompt)
    audio = _of(wire.prompt_tokens_details, "AUDIO") - _of(wire.cache_tokens_details, "AUDIO")
    usage.input_audio = min(max(audio, 0), prompt - usage.cache_read)
    usage.input = prompt - usage.cache_read - usage.input_audio
    usage.output_audio = min(_of(wire.candidates_tokens_details, "AUDIO"), output)
    usage.output_image = min(_of(wire.candidates_tokens_details, "IMAGE"), output - usage.output_audio)
    usage.output = output - usage.output_audio - usage.output_image
    return usage


def write_usage(usage: Usage) -> JsonObject:
    """The `usageMetadata` of an answer."""
    prompt = usage.total_input
    visible = usage.output + usage.output_audio + usage.output_image
    wire: JsonObject = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": visible,
        "totalTokenCount": prompt + visible + usage.reasoning,
    }
    if usage.cache_read:
        wire["cachedContentTokenCount"] = usage.cache_read
    if usage.reasoning:
        wire["thoughtsTokenCount"] = usage.reasoning
    if usage.input_audio:
        rest = prompt - usage.input_audio
        wire["promptTokensDetails"] = [
            {"modality": "TEXT", "tokenCount": rest},
            {"modality": "AUDIO", "tokenCount": usage.input_audio},
        ]
    kinds = (("TEXT", usage.output), ("AUDIO", usage.output_audio), ("IMAGE", usage.output_image))
    if usage.output_audio or usage.output_image:
        wire["candidatesTokensDetails"] = [{"modality": kind, "tokenCount": count} for kind, count in kinds if count]
    return wire
