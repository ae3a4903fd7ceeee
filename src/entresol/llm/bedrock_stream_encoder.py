"""Canonical events as ConverseStream's.

Source: Amazon Bedrock API reference, "ConverseStream". Content comes in blocks, one after the other, each filled by
deltas and closed; only calls and images are opened by an event. The encoder keeps to that whatever the order of what it
is given: calls whose arguments come by turns are written one by one.
"""

from typing import Final

import msgspec

from entresol.llm.aws_event_stream import encode_block, write_headers
from entresol.llm.bedrock_blocks import redacted_blob, signature_block
from entresol.llm.bedrock_media import IMAGES
from entresol.llm.bedrock_wire import STOP_REASONS, TIERS, write_usage
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
from entresol.llm.signatures import ANTHROPIC, for_client
from entresol.llm.types import FinishReason, Image, JsonObject, Native, Part, Usage


class _Call(msgspec.Struct):
    """A tool call on its way out."""

    started: ToolCallStarted
    waiting: list[str] = []
    """Arguments that came while another block was open."""
    written: JsonProgress = msgspec.field(default_factory=JsonProgress)


class BedrockStreamEncoder:
    """Canonical events as binary messages. Only the first choice is written: clients cannot ask for more."""

    def __init__(self, shape: StreamShape, wire_format: Format) -> None:
        self._shape = shape
        self._format = wire_format
        self.dropped: list[str] = []
        self._is_started = False
        self._usage: Usage | None = None
        self._tier: str | None = None
        self._block = 0
        """Index of the open block, or of the next."""
        self._kind = ""
        """Kind of the open block; empty when none is."""
        self._call: _Call | None = None
        """The tool call whose block is open."""
        self._queue: list[_Call] = []
        """Calls that wait for the open one to be complete."""
        self._calls: dict[int, _Call] = {}
        self._held: list[ChatEvent] = []
        """Words that came between the pieces of a call: its block cannot be opened again."""
        self._reason: FinishReason = "stop"
        self._stop_sequence: str | None = None
        self._has_refused = False

    def encode(self, events: list[ChatEvent]) -> bytes:
        out: list[bytes] = []
        for event in events:
            if isinstance(event, TextDelta) and event.choice == 0 and self._kind == "text" and event.signature is None:
                self._write_text(event.text, out)
            elif isinstance(event, Started):
                self._start(event, out)
            elif isinstance(event, UsageReported):
                self._usage = event.usage
            elif isinstance(event, Failed):
                out.append(self._format.stream_error(event.error, self._shape.request_id, "aws"))
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
        if not self._is_started:
            self._is_started = True
            self._tier = event.service_tier if event.service_tier in TIERS else None
            if self._tier != event.service_tier:
                note_losses(["service_tier"], self.dropped)
            out.append(encode_block(_MESSAGE_START, b'{"role":"assistant"}'))

    def _encode_content(self, event: ChatEvent, out: list[bytes]) -> None:
        if not self._is_started:
            self._start(Started(), out)
        if self._call is not None and isinstance(event, _WORDS) and not _is_complete(self._call):
            self._held.append(event)
        elif isinstance(event, TextDelta):
            if event.signature is not None:
                note_losses(["thoughtSignature"], self.dropped)
            self._text(event.text, out)
        elif isinstance(event, ThinkingDelta):
            self._thinking(event, out)
        elif isinstance(event, ToolArgumentsDelta):
            self._arguments(event, out)
        elif isinstance(event, ToolCallStarted):
            call = self._calls[event.index] = _Call(event)
            self._queue.append(call)
            self._advance(out)
        elif isinstance(event, Finished):
            self._reason, self._stop_sequence = event.reason, event.stop_sequence
            self._flush_calls(out)
            self._release(out)
        else:
            self._encode_rare(event, out)

    def _encode_rare(self, event: ChatEvent, out: list[bytes]) -> None:
        if isinstance(event, RefusalDelta):
            self._has_refused = True
            self._text(event.text, out)
        elif isinstance(event, PartAdded):
            self._part(event.part, out)
        elif isinstance(event, LogprobsDelta):
            note_losses(["logprobs"], self.dropped)

    def _text(self, text: str, out: list[bytes]) -> None:
        if text:
            self._enter("text", out)
            self._write_text(text, out)

    def _write_text(self, text: str, out: list[bytes]) -> None:
        if text:
            payload = b'{"contentBlockIndex":%d,"delta":{"text":%b}}' % (self._block, encode_json(text))
            out.append(encode_block(_DELTA, payload))

    def _thinking(self, event: ThinkingDelta, out: list[bytes]) -> None:
        if event.redacted is not None:
            self._flush_calls(out)
            self._enter("redacted", out)
            self._delta({"reasoningContent": {"redactedContent": redacted_blob(event.redacted)}}, out)
            self._close(out)
            return
        if not event.text and event.signature is None:
            return
        self._enter("thinking", out)
        if event.text:
            self._delta({"reasoningContent": {"text": event.text}}, out)
        if event.signature is not None:
            self._delta({"reasoningContent": {"signature": for_client(event.signature, ANTHROPIC)}}, out)
            self._close(out)

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
        if self._held and self._call is not None and _is_complete(self._call):
            self._release(out)

    def _release(self, out: list[bytes]) -> None:
        """Write the words that waited for calls to end."""
        held, self._held = self._held, []
        for event in held:
            self._encode_content(event, out)

    def _write_arguments(self, call: _Call, text: str, out: list[bytes]) -> None:
        call.written.add(text)
        self._delta({"toolUse": {"input": text}}, out)

    def _advance(self, out: list[bytes]) -> None:
        """Open the calls that wait, as far as those before them are complete."""
        while self._queue and (self._call is None or _is_complete(self._call)):
            self._open_call(self._queue.pop(0), out)

    def _flush_calls(self, out: list[bytes]) -> None:
        """Write all calls to their end: nothing more comes for them, or something else takes their place."""
        while self._queue:
            self._open_call(self._queue.pop(0), out)
        self._close(out)

    def _open_call(self, call: _Call, out: list[bytes]) -> None:
        started = call.started
        self._close(out)
        if started.signature is not None:
            self._kind = "thinking"
            reasoning = signature_block(started.signature)["reasoningContent"]
            text = reasoning["reasoningText"] if isinstance(reasoning, dict) else {}
            self._delta({"reasoningContent": {"signature": text["signature"]}}, out)
            self._close(out)
        self._open("toolUse", {"toolUse": {"toolUseId": started.id, "name": started.name}}, out)
        self._call = call
        waiting = "".join(call.waiting)
        call.waiting = []
        if waiting:
            self._write_arguments(call, waiting, out)

    def _part(self, part: Part, out: list[bytes]) -> None:
        if type(part) is Image and part.data and part.media_type in IMAGES:
            self._flush_calls(out)
            self._open("image", {"image": {"format": IMAGES[part.media_type]}}, out)
            self._delta({"image": {"source": {"bytes": part.data}}}, out)
            self._close(out)
            if part.signature is not None:
                note_losses(["thoughtSignature"], self.dropped)
        elif type(part) is Native and part.type == "citation" and "location" in part.value and self._kind == "text":
            self._delta({"citation": part.value}, out)
        else:
            note_loss(part, self.dropped)

    def _enter(self, kind: str, out: list[bytes]) -> None:
        """Go on with a block of this kind, which no event opens."""
        if self._kind != kind:
            self._flush_calls(out)
            self._kind = kind

    def _open(self, kind: str, start: JsonObject, out: list[bytes]) -> None:
        self._close(out)
        self._kind = kind
        out.append(encode_block(_BLOCK_START, encode_json({"start": start, "contentBlockIndex": self._block})))

    def _close(self, out: list[bytes]) -> None:
        if self._kind:
            out.append(encode_block(_BLOCK_STOP, b'{"contentBlockIndex":%d}' % self._block))
            self._block += 1
            self._kind = ""
            self._call = None

    def _delta(self, delta: JsonObject, out: list[bytes]) -> None:
        out.append(encode_block(_DELTA, encode_json({"contentBlockIndex": self._block, "delta": delta})))

    def _end(self, out: list[bytes]) -> None:
        if not self._is_started:
            self._start(Started(), out)
        self._flush_calls(out)
        self._release(out)
        self._close(out)
        reason: FinishReason = "refusal" if self._has_refused and self._reason == "stop" else self._reason
        stop: JsonObject = {"stopReason": STOP_REASONS[reason]}
        if self._stop_sequence is not None:
            stop["additionalModelResponseFields"] = {"stop_sequence": self._stop_sequence}
        out.append(encode_block(_MESSAGE_STOP, encode_json(stop)))
        metadata: JsonObject = {"usage": write_usage(self._usage or Usage()), "metrics": {"latencyMs": 0}}
        if self._tier is not None:
            metadata["serviceTier"] = {"type": self._tier}
        out.append(encode_block(_METADATA, encode_json(metadata)))


def _event(name: str) -> bytes:
    return write_headers({":event-type": name, ":content-type": "application/json", ":message-type": "event"})


_MESSAGE_START: Final = _event("messageStart")
_BLOCK_START: Final = _event("contentBlockStart")
_DELTA: Final = _event("contentBlockDelta")
_BLOCK_STOP: Final = _event("contentBlockStop")
_MESSAGE_STOP: Final = _event("messageStop")
_METADATA: Final = _event("metadata")
_WORDS: Final = (TextDelta, ThinkingDelta, RefusalDelta, PartAdded)


def _is_complete(call: _Call) -> bool:
    """Whether the arguments so far are a whole JSON value."""
    return not call.waiting and call.written.is_whole
