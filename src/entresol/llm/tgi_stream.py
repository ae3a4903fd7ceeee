"""Text Generation Inference's streams: one event a token, as events and back.

Source: TGI's OpenAPI document 3.3, "generate_stream": `StreamResponse`, `StreamDetails`, `ErrorResponse`. The event
with `generated_text` is the last one; a stream without it was cut. Special tokens, such as the end's, are no text.
"""

from typing import Final

import msgspec

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
from entresol.llm.left_over import LeftOvers
from entresol.llm.sse import SseDecoder, SseEvent, SseTooLarge, sse_data
from entresol.llm.tgi_wire import UNSAID_REASONS, WIRE_REASONS, finish_reason, read_usage, stream_failure
from entresol.llm.types import FinishReason, JsonObject, Usage


class Token(msgspec.Struct):
    """A token, of an answer or of the alternatives at its place."""

    text: str = ""
    id: int | None = None
    logprob: float | None = None
    special: bool = False


class _Details(msgspec.Struct):
    finish_reason: str | None = None
    generated_tokens: int | None = None
    input_length: int | None = None
    seed: int | None = None


class _Event(msgspec.Struct):
    token: Token | None = None
    top_tokens: list[Token] | None = None
    generated_text: str | None = None
    details: _Details | None = None
    error: object = None
    error_type: str | None = None


_decode_event: Final = msgspec.json.Decoder(_Event).decode


def entry(token: Token) -> JsonObject:
    """A token's log probability in OpenAI's form."""
    return {"token": token.text, "logprob": token.logprob, "bytes": list(token.text.encode())}


def entry_with(token: Token, others: list[Token]) -> JsonObject:
    """The same, with the alternatives at its place."""
    return entry(token) | {"top_logprobs": [entry(other) for other in others]}


class TgiStreamDecoder:
    """Tokens as events."""

    def __init__(self) -> None:
        self._sse = SseDecoder()
        self._is_started = False
        self._has_text = False
        self._is_over = False
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
            if self._is_over or event.data == b"[DONE]":
                break
            try:
                self._read_event(_decode_event(event.data), out)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise BrokenStream(bad_response(f"an event of the stream is not valid: {error}"), out) from error
        return out

    def _read_event(self, event: _Event, out: list[ChatEvent]) -> None:
        if event.error is not None:
            self._is_over = True
            out.append(Failed(stream_failure(event.error, event.error_type)))
            return
        if not self._is_started:
            self._is_started = True
            out.append(Started())
        token = event.token
        if token is not None and token.text and not token.special:
            self._has_text = True
            out.append(TextDelta(token.text))
        if token is not None and event.top_tokens:
            out.append(LogprobsDelta({"content": [entry_with(token, event.top_tokens)], "refusal": None}))
        if event.generated_text is not None:
            self._end(event, event.generated_text, out)

    def _end(self, event: _Event, text: str, out: list[ChatEvent]) -> None:
        self._is_over = True
        if text and not self._has_text:
            out.append(TextDelta(text))  # a server that sends no tokens
        details = event.details or _Details()
        if details.seed is not None:
            self._left_over.tell(("seed",), out)
        usage = read_usage(details.input_length, details.generated_tokens)
        if usage is not None:
            out.append(UsageReported(usage))
        out.append(Finished(finish_reason(details.finish_reason)))
        out.append(Ended())


class TgiStreamEncoder:
    """Events as tokens: each piece of text is one, with an `id` and a `logprob` of 0, which clients demand.

    The last event has the whole text again, as TGI writes it.
    """

    def __init__(self, shape: StreamShape, wire_format: Format) -> None:
        self._shape = shape
        self._format = wire_format
        self.dropped: list[str] = []
        self._index = 0
        self._text: list[str] = []
        self._usage: Usage | None = None
        self._reason: FinishReason = "stop"

    def encode(self, events: list[ChatEvent]) -> bytes:
        out: list[bytes] = []
        for event in events:
            if isinstance(event, UsageReported):
                self._usage = event.usage
            elif isinstance(event, Started):
                if event.service_tier not in (None, "default"):
                    note_losses(["service_tier"], self.dropped)
            elif isinstance(event, Failed):
                out.append(self._format.stream_error(event.error, self._shape.request_id))
            elif isinstance(event, Ended):
                out.append(self._last())
            elif isinstance(event, LeftOver):
                note_losses(event.names, self.dropped)
            elif event.choice != 0:
                note_losses(["choices[1:]"], self.dropped)
            elif isinstance(event, TextDelta | RefusalDelta):
                self._write(event, out)
            else:
                self._note(event)
        return b"".join(out)

    def _write(self, event: TextDelta | RefusalDelta, out: list[bytes]) -> None:
        if isinstance(event, TextDelta) and event.signature is not None:
            note_losses(["signature"], self.dropped)
        if event.text:
            self._index += 1
            self._text.append(event.text)
            out.append(_TOKEN % (self._index, encode_json(event.text)))

    def _note(self, event: ChatEvent) -> None:
        """Keep why it finished; the rest cannot be said."""
        if isinstance(event, Finished):
            self._reason = event.reason
            if event.reason in UNSAID_REASONS:
                note_losses(["finish_reason"], self.dropped)
            if event.stop_sequence is not None:
                note_losses(["stop_sequence"], self.dropped)
        elif isinstance(event, ThinkingDelta):
            note_losses(["thinking"], self.dropped)
        elif isinstance(event, ToolCallStarted | ToolArgumentsDelta):
            note_losses(["toolcall"], self.dropped)
        elif isinstance(event, LogprobsDelta):
            note_losses(["logprobs"], self.dropped)
        elif isinstance(event, PartAdded):
            note_loss(event.part, self.dropped)

    def _last(self) -> bytes:
        usage = self._usage or Usage()
        last: JsonObject = {
            "index": self._index + 1,
            "token": {"id": 0, "text": "", "logprob": 0.0, "special": True},
            "generated_text": "".join(self._text),
            "details": {
                "finish_reason": WIRE_REASONS[self._reason],
                "generated_tokens": usage.total_output,
                "seed": None,
                "input_length": usage.total_input,
            },
        }
        return sse_data(encode_json(last))


_TOKEN: Final = (
    b'data: {"index":%d,"token":{"id":0,"text":%b,"logprob":0.0,"special":false},'
    b'"generated_text":null,"details":null}\n\n'
)
