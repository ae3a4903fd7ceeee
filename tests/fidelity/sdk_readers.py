"""What the official clients make of a stream: words, calls, why it ended, or the exception they raise."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any, Final

import anthropic
import cohere
import httpx
import httpx2
import msgspec
import ollama
import openai
from botocore.eventstream import EventStream
from botocore.model import StructureShape
from botocore.parsers import EventStreamJSONParser
from botocore.session import Session
from google import genai
from google.genai import types as genai_types

_BEDROCK = Session().get_service_model("bedrock-runtime").operation_model("ConverseStream").get_event_stream_output()


class Heard(msgspec.Struct):
    """A stream, as a client's user sees it."""

    text: str = ""
    thinking: str = ""
    calls: list[tuple[str, str, Any]] = []
    """Id, name and arguments: an object where the client decodes them, else the text."""
    finish: str | None = None
    """In the client's own words; None where the stream did not end well."""
    error: Exception | None = None
    """What the client raises, or what it tells of an error in its own way."""


class ToldError(Exception):
    """An error that a client hands out as data."""


def heard_by(client: str, out: bytes) -> Heard:
    """What a client makes of the bytes of a stream."""
    with OFFLINE[client](out) as sdk:
        return heard_from(client, sdk)


def heard_from(client: str, sdk: Any) -> Heard:
    """What a client makes of the stream that it gets for a short question."""
    heard = Heard()
    try:
        READERS[client](sdk, heard)
    except Exception as error:  # noqa: BLE001  # whatever it raises is what is asked for
        heard.error = error
    return heard


MODEL: Final = "a-model"
ASKED: Final[list[Any]] = [{"role": "user", "content": "x"}]


def _openai(sdk: openai.OpenAI, heard: Heard) -> None:
    with sdk.chat.completions.stream(model=MODEL, messages=ASKED) as stream:
        for event in stream:
            if event.type == "content.delta":
                heard.text = event.snapshot
        message = stream.get_final_completion().choices[0]
    heard.text = message.message.content or ""
    for call in message.message.tool_calls or []:
        heard.calls.append((call.id, call.function.name, call.function.arguments))
    heard.finish = message.finish_reason


def _responses(sdk: openai.OpenAI, heard: Heard) -> None:
    with sdk.responses.stream(model=MODEL, input="x") as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                heard.text += event.delta
            if event.type in ("response.completed", "response.incomplete"):
                heard.finish = event.response.status
                for item in event.response.output:
                    if item.type == "function_call":
                        heard.calls.append((item.call_id, item.name, item.arguments))
                heard.text = event.response.output_text


def _anthropic(sdk: anthropic.Anthropic, heard: Heard) -> None:
    with sdk.messages.stream(model=MODEL, messages=ASKED, max_tokens=5) as stream:
        for text in stream.text_stream:
            heard.text += text
        message = stream.get_final_message()
    for block in message.content:
        if block.type == "tool_use":
            heard.calls.append((block.id, block.name, block.input))
        elif block.type == "thinking":
            heard.thinking += block.thinking
    heard.finish = message.stop_reason


def _gemini(sdk: genai.Client, heard: Heard) -> None:
    for chunk in sdk.models.generate_content_stream(model=MODEL, contents="x"):
        for candidate in (chunk.candidates or [])[:1]:
            for part in (candidate.content.parts if candidate.content else None) or []:
                if part.function_call is not None:
                    call = part.function_call
                    heard.calls.append((call.id or "", call.name or "", call.args))
                elif part.text and part.thought:
                    heard.thinking += part.text
                else:
                    heard.text += part.text or ""
            if candidate.finish_reason is not None:
                heard.finish = candidate.finish_reason.value


def _bedrock(sdk: Any, heard: Heard) -> None:
    asked = [{"role": "user", "content": [{"text": "x"}]}]
    with closing(sdk.converse_stream(modelId=MODEL, messages=asked)["stream"]) as stream:
        _read_bedrock(stream, heard)


