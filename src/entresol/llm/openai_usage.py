"""Tokens of OpenAI's answers: totals with details, and buckets that do not overlap.

Source: OpenAI API reference, the `usage` objects of chat completions, completions and embeddings.
"""

from entresol.llm.openai_structs import UsageWire
from entresol.llm.types import Usage, count


def read_usage(wire: UsageWire) -> Usage:
    """Totals with details become buckets that do not overlap."""
    prompt, completion = count(wire.prompt_tokens), count(wire.completion_tokens)
    usage = Usage(input=prompt, output=completion)
    inputs, outputs = wire.prompt_tokens_details, wire.completion_tokens_details
    if inputs is not None and (inputs.cached_tokens or inputs.cache_write_tokens or inputs.audio_tokens):
        usage.cache_read = min(count(inputs.cached_tokens), prompt)
        usage.cache_write = min(count(inputs.cache_write_tokens), prompt - usage.cache_read)
        usage.input_audio = min(count(inputs.audio_tokens), prompt - usage.cache_read - usage.cache_write)
        usage.input = prompt - usage.cache_read - usage.cache_write - usage.input_audio
    if outputs is not None and (outputs.reasoning_tokens or outputs.audio_tokens or outputs.image_tokens):
        usage.reasoning = min(count(outputs.reasoning_tokens), completion)
        usage.output_audio = min(count(outputs.audio_tokens), completion - usage.reasoning)
        usage.output_image = min(count(outputs.image_tokens), completion - usage.reasoning - usage.output_audio)
        usage.output = completion - usage.reasoning - usage.output_audio - usage.output_image
    return usage


def write_usage(usage: Usage) -> dict[str, object]:
    """The `usage` object of an answer."""
    prompt, completion = usage.total_input, usage.total_output
    cache_write = usage.cache_write + usage.cache_write_1h
    inputs = {"cached_tokens": usage.cache_read, "audio_tokens": usage.input_audio}
    if cache_write:
        inputs["cache_write_tokens"] = cache_write
    outputs = {"reasoning_tokens": usage.reasoning, "audio_tokens": usage.output_audio}
    if usage.output_image:
        outputs["image_tokens"] = usage.output_image
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": inputs,
        "completion_tokens_details": outputs,
    }
