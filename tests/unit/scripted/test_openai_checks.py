"""OpenAI's refusals."""

from typing import Any

import pytest

from entresol.scripted.openai_checks import dotted
from unit.scripted.asking import OPENAI_WEATHER, ask, chat, said, user

CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
CALLS = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "sun"}


def test_paths_are_written_as_openai_writes_them() -> None:
    assert dotted(("messages", 0, "content", 1, "type")) == "messages[0].content[1].type"


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"mesages": []}, "mesages", "unknown_parameter"),
        ({"messages": []}, "messages", "too_short"),
        ({"messages": "Hello"}, "messages", "invalid_type"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "missing_required_parameter"),
        ({"messages": [{"role": "boss", "content": "a"}]}, "messages[0].role", "invalid_value"),
        ({"messages": [user([{"type": "imge"}])]}, "messages[0].content[0].type", "invalid_value"),
        (
            {"messages": [user([{"type": "text", "text": "a", "x": 1}])]},
            "messages[0].content[0].x",
            "unknown_parameter",
        ),
        ({"temperature": 2.1}, "temperature", "decimal_above_max_value"),
        ({"temperature": "hot"}, "temperature", "invalid_type"),
        ({"top_p": -1}, "top_p", "decimal_below_min_value"),
        ({"n": 0}, "n", "decimal_below_min_value"),
        ({"stop": ["a"] * 5}, "stop", "too_long"),
        ({"max_tokens": 0}, "max_tokens", "decimal_below_min_value"),
        ({"reasoning_effort": "huge"}, "reasoning_effort", "invalid_value"),
        ({"top_k": 3}, "top_k", "unknown_parameter"),
        ({"tool_choice": "auto"}, "tool_choice", None),
        ({"parallel_tool_calls": False}, "parallel_tool_calls", None),
        ({"stream_options": {"include_usage": True}}, "stream_options", None),
        ({"top_logprobs": 2}, "top_logprobs", None),
        ({"max_tokens": 1, "max_completion_tokens": 1}, None, None),
        ({"response_format": {"type": "json_object"}}, "messages", None),
        (
            {"tools": [OPENAI_WEATHER], "tool_choice": {"type": "function", "function": {"name": "nope"}}},
            "tool_choice",
            None,
        ),
        ({"messages": [user("a"), RESULT]}, "messages[1].role", None),
        ({"messages": [user("a"), CALLS, user("b")]}, "messages", None),
        ({"messages": [user("a"), CALLS]}, "messages", None),
        ({"messages": [user("a"), CALLS, {**RESULT, "tool_call_id": "x"}]}, "messages[2].tool_call_id", None),
        ({"messages": [user("a"), {"role": "assistant"}]}, "messages[1].content", None),
    ],
)
def test_a_faulty_chat_request_is_refused_with_its_parameter(
    fields: dict[str, Any], param: str | None, code: str | None
) -> None:
    answered = chat(**fields)
    error = said(answered)["error"]
    assert answered.script.status == 400
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": [user("a"), CALLS, RESULT]},
        {"messages": [{"role": "developer", "content": "a"}, {"role": "system", "content": "b"}, user("c")]},
        {"tools": [OPENAI_WEATHER], "tool_choice": {"type": "function", "function": {"name": "get_weather"}}},
        {"temperature": None, "stop": None, "seed": 7, "metadata": {"a": "b"}},
        {"messages": [user("json please")], "response_format": {"type": "json_object"}},
    ],
)
def test_a_good_chat_request_passes(fields: dict[str, Any]) -> None:
    assert chat(**fields).script.status == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/completions", {"model": "gpt-5.5"}),
        ("/v1/completions", {"model": "gpt-5.5", "prompt": 3}),
        ("/v1/completions", {"model": "gpt-5.5", "prompt": "a", "best_of": 21}),
        ("/v1/embeddings", {"model": "text-embedding-3-small"}),
        ("/v1/embeddings", {"model": "text-embedding-3-small", "input": []}),
        ("/v1/embeddings", {"model": "text-embedding-3-small", "input": ""}),
        ("/v1/embeddings", {"model": "text-embedding-3-small", "input": "a", "encoding_format": "int"}),
        ("/v1/chat/completions", []),
    ],
)
def test_other_faulty_requests_are_refused(path: str, body: object) -> None:
    assert ask(path, body).script.status == 400