def _read_bedrock(stream: Any, heard: Heard) -> None:
    calls: dict[int, list[str]] = {}
    for event in stream:
        start, delta = event.get("contentBlockStart", {}), event.get("contentBlockDelta", {})
        if "toolUse" in start.get("start", {}):
            use = start["start"]["toolUse"]
            assert start["contentBlockIndex"] not in calls
            calls[start["contentBlockIndex"]] = [use["toolUseId"], use["name"], ""]
        if "toolUse" in delta.get("delta", {}):
            calls[delta["contentBlockIndex"]][2] += delta["delta"]["toolUse"]["input"]
        heard.text += delta.get("delta", {}).get("text", "")
        if "messageStop" in event:
            heard.finish = event["messageStop"]["stopReason"]
    heard.calls = [(call[0], call[1], call[2]) for call in calls.values()]


def _cohere(sdk: Any, heard: Heard) -> None:
    calls: dict[int, list[str]] = {}
    for event in sdk.chat_stream(model=MODEL, messages=ASKED):
        if event.type == "tool-call-start":
            call = event.delta.message.tool_calls
            assert event.index not in calls
            calls[event.index] = [call.id, call.function.name, call.function.arguments]
        elif event.type == "tool-call-delta":
            calls[event.index][2] += event.delta.message.tool_calls.function.arguments
        elif event.type == "content-delta":
            heard.text += event.delta.message.content.text or ""
            heard.thinking += event.delta.message.content.thinking or ""
        elif event.type == "message-end":
            heard.finish = event.delta.finish_reason
            if event.delta.error is not None or heard.finish in ("ERROR", "TIMEOUT"):
                heard.error = ToldError(event.delta.error)
    heard.calls = [(call[0], call[1], call[2]) for call in calls.values()]


def _ollama(sdk: ollama.Client, heard: Heard) -> None:
    for chunk in sdk.chat(MODEL, ASKED, stream=True):
        heard.text += chunk.message.content or ""
        heard.thinking += chunk.message.thinking or ""
        for call in chunk.message.tool_calls or []:
            heard.calls.append(("", call.function.name, dict(call.function.arguments)))
        if chunk.done:
            heard.finish = chunk.done_reason


READERS: dict[str, Callable[[Any, Heard], None]] = {
    "openai-chat": _openai,
    "openai-responses": _responses,
    "anthropic-messages": _anthropic,
    "gemini": _gemini,
    "bedrock-converse": _bedrock,
    "cohere-chat": _cohere,
    "ollama-chat": _ollama,
}


def _http(out: bytes) -> httpx2.Client:
    headers = {"content-type": "text/event-stream"}
    return httpx2.Client(transport=httpx2.MockTransport(lambda _: httpx2.Response(200, headers=headers, content=out)))


def _old_http(out: bytes, content_type: str) -> httpx.MockTransport:
    headers = {"content-type": content_type}
    return httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=out))


def _offline_openai(out: bytes) -> openai.OpenAI:
    return openai.OpenAI(api_key="k", base_url="http://test/v1", http_client=_http(out), max_retries=0)


def _offline_anthropic(out: bytes) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="k", base_url="http://test", http_client=_http(out), max_retries=0)


def _offline_gemini(out: bytes) -> genai.Client:
    options = genai_types.HttpOptions(base_url="http://test", httpx_client=_http(out))
    return genai.Client(api_key="k", http_options=options)


class _OfflineBedrock:
    """botocore's reading of a stream, without its client."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __enter__(self) -> "_OfflineBedrock":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass

    def stream(self) -> list[bytes]:
        """What botocore reads, as from a socket."""
        return [self._data]

    def converse_stream(self, **_: object) -> dict[str, Any]:
        assert isinstance(_BEDROCK, StructureShape)
        socket: Any = self
        return {"stream": EventStream(socket, _BEDROCK, EventStreamJSONParser(), "ConverseStream")}


@contextmanager
def _offline_cohere(out: bytes) -> Iterator[Any]:
    with httpx.Client(transport=_old_http(out, "text/event-stream")) as transport:
        yield cohere.ClientV2(api_key="k", base_url="http://test", httpx_client=transport)


def _offline_ollama(out: bytes) -> ollama.Client:
    return ollama.Client(host="http://test", transport=_old_http(out, "application/x-ndjson"))


OFFLINE: dict[str, Callable[[bytes], AbstractContextManager[Any]]] = {
    "openai-chat": _offline_openai,
    "openai-responses": _offline_openai,
    "anthropic-messages": _offline_anthropic,
    "gemini": _offline_gemini,
    "bedrock-converse": _OfflineBedrock,
    "cohere-chat": _offline_cohere,
    "ollama-chat": _offline_ollama,
}
"""Clients whose stream is there already."""
