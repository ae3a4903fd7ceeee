"""Tokens of OpenAI's answers: totals with details, and buckets that do not overlap.

Sources: OpenAI API reference, the `usage` objects of chat completions, completions and embeddings; and the references
of the providers that are compatible but for these (`UsageWire`).
"""

from typing import Final

from entresol.llm.openai_structs import CompletionDetails, PromptDetails, UsageWire
from entresol.llm.reported_cost import reported_cost
from entresol.llm.token_count import count
from entresol.llm.types import Usage

_NO_PROMPT_DETAILS: Final = (
    PromptDetails(),
    PromptDetails(cached_tokens=0, audio_tokens=0),
    PromptDetails(cached_tokens=0),
)
_NO_COMPLETION_DETAILS: Final = (
    CompletionDetails(),
    CompletionDetails(reasoning_tokens=0, audio_tokens=0),
    CompletionDetails(reasoning_tokens=0),
)
"""Details that say nothing: as they are if missing, as OpenAI writes them, and as many compatible servers do."""


def read_usage(wire: UsageWire) -> Usage | None:
    """Totals with details become buckets that do not overlap; None where nothing is counted: that is not zero."""
    prompt, completion = count(wire.prompt_tokens), count(wire.completion_tokens)
    if _is_ordinary(wire, prompt, completion):
        return Usage(input=prompt, output=completion)
    cost = reported_cost(wire)
    if wire.prompt_tokens is None and wire.completion_tokens is None:
        return None if cost is None else Usage(reported_cost=cost)
    usage = Usage(input=prompt, output=completion, reported_cost=cost)
    _split_input(usage, wire, prompt)
    _split_output(usage, wire, prompt, completion)
    return usage


def _is_ordinary(wire: UsageWire, prompt: int, completion: int) -> bool:
    """Whether it has the two counts and no more to say: one comparison, where reading each field takes thirty."""
    inputs, outputs = wire.prompt_tokens_details, wire.completion_tokens_details
    return (
        (inputs is None or inputs in _NO_PROMPT_DETAILS)
        and (outputs is None or outputs in _NO_COMPLETION_DETAILS)
        and wire
        == UsageWire(
            prompt_tokens=prompt,
            completion_tokens=completion,
            total_tokens=prompt + completion,
            prompt_tokens_details=inputs,
            completion_tokens_details=outputs,
        )
    )


def read_input_usage(wire: UsageWire) -> Usage | None:
    """The same of an answer without output, such as embeddings, for which some only give the total."""
    usage = read_usage(wire)
    if wire.prompt_tokens is None and wire.total_tokens is not None:
        return Usage(input=count(wire.total_tokens), reported_cost=reported_cost(wire))
    return usage


def _split_input(usage: Usage, wire: UsageWire, prompt: int) -> None:
    inputs = wire.prompt_tokens_details or PromptDetails()
    cached = inputs.cached_tokens or wire.prompt_cache_hit_tokens or wire.cached_tokens or wire.num_cached_tokens
    cached = cached or wire.cache_read_input_tokens
    written = inputs.cache_write_tokens or inputs.cache_creation_input_tokens or wire.cache_creation_input_tokens
    if not (cached or written or inputs.audio_tokens):
        return
    usage.cache_read = min(count(cached), prompt)
    usage.cache_write = min(count(written), prompt - usage.cache_read)
    usage.input_audio = min(count(inputs.audio_tokens), prompt - usage.cache_read - usage.cache_write)
    usage.input = prompt - usage.cache_read - usage.cache_write - usage.input_audio


def _split_output(usage: Usage, wire: UsageWire, prompt: int, completion: int) -> None:
    outputs = wire.completion_tokens_details or CompletionDetails()
    reasoning = count(outputs.reasoning_tokens or wire.reasoning_tokens)
    unsaid = count(wire.total_tokens) - prompt - completion
    if unsaid > 0 and unsaid == reasoning:  # xAI: reasoning is in the total, and not in the completion
        usage.reasoning = reasoning
    elif unsaid > 0 and not reasoning and wire.completion_tokens_details is None and wire.completion_tokens is not None:
        usage.reasoning = unsaid  # Gemini's compatible endpoint tells of its thoughts in the total only
    elif wire.citation_tokens is not None or wire.num_search_queries is not None:  # Perplexity
        usage.reasoning = reasoning
    else:
        usage.reasoning = min(reasoning, completion)
        completion -= usage.reasoning
    usage.output_audio = min(count(outputs.audio_tokens), completion)
    usage.output_image = min(count(outputs.image_tokens), completion - usage.output_audio)
    usage.output = completion - usage.output_audio - usage.output_image


def write_usage(usage: Usage) -> dict[str, object]:
    """The `usage` object of an answer."""
    prompt, completion = usage.total_input, usage.total_output
    cache_write = usage.cache_write + usage.cache_write_1h
    inputs = {"cached_tokens": usage.total_cache_read, "audio_tokens": usage.input_audio}
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
