"""Canonical events as Cohere's streams.

Source: Cohere API reference, version 2, "Chat with Streaming". Blocks of content come one after the other, and so do
tool calls: calls whose arguments come by turns are written one by one.
"""

from typing import Final

import msgspec

from entresol.llm.cohere_wire import DONE_EVENT, WIRE_REASONS, write_logprobs, write_usage
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
    ToolArgumentsDelta,
    ToolCallStarted,
    UsageReported,
)
from entresol.llm.format import Format, StreamShape, encode_json, note_loss, note_losses
from entresol.llm.json_progress import JsonProgress
from entresol.llm.logprob_losses import lost_logprobs
from entresol.llm.sse import sse_event
from entresol.llm.types import FinishReason, JsonObject, Native, Usage

_TEXT: Final = (
    b'event: content-delta\ndata: {"type":"content-delta","index":%d,"delta":{"message":{"content":{"text":%b}}}}\n\n'
)
_THOUGHT: Final = (
    b"event: content-delta\n"
    b'data: {"type":"content-delta","index":%d,"delta":{"message":{"content":{"thinking":%b}}}}\n\n'
)
_ARGUMENTS: Final = (
    b"event: tool-call-delta\n"
    b'data: {"type":"tool-call-delta","index":%d,"delta":{"message":{"tool_calls":{"function":{"arguments":%b}}}}}\n\n'
)


class _Call(msgspec.Struct):
    """A tool call on its way out."""

    started: ToolCallStarted
    number: int
    waiting: list[str] = []
    """Arguments that came while another call was open."""
    written: JsonProgress = msgspec.field(default_factory=JsonProgress)
    has_arguments: bool = False


