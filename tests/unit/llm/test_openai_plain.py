import json

import pytest

from entresol.llm.formats.openai_chat import OpenAIChat
from entresol.llm.openai_plain import plain_tools
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
