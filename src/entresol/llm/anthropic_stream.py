"""Anthropic's streams: named events to canonical events and back.

Source: Anthropic API reference, "Streaming messages". Content comes in blocks, one after the other, each opened, filled
by deltas and closed; the encoder keeps to that whatever the order of what it is given. `message_stop` is the end: a
stream without it was cut, whatever it said before.
"""

from typing import Final

import msgspec

from entresol.core.errors import UpstreamError
from entresol.llm.anthropic_parts import decode_input, signature_block
from entresol.llm.anthropic_structs import DeltaWire, ErrorWire, EventWire, MessageStart, UsageWire
from entresol.llm.anthropic_usage import merge_usage, read_usage, service_tier, write_usage
from entresol.llm.anthropic_wire import STOP_REASONS, finish_reason, read_error, stream_error_status
from entresol.llm.broken_stream import BrokenStream
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
from entresol.llm.format import Format, StreamShape, bad_response, encode_json, note_loss, note_losses
from entresol.llm.json_progress import JsonProgress
from entresol.llm.left_over import LeftOvers, unread_fields
from entresol.llm.signatures import ANTHROPIC, for_client, signed_by
from entresol.llm.sse import SseDecoder, SseEvent, SseTooLarge, sse_event
from entresol.llm.types import FinishReason, JsonObject, Native, Usage
from entresol.llm.usage_faults import despite_usage


class _Open:
    """A block under way that is a tool call or only Anthropic's own."""

    __slots__ = ("call", "input", "value")

    def __init__(self, call: int | None, value: JsonObject) -> None:
        self.call = call
        """Index of the tool call; None for a native block."""
        self.value = value
        self.input: list[str] = []


_UNREAD_OF_MESSAGE: Final = unread_fields(MessageStart)
_UNREAD_OF_DELTA: Final = unread_fields(DeltaWire)
_UNREAD: Final = unread_fields(EventWire)
_BLOCK_FIELDS: Final = frozenset(("type", "text", "thinking", "signature", "data", "id", "name", "input"))
_DELTAS: Final = frozenset(("text_delta", "input_json_delta", "thinking_delta", "signature_delta", "citations_delta"))
_DONE: Final = b"[DONE]"
_decode_event: Final = despite_usage(msgspec.json.Decoder(EventWire).decode)


