"""Streams of OpenAI's completions: chunks with `text`, as events and back.

Source: OpenAI API reference, "Create completion", `stream`.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, cast

from entresol.llm.broken_stream import BrokenStream
from entresol.llm.completion_logprobs import read_logprobs, write_logprobs
from entresol.llm.events import (
    ChatEvent,
    Ended,
    Failed,
    Finished,
    LeftOver,
    LogprobsDelta,
    PartAdded,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolCallStarted,
    UsageReported,
)
from entresol.llm.format import Format, StreamShape, encode_json, note_loss, note_losses
from entresol.llm.openai_facts import DONE
from entresol.llm.openai_stream import OpenAIStreamDecoder
from entresol.llm.openai_usage import write_usage
from entresol.llm.sse import sse_data
from entresol.llm.types import FinishReason, JsonObject, Usage

WIRE_REASONS: Final[dict[FinishReason, str]] = {
    "stop": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_calls": "stop",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "pause": "stop",
    "error": "content_filter",
}


class CompletionsStreamDecoder:
    """Chunks as events: those of chats, but for the form of log probabilities."""

    def __init__(self) -> None:
        self._chunks = OpenAIStreamDecoder()

    def feed(self, data: bytes) -> list[ChatEvent]:
        return _read(partial(self._chunks.feed, data))

    def finish(self) -> list[ChatEvent]:
        return _read(self._chunks.finish)


def _read(chunks: Callable[[], list[ChatEvent]]) -> list[ChatEvent]:
    try:
        return [_read_event(event) for event in chunks()]
    except BrokenStream as broken:
        broken.events = [_read_event(event) for event in broken.events]
        raise


def _read_event(event: ChatEvent) -> ChatEvent:
    if isinstance(event, LogprobsDelta):
        return LogprobsDelta(read_logprobs(event.logprobs), event.choice)
    return event


class CompletionsStreamEncoder:
    """Events as chunks. The usage chunk is written at the end, and only if the client asked for it."""

    def __init__(self, shape: StreamShape, wire_format: Format) -> None:
        self._shape = shape
        self._format = wire_format
        self.dropped: list[str] = []
        self._usage: Usage | None = None
        self._written: dict[int, int] = {}
        """Characters that log probabilities are out for, by choice."""
        self._start(Started())

    def encode(self, events: list[ChatEvent]) -> bytes:
        for event in events:
            self._note(event)
        return b"".join([self._encode(event) for event in events])

    def _start(self, event: Started) -> None:
        shape = self._shape
        head: JsonObject = {
            "id": event.id or self._format.answer_id(shape.request_id),
            "object": "text_completion",
            "created": shape.created if event.created is None else event.created,
            "model": event.model or shape.model,
        }
        if event.service_tier is not None:
            head["service_tier"] = event.service_tier
        self._open = encode_json(head)[:-1]

    def _encode(self, event: ChatEvent) -> bytes:
        if isinstance(event, TextDelta | RefusalDelta):
            return self._chunk(event.choice, event.text) if event.text else b""
        if isinstance(event, LogprobsDelta):
            return self._logprobs(event)
        if isinstance(event, Finished):
            return self._chunk(event.choice, "", WIRE_REASONS[event.reason])
        if isinstance(event, Ended):
            return self._end()
        if isinstance(event, Failed):
            return self._format.stream_error(event.error, self._shape.request_id)
        if isinstance(event, Started):
            self._start(event)
        elif isinstance(event, UsageReported):
            self._usage = event.usage
        return b""

    def _note(self, event: ChatEvent) -> None:
        """What cannot be said."""
        if isinstance(event, TextDelta):
            note_losses(["signature"] if event.signature is not None else [], self.dropped)
        elif isinstance(event, Finished):
            note_losses(["stop_sequence"] if event.stop_sequence is not None else [], self.dropped)
        elif isinstance(event, ThinkingDelta):
            note_losses(["thinking"], self.dropped)
        elif isinstance(event, PartAdded):
            note_loss(event.part, self.dropped)
        elif isinstance(event, LeftOver):
            note_losses(event.names, self.dropped)
        elif isinstance(event, ToolCallStarted):
            note_losses(["toolcall"], self.dropped)

    def _logprobs(self, event: LogprobsDelta) -> bytes:
        lost: list[str] = []
        offset = self._written.get(event.choice, 0)
        wire = write_logprobs(event.logprobs, lost, offset)
        note_losses(lost, self.dropped)
        self._written[event.choice] = offset + sum(len(token) for token in cast("list[str]", wire["tokens"]))
        return self._chunk(event.choice, "", logprobs=wire)

    def _chunk(self, choice: int, text: str, reason: str | None = None, logprobs: JsonObject | None = None) -> bytes:
        wire = {"text": text, "index": choice, "logprobs": logprobs, "finish_reason": reason}
        return sse_data(b'%b,"choices":[%b]}' % (self._open, encode_json(wire)))

    def _end(self) -> bytes:
        out = b""
        if self._usage is not None and self._shape.include_usage:
            out = sse_data(b'%b,"choices":[],"usage":%b}' % (self._open, encode_json(write_usage(self._usage))))
        return out + sse_data(DONE)
