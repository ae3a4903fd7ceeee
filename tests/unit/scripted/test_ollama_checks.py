"""Ollama's refusals."""

from typing import Any

import pytest

from entresol.scripted.ollama_checks import media_type_of
from unit.scripted.asking import OPENAI_WEATHER, PIXEL, ask, said, user

CALL = {"id": "call_1", "function": {"name": "get_weather", "arguments": {"city": "Oslo"}}}
ASSISTANT = {"role": "assistant", "content": "", "tool_calls": [CALL]}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"prompt": "x"}, "unknown field 'prompt'"),
        ({"model": ""}, "model"),
        ({"messages": "x"}, "cannot unmarshal string into Go struct field messages of type array"),
        ({"messages": [{"content": "x"}]}, "messages.role is required"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "invalid role: wizard"),
        ({"messages": [{"role": "developer", "content": "x"}]}, "invalid role"),
        ({"messages": [user([{"type": "text", "text": "x"}])]}, "messages.content of type string"),
        ({"messages": [{"role": "user", "images": ["!"]}]}, "illegal base64"),
        ({"messages": [{"role": "user", "images": [f"data:image/png;base64,{PIXEL}"]}]}, "illegal base64"),
        ({"messages": [{"role": "user", "images": ["AAAA"]}]}, "Failed to load image"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}]},
            "arguments of type object",
        ),
        ({"messages": [user("x"), {"role": "tool", "content": "x", "tool_name": "f"}]}, "was not called"),
        ({"messages": [ASSISTANT, {"role": "tool", "tool_call_id": "call_2"}]}, "was not made"),
        ({"options": {"max_tokens": 5}}, "unknown field 'options.max_tokens'"),
        ({"options": {"num_predict": 1.5}}, "options.num_predict of type integer"),
        ({"options": {"stop": "x"}}, "options.stop of type array"),
        ({"format": "yaml"}, "format"),
        ({"think": "a lot"}, "invalid think value"),
        ({"think": "low"}, "not supported for this model"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"top_logprobs": 2}, "requires logprobs"),
        ({"tools": [{"function": {"name": "f"}}]}, "tools.type is required"),
        ({"tools": [{"type": "function", "function": {"name": "f", "strict": True}}]}, "unknown field"),
    ],
)
def test_what_ollama_does_not_take_is_refused(fields: dict[str, Any], words: str) -> None:
    answered = ask("/api/chat", {"model": "llama3.2", "messages": [user("Hello")], **fields})
    assert answered.script.status in (400, 500)
    assert words in said(answered)["error"]
    assert answered.wire == "ollama"


@pytest.mark.parametrize(
    "fields",
    [
        {"format": ""},
        {"format": {"type": "object"}},
        {"think": True},
        {"model": "gpt-oss:20b", "think": "low"},
        {"keep_alive": -1},
        {"keep_alive": "5m"},
        {"options": {"num_predict": -1, "stop": ["x"], "temperature": 0}},
        {"tools": [OPENAI_WEATHER]},
        {"messages": [ASSISTANT, {"role": "tool", "content": "x", "tool_call_id": "call_1"}]},
        {"messages": [ASSISTANT, {"role": "tool", "content": "x", "tool_name": "get_weather"}]},
        {"messages": [ASSISTANT, {"role": "tool", "content": "x"}]},
        {"messages": [{"role": "USER", "content": "x", "images": [PIXEL]}]},
    ],
)
def test_what_ollama_takes_is_answered(fields: dict[str, Any]) -> None:
    answered = ask("/api/chat", {"model": "llama3.2", "messages": [user("Hello")], "stream": False, **fields})
    assert answered.script.status == 200, answered.script.body


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\nx", "image/png"),
        (b"\xff\xd8\xffx", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFFxxxxWEBP", "image/webp"),
        (b"%PDF-", None),
    ],
)
def test_an_image_is_known_by_its_first_bytes(data: bytes, media_type: str | None) -> None:
    assert media_type_of(data) == media_type
