"""Gemini's streams: responses that each carry more, as events and back, in both framings.

Source: Gemini API reference (v1beta), "models.streamGenerateContent": server-sent events with `alt=sse`, else one JSON
array. There is no end mark: a stream is whole when its candidates have a finish reason.
"""

from typing import Final

import msgspec

from entresol.core.errors import UpstreamError
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
from entresol.llm.format import Format, OpenChoices, StreamShape, bad_field, bad_response, encode_json, note_losses
from entresol.llm.gemini_logprobs import read_logprobs, write_logprobs
from entresol.llm.gemini_parts import answer_call, answer_parts, answer_thinking, made_id, read_part
from entresol.llm.gemini_structs import CandidatePiece, OddError, ResponsePiece
from entresol.llm.gemini_usage import read_usage, write_usage
from entresol.llm.gemini_wire import WIRE_REASONS, ResponseSplitter, finish_reason, read_error, stream_error_status
from entresol.llm.left_over import LeftOvers, unread_fields
from entresol.llm.logprob_losses import lost_logprobs
from entresol.llm.reading import ObjectReader
from entresol.llm.sse import sse_data
from entresol.llm.types import FinishReason, JsonObject, Native, Part, Text, Thinking, ToolCall, Usage
from entresol.llm.usage_faults import despite_usage

_UNREAD: Final = unread_fields(CandidatePiece)
_UNREAD_OF_ALL: Final = unread_fields(ResponsePiece)
_PART: Final = b'{"candidates":[{"content":{"role":"model","parts":[%b]},"index":%d}]%b'
_DONE: Final = b"[DONE]"
_decode_odd: Final = msgspec.json.Decoder(list[OddError] | OddError).decode
_decode_response: Final = despite_usage(msgspec.json.Decoder(ResponsePiece).decode)


class GeminiStreamDecoder:
    """Responses as events."""

    def __init__(self) -> None:
        self._splitter = ResponseSplitter()
        self._is_started = False
        self._id = ""
        self._calls: dict[int, int] = {}
        """Calls so far, by candidate."""
        self._candidates = OpenChoices()
        self._reasons: dict[int, FinishReason] = {}
        """Why the candidates finished. Told at the end: some models say it again and again, and go on."""
        self._left_over = LeftOvers()
        self._is_blocked = False
        self._has_failed = False

    def feed(self, data: bytes) -> list[ChatEvent]:
        return self._read(self._splitter.feed(data))

    def finish(self) -> list[ChatEvent]:
        out = self._read(self._splitter.finish())
        if self._has_failed:
            return out
        for choice, reason in self._reasons.items():
            has_calls = reason == "stop" and self._calls.get(choice, 0) > 0
            out.append(Finished("tool_calls" if has_calls else reason, choice))
        if self._candidates.are_all_finished or self._is_blocked:
            out.append(Ended())
        return out

    def _read(self, responses: list[bytes]) -> list[ChatEvent]:
        out: list[ChatEvent] = []
        for data in responses:
            try:
                self._read_response(_decode_response(data), out)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                if data == _DONE:  # which some servers add
                    continue
                problem = _error_in(data)
                if problem is None:
                    raise BrokenStream(bad_response(f"a part of the stream is not valid: {error}"), out) from error
                self._has_failed = True
                out.append(Failed(problem))
            except UpstreamError as fault:
                raise BrokenStream(fault, out) from fault
        return out

    def _read_response(self, response: ResponsePiece, out: list[ChatEvent]) -> None:
        if response.error is not None:
            self._has_failed = True
            out.append(Failed(read_error(response.error, stream_error_status(response.error))))
            return
        usage = None if response.usage_metadata is None else read_usage(response.usage_metadata)
        if not self._is_started:
            self._is_started = True
            self._id = response.response_id or ""
            if usage is not None:
                out.append(UsageReported(usage))  # before the start, for formats that begin with it
            out.append(Started(self._id, response.model_version or ""))
            usage = None if response.candidates and response.candidates[0].finish_reason is None else usage
        for candidate in response.candidates or ():
            self._read_candidate(candidate, out)
        self._left_over.tell_of(response, _UNREAD_OF_ALL, out)
        feedback = response.prompt_feedback
        if feedback is not None:
            self._left_over.tell(("promptFeedback",), out)
            if feedback.block_reason is not None and not response.candidates:
                self._is_blocked = True
                self._reasons[0] = "content_filter"
        if usage is not None:
            out.append(UsageReported(usage))

    def _read_candidate(self, candidate: CandidatePiece, out: list[ChatEvent]) -> None:
        choice = candidate.index or 0
        content = candidate.content
        for wire in (content.parts if content is not None else None) or ():
            text = wire.get("text")
            if len(wire) == 1 and isinstance(text, str):  # nearly every part there is
                if text:
                    out.append(TextDelta(text, choice))
                continue
            self._read_part(read_part(ObjectReader(wire, "content.parts[]", bad_field), None), choice, out)
        self._left_over.tell_of(candidate, _UNREAD, out)
        if candidate.logprobs_result is not None:
            out.append(LogprobsDelta(read_logprobs(candidate.logprobs_result), choice))
        reason = finish_reason(candidate.finish_reason)
        self._candidates.note(choice, reason is not None)
        if reason is not None and (reason != "stop" or choice not in self._reasons):
            self._reasons[choice] = reason

    def _read_part(self, part: Part, choice: int, out: list[ChatEvent]) -> None:
        if type(part) is not Native and part.extra:
            self._left_over.tell(part.extra, out)
        if type(part) is Text:
            if part.text or part.signature is not None:
                out.append(TextDelta(part.text, choice, part.signature))
        elif type(part) is Thinking:
            out.append(ThinkingDelta(part.text, choice, part.signature))
        elif type(part) is ToolCall:
            index = self._calls.get(choice, 0)
            self._calls[choice] = index + 1
            call_id = part.id or made_id(self._id, choice, index, part.name, part.arguments)
            out.append(ToolCallStarted(index, call_id, part.name, choice, signature=part.signature))
            out.append(ToolArgumentsDelta(index, part.arguments, choice))
        else:
            out.append(PartAdded(part, choice))


