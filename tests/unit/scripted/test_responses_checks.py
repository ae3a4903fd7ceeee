from typing import Any

import pytest

from entresol.scripted.openai_checks import check_shape
from entresol.scripted.responses_checks import RESPONSES, check_responses
from entresol.scripted.script import Refusal

CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "1"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
TOOL = {"type": "function", "name": "f", "parameters": SCHEMA, "strict": True}


def check(**fields: Any) -> None:
    body = {"model": "gpt-5", "input": "Hi"} | fields
    check_shape(body, RESPONSES)
    check_responses(body)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"input": [{"role": "user", "content": "Hi"}, {"type": "message", "role": "assistant", "content": "Yes"}]},
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": "a"}]}]},
        {"input": [CALL, RESULT], "tools": [TOOL], "tool_choice": {"type": "function", "name": "f"}},
        {"input": [{"type": "reasoning", "summary": [], "encrypted_content": "gAAAAABx"}]},
        {"input": [{"type": "reasoning", "id": "rs_1", "summary": []}]},
        {"text": {"format": {"type": "json_object"}}, "input": "as JSON"},
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}}},
        {"tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search"}},
        {"tools": [{"type": "function", "name": "f", "parameters": None, "strict": False}]},
        {"include": ["reasoning.encrypted_content"], "reasoning": {"effort": "low", "summary": "auto"}},
        {"stream": True, "stream_options": {"include_obfuscation": False}},
    ],
)
def test_what_openai_takes_passes(fields: dict[str, Any]) -> None:
    check(**fields)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"max_tokens": 20}, "max_tokens"),
        ({"max_output_tokens": 5}, "max_output_tokens"),
        ({"stop": ["a"]}, "stop"),
        ({"input": []}, "input"),
        ({"input": [{"role": "robot", "content": "a"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}, "input[0].content[0].type"),
        (
            {"input": [{"role": "assistant", "content": [{"type": "input_text", "text": "a"}]}]},
            "input[0].content[0].type",
        ),
        ({"input": [{"role": "user", "content": "a", "name": "b"}]}, "input[0].name"),
        ({"input": [RESULT]}, "input"),
        ({"input": [RESULT, CALL]}, "input"),
        ({"input": [CALL]}, "input"),
        ({"input": [CALL, RESULT | {"type": "custom_tool_call_output"}]}, "input"),
        ({"input": [CALL | {"call_id": "c" * 65}, RESULT]}, "input[0].call_id"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools[0].name"),
        ({"tools": [TOOL | {"parameters": {"type": "object", "properties": {}}}]}, "tools[0].parameters"),
        ({"tools": [TOOL | {"parameters": SCHEMA | {"required": []}}]}, "tools[0].parameters"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "name": "g"}}, "tool_choice"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"text": {"format": {"type": "json_object"}}}, "input"),
        ({"text": {"format": {"type": "json_schema", "schema": SCHEMA}}}, "text.format.name"),
        ({"response_format": {"type": "text"}}, "response_format"),
        ({"stream_options": {"include_obfuscation": False}}, "stream_options"),
        ({"stream": True, "stream_options": {"include_usage": True}}, "stream_options.include_usage"),
        ({"include": ["everything"]}, "include[0]"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"background": True, "store": False}, "background"),
        ({"model": "gpt-4o", "include": ["reasoning.encrypted_content"]}, "include"),
        ({"model": "gpt-4o", "reasoning": {"effort": "low"}}, "reasoning.effort"),
        ({"input": [{"type": "reasoning", "id": "rs_1", "summary": []}], "store": False}, "input"),
    ],
)
def test_what_openai_refuses_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Refusal) as caught:
        check(**fields)
    assert caught.value.param == param


def test_reasoning_of_another_maker_cannot_be_verified() -> None:
    with pytest.raises(Refusal) as caught:
        check(input=[{"type": "reasoning", "summary": [], "encrypted_content": "anthropic:sig"}])
    assert caught.value.code == "invalid_encrypted_content"
