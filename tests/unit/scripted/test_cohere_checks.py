"""What Cohere's API would refuse is refused."""

from typing import Any

import pytest

from entresol.scripted import cohere_checks
from entresol.scripted.script import Refusal
from unit.scripted.asking import OPENAI_WEATHER, PIXEL, user

CALL = {"id": "a", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Oslo"}'}}
CALLING = {"role": "assistant", "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "a", "content": "rain"}
DOCUMENT = {"type": "document", "document": {"data": {"a": "b"}, "id": "1"}}
IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}


def check(**fields: Any) -> None:
    body = {"model": "command-a-03-2025", "messages": [user("Hello")], **fields}
    cohere_checks.check_chat(cohere_checks.check_shape(body, cohere_checks.CHAT))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"messages": [{"role": "system", "content": "x"}, user([{"type": "text", "text": "x"}, IMAGE])]},
        {"messages": [user("x"), CALLING, RESULT, {"role": "assistant", "content": "done"}, user("y")]},
        {"messages": [user("x"), CALLING | {"tool_plan": "p"}, RESULT | {"content": [DOCUMENT]}]},
        {"tools": [OPENAI_WEATHER], "tool_choice": "REQUIRED", "strict_tools": True},
        {"documents": ["a", {"data": {"text": "b"}}], "citation_options": {"mode": "FAST"}},
        {"response_format": {"type": "json_object", "json_schema": {"type": "object"}}},
        {"p": 0.99, "k": 0, "frequency_penalty": 1, "seed": 1, "stop_sequences": ["a"], "priority": 0},
        {"model": "command-a-reasoning-08-2025", "thinking": {"type": "enabled", "token_budget": 5}},
    ],
)
def test_what_is_right_passes(fields: dict[str, Any]) -> None:
    check(**fields)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [user("")]}, "must not be empty"),
        ({"messages": [{"role": "developer", "content": "x"}]}, "role"),
        ({"messages": [user([{"type": "input_text", "text": "x"}])]}, "type"),
        ({"messages": [user([{"type": "image_url", "image_url": {"url": "gs://x"}}])]}, "image_url"),
        (
            {"messages": [user([{"type": "image_url", "image_url": {"url": "data:image/jpeg;base64," + PIXEL}}])]},
            "look",
        ),
        ({"messages": [user("x"), CALLING]}, "without a result: a"),
        ({"messages": [user("x"), CALLING, user("y")]}, "without a result: a"),
        ({"messages": [user("x"), RESULT]}, "no matching tool call"),
        ({"messages": [user("x"), CALLING, RESULT, RESULT]}, "no matching tool call"),
        ({"messages": [{"role": "assistant"}]}, "needs content or tool_calls"),
        ({"messages": [{"role": "assistant", "content": "x", "tool_plan": "p"}]}, "tool_plan needs"),
        ({"messages": [{"role": "assistant", "tool_calls": [CALL, CALL]}]}, "unique"),
        ({"tools": [OPENAI_WEATHER], "tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "REQUIRED"}, "needs tools"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "parameters is required"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}, "type object"),
        ({"tools": [{"type": "function", "function": {"name": "f g", "parameters": {}}}]}, "not valid"),
        (
            {
                "strict_tools": True,
                "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
            },
            "required parameter",
        ),
        ({"tools": [OPENAI_WEATHER], "response_format": {"type": "json_object"}}, "not supported with tools"),
        ({"thinking": {"type": "enabled"}}, "thinking is not supported"),
        ({"thinking": {"type": "enabled", "token_budget": 0}}, "token_budget"),
        ({"p": 1}, "p: 1 is not valid"),
        ({"top_p": 0.5}, "unknown field: parameter 'top_p'"),
        ({"prompt": "x"}, "unknown field: parameter 'prompt'"),
        ({"frequency_penalty": 1.5}, "frequency_penalty"),
        ({"stop_sequences": list("abcdef")}, "stop_sequences"),
        ({"max_tokens": "5"}, "max_tokens must be integer"),
        ({"temperature": -1}, "temperature"),
    ],
)
def test_what_is_wrong_is_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(Refusal, match=why) as raised:
        check(**fields)
    assert raised.value.status == 400


@pytest.mark.parametrize("arguments", ["", "{", "[]", "3"])
def test_arguments_must_be_an_object(arguments: str) -> None:
    call = CALL | {"function": {"name": "f", "arguments": arguments}}
    with pytest.raises(Refusal, match="arguments"):
        check(messages=[{"role": "assistant", "tool_calls": [call]}])


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "exactly one"),
        ({"texts": ["a"], "inputs": [{"content": [{"type": "text", "text": "a"}]}]}, "exactly one"),
        ({"texts": ["a"], "input_type": "image"}, "goes with images"),
        ({"texts": ["a"], "input_type": "query"}, "input_type"),
        ({"texts": ["a"] * 97}, "texts"),
        ({"texts": ["a"], "output_dimension": 100}, "output_dimension"),
        ({"texts": ["a"], "output_dimension": 256, "model": "embed-english-v3.0"}, "output_dimension"),
        ({"texts": ["a"], "embedding_types": ["double"]}, "embedding_types"),
        ({"texts": ["a"], "truncate": "end"}, "truncate"),
        ({"images": ["https://x/a.png"], "input_type": "image"}, "data URIs"),
        ({"images": ["data:image/png;base64,!!"], "input_type": "image"}, "base64"),
    ],
)
def test_embeddings_are_checked(fields: dict[str, Any], why: str) -> None:
    body = {"model": "embed-v4.0", "input_type": "search_query", **fields}
    with pytest.raises(Refusal, match=why):
        cohere_checks.check_embed(cohere_checks.check_shape(body, cohere_checks.EMBED))


@pytest.mark.parametrize("wrong", [{"documents": []}, {"documents": [{"text": "a"}]}, {"query": ""}, {"top_n": 0}])
def test_reranking_is_checked(wrong: dict[str, Any]) -> None:
    good = {"model": "rerank-v4.0-pro", "query": "q", "documents": ["a"], "relevant_spans": {"mode": "enabled"}}
    assert cohere_checks.check_shape(good, cohere_checks.RERANK) == good
    with pytest.raises(Refusal, match=next(iter(wrong))):
        cohere_checks.check_shape(good | wrong, cohere_checks.RERANK)


def test_an_image_has_a_type_and_a_size() -> None:
    assert cohere_checks.check_image(f"data:image/png;base64,{PIXEL}") == ("image/png", 70)
    assert cohere_checks.check_image("https://x/a.png") == ("image", 0)
