"""Ollama's streams, of chats and of completions: one object a line, as events and back.

Source: Ollama API reference, "Streaming responses". The line with `done` true is the last one, and has the counts; a
stream without it was cut. An error in mid-stream is a line `{"error": …}`.
"""

from typing import Final

import msgspec

from entresol.core.errors import UpstreamError
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
from entresol.llm.left_over import LeftOvers, unread_fields
from entresol.llm.logprob_losses import lost_logprobs
from entresol.llm.ndjson import NdjsonDecoder, NdjsonTooLarge
from entresol.llm.ollama_messages import answer_call, made_id, object_text, read_image
from entresol.llm.ollama_structs import CallPiece, Chunk
from entresol.llm.ollama_wire import (
    DONE_REASONS,
    Kind,
    finish_reason,
    read_logprobs,
    read_time,
    read_usage,
    stream_failure,
    write_logprobs,
    write_time,
    write_usage,
)
from entresol.llm.types import FinishReason, Image, JsonObject, ToolCall, Usage
from entresol.llm.usage_faults import despite_usage

_UNREAD: Final = unread_fields(Chunk)
_decode_chunk: Final = despite_usage(msgspec.json.Decoder(Chunk).decode)
_decode_string: Final = msgspec.json.Decoder(str).decode


class OllamaStreamDecoder:
    """Lines as events."""

    def __init__(self) -> None:
        self._lines = NdjsonDecoder()
        self._is_started = False
        self._is_over = False
        self._calls = 0
        self._left_over = LeftOvers()

    def feed(self, data: bytes) -> list[ChatEvent]:
        try:
            return self._read(self._lines.feed(data))
        except NdjsonTooLarge as error:
            raise bad_response(str(error)) from error

    def finish(self) -> list[ChatEvent]:
        return self._read(self._lines.finish())

    def _read(self, lines: list[bytes]) -> list[ChatEvent]:
        out: list[ChatEvent] = []
        for line in lines:
            if self._is_over:
                break
            try:
                self._read_chunk(_decode_chunk(line), out)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise BrokenStream(bad_response(f"a line of the stream is not valid: {error}"), out) from error
            except UpstreamError as fault:
                raise BrokenStream(fault, out) from fault
        return out

    def _read_chunk(self, chunk: Chunk, out: list[ChatEvent]) -> None:
        if chunk.error is not None:
            self._is_over = True
            out.append(Failed(stream_failure(chunk.error, chunk.code, chunk.status_code)))
            return
        if not self._is_started:
            self._is_started = True
            out.append(Started("", chunk.model or "", read_time(chunk.created_at)))
        message = chunk.message
        if isinstance(message, str):
            raise bad_response("a line of the stream is not valid: message: expected an object, got a string")
        if message is None:
            self._read_words(chunk.thinking, chunk.response, out)
            if chunk.image:
                out.append(PartAdded(read_image(chunk.image)))
        else:
            self._read_words(message.thinking, message.content, out)
            if message.images:
                out += [PartAdded(read_image(data)) for data in message.images]
            if message.tool_calls:
                self._read_calls(message.tool_calls, chunk.created_at or "", out)
        if chunk.logprobs:
            out.append(LogprobsDelta(read_logprobs(chunk.logprobs)))
        if chunk.done:
            self._end(chunk, out)

    def _read_words(self, thinking: str | None, text: str | None, out: list[ChatEvent]) -> None:
        if thinking:
            out.append(ThinkingDelta(thinking))
        if text:
            out.append(TextDelta(text))

    def _read_calls(self, calls: list[CallPiece], created_at: str, out: list[ChatEvent]) -> None:
        for call in calls:
            index = self._calls
            self._calls += 1
            arguments = _arguments(call.function.arguments)
            call_id = call.id or made_id(created_at, index, call.function.name, arguments)
            out.append(ToolCallStarted(index, call_id, call.function.name))
            out.append(ToolArgumentsDelta(index, arguments))

    def _end(self, chunk: Chunk, out: list[ChatEvent]) -> None:
        self._is_over = True
        self._left_over.tell_of(chunk, _UNREAD, out)
        usage = read_usage(chunk.prompt_eval_count, chunk.eval_count)
        if usage is not None:
            out.append(UsageReported(usage))
        out.append(Finished(finish_reason(chunk.done_reason, self._calls > 0)))
        out.append(Ended())


def _arguments(raw: msgspec.Raw) -> str:
    """Arguments as JSON text."""
    text = bytes(raw)
    if text.startswith(b'"'):
        return object_text(_decode_string(text))
    return "{}" if text in (b"", b"null") else text.decode()


