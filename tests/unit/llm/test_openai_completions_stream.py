import json
from typing import Any

import pytest

from entresol.llm.broken_stream import BrokenStream
from entresol.llm.events import (
    ChatEvent,
    Ended,
    ErrorDetail,
    Failed,
    Finished,
    LeftOver,
    LogprobsDelta,
    PartAdded,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    UsageReported,
)
from entresol.llm.format import StreamShape
from entresol.llm.formats.openai_completions import OpenAICompletions
from entresol.llm.openai_completions_stream import CompletionsStreamDecoder, CompletionsStreamEncoder
from entresol.llm.sse import events_in
from entresol.llm.types import Image, JsonObject, Usage

SHAPE = StreamShape(model="m", created=1, request_id="0" * 32)
LOGPROBS = {"tokens": ["a"], "token_logprobs": [-0.5], "top_logprobs": None, "text_offset": [0]}


def chunk(**more: str) -> bytes:
    choice = {"text": "a", "index": 0, "logprobs": LOGPROBS} | more
    return b"data: %b\n\n" % json.dumps({"id": "c", "model": "m", "choices": [choice]}).encode()


def encoder(include_usage: bool = True) -> CompletionsStreamEncoder:
    shape = StreamShape(model="m", created=1, request_id="0" * 32, include_usage=include_usage)
    return CompletionsStreamEncoder(shape, OpenAICompletions())


def written(events: list[ChatEvent], include_usage: bool = True) -> list[Any]:
    data = encoder(include_usage).encode(events)
    found = [event.data for event in events_in(data, from_start=True)]
    return [json.loads(each) if each != b"[DONE]" else "[DONE]" for each in found]


def test_chunks_are_completions_and_end_with_usage() -> None:
    said: list[ChatEvent] = [
        Started("c-1", "gpt", 5, "flex"),
        TextDelta("a"),
        RefusalDelta("b", 1),
        Finished("length"),
        UsageReported(Usage(input=2, output=3)),
        Ended(),
    ]
    head = {"id": "c-1", "object": "text_completion", "created": 5, "model": "gpt", "service_tier": "flex"}
    first, second, last, usage, mark = written(said)
    assert first == head | {"choices": [{"text": "a", "index": 0, "logprobs": None, "finish_reason": None}]}
    assert second == head | {"choices": [{"text": "b", "index": 1, "logprobs": None, "finish_reason": None}]}
    assert last == head | {"choices": [{"text": "", "index": 0, "logprobs": None, "finish_reason": "length"}]}
    assert (usage["choices"], usage["usage"]["total_tokens"], mark) == ([], 5, "[DONE]")
    assert len(written(said, include_usage=False)) == 4


def test_log_probabilities_stand_where_their_words_do() -> None:
    token: JsonObject = {"content": [{"token": "ab", "logprob": -0.5, "top_logprobs": []}]}
    chunks = written([LogprobsDelta(token), LogprobsDelta(token)])
    offsets = [each["choices"][0]["logprobs"]["text_offset"] for each in chunks]
    assert offsets == [[0], [2]]


def test_what_cannot_be_said_is_named() -> None:
    writer = encoder()
    events: list[ChatEvent] = [
        TextDelta("a", 0, "sealed"),
        ThinkingDelta("hm"),
        ToolCallStarted(0, "c", "f"),
        ToolArgumentsDelta(0, "{}"),
        PartAdded(Image(url="https://example.com/a.png")),
        LeftOver(["citations"]),
        Finished("stop_sequence", stop_sequence="END"),
    ]
    writer.encode(events)
    assert writer.dropped == ["signature", "thinking", "toolcall", "image", "citations", "stop_sequence"]


def test_an_error_ends_a_stream() -> None:
    assert written([Failed(ErrorDetail(status=502, message="no"))])[0]["error"]["message"] == "no"


def test_chunks_are_read_with_their_log_probabilities() -> None:
    decoder = CompletionsStreamDecoder()
    events = decoder.feed(chunk(finish_reason="stop") + b"data: [DONE]\n\n") + decoder.finish()
    logprobs = LogprobsDelta({"content": [{"token": "a", "logprob": -0.5, "top_logprobs": []}]})
    assert events == [Started("c", "m"), TextDelta("a"), logprobs, Finished("stop"), Ended()]


def test_what_came_before_garbage_is_kept() -> None:
    with pytest.raises(BrokenStream) as broken:
        CompletionsStreamDecoder().feed(chunk() + b"data: {oops\n\n")
    assert [type(event) for event in broken.value.events] == [Started, TextDelta, LogprobsDelta]