class CohereStreamEncoder:
    """Canonical events as named ones. Only the first choice is written: clients cannot ask for more."""

    def __init__(self, shape: StreamShape, wire_format: Format) -> None:
        self._shape = shape
        self._format = wire_format
        self.dropped: list[str] = []
        self._is_started = False
        self._usage: Usage | None = None
        self._reason: FinishReason = "stop"
        self._has_refused = False
        self._id = ""
        self._block = 0
        """Index of the open block of content, or of the next."""
        self._kind = ""
        """Kind of the open block; empty when none is."""
        self._calls: dict[int, _Call] = {}
        self._call: _Call | None = None
        """The tool call that is open."""
        self._queue: list[_Call] = []
        """Calls that wait for the open one to be complete."""
        self._citations = 0

    def encode(self, events: list[ChatEvent]) -> bytes:
        out: list[bytes] = []
        for event in events:
            if isinstance(event, TextDelta) and event.choice == 0 and self._kind == "text" and event.signature is None:
                if event.text:
                    out.append(_TEXT % (self._block, encode_json(event.text)))
            elif isinstance(event, Started):
                self._start(event, out)
            elif isinstance(event, UsageReported):
                self._usage = event.usage
            elif isinstance(event, Failed):
                out.append(self._format.stream_error(event.error, self._shape.request_id))
            elif isinstance(event, Ended):
                self._end(out)
            elif isinstance(event, LeftOver):
                note_losses(event.names, self.dropped)
            elif event.choice == 0:
                self._encode_content(event, out)
            else:
                note_losses(["choices[1:]"], self.dropped)
        return b"".join(out)

    def _start(self, event: Started, out: list[bytes]) -> None:
        if self._is_started:
            return
        self._is_started = True
        if event.service_tier not in (None, "default"):
            note_losses(["service_tier"], self.dropped)
        self._id = event.id or self._format.answer_id(self._shape.request_id)
        message: JsonObject = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        out.append(_event("message-start", {"id": self._id}, {"message": message}))

    def _encode_content(self, event: ChatEvent, out: list[bytes]) -> None:
        if not self._is_started:
            self._start(Started(), out)
        if isinstance(event, TextDelta):
            self._note_signature(event.signature)
            self._text(event.text, out)
        elif isinstance(event, ThinkingDelta):
            self._note_signature(event.signature or event.redacted)
            if event.text:
                self._enter("thinking", out)
                out.append(_THOUGHT % (self._block, encode_json(event.text)))
        elif isinstance(event, ToolArgumentsDelta):
            self._arguments(event, out)
        elif isinstance(event, ToolCallStarted):
            self._note_signature(event.signature)
            call = self._calls[event.index] = _Call(event, len(self._calls))
            self._queue.append(call)
            self._advance(out)
        elif isinstance(event, RefusalDelta):
            self._has_refused = True
            self._text(event.text, out)
        else:
            self._encode_rare(event, out)

    def _encode_rare(self, event: ChatEvent, out: list[bytes]) -> None:
        if isinstance(event, Finished):
            self._reason = event.reason
            if event.stop_sequence is not None:
                note_losses(["stop_sequence"], self.dropped)
            self._flush(out)
        elif isinstance(event, LogprobsDelta):
            self._enter("text", out)
            note_losses(lost_logprobs(event.logprobs, takes_alternatives=False), self.dropped)
            for item in write_logprobs(event.logprobs):
                delta: JsonObject = {"message": {"content": {"text": ""}}}
                out.append(_event("content-delta", {"index": self._block}, delta, {"logprobs": item}))
        elif isinstance(event, PartAdded):
            self._part(event, out)

    def _part(self, event: PartAdded, out: list[bytes]) -> None:
        part = event.part
        citations = part.value.get("citations") if isinstance(part, Native) and part.type == "citations" else None
        if not isinstance(citations, list):
            note_loss(part, self.dropped)
            return
        for citation in citations:
            index: JsonObject = {"index": self._citations}
            self._citations += 1
            out.append(_event("citation-start", index, {"message": {"citations": citation}}))
            out.append(_event("citation-end", index))

    def _note_signature(self, signature: str | None) -> None:
        if signature is not None:
            note_losses(["signature"], self.dropped)

    def _text(self, text: str, out: list[bytes]) -> None:
        if text:
            self._enter("text", out)
            out.append(_TEXT % (self._block, encode_json(text)))

    def _enter(self, kind: str, out: list[bytes]) -> None:
        """Go on with a block of this kind, or begin one."""
        if self._kind == kind:
            return
        self._close_block(out)
        self._kind = kind
        content: JsonObject = {"type": kind, kind: ""}
        out.append(_event("content-start", {"index": self._block}, {"message": {"content": content}}))

    def _close_block(self, out: list[bytes]) -> None:
        if self._kind:
            out.append(_event("content-end", {"index": self._block}))
            self._block += 1
            self._kind = ""

    def _arguments(self, event: ToolArgumentsDelta, out: list[bytes]) -> None:
        call = self._calls.get(event.index)
        if call is None or not event.text:
            return
        if call is not self._call:
            call.waiting.append(event.text)
            return
        self._write_arguments(call, event.text, out)
        if self._queue:
            self._advance(out)

    def _write_arguments(self, call: _Call, text: str, out: list[bytes]) -> None:
        call.written.add(text)
        call.has_arguments = True
        out.append(_ARGUMENTS % (call.number, encode_json(text)))

    def _advance(self, out: list[bytes]) -> None:
        """Open the calls that wait, as far as those before them are complete."""
        while self._queue and (self._call is None or _is_complete(self._call)):
            self._open_call(self._queue.pop(0), out)

    def _open_call(self, call: _Call, out: list[bytes]) -> None:
        self._close_block(out)
        self._close_call(out)
        self._call = call
        function: JsonObject = {"name": call.started.name, "arguments": ""}
        wire: JsonObject = {"id": call.started.id, "type": "function", "function": function}
        out.append(_event("tool-call-start", {"index": call.number}, {"message": {"tool_calls": wire}}))
        waiting = "".join(call.waiting)
        call.waiting = []
        if waiting:
            self._write_arguments(call, waiting, out)

    def _close_call(self, out: list[bytes]) -> None:
        call, self._call = self._call, None
        if call is None:
            return
        if not call.has_arguments:  # clients parse what they get
            self._write_arguments(call, "{}", out)
        out.append(_event("tool-call-end", {"index": call.number}))

    def _flush(self, out: list[bytes]) -> None:
        """Write everything that is open to its end."""
        while self._queue:
            self._open_call(self._queue.pop(0), out)
        self._close_call(out)
        self._close_block(out)

    def _end(self, out: list[bytes]) -> None:
        if not self._is_started:
            self._start(Started(), out)
        self._flush(out)
        reason: FinishReason = "refusal" if self._has_refused and self._reason == "stop" else self._reason
        delta: JsonObject = {"finish_reason": WIRE_REASONS[reason]}
        if self._usage is not None:
            delta["usage"] = write_usage(self._usage)
        out.append(_event("message-end", {"id": self._id}, delta))
        out.append(DONE_EVENT)


def _is_complete(call: _Call) -> bool:
    """Whether the arguments so far are a whole JSON value."""
    return not call.waiting and call.written.is_whole


def _event(kind: str, beside: JsonObject, delta: JsonObject | None = None, after: JsonObject | None = None) -> bytes:
    wire: JsonObject = {"type": kind} | beside
    if delta is not None:
        wire["delta"] = delta
    return sse_event(kind.encode(), encode_json(wire | (after or {})))