def _error_in(data: bytes) -> ErrorDetail | None:
    """The error of a part that is no response: in a list, or no more than a text."""
    try:
        odd = _decode_odd(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    for each in odd if isinstance(odd, list) else [odd]:
        if isinstance(each.error, str):
            return ErrorDetail(status=502, message=each.error)
        if each.error is not None:
            return read_error(each.error, stream_error_status(each.error))
    return None


class _Candidate:
    """One candidate on its way out."""

    __slots__ = ("calls", "has_refused", "reason")

    def __init__(self) -> None:
        self.calls: dict[int, ToolCall] = {}
        self.reason: str | None = None
        self.has_refused = False


class GeminiStreamEncoder:
    """Events as responses. Function calls go out whole, when their candidate finishes; usage with the last response."""

    def __init__(self, shape: StreamShape, wire_format: Format) -> None:
        self._shape = shape
        self._format = wire_format
        self.dropped: list[str] = []
        self._has_sent = False
        self._tail = b"}"
        """The rest of every response: what all of them repeat."""
        self._start(Started())
        self._usage: Usage | None = None
        self._candidates: dict[int, _Candidate] = {}

    def encode(self, events: list[ChatEvent]) -> bytes:
        out: list[bytes] = []
        for event in events:
            if isinstance(event, TextDelta):
                if event.text or event.signature is not None:
                    self._part(event.choice, _text_part(event), out)
            elif isinstance(event, ThinkingDelta):
                self._part(event.choice, answer_thinking(event.text, event.signature, event.redacted), out)
            elif isinstance(event, Started):
                if event.service_tier not in (None, "default"):
                    note_losses(["service_tier"], self.dropped)
                self._start(event)
            elif isinstance(event, UsageReported):
                self._usage = event.usage
            elif isinstance(event, Failed):
                out.append(self._fail(event))
            elif isinstance(event, Ended):
                self._end(out)
            else:
                self._encode_rare(event, out)
        return b"".join(out)

    def _start(self, event: Started) -> None:
        tail: JsonObject = {"modelVersion": event.model or self._shape.model}
        answer_id = event.id or self._format.answer_id(self._shape.request_id)
        if answer_id:
            tail["responseId"] = answer_id
        self._tail = b"," + encode_json(tail)[1:]

    def _encode_rare(self, event: ChatEvent, out: list[bytes]) -> None:
        if isinstance(event, ToolCallStarted):
            call = ToolCall(id=event.id, name=event.name, signature=event.signature)
            self._candidate(event.choice).calls[event.index] = call
        elif isinstance(event, ToolArgumentsDelta):
            waiting = self._candidate(event.choice).calls.get(event.index)
            if waiting is not None:
                waiting.arguments += event.text
        elif isinstance(event, Finished):
            self._finish(event, out)
        elif isinstance(event, LogprobsDelta):
            tokens: JsonObject = {"index": event.choice, "logprobsResult": write_logprobs(event.logprobs)}
            out.append(self._frame({"candidates": [tokens]}))
            note_losses(lost_logprobs(event.logprobs), self.dropped)
        elif isinstance(event, PartAdded):
            self._add_part(event, out)
        elif isinstance(event, RefusalDelta):
            self._candidate(event.choice).has_refused = True
            if event.text:
                self._part(event.choice, {"text": event.text}, out)
        elif isinstance(event, LeftOver):
            note_losses(event.names, self.dropped)

    def _finish(self, event: Finished, out: list[bytes]) -> None:
        self._flush_calls(event.choice, out)
        if event.stop_sequence is not None:
            note_losses(["stop_sequence"], self.dropped)
        candidate = self._candidate(event.choice)
        is_refusal = candidate.has_refused and event.reason == "stop"
        candidate.reason = WIRE_REASONS["refusal" if is_refusal else event.reason]

    def _add_part(self, event: PartAdded, out: list[bytes]) -> None:
        lost: list[str] = []
        for part in answer_parts([event.part], False, lost):
            self._part(event.choice, part, out)
        note_losses(lost, self.dropped)

    def _candidate(self, choice: int) -> _Candidate:
        found = self._candidates.get(choice)
        if found is None:
            found = self._candidates[choice] = _Candidate()
        return found

    def _part(self, choice: int, part: JsonObject, out: list[bytes]) -> None:
        self._candidate(choice)
        out.append(self._framed(_PART % (encode_json(part), choice, self._tail)))

    def _flush_calls(self, choice: int, out: list[bytes]) -> None:
        candidate = self._candidate(choice)
        for index in sorted(candidate.calls):
            self._part(choice, answer_call(candidate.calls[index]), out)
        candidate.calls = {}

    def _end(self, out: list[bytes]) -> None:
        for choice in list(self._candidates):
            self._flush_calls(choice, out)
        last: JsonObject = {
            "candidates": [
                {
                    "content": {"role": "model", "parts": [{"text": ""}]},
                    "finishReason": each.reason or "STOP",
                    "index": n,
                }
                for n, each in sorted((self._candidates or {0: _Candidate()}).items())
            ]
        }
        if self._usage is not None:
            last["usageMetadata"] = write_usage(self._usage)
        out.append(self._frame(last))
        if self._shape.framing == "json-array":
            out.append(b"]")

    def _frame(self, response: JsonObject) -> bytes:
        return self._framed(encode_json(response)[:-1] + self._tail)

    def _framed(self, body: bytes) -> bytes:
        if self._shape.framing == "sse":
            return sse_data(body)
        before = b",\r\n" if self._has_sent else b"["
        self._has_sent = True
        return before + body

    def _fail(self, event: Failed) -> bytes:
        if self._shape.framing == "json-array" and not self._has_sent:
            return b"[" + self._format.error_body(event.error, self._shape.request_id) + b"]"
        return self._format.stream_error(event.error, self._shape.request_id, self._shape.framing)


def _text_part(event: TextDelta) -> JsonObject:
    if event.signature is not None:
        return {"text": event.text, "thoughtSignature": event.signature}
    return {"text": event.text}
