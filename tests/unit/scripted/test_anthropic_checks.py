"""Anthropic's refusals."""

from typing import Any

import pytest

from unit.scripted.asking import ANTHROPIC_WEATHER, ask, messages, said, user

USE = {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}]}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sun"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"max_tokens": None}, "max_tokens: Input should be a valid integer"),
        ({"temperature": 1.5}, "temperature: Input should be less than or equal to 1"),
        ({"frequency_penalty": 1}, "frequency_penalty: Extra inputs are not permitted"),
        ({"response_format": {}}, "response_format: Extra inputs are not permitted"),
        ({"messages": []}, "messages: at least 1 required"),
        ({"messages": [{"role": "tool", "content": "a"}]}, "messages.0.role: Input should be"),
        ({"messages": [{"role": "assistant", "content": "a"}]}, "first message must use"),
        ({"messages": [user("")]}, "text content blocks must be non-empty"),
        ({"messages": [user(" ")]}, "non-whitespace"),
        ({"messages": [user([])]}, "non-empty content"),
        ({"messages": [user([{"type": "image_url"}])]}, "messages.0.content.0.type"),
        ({"messages": [user("a"), {"role": "assistant", "content": "b "}]}, "trailing whitespace"),
        ({"messages": [user("a"), USE]}, "toolu_1"),
        ({"messages": [user("a"), USE, user("b")]}, "without `tool_result` blocks immediately after: toolu_1"),
        ({"messages": [user([RESULT])]}, "unexpected `tool_use_id`"),
        ({"messages": [user("a"), USE, user([RESULT, RESULT])]}, "single result"),
        ({"messages": [user("a"), USE, user([{"type": "text", "text": "b"}, RESULT])]}, "must come first"),
        ({"tool_choice": {"type": "auto"}}, "tool_choice"),
        ({"tools": [ANTHROPIC_WEATHER], "tool_choice": {"type": "tool", "name": "x"}}, "not found"),
        ({"tools": [ANTHROPIC_WEATHER], "tool_choice": "auto"}, "tool_choice: Input should be a valid object"),
        ({"tools": [ANTHROPIC_WEATHER, ANTHROPIC_WEATHER]}, "unique"),
        ({"tools": [{**ANTHROPIC_WEATHER, "name": "a b"}]}, "pattern"),
        ({"tools": [{"name": "a", "input_schema": {}}]}, "input_schema.type"),
        ({"tools": [{"name": "a", "parameters": {}}]}, "input_schema: Field required"),
        ({"thinking": {"type": "enabled", "budget_tokens": 100}}, "greater than or equal to 1024"),
        ({"thinking": {"type": "enabled", "budget_tokens": 4096}}, "max_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}, "temperature": 0.5}, "temperature"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}, "top_k": 5}, "top_k"),
        (
            {"thinking": {"type": "adaptive"}, "tools": [ANTHROPIC_WEATHER], "tool_choice": {"type": "any"}},
            "forces tool use",
        ),
        (
            {
                "messages": [
                    user("a"),
                    {"role": "assistant", "content": [{"type": "thinking", "thinking": "x", "signature": ""}]},
                ]
            },
            "signature",
        ),
    ],
)
def test_a_faulty_request_is_refused_in_anthropics_words(fields: dict[str, Any], words: str) -> None:
    answered = messages(**fields)
    value = said(answered)
    assert answered.script.status == 400
    assert value["type"] == "error"
    assert value["error"]["type"] == "invalid_request_error"
    assert words in value["error"]["message"]
    assert value["request_id"].startswith("req_")


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": [user("a"), USE, user([RESULT, {"type": "text", "text": "b"}])]},
        {
            "messages": [
                user("a"),
                user("b"),
                {"role": "assistant", "content": "c"},
                {"role": "assistant", "content": "d"},
            ]
        },
        {"messages": [{"role": "system", "content": "s"}, user("a")]},
        {"system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]},
        {
            "tools": [{**ANTHROPIC_WEATHER, "type": "custom"}],
            "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        },
        {"metadata": {"user_id": "u"}, "service_tier": "auto", "stop_sequences": ["x"], "top_k": 3},
        {"thinking": {"type": "enabled", "budget_tokens": 1024}},
    ],
)
def test_a_good_request_passes(fields: dict[str, Any]) -> None:
    assert messages(**fields).script.status == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 1},
        {"top_p": 0.5},
        {"top_k": 1},
        {"messages": [user([{"type": "text", "text": "a", "citations": [{"x": 1}]}])]},
        {
            "messages": [
                user("a"),
                {
                    "role": "assistant",
                    "content": [
                        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "d"}}
                    ],
                },
            ]
        },
    ],
)
def test_the_version_of_2026_refuses_what_the_one_before_takes(fields: dict[str, Any]) -> None:
    assert messages(version="2023-06-01", **fields).script.status == 200
    assert messages(version="2026-10-21", **fields).script.status == 400


def test_counting_takes_no_limit() -> None:
    body = {"model": "claude-sonnet-5-5", "messages": [user("Hello")]}
    assert ask("/v1/messages/count_tokens", body).script.status == 200
    refused = ask("/v1/messages/count_tokens", {**body, "max_tokens": 5})
    assert said(refused)["error"]["message"] == "max_tokens: Extra inputs are not permitted"
