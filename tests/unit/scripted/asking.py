"""Asks the scripted provider without a network."""

from typing import Any
from urllib.parse import urlsplit

import msgspec

from entresol.scripted.endpoints import DEFAULT_KEY, Answered, Settings, answer
from entresol.scripted.script import Incoming

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""A PNG of one pixel, 70 bytes, base64."""
WEATHER_SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
OPENAI_WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER_SCHEMA}}
ANTHROPIC_WEATHER = {"name": "get_weather", "input_schema": WEATHER_SCHEMA}
GEMINI_WEATHER = {"functionDeclarations": [{"name": "get_weather", "parametersJsonSchema": WEATHER_SCHEMA}]}


def ask(
    target: str,
    body: object = None,
    *,
    method: str = "POST",
    headers: dict[str, str] | None = None,
    raw: bytes | None = None,
) -> Answered:
    """The script for a request with good credentials of every kind, unless `headers` replaces them."""
    split = urlsplit(target)
    given = {
        "content-type": "application/json",
        "authorization": f"Bearer {DEFAULT_KEY}",
        "x-goog-api-key": DEFAULT_KEY,
    }
    if target.startswith("/v1/messages"):
        given["anthropic-version"] = "2023-06-01"
    given.update(headers or {})
    content = raw if raw is not None else msgspec.json.encode(body)
    return answer(Incoming(method, split.path, split.query, given, content), Settings(slow_s=9.0))


def chat(**fields: Any) -> Answered:
    """An OpenAI chat completion."""
    return ask("/v1/chat/completions", {"model": "gpt-5.5", "messages": [user("Hello")], **fields})


def messages(version: str = "2023-06-01", **fields: Any) -> Answered:
    """An Anthropic message."""
    body = {"model": "claude-sonnet-5-5", "max_tokens": 2048, "messages": [user("Hello")], **fields}
    return ask("/v1/messages", body, headers={"anthropic-version": version})


def generate(model: str = "gemini-2.5-flash", operation: str = "generateContent", **fields: Any) -> Answered:
    """A Gemini generateContent."""
    body = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}], **fields}
    return ask(f"/v1beta/models/{model}:{operation}", body)


def user(content: Any) -> dict[str, Any]:
    """A user message."""
    return {"role": "user", "content": content}


def said(answered: Answered) -> Any:
    """The JSON of a whole answer."""
    return msgspec.json.decode(answered.script.body)


def events(answered: Answered) -> list[Any]:
    """The JSON of every event of a stream but `[DONE]`."""
    lines = answered.script.body.replace(b"\r\n", b"\n").split(b"\n")
    data = [line[6:] for line in lines if line.startswith(b"data: ")]
    return [msgspec.json.decode(item) for item in data if item != b"[DONE]"]
