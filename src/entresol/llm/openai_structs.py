"""What is read of OpenAI's answers, as structs. Everything else in them is skipped."""

from typing import Final

import msgspec

from entresol.llm.usage_faults import despite_usage


class PromptDetails(msgspec.Struct, gc=False):
    cached_tokens: float | None = None
    audio_tokens: float | None = None
    cache_write_tokens: float | None = None
    cache_creation_input_tokens: float | None = None
    """DashScope's name for `cache_write_tokens`."""


class CompletionDetails(msgspec.Struct, gc=False):
    reasoning_tokens: float | None = None
    audio_tokens: float | None = None
    image_tokens: float | None = None


class CostWire(msgspec.Struct, kw_only=True, gc=False):
    """Where providers say what a call costs. Sources: see `reported_cost`."""

    cost: object = None
    """OpenRouter: dollars. Perplexity: an object with `total_cost` in dollars."""
    cost_details: object = None
    is_byok: object = None
    """OpenRouter: the model's provider bills the operator's own key, `cost_details.upstream_inference_cost` dollars."""
    cost_in_usd_ticks: object = None
    """xAI: 1e-10 dollars each."""


class UsageWire(CostWire, gc=False):
    """OpenAI's `usage`: totals, and details that are parts of them. Then what compatible providers say elsewhere."""

    prompt_tokens: float | None = None
    completion_tokens: float | None = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None
    total_tokens: float | None = None
    prompt_cache_hit_tokens: float | None = None
    """DeepSeek."""
    cached_tokens: float | None = None
    """Moonshot, Together, Anthropic's compatible endpoint."""
    num_cached_tokens: float | None = None
    """Mistral."""
    cache_read_input_tokens: float | None = None
    """Databricks."""
    cache_creation_input_tokens: float | None = None
    reasoning_tokens: float | None = None
    """Databricks: a part of `completion_tokens`. Perplexity: not a part of them."""
    citation_tokens: float | None = None
    """Perplexity."""
    num_search_queries: float | None = None


class ErrorWire(msgspec.Struct, gc=False):
    message: str | None = None
    type: str | None = None
    code: str | int | None = None
    param: object = None


class ChoiceFacts(msgspec.Struct, gc=False):
    index: int = 0
    finish_reason: str | None = None
    error: ErrorWire | str | None = None
    """OpenRouter."""


class GroqFacts(msgspec.Struct, gc=False):
    error: str | None = None


class AnswerFacts(msgspec.Struct, gc=False):
    """What all three operations' answers, and stream chunks, say about the call. Everything else is skipped."""

    id: str | None = None
    model: str | None = None
    choices: list[ChoiceFacts] | None = None
    data: msgspec.Raw = msgspec.Raw()
    usage: UsageWire | None = None
    service_tier: str | None = None
    error: ErrorWire | str | None = None
    x_groq: GroqFacts | None = None


class _Calling(msgspec.Struct):
    tool_calls: list[msgspec.Raw] | None = None


class _CallingChoice(msgspec.Struct):
    index: int = 0
    message: _Calling | None = None
    delta: _Calling | None = None


class CallsOfAnswer(msgspec.Struct):
    """What tells whether a choice of an answer, or of a chunk, calls tools."""

    choices: list[_CallingChoice] | None = None

    def are_there(self) -> bool:
        """Whether the first choice does."""
        for choice in self.choices or ():
            said = choice.message or choice.delta
            if said is not None and said.tool_calls and choice.index == 0:
                return True
        return False


class ErrorAnswer(msgspec.Struct):
    error: ErrorWire | str | None = None
    message: str | None = None
    detail: object = None
    type: str | None = None
    code: str | int | None = None


decode_facts: Final = despite_usage(msgspec.json.Decoder(AnswerFacts).decode)
decode_calls: Final = msgspec.json.Decoder(CallsOfAnswer).decode
decode_error: Final = msgspec.json.Decoder(ErrorAnswer).decode
decode_usage: Final = msgspec.json.Decoder(UsageWire).decode
