"""ConverseStream's events as canonical ones.

Source: Amazon Bedrock API reference, "ConverseStream"; service model `bedrock-runtime` (2023-09-30). `messageStop` is
the end of the answer, `metadata` with its usage comes after it: a stream without `messageStop` was cut. Text blocks
have no start; every event may carry padding in `p`.
"""

import base64
import binascii
from typing import Final

import msgspec
from msgspec import UNSET

from entresol.core.errors import UpstreamError
from entresol.llm.aws_event_stream import EventMessage, EventStreamDecoder, EventStreamFault
from entresol.llm.bedrock_errors import read_exception
from entresol.llm.bedrock_media import media_type_of
from entresol.llm.bedrock_parts import read_redacted
from entresol.llm.bedrock_wire import MetadataWire, finish_reason, read_usage
from entresol.llm.broken_stream import BrokenStream
from entresol.llm.events import (
    ChatEvent,
    Ended,
    Failed,
    Finished,
    PartAdded,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    UsageReported,
)
from entresol.llm.format import bad_response
from entresol.llm.left_over import LeftOvers, Unread, unread_fields
from entresol.llm.signatures import ANTHROPIC, signed_by
from entresol.llm.types import Image, JsonObject, Native
from entresol.llm.usage_faults import despite_usage

_MAX_BLOCK_BYTES: Final = 64 * 1024 * 1024
"""A block that is held until it is whole must not be larger."""


class _ToolInput(msgspec.Struct):
    input: str | None = None


class _Reasoning(msgspec.Struct, rename="camel"):
    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class _Source(msgspec.Struct):
    bytes: str | None = None


class _ImagePiece(msgspec.Struct):
    source: _Source | None = None


class _Delta(msgspec.Struct, rename="camel"):
    text: str | None = None
    tool_use: _ToolInput | None = None
    reasoning_content: _Reasoning | None = None
    citation: JsonObject | None = None
    tool_result: list[JsonObject] | None = None
    image: _ImagePiece | None = None


class _DeltaEvent(msgspec.Struct, rename="camel"):
    delta: _Delta
    content_block_index: int = 0


class _Start(msgspec.Struct, rename="camel"):
    tool_use: JsonObject | None = None
    tool_result: JsonObject | None = None
    image: JsonObject | None = None


class _StartEvent(msgspec.Struct, rename="camel"):
    start: _Start
    content_block_index: int = 0


class _StopEvent(msgspec.Struct, rename="camel"):
    content_block_index: int = 0


class _MessageStop(msgspec.Struct, rename="camel"):
    stop_reason: str | None = None
    additional_model_response_fields: object = None


class _Metadata(MetadataWire, rename="camel"):
    metrics: Unread = UNSET
    performance_config: Unread = UNSET


class _Open(msgspec.Struct):
    """A block under way that is more than words."""

    kind: str
    value: JsonObject
    call: int | None = None
    """Index of the tool call; None for a block that goes out whole."""
    pieces: list[str] = []
    results: list[JsonObject] = []
    size: int = 0


_decode_delta: Final = msgspec.json.Decoder(_DeltaEvent).decode
_decode_start: Final = msgspec.json.Decoder(_StartEvent).decode
_decode_stop: Final = msgspec.json.Decoder(_StopEvent).decode
_decode_end: Final = msgspec.json.Decoder(_MessageStop).decode
_decode_metadata: Final = despite_usage(msgspec.json.Decoder(_Metadata).decode)
_UNREAD: Final = unread_fields(_Metadata)
_CALL_FIELDS: Final = frozenset(("toolUseId", "name"))


