"""What answers of InvokeModel say about the call, in whichever model's own words they are.

Source: Amazon Bedrock User Guide, "Inference request parameters and response fields for foundation models". The last
chunk of a stream carries `amazon-bedrock-invocationMetrics`, whatever the model.
"""

from typing import Final, TypeVar

import msgspec

from entresol.llm.anthropic_structs import CacheCreationWire
from entresol.llm.call_facts import CallFacts
from entresol.llm.token_count import count
from entresol.llm.types import FinishReason, Usage

T = TypeVar("T")


class _Usage(msgspec.Struct):
    """Tokens as Anthropic, Nova and those that speak OpenAI's format count them."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_creation: CacheCreationWire | None = None
    nova_input: int | None = msgspec.field(name="inputTokens", default=None)
    nova_output: int | None = msgspec.field(name="outputTokens", default=None)
    nova_cache_read: int | None = msgspec.field(name="cacheReadInputTokens", default=None)
    nova_cache_read_count: int | None = msgspec.field(name="cacheReadInputTokenCount", default=None)
    nova_cache_write: int | None = msgspec.field(name="cacheWriteInputTokens", default=None)
    nova_cache_write_count: int | None = msgspec.field(name="cacheWriteInputTokenCount", default=None)
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Metrics(msgspec.Struct, rename="camel"):
    input_token_count: int | None = None
    output_token_count: int | None = None
    cache_read_input_token_count: int | None = None
    cache_write_input_token_count: int | None = None


class _Result(msgspec.Struct):
    """One of Titan's results, Mistral's outputs, or a choice in OpenAI's format."""

    token_count: int | None = msgspec.field(name="tokenCount", default=None)
    completion_reason: str | None = msgspec.field(name="completionReason", default=None)
    stop_reason: str | None = None
    finish_reason: str | None = None


class _Stop(msgspec.Struct):
    """Nova's `messageStop` and Anthropic's `delta`."""

    nova_reason: str | None = msgspec.field(name="stopReason", default=None)
    stop_reason: str | None = None


class _Metadata(msgspec.Struct):
    usage: _Usage | None = None


class _Message(msgspec.Struct):
    """What Anthropic's `message_start` holds."""

    id: str | None = None
    model: str | None = None
    usage: _Usage | None = None


class Body(msgspec.Struct):
    """An answer, or a chunk of a stream: the fields of all models."""

    type: str | None = None
    id: object = None
    model: object = None
    usage: _Usage | None = None
    stop_reason: str | None = None
    finish_reason: str | None = None
    nova_reason: str | None = msgspec.field(name="stopReason", default=None)
    nova_stop: _Stop | None = msgspec.field(name="messageStop", default=None)
    nova_metadata: _Metadata | None = msgspec.field(name="metadata", default=None)
    message: object = None
    delta: object = None
    error: object = None
    results: list[_Result] | None = None
    outputs: object = None
    choices: object = None
    titan_input: int | None = msgspec.field(name="inputTextTokenCount", default=None)
    titan_output: int | None = msgspec.field(name="totalOutputTextTokenCount", default=None)
    titan_reason: str | None = msgspec.field(name="completionReason", default=None)
    prompt_token_count: int | None = None
    generation_token_count: int | None = None
    metrics: _Metrics | None = msgspec.field(name="amazon-bedrock-invocationMetrics", default=None)


_REASONS: Final[dict[str, FinishReason]] = {
    "end_turn": "stop",
    "stop": "stop",
    "finish": "stop",
    "finished": "stop",
    "complete": "stop",
    "endoftext": "stop",
    "stop_sequence": "stop_sequence",
    "stop_criteria_met": "stop_sequence",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "length": "length",
    "tool_use": "tool_calls",
    "tool_call": "tool_calls",
    "tool_calls": "tool_calls",
    "content_filtered": "content_filter",
    "content_filter": "content_filter",
    "guardrail_intervened": "content_filter",
    "error_toxic": "content_filter",
    "refusal": "refusal",
    "pause_turn": "pause",
    "error": "error",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}


def add_body(facts: CallFacts, usage: Usage, body: Body) -> None:
    """Add what an answer or one chunk of it says; `usage` is what was said so far."""
    message = _as(_Message, body.message)
    if message is not None:
        facts.model, facts.response_id = message.model or facts.model, message.id or facts.response_id
    if isinstance(body.model, str):
        facts.model = body.model
    if isinstance(body.id, str):
        facts.response_id = body.id
    _add_counts(facts, usage, body, None if message is None else message.usage)
    reason = _reason(body)
    if reason is not None:
        facts.finish_reason = _REASONS.get(reason.lower(), "stop")


def _reason(body: Body) -> str | None:
    delta = _as(_Stop, body.delta)
    ends = [body.stop_reason, body.finish_reason, body.nova_reason, body.titan_reason]
    for stop in (body.nova_stop, delta):
        ends += [] if stop is None else [stop.nova_reason, stop.stop_reason]
    for value in (body.results, body.outputs, body.choices):
        first = value[0] if isinstance(value, list) and value else None
        if not isinstance(first, _Result):
            first = _as(_Result, first)
        if first is not None:
            ends += [first.completion_reason, first.stop_reason, first.finish_reason]
    return next((end for end in ends if end), None)


def _add_counts(facts: CallFacts, usage: Usage, body: Body, first: _Usage | None) -> None:
    told = [first, body.usage, None if body.nova_metadata is None else body.nova_metadata.usage]
    for wire in told:
        if wire is not None:
            _add_usage(usage, wire)
            facts.usage = usage
    prompt, answer = body.titan_input, body.titan_output
    if body.results and answer is None:
        answer = sum(count(result.token_count) for result in body.results)
    if prompt is None:
        prompt, answer = body.prompt_token_count, body.generation_token_count if answer is None else answer
    if prompt is not None:
        usage.input, facts.usage = count(prompt), usage
    if answer is not None:
        usage.output, facts.usage = count(answer), usage
    if body.metrics is not None and not (usage.total_input and usage.total_output):
        metrics = body.metrics
        usage.input, usage.output = count(metrics.input_token_count), count(metrics.output_token_count)
        usage.cache_read = count(metrics.cache_read_input_token_count)
        usage.cache_write = count(metrics.cache_write_input_token_count)
        facts.usage = usage


def _add_usage(usage: Usage, wire: _Usage) -> None:
    """Counts in a stream are totals so far: later ones replace earlier ones, absent ones leave them."""
    read = _first(wire.cache_read_input_tokens, wire.nova_cache_read, wire.nova_cache_read_count)
    written = _first(wire.cache_creation_input_tokens, wire.nova_cache_write, wire.nova_cache_write_count)
    prompt = _first(wire.input_tokens, wire.nova_input, wire.prompt_tokens)
    answer = _first(wire.output_tokens, wire.nova_output, wire.completion_tokens)
    if wire.cache_creation is not None:
        usage.cache_write_1h = count(wire.cache_creation.ephemeral_1h_input_tokens)
    if prompt is not None:
        usage.input = count(prompt)
    if answer is not None:
        usage.output = count(answer)
    if read is not None:
        usage.cache_read = count(read)
    if written is not None:
        usage.cache_write = max(count(written) - usage.cache_write_1h, 0)


def _first(*told: int | None) -> int | None:
    return next((each for each in told if each is not None), None)


def _as(kind: type[T], value: object) -> T | None:
    """A part whose shape depends on the model, where it is of this kind."""
    if not isinstance(value, dict):
        return None
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None
