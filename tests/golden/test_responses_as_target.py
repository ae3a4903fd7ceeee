"""Clients of other formats before a provider that speaks Responses, played by the scripted one, which is strict."""

from typing import Any

import msgspec
import pytest

from entresol.llm.answers import TranslatedStream
from entresol.llm.format import Profile, StreamShape
from entresol.scripted.endpoints import Settings, answer
from entresol.scripted.script import Incoming
from golden.test_translations import chat_format

RESPONSES = chat_format("openai-responses")
OPENAI = Profile(provider="openai", takes_cache_marks=True)
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
QUESTION = "weather in Paris and Oslo"


def called(client: str, body: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The answer as the client gets it, and what its request lost."""
    status, data, dropped = sent(client, body, False)
    assert status == 200, data
    response = RESPONSES.decode_response(data)
    return msgspec.json.decode(chat_format(client).encode_response(response).body), dropped


def streamed(client: str, body: dict[str, Any]) -> bytes:
    status, data, _ = sent(client, body, True)
    assert status == 200, data
    wire, shape = chat_format(client), StreamShape(model="gpt-5.5", request_id="r1")
    reading = TranslatedStream(RESPONSES.stream_decoder(), wire.stream_encoder(shape), wire, shape)
    out = reading.feed(data, True)
    assert reading.facts.is_complete
    assert reading.facts.error is None
    assert reading.facts.usage is not None
    return out


def sent(client: str, body: dict[str, Any], stream: bool) -> tuple[int, bytes, list[str]]:
    path = "/v1beta/models/m:generateContent" if client == "gemini" else ""
    request = chat_format(client).decode_request(msgspec.json.encode(body), path)
    request.model, request.stream = "gpt-5.5", stream
    encoded = RESPONSES.encode_request(request, OPENAI)
    headers = {"authorization": "Bearer scripted-key", "content-type": "application/json"}
    script = answer(Incoming("POST", "/v1/responses", "", headers, encoded.body), Settings()).script
    return script.status, script.body, encoded.dropped


def test_a_chat_client_calls_tools_and_answers_them() -> None:
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": CITY}}]
    turns: list[Any] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}]
    first, dropped = called("openai-chat", {"messages": turns, "tools": tools, "max_tokens": 500})
    message = first["choices"][0]["message"]
    assert [msgspec.json.decode(call["function"]["arguments"])["city"] for call in message["tool_calls"]] == [
        "Paris",
        "Oslo",
    ]
    assert (first["choices"][0]["finish_reason"], dropped) == ("tool_calls", [])
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "rain"} for call in message["tool_calls"]]
    second, _ = called("openai-chat", {"messages": [*turns, message, *results], "tools": tools})
    assert second["choices"][0]["message"]["content"].count("rain") == 2


@pytest.mark.parametrize("effort", ["low", "high"])
def test_anthropics_client_gets_openais_reasoning_and_sends_it_home(effort: str) -> None:
    body: dict[str, Any] = {
        "max_tokens": 500,
        "messages": [{"role": "user", "content": QUESTION}],
        "tools": [{"name": "get_weather", "input_schema": CITY}],
        "output_config": {"effort": effort},
        "thinking": {"type": "adaptive", "display": "summarized"},
    }
    first, _ = called("anthropic-messages", body)
    kinds = [block["type"] for block in first["content"]]
    assert kinds == ["thinking", "tool_use", "tool_use"]
    assert first["content"][0]["signature"].startswith("openai:gAAA")
    results = [{"type": "tool_result", "tool_use_id": block["id"], "content": "rain"} for block in first["content"][1:]]
    turns = [
        *body["messages"],
        {"role": "assistant", "content": first["content"]},
        {"role": "user", "content": results},
    ]
    second, dropped = called("anthropic-messages", body | {"messages": turns})
    assert "rain" in second["content"][-1]["text"]
    assert dropped == []


def test_geminis_client_asks_with_a_picture() -> None:
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    parts = [{"text": "What is this?"}, {"inlineData": {"mimeType": "image/png", "data": pixel}}]
    body, _ = called("gemini", {"contents": [{"role": "user", "parts": parts}]})
    assert "one image (image/png, 70 bytes)" in body["candidates"][0]["content"]["parts"][0]["text"]


@pytest.mark.parametrize(
    ("client", "body"),
    [
        ("openai-chat", {"messages": [{"role": "user", "content": "Hello"}]}),
        ("anthropic-messages", {"max_tokens": 99, "messages": [{"role": "user", "content": "Hello"}]}),
        ("gemini", {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}),
        ("ollama-chat", {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}),
    ],
)
def test_clients_of_every_format_get_a_stream(client: str, body: dict[str, Any]) -> None:
    assert b"Hello" in streamed(client, body)


def test_a_token_limit_that_openai_does_not_take_is_its_own_to_refuse() -> None:
    status, data, _ = sent("openai-chat", {"max_tokens": 5, "messages": [{"role": "user", "content": "Hello"}]}, False)
    error = RESPONSES.decode_error(status, data)
    assert error is not None
    assert (error.status, error.param) == (400, "max_output_tokens")