class AnthropicStreamDecoder:
    """Named events as canonical ones."""

    def __init__(self) -> None:
        self._sse = SseDecoder()
        self._usage = UsageWire()
        self._open: dict[int, _Open] = {}
        self._calls = 0
        self._is_ended = False
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
            if self._is_ended:
                break
            if event.data == _DONE:  # which some servers add
                continue
            try:
                wire = _decode_event(event.data)
                self._read_event(wire, wire.type or event.name.decode("latin-1"), out)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise BrokenStream(bad_response(f"an event of the stream is not valid: {error}"), out) from error
            except UpstreamError as fault:
                raise BrokenStream(fault, out) from fault
        return out

    def _read_event(self, event: EventWire, kind: str, out: list[ChatEvent]) -> None:
        match kind:
            case "content_block_delta":
                if event.delta is not None:
                    self._read_delta(event.index or 0, event.delta, out)
            case "content_block_start":
                self._open_block(event.index or 0, event.content_block or {}, out)
            case "content_block_stop":
                self._close_block(event.index or 0, out)
            case "message_start":
                self._start(event.message if isinstance(event.message, MessageStart) else MessageStart(), out)
            case "message_delta":
                self._read_end(event, out)
            case "message_stop":
                self._is_ended = True
                self._close_blocks(out)
                out.append(Ended())
            case "error":
                error = _error_of(event)
                out.append(Failed(read_error(error, stream_error_status(error))))
            case "ping":
                pass
            case _:
                self._left_over.tell((kind or "event",), out)

    def _start(self, message: MessageStart, out: list[ChatEvent]) -> None:
        self._left_over.tell_of(message, _UNREAD_OF_MESSAGE, out)
        if message.usage is not None:
            self._read_usage(message.usage, out)  # before the start, for formats that begin with it
        out.append(Started(message.id or "", message.model or "", None, service_tier(self._usage)))

    def _open_block(self, index: int, block: JsonObject, out: list[ChatEvent]) -> None:
        self._close_block(index, out)  # one that was never closed
        kind = block.get("type")
        if kind == "text":
            if block.get("text"):
                out.append(TextDelta(str(block["text"])))
        elif kind == "thinking":
            text, signature = block.get("thinking"), block.get("signature")
            if text or signature:
                out.append(ThinkingDelta(str(text or ""), signature=signed_by(str(signature or ""), ANTHROPIC)))
        elif kind == "redacted_thinking":
            redacted = signed_by(str(block.get("data") or ""), ANTHROPIC)
            out += [ThinkingDelta(redacted=redacted)] if redacted else []
        elif kind == "tool_use":
            self._open[index] = _Open(self._calls, block)
            out.append(ToolCallStarted(self._calls, str(block.get("id") or ""), str(block.get("name") or "")))
            self._calls += 1
        else:
            self._open[index] = _Open(None, block)
            return  # it goes out as it is
        self._left_over.tell([name for name in block if name not in _BLOCK_FIELDS and block[name] is not None], out)

    def _read_delta(self, index: int, delta: DeltaWire, out: list[ChatEvent]) -> None:
        if delta.text is not None:
            out.append(TextDelta(delta.text))
        elif delta.partial_json is not None:
            opened = self._open.get(index)
            if opened is None:
                raise bad_response("input_json_delta for a block that takes no input")
            if delta.partial_json:
                opened.input.append(delta.partial_json)
                if opened.call is not None:
                    out.append(ToolArgumentsDelta(opened.call, delta.partial_json))
        elif delta.thinking is not None:
            out.append(ThinkingDelta(delta.thinking))
        elif delta.signature is not None:
            out.append(ThinkingDelta(signature=signed_by(delta.signature, ANTHROPIC)))
        elif delta.citation is not None:
            out.append(PartAdded(Native(type="citation", value=delta.citation)))
        elif delta.type not in _DELTAS:
            self._left_over.tell((delta.type or "delta",), out)

    def _close_block(self, index: int, out: list[ChatEvent]) -> None:
        opened = self._open.pop(index, None)
        if opened is None:
            return
        if opened.call is None:
            value = dict(opened.value)
            if opened.input:
                value["input"] = decode_input("".join(opened.input))
            out.append(PartAdded(Native(type=str(value.get("type") or "block"), value=value)))
        elif not opened.input:
            whole = opened.value.get("input") or {}  # which deltas replace, as in Anthropic's own clients
            out.append(ToolArgumentsDelta(opened.call, encode_json(whole).decode()))

    def _read_usage(self, wire: UsageWire, out: list[ChatEvent]) -> None:
        merge_usage(self._usage, wire)
        usage = read_usage(self._usage)
        if usage is not None:
            out.append(UsageReported(usage))

    def _close_blocks(self, out: list[ChatEvent]) -> None:
        for index in list(self._open):
            self._close_block(index, out)

    def _read_end(self, event: EventWire, out: list[ChatEvent]) -> None:
        if event.usage is not None:
            self._read_usage(event.usage, out)
        self._left_over.tell_of(event, _UNREAD, out)
        delta = event.delta
        if delta is None:
            return
        self._left_over.tell_of(delta, _UNREAD_OF_DELTA, out)
        if delta.stop_reason is None:
            return
        if delta.stop_details is not None:
            self._left_over.tell(("stop_details",), out)
            if delta.stop_details.explanation:
                out.append(RefusalDelta(delta.stop_details.explanation))
        self._close_blocks(out)
        reason = finish_reason(delta.stop_reason) or "stop"
        out.append(Finished(reason, stop_sequence=delta.stop_sequence))


def _error_of(event: EventWire) -> ErrorWire:
    """The error of an `error` event, which some servers shorten to its message."""
    if isinstance(event.error, ErrorWire):
        return event.error
    return ErrorWire(message=event.error or (event.message if isinstance(event.message, str) else None))


class _Call:
    """A tool call on its way out."""

    __slots__ = ("started", "waiting", "written")

    def __init__(self, started: ToolCallStarted) -> None:
        self.started = started
        self.waiting: list[str] = []
        """Arguments that came while another block was open."""
        self.written = JsonProgress()