class BedrockStreamDecoder:
    """Binary messages as canonical events."""

    def __init__(self) -> None:
        self._messages = EventStreamDecoder()
        self._open: dict[int, _Open] = {}
        self._calls = 0
        self._is_stopped = False
        self._is_ended = False
        self._left_over = LeftOvers()

    def feed(self, data: bytes) -> list[ChatEvent]:
        out: list[ChatEvent] = []
        if self._is_ended:
            return out
        try:
            self._read_all(self._messages.feed(data), out)
        except EventStreamFault as fault:
            self._read_all(fault.before, out)
            if not self._is_ended:
                raise BrokenStream(bad_response(str(fault)), out) from fault
        return out

    def finish(self) -> list[ChatEvent]:
        if not self._is_stopped or self._is_ended:
            return []
        self._is_ended = True
        return [Ended()]

    def _read_all(self, messages: list[EventMessage], out: list[ChatEvent]) -> None:
        for message in messages:
            if self._is_ended:
                break
            try:
                self._read(message, out)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise BrokenStream(bad_response(f"an event of the stream is not valid: {error}"), out) from error
            except UpstreamError as fault:
                raise BrokenStream(fault, out) from fault

    def _read(self, message: EventMessage, out: list[ChatEvent]) -> None:
        match message.headers.get(":event-type"):
            case "contentBlockDelta":
                event = _decode_delta(message.payload)
                if event.delta.text is not None:
                    out.append(TextDelta(event.delta.text))
                else:
                    self._read_delta(event.content_block_index, event.delta, out)
            case "contentBlockStart":
                self._open_block(_decode_start(message.payload), out)
            case "contentBlockStop":
                self._close_block(_decode_stop(message.payload).content_block_index, out)
            case "messageStart":
                out.append(Started())
            case "messageStop":
                self._stop(_decode_end(message.payload), out)
            case "metadata":
                self._read_metadata(_decode_metadata(message.payload), out)
            case kind:
                error = read_exception(message)
                if error is not None:
                    out.append(Failed(error))
                else:
                    self._left_over.tell((str(kind or "event"),), out)

    def _open_block(self, event: _StartEvent, out: list[ChatEvent]) -> None:
        start, index = event.start, event.content_block_index
        if start.tool_use is not None:
            use = start.tool_use
            if use.get("type") is not None:
                self._open[index] = _Open("toolUse", use)
                return
            self._open[index] = _Open("toolUse", use, self._calls)
            out.append(ToolCallStarted(self._calls, str(use.get("toolUseId") or ""), str(use.get("name") or "")))
            self._calls += 1
            self._left_over.tell([f"toolUse.{name}" for name in use if name not in _CALL_FIELDS], out)
        elif start.tool_result is not None:
            self._open[index] = _Open("toolResult", start.tool_result)
        elif start.image is not None:
            self._open[index] = _Open("image", start.image)
        else:
            self._left_over.tell(("start",), out)

    def _read_delta(self, index: int, delta: _Delta, out: list[ChatEvent]) -> None:
        if delta.tool_use is not None:
            opened = self._opened(index, "toolUse")
            text = delta.tool_use.input or ""
            if text:
                self._hold(opened, text, opened.call is None)
            if text and opened.call is not None:
                out.append(ToolArgumentsDelta(opened.call, text))
        elif delta.reasoning_content is not None:
            reasoning = delta.reasoning_content
            redacted = None if reasoning.redacted_content is None else read_redacted(reasoning.redacted_content)
            out.append(ThinkingDelta(reasoning.text or "", 0, signed_by(reasoning.signature, ANTHROPIC), redacted))
        elif delta.citation is not None:
            out.append(PartAdded(Native(type="citation", value=delta.citation)))
        elif delta.tool_result is not None:
            self._opened(index, "toolResult").results += delta.tool_result
        elif delta.image is not None:
            if delta.image.source is None or delta.image.source.bytes is None:
                raise bad_response("a piece of an image has no bytes")
            self._hold(self._opened(index, "image"), delta.image.source.bytes, True)
        else:
            self._left_over.tell(("delta",), out)

    def _opened(self, index: int, kind: str) -> _Open:
        opened = self._open.get(index)
        if opened is None or opened.kind != kind:
            raise bad_response(f"a piece of {kind} for a block that is none")
        return opened

    def _hold(self, opened: _Open, text: str, is_whole: bool) -> None:
        """Keep a piece of what goes out whole; of other calls only that there was one."""
        if is_whole or not opened.pieces:
            opened.pieces.append(text if is_whole else "")
        opened.size += len(text)
        if is_whole and opened.size > _MAX_BLOCK_BYTES:
            raise bad_response(f"a block of the stream exceeds {_MAX_BLOCK_BYTES} bytes")

    def _close_block(self, index: int, out: list[ChatEvent]) -> None:
        opened = self._open.pop(index, None)
        if opened is None:
            return
        if opened.call is not None:
            if not opened.pieces:
                out.append(ToolArgumentsDelta(opened.call, "{}"))  # a call without arguments has no delta
        elif opened.kind == "image":
            media_type = media_type_of("image", str(opened.value.get("format")))
            out.append(PartAdded(Image(data=_joined(opened.pieces), media_type=media_type)))
        else:
            value = dict(opened.value)
            if opened.kind == "toolResult":
                value["content"] = opened.results
            else:
                value["input"] = _decoded("".join(opened.pieces))
            out.append(PartAdded(Native(type=opened.kind, value={opened.kind: value})))

    def _stop(self, event: _MessageStop, out: list[ChatEvent]) -> None:
        self._is_stopped = True
        fields, stop_sequence = event.additional_model_response_fields, None
        if isinstance(fields, dict):
            found = fields.pop("stop_sequence", None)
            stop_sequence = found if isinstance(found, str) else None
        if fields:
            self._left_over.tell(("additionalModelResponseFields",), out)
        for index in list(self._open):
            self._close_block(index, out)
        out.append(Finished(finish_reason(event.stop_reason) or "stop", 0, stop_sequence))

    def _read_metadata(self, event: _Metadata, out: list[ChatEvent]) -> None:
        if event.usage is not None:
            tier = None if event.service_tier is None else event.service_tier.type
            usage = read_usage(event.usage)
            if usage is not None:
                out.append(UsageReported(usage, tier))
        if event.trace is not None:
            self._left_over.tell(("trace",), out)
        self._left_over.tell_of(event, _UNREAD, out)
        if self._is_stopped:
            self._is_ended = True
            out.append(Ended())


def _joined(pieces: list[str]) -> str:
    """Base64 that came in pieces, each whole by itself."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece, validate=True) for piece in pieces)).decode()
    except (binascii.Error, ValueError) as error:
        raise bad_response("a piece of an image is not base64") from error


def _decoded(text: str) -> object:
    try:
        return msgspec.json.decode(text) if text else {}
    except (msgspec.DecodeError, RecursionError):
        return text
