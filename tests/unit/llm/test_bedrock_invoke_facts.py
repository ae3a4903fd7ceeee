"""What answers of InvokeModel say, in each model's own words."""

import json
from typing import Any

import msgspec
import pytest

from entresol.llm.bedrock_invoke_facts import Body, add_body
from entresol.llm.call_facts import CallFacts
from entresol.llm.types import FinishReason, Usage


def facts(*bodies: dict[str, Any]) -> CallFacts:
    found, usage = CallFacts(), Usage()
    for body in bodies:
        add_body(found, usage, msgspec.json.decode(json.dumps(body), type=Body))
    return found


ANTHROPIC = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-3", "content": [],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 4,
              "cache_creation": {"ephemeral_1h_input_tokens": 4, "ephemeral_5m_input_tokens": 0}},
}  # fmt: skip
NOVA = {
    "output": {"message": {"role": "assistant", "content": [{"text": "x"}]}},
    "stopReason": "max_tokens",
    "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3, "cacheReadInputTokenCount": 4},
}
TITAN = {"inputTextTokenCount": 5, "results": [{"tokenCount": 2, "outputText": "x", "completionReason": "LENGTH"}]}
LLAMA = {"generation": "x", "prompt_token_count": 5, "generation_token_count": 2, "stop_reason": "stop"}
MISTRAL = {"outputs": [{"text": "x", "stop_reason": "length"}]}
OPENAI = {
    "id": "c", "model": "gpt-oss", "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "x"}}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 2},
}  # fmt: skip
COHERE = {"text": "x", "finish_reason": "COMPLETE"}
EMBEDDING = {"embedding": [0.5], "inputTextTokenCount": 5}


@pytest.mark.parametrize(
    ("body", "usage", "reason"),
    [
        (ANTHROPIC, Usage(input=1, output=2, cache_read=3, cache_write_1h=4), "tool_calls"),
        (NOVA, Usage(input=1, output=2, cache_read=4), "length"),
        (TITAN, Usage(input=5, output=2), "length"),
        (LLAMA, Usage(input=5, output=2), "stop"),
        (MISTRAL, None, "length"),
        (OPENAI, Usage(input=5, output=2), "stop"),
        (COHERE, None, "stop"),
        (EMBEDDING, Usage(input=5), None),
        ({}, None, None),
    ],
)
def test_a_whole_answer_is_read(body: dict[str, Any], usage: Usage | None, reason: FinishReason | None) -> None:
    found = facts(body)
    assert (found.usage, found.finish_reason) == (usage, reason)


def test_an_answer_names_its_model_where_it_does() -> None:
    found = facts(ANTHROPIC)
    assert (found.model, found.response_id) == ("claude-3", "msg_1")


METRICS = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 9, "outputTokenCount": 8, "invocationLatency": 1}}


def test_anthropics_stream_is_read() -> None:
    found = facts(
        {"type": "message_start", "message": {"id": "m", "model": "claude", "usage": {"input_tokens": 5}}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}},
        {"type": "message_stop", **METRICS},
    )
    assert (found.usage, found.finish_reason, found.model) == (Usage(input=5, output=7), "stop", "claude")


def test_novas_stream_is_read() -> None:
    found = facts(
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"delta": {"text": "x"}, "contentBlockIndex": 0}},
        {"messageStop": {"stopReason": "tool_use"}},
        {"metadata": {"usage": {"inputTokens": 5, "outputTokens": 7}, "metrics": {}}, **METRICS},
    )
    assert (found.usage, found.finish_reason) == (Usage(input=5, output=7), "tool_calls")


def test_the_metrics_count_where_the_model_does_not() -> None:
    found = facts({"outputs": [{"text": "x", "stop_reason": None}]}, {"outputs": [{"stop_reason": "stop"}], **METRICS})
    assert (found.usage, found.finish_reason) == (Usage(input=9, output=8), "stop")


@pytest.mark.parametrize("body", [{"message": "x"}, {"delta": 1}, {"message": {"usage": 1}}, {"choices": [1]}])
def test_parts_of_other_shapes_are_passed_over(body: dict[str, Any]) -> None:
    assert facts(body) == CallFacts()