class OllamaStreamEncoder:
    """Events as lines. Tool calls go out whole, when the answer finishes; counts with the last line."""

    def __init__(self, shape: StreamShape, wire_format: Format, kind: Kind) -> None:
        self._shape = shape
        self._format = wire_format
        self._kind: Kind = kind
        self.dropped: list[str] = []
        self._usage: Usage | None = None
        self._reason: FinishReason = "stop"
        self._has_refused = False
        self._calls: dict[int, ToolCall] = {}
        self._words = b""
        """A line of words, with `%b` where they go."""
        self._head: JsonObject = {}
        self._start(Started())

    def encode(self, events: list[ChatEvent]) -> bytes:
        out: list[bytes] = []
        for event in events:
            if isinstance(event, Started):
                self._start(event)
            elif isinstance(event, UsageReported):
                self._usage = event.usage
            elif isinstance(event, Failed):
                out.append(self._format.stream_error(event.error, self._shape.request_id, "ndjson"))
            elif isinstance(event, Ended):
                self._end(out)
            elif isinstance(event, LeftOver):
                note_losses(event.names, self.dropped)
            elif event.choice != 0:
                note_losses(["choices[1:]"], self.dropped)
            elif isinstance(event, TextDelta):
                self._text(event, out)
            else:
                self._encode_rare(event, out)
        return b"".join(out)

    def _start(self, event: Started) -> None:
        if event.service_tier not in (None, "default"):
            note_losses(["service_tier"], self.dropped)
        created = self._shape.created if event.created is None else event.created
        self._head = {"model": event.model or self._shape.model, "created_at": write_time(created)}
        start = encode_json(self._head)[:-1].replace(b"%", b"%%")
        if self._kind == "chat":
            self._words = start + b',"message":{"role":"assistant","content":%b},"done":false}\n'
        else:
            self._words = start + b',"response":%b,"done":false}\n'

    def _text(self, event: TextDelta, out: list[bytes]) -> None:
        if event.signature is not None:
            self._note_signature(event.signature)
        self._write_words(event.text, out)

    def _write_words(self, text: str, out: list[bytes]) -> None:
        if text:
            out.append(self._words % encode_json(text))

    def _encode_rare(self, event: ChatEvent, out: list[bytes]) -> None:
        if isinstance(event, ThinkingDelta):
            self._think(event, out)
        elif isinstance(event, RefusalDelta):
            self._has_refused = True
            self._write_words(event.text, out)
        elif isinstance(event, ToolCallStarted):
            self._note_signature(event.signature)
            self._calls[event.index] = ToolCall(id=event.id, name=event.name)
        elif isinstance(event, ToolArgumentsDelta):
            call = self._calls.get(event.index)
            if call is not None:
                call.arguments += event.text
        elif isinstance(event, LogprobsDelta):
            out.append(self._line({}, {"logprobs": write_logprobs(event.logprobs)}))
            note_losses(lost_logprobs(event.logprobs), self.dropped)
        elif isinstance(event, PartAdded):
            self._add_part(event, out)
        elif isinstance(event, Finished):
            self._finish(event, out)

    def _think(self, event: ThinkingDelta, out: list[bytes]) -> None:
        self._note_signature(event.signature or event.redacted)
        if event.text:
            out.append(self._line({"thinking": event.text}, {}))

    def _note_signature(self, signature: str | None) -> None:
        if signature is not None:
            note_losses(["signature"], self.dropped)

    def _add_part(self, event: PartAdded, out: list[bytes]) -> None:
        part = event.part
        if self._kind == "generate" and isinstance(part, Image) and part.data is not None:
            out.append(self._line({"image": part.data}, {}))
            self._note_signature(part.signature)
        else:
            note_loss(part, self.dropped)

    def _finish(self, event: Finished, out: list[bytes]) -> None:
        self._flush_calls(out)
        if event.stop_sequence is not None:
            note_losses(["stop_sequence"], self.dropped)
        self._reason = event.reason

    def _flush_calls(self, out: list[bytes]) -> None:
        calls = [answer_call(self._calls[index], place) for place, index in enumerate(sorted(self._calls))]
        self._calls = {}
        if calls and self._kind == "chat":
            out.append(self._line({"tool_calls": calls}, {}))
        elif calls:
            note_losses(["toolcall"], self.dropped)

    def _end(self, out: list[bytes]) -> None:
        self._flush_calls(out)
        usage = {} if self._usage is None else write_usage(self._usage)
        reason = "refusal" if self._has_refused and self._reason == "stop" else self._reason
        out.append(self._line({}, {"done_reason": DONE_REASONS[reason]} | usage, is_done=True))

    def _line(self, said: JsonObject, beside: JsonObject, is_done: bool = False) -> bytes:
        if self._kind == "chat":
            words: JsonObject = {"message": {"role": "assistant", "content": ""} | said}
        else:
            words = {"response": ""} | said
        return encode_json(self._head | words | {"done": is_done} | beside) + b"\n"
