import json

import pytest

from entresol.llm.formats.openai_chat import OpenAIChat
from entresol.llm.openai_plain import plain_messages, plain_tools
from entresol.llm.types import Tool

FORMAT = OpenAIChat()
PLAIN = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}


def test_ordinary_tools_are_read_at_once() -> None:
    assert plain_tools([PLAIN]) == [Tool(name="f", description="d", parameters={"type": "object"})]
    assert plain_tools([{"type": "function", "function": {"name": "f"}}]) == [Tool(name="f")]


@pytest.mark.parametrize(
    "strange",
    [
        None,
        "f",
        {},
        {**PLAIN, "odd": 1},
        {**PLAIN, "type": "custom"},
        {"type": "function", "function": "f"},
        {"type": "function", "function": {"name": 5}},
        {"type": "function", "function": {"name": "f", "odd": None}},
        {"type": "function", "function": {"name": "f", "strict": True}},
        {"type": "function", "function": {"name": "f", "description": 5}},
        {"type": "function", "function": {"name": "f", "parameters": []}},
    ],
)
def test_whatever_is_out_of_the_ordinary_is_left_to_others(strange: object) -> None:
    assert plain_tools([PLAIN, strange]) is None
    assert plain_tools(strange) is None


def test_both_ways_of_reading_give_the_same() -> None:
    turns = [{"role": "user", "content": "x"}]
    plain = FORMAT.decode_request(json.dumps({"messages": turns, "tools": [PLAIN]}).encode())
    odd = {**PLAIN, "odd": 1}
    slow = FORMAT.decode_request(json.dumps({"messages": turns, "tools": [PLAIN, odd]}).encode())
    assert plain.tools == slow.tools[:1]


CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
MESSAGES: list[dict[str, object]] = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": "hello"},
    {"role": "assistant", "content": None, "tool_calls": [CALL, CALL]},
    {"role": "assistant", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c", "content": "18"},
    {"role": "tool", "tool_call_id": "c", "content": ""},
    {"role": "assistant", "content": "it is 18"},
    {"role": "user", "content": ""},
    {"role": "developer", "content": "x"},
]


def test_ordinary_messages_are_read_as_the_readers_read_them() -> None:
    plain = FORMAT.decode_request(json.dumps({"messages": MESSAGES}).encode())
    odd: dict[str, object] = {"role": "user", "content": [{"type": "text", "text": "x"}]}
    slow = FORMAT.decode_request(json.dumps({"messages": [*MESSAGES, odd]}).encode())
    assert plain_messages(MESSAGES) is not None
    assert plain_messages([*MESSAGES, odd]) is None
    assert plain.messages == slow.messages[:-1]


@pytest.mark.parametrize(
    "strange",
    [
        None,
        "x",
        {},
        {"role": "nobody", "content": "x"},
        {"role": "user"},
        {"role": "user", "content": "x", "name": "n"},
        {"role": 5, "content": "x"},
        {"role": "tool", "content": "x"},
        {"role": "tool", "content": "x", "tool_call_id": 5},
        {"role": "assistant", "content": 5},
        {"role": "assistant", "content": "x", "refusal": None},
        {"role": "assistant", "tool_calls": {}},
        {"role": "assistant", "tool_calls": [{**CALL, "id": ""}]},
        {"role": "assistant", "tool_calls": [{**CALL, "index": 0}]},
        {"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "f"}}]},
        {"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "f", "arguments": {}}}]},
    ],
)
def test_a_message_out_of_the_ordinary_is_left_to_the_readers(strange: object) -> None:
    assert plain_messages([*MESSAGES, strange]) is None
