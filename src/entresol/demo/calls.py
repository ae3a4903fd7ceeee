"""The calls that the demo makes, as any client would make them: over HTTP, with nothing but the standard library."""

import http.client
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec

PROMPT = "Why does a gateway sit between my application and the model?"
KEY = "demo-key"

AnswerOf = Callable[[Any], str]


class Call(msgspec.Struct, frozen=True):
    """One call, and where its answer's text is."""

    title: str
    path: str
    key_header: str
    body: dict[str, object]
    answer_of: AnswerOf
    """The text in a whole answer, or in one event of a stream."""

    @property
    def key_value(self) -> str:
        """The key as this kind of client sends it."""
        return f"Bearer {KEY}" if self.key_header == "Authorization" else KEY


class Outcome(msgspec.Struct):
    """What came back."""

    status: int
    request_id: str
    answer: str
    first_byte_ms: float
    total_ms: float


def _openai_answer(data: Any) -> str:
    return "".join(
        (choice.get("message") or choice.get("delta") or {}).get("content") or "" for choice in data.get("choices", ())
    )


def _anthropic_answer(data: Any) -> str:
    return "".join(block.get("text", "") for block in data.get("content", ()))


def _gemini_answer(data: Any) -> str:
    parts = [part for each in data.get("candidates", ()) for part in each.get("content", {}).get("parts", ())]
    return "".join(part.get("text", "") for part in parts)


_MESSAGES = [{"role": "user", "content": PROMPT}]
_GEMINI_BODY: dict[str, object] = {"contents": [{"role": "user", "parts": [{"text": PROMPT}]}]}

CALLS = (
    Call(
        "OpenAI client, OpenAI model",
        "/openai/v1/chat/completions",
        "Authorization",
        {"model": "scripted-chat", "messages": _MESSAGES},
        _openai_answer,
    ),
    Call(
        "OpenAI client, streamed",
        "/openai/v1/chat/completions",
        "Authorization",
        {"model": "scripted-chat", "messages": _MESSAGES, "stream": True},
        _openai_answer,
    ),
    Call(
        "Anthropic client, OpenAI model",
        "/anthropic/v1/messages",
        "x-api-key",
        {"model": "scripted-chat", "max_tokens": 200, "messages": _MESSAGES},
        _anthropic_answer,
    ),
    Call(
        "OpenAI client, Gemini model",
        "/openai-on-gemini/v1/chat/completions",
        "Authorization",
        {"model": "scripted-gemini", "messages": _MESSAGES},
        _openai_answer,
    ),
    Call(
        "Gemini client, streamed",
        "/gemini/v1beta/models/scripted-gemini:streamGenerateContent?alt=sse",
        "x-goog-api-key",
        _GEMINI_BODY,
        _gemini_answer,
    ),
)


def make(call: Call, base_url: str) -> Outcome:
    """Make a call. Blocks; raises OSError or ValueError when the answer is none."""
    parts = urlsplit(base_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    headers = {"Content-Type": "application/json", call.key_header: call.key_value}
    started = time.perf_counter()
    try:
        connection.request("POST", call.path, msgspec.json.encode(call.body), headers)
        response = connection.getresponse()
        first = response.read1()
        first_byte = time.perf_counter()
        body = first + response.read()
    except http.client.HTTPException as error:
        raise ValueError(f"no whole answer: {error!r}") from error
    finally:
        connection.close()
    return Outcome(
        status=response.status,
        request_id=response.getheader("x-entresol-request-id", ""),
        answer=_text(call, body, response.getheader("content-type", "")),
        first_byte_ms=(first_byte - started) * 1000,
        total_ms=(time.perf_counter() - started) * 1000,
    )


def _text(call: Call, body: bytes, content_type: str) -> str:
    if not content_type.startswith("text/event-stream"):
        data = msgspec.json.decode(body)
        return call.answer_of(data) or str(data.get("message", data.get("error", "")))
    events = [line[5:].strip() for line in body.splitlines() if line.startswith(b"data:")]
    return "".join(call.answer_of(msgspec.json.decode(event)) for event in events if event != b"[DONE]")


def curl_lines(base_url: str) -> list[str]:
    """Three of the calls, ready to paste."""
    lines = []
    for call in CALLS[:3]:
        flag = " -N" if call.body.get("stream") else ""
        lines.append(
            f"curl{flag} {base_url}{call.path} -H '{call.key_header}: {call.key_value}' "
            f"-H 'Content-Type: application/json' -d '{msgspec.json.encode(call.body).decode()}'"
        )
    return lines