class AnthropicStreamEncoder:
    """Canonical events as named ones. Only the first choice is written: clients cannot ask for more."""

    def __init__(self, shape: StreamShape, wire_format: Format) -> None:
        self._shape = shape
        self._format = wire_format
        self.dropped: list[str] = []
        self._is_started = False
        self._usage: Usage | None = None
        self._tier: str | None = None
        self._blocks = 0
        """Blocks opened so far; the last one may be open."""
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
            if isinstance(event, Started):
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
        self._tier = event.service_tier
        usage = write_usage(self._usage or Usage(), self._tier)
        message: JsonObject = {
            "id": event.id or self._format.answer_id(self._shape.request_id),
            "type": "message",
            "role": "assistant",
            "model": event.model or self._shape.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }
        out.append(_event(b"message_start", {"type": "message_start", "message": message}))

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
            if not (isinstance(event.part, Native) and self._native(event.part, out)):
                note_loss(event.part, self.dropped)
        elif isinstance(event, LogprobsDelta):
            note_losses(["logprobs"], self.dropped)

    def _text(self, text: str, out: list[bytes]) -> None:
        if not text:
            return
        if self._kind != "text":
            self._flush_calls(out)
            self._open("text", {"type": "text", "text": "", "citations": None}, out)
        data = b'{"type":"content_block_delta","index":%d,"delta":{"type":"text_delta","text":%b}}'
        out.append(sse_event(b"content_block_delta", data % (self._blocks - 1, encode_json(text))))

    def _thinking(self, event: ThinkingDelta, out: list[bytes]) -> None:
        if event.redacted is not None:
            self._flush_calls(out)
            self._open(
                "redacted_thinking", {"type": "redacted_thinking", "data": for_client(event.redacted, ANTHROPIC)}, out
            )
            self._close(out)
            return
        if self._kind != "thinking":
            self._flush_calls(out)
            self._open("thinking", {"type": "thinking", "thinking": "", "signature": ""}, out)
        if event.text:
            self._delta({"type": "thinking_delta", "thinking": event.text}, out)
        if event.signature is not None:
            self._delta({"type": "signature_delta", "signature": for_client(event.signature, ANTHROPIC)}, out)
            self._close(out)

    def _arguments(self, event: ToolArgumentsDelta, out: list[bytes]) -> None:
        call = self._calls.get(event.index)
        if call is None or not event.text:
            return
        if call is self._call:
            self._write_arguments(call, event.text, out)
            if self._queue:
                self._advance(out)
            if self._held and self._call is not None and _is_complete(self._call):
                self._release(out)
        else:
            call.waiting.append(event.text)

    def _release(self, out: list[bytes]) -> None:
        """Write the words that waited for calls to end."""
        held, self._held = self._held, []
        for event in held:
            self._encode_content(event, out)

    def _write_arguments(self, call: _Call, text: str, out: list[bytes]) -> None:
        call.written.add(text)
        self._delta({"type": "input_json_delta", "partial_json": text}, out)

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
        if started.signature is not None:
            self._open("thinking", {"type": "thinking", "thinking": "", "signature": ""}, out)
            signature = signature_block(started.signature)["signature"]
            self._delta({"type": "signature_delta", "signature": signature}, out)
        self._open("tool_use", {"type": "tool_use", "id": started.id, "name": started.name, "input": {}}, out)
        self._call = call
        waiting = "".join(call.waiting)
        call.waiting = []
        if waiting:
            self._write_arguments(call, waiting, out)

    def _native(self, part: Native, out: list[bytes]) -> bool:
        """Write a block of Anthropic's own. False: it is none, or has no place here."""
        if part.type == "citation":
            if self._kind != "text":
                return False
            self._delta({"type": "citations_delta", "citation": part.value}, out)
            return True
        if part.value.get("type") != part.type:  # what other formats leave native does not name its type
            return False
        self._flush_calls(out)
        self._open(part.type, part.value, out)
        self._close(out)
        return True

    def _open(self, kind: str, block: JsonObject, out: list[bytes]) -> None:
        self._close(out)
        value: JsonObject = {"type": "content_block_start", "index": self._blocks, "content_block": block}
        out.append(_event(b"content_block_start", value))
        self._blocks += 1
        self._kind = kind

    def _close(self, out: list[bytes]) -> None:
        if self._kind:
            out.append(_event(b"content_block_stop", {"type": "content_block_stop", "index": self._blocks - 1}))
            self._kind = ""
            self._call = None

    def _delta(self, delta: JsonObject, out: list[bytes]) -> None:
        value: JsonObject = {"type": "content_block_delta", "index": self._blocks - 1, "delta": delta}
        out.append(_event(b"content_block_delta", value))

    def _end(self, out: list[bytes]) -> None:
        if not self._is_started:
            self._start(Started(), out)
        self._flush_calls(out)
        self._release(out)
        self._close(out)
        reason = "refusal" if self._has_refused and self._reason == "stop" else STOP_REASONS[self._reason]
        usage = write_usage(self._usage or Usage())
        usage.pop("cache_creation", None)
        delta = {"stop_reason": reason, "stop_sequence": self._stop_sequence}
        out.append(_event(b"message_delta", {"type": "message_delta", "delta": delta, "usage": usage}))
        out.append(_event(b"message_stop", {"type": "message_stop"}))


_WORDS: Final = (TextDelta, ThinkingDelta, RefusalDelta, PartAdded)


def _is_complete(call: _Call) -> bool:
    """Whether the arguments so far are a whole JSON value."""
    return not call.waiting and call.written.is_whole


def _event(name: bytes, value: JsonObject) -> bytes:
    return sse_event(name, encode_json(value))
