"""Cohere's streams as events.

Source: Cohere API reference, version 2, "Chat with Streaming". Events say their type themselves. `message-end` is the
last one; a stream without it was cut, and one whose reason there is `ERROR` or `TIMEOUT` has failed.
"""

from typing import Final, TypeVar

import msgspec

from entresol.core.errors import UpstreamError
from entresol.llm.broken_stream import BrokenStream
from entresol.llm.cohere_wire import DONE, UsageWire, finish_reason, read_logprobs, read_usage, stream_failure
from entresol.llm.events import (
    ChatEvent,
    Ended,
    Failed,
    Finished,
    LogprobsDelta,
    PartAdded,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    UsageReported,
)
from entresol.llm.format import bad_response, encode_json
from entresol.llm.left_over import LeftOvers
from entresol.llm.sse import SseDecoder, SseEvent, SseTooLarge
from entresol.llm.types import JsonObject, Native
from entresol.llm.usage_faults import despite_usage


class _Content(msgspec.Struct):
    text: str | None = None
    thinking: str | None = None


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | JsonObject | None = None


class _Call(msgspec.Struct):
    id: str | None = None
    function: _Function | None = None


class _Message(msgspec.Struct):
    content: _Content | list[_Content] | None = None
    tool_plan: str | None = None
    tool_calls: _Call | list[_Call] | None = None
    citations: JsonObject | list[JsonObject] | None = None


class _Delta(msgspec.Struct):
    message: _Message | None = None
    finish_reason: str | None = None
    usage: UsageWire | None = None
    error: object = None


class _Event(msgspec.Struct):
    type: str | None = None
    id: str | None = None
    index: int | None = None
    delta: _Delta | None = None
    logprobs: JsonObject | list[JsonObject] | None = None
    message: object = None
    error: object = None


_T = TypeVar("_T", _Call, JsonObject)
_decode_event: Final = despite_usage(msgspec.json.Decoder(_Event).decode)
_LONGEST_KIND: Final = 64
_KNOWN: Final = frozenset(
    ("message-start", "content-start", "content-end", "tool-plan-delta", "tool-call-start", "tool-call-delta",
     "tool-call-end", "citation-start", "citation-end")
)  # fmt: skip


class CohereStreamDecoder:
    """Server-sent events as canonical ones."""

    def __init__(self) -> None:
        self._sse = SseDecoder()
        self._is_started = False
        self._is_over = False
        self._calls: dict[int, int] = {}
        """Index on the wire to the number of the call."""
        self._count = 0
        self._left_over = LeftOvers()

    def feed(self, data: bytes) -> list[ChatEvent]:
        try:
            return self._read(self._sse.feed(data))
        except SseTooLarge as error:
            raise bad_response(str(error)) from error

    def finish(self) -> list[ChatEvent]:
        return self._read(self._sse.finish())

    def _read(self, events: list[SseEvent]) -> list[ChatEvent]:
        out: list[ChatEvent] = []
        for event in events:
            if self._is_over:
                break
            if event.data == DONE:
                continue
            try:
                self._read_event(_decode_event(event.data), event.name, out)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise BrokenStream(bad_response(f"an event of the stream is not valid: {error}"), out) from error
            except UpstreamError as fault:
                raise BrokenStream(fault, out) from fault
        return out

    def _read_event(self, wire: _Event, name: bytes, out: list[ChatEvent]) -> None:
        kind = wire.type or name.decode("latin-1")
        delta = wire.delta
        message = None if delta is None else delta.message
        if kind == "content-delta":
            self._start("", out)
            if message is not None:
                _read_content(message, out)
            if wire.logprobs:
                items = wire.logprobs if isinstance(wire.logprobs, list) else [wire.logprobs]
                out.append(LogprobsDelta(read_logprobs(items)))
        elif kind == "message-end":
            self._end(delta, out)
        elif kind in _KNOWN:
            self._start(wire.id or "", out)
            if message is not None:
                self._read_message(kind, wire.index, message, out)
        elif kind == "error" or wire.error is not None or (wire.type is None and isinstance(wire.message, str)):
            self._is_over = True
            told = wire.error.get("message") if isinstance(wire.error, dict) else wire.error
            out.append(Failed(stream_failure(None, told or wire.message)))
        elif kind:  # `debug`, and what is new
            self._left_over.tell((kind[:_LONGEST_KIND],), out)
        else:
            raise bad_response("an event of the stream has no type")

    def _start(self, identifier: str, out: list[ChatEvent]) -> None:
        if not self._is_started:
            self._is_started = True
            out.append(Started(identifier))

    def _read_message(self, kind: str, index: int | None, message: _Message, out: list[ChatEvent]) -> None:
        if kind == "content-start":
            _read_content(message, out)
        elif kind == "tool-plan-delta":
            if message.tool_plan:
                out.append(TextDelta(message.tool_plan))
        elif kind == "tool-call-start":
            for call in _listed(message.tool_calls):
                self._start_call(call, index, out)
        elif kind == "tool-call-delta":
            for call in _listed(message.tool_calls):
                self._read_arguments(call, index, out)
        elif kind == "citation-start":
            cited = _listed(message.citations)
            out += [PartAdded(Native(type="citations", value={"citations": [each]})) for each in cited]

    def _start_call(self, call: _Call, index: int | None, out: list[ChatEvent]) -> None:
        function = call.function or _Function()
        number = self._count
        self._count += 1
        self._calls[number if index is None else index] = number
        out.append(ToolCallStarted(number, call.id or "", function.name or ""))
        _add_arguments(function, number, out)

    def _read_arguments(self, call: _Call, index: int | None, out: list[ChatEvent]) -> None:
        number = self._count - 1 if index is None else self._calls.get(index, -1)
        if number < 0:
            raise bad_response("a piece of a tool call came before its start")
        if call.function is not None:
            _add_arguments(call.function, number, out)

    def _end(self, delta: _Delta | None, out: list[ChatEvent]) -> None:
        self._is_over = True
        self._start("", out)
        delta = delta or _Delta()
        usage = None if delta.usage is None else read_usage(delta.usage)
        if usage is not None:
            out.append(UsageReported(usage))
        reason = delta.finish_reason
        if delta.error is not None or reason in ("ERROR", "TIMEOUT"):
            out.append(Failed(stream_failure(reason, delta.error)))
            return
        out.append(Finished(finish_reason(reason) or ("tool_calls" if self._count else "stop")))
        out.append(Ended())


def _listed(value: _T | list[_T] | None) -> list[_T]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _read_content(message: _Message, out: list[ChatEvent]) -> None:
    content = message.content
    if isinstance(content, _Content):
        if content.text:
            out.append(TextDelta(content.text))
        if content.thinking:
            out.append(ThinkingDelta(content.thinking))
    elif content:
        for each in content:
            _read_content(_Message(content=each), out)


def _add_arguments(function: _Function, number: int, out: list[ChatEvent]) -> None:
    arguments = function.arguments
    if isinstance(arguments, dict):
        arguments = encode_json(arguments).decode()
    if arguments:
        out.append(ToolArgumentsDelta(number, arguments))
