"""Events as a Responses stream: every item announced, streamed and told whole, and the response at the end.

Source: OpenAI API reference, "Streaming events".
"""

from typing import Final

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
from entresol.llm.format import Format, StreamShape, encode_json, note_loss, note_losses
from entresol.llm.logprob_losses import lost_logprobs
from entresol.llm.openai_responses_items import call_item, drawn_item, signature_item
from entresol.llm.openai_responses_output import ItemIds, finish, response_object, whole_logprobs
from entresol.llm.openai_responses_reasoning import reasoning_item, seal
from entresol.llm.sse import sse_event
from entresol.llm.types import FinishReason, Image, JsonObject, ToolCall, Usage

_TEXT_DELTA: Final = (
    b"event: response.output_text.delta\n"
    b'data: {"type":"response.output_text.delta","item_id":%b,"output_index":%d,"content_index":%d,"delta":%b,'
    b'"logprobs":[],"sequence_number":%d}\n\n'
)


class _Open:
    """An item under way."""

    __slots__ = ("call", "content", "encoded_id", "encrypted", "identifier", "index", "kind", "logprobs", "texts")

    def __init__(self, kind: str, index: int, identifier: str) -> None:
        self.kind = kind
        self.index = index
        self.identifier = identifier
        self.encoded_id = encode_json(identifier)
        self.texts: list[str] = []
        """Of the part under way, of a call's arguments, or of a summary."""
        self.content: list[JsonObject] = []
        """A message's parts that are complete."""
        self.logprobs: list[JsonObject] = []
        self.call: ToolCall | None = None
        self.encrypted: str | None = None


class ResponsesStreamEncoder:
    """Our events as those of a Responses stream."""

    def __init__(self, shape: StreamShape, wire_format: Format) -> None:
        self._shape = shape
        self._format = wire_format
        self.dropped: list[str] = []
        self._sequence = 0
        self._is_started = False
        self._output: list[JsonObject] = []
        """Items by their index; one under way is an empty object."""
        self._words: _Open | None = None
        """The message or reasoning item under way."""
        self._part = ""
        """Kind of the message's part under way: `output_text` or `refusal`."""
        self._calls: dict[int, _Open] = {}
        self._reason: FinishReason = "stop"
        self._usage: Usage | None = None
        self._start_with(Started())

    def _start_with(self, event: Started) -> None:
        self._id = event.id or self._format.answer_id(self._shape.request_id)
        self._ids = ItemIds(self._id)
        self._model = event.model or self._shape.model
        self._created = self._shape.created if event.created is None else event.created
        self._tier = event.service_tier

    def encode(self, events: list[ChatEvent]) -> bytes:
        out: list[bytes] = []
        for event in events:
            if isinstance(event, TextDelta) and event.choice == 0:
                self._text(event, out)
            elif isinstance(event, Started):
                self._start(event, out)
            elif isinstance(event, UsageReported):
                self._usage = event.usage
            elif isinstance(event, LeftOver):
                note_losses(event.names, self.dropped)
            elif isinstance(event, Failed):
                self._fail(event.error, out)
            elif isinstance(event, Ended):
                self._end(out)
            elif event.choice == 0:
                self._encode_content(event, out)
            else:
                note_losses(["choices[1:]"], self.dropped)
        return b"".join(out)

    def _emit(self, kind: str, members: JsonObject, out: list[bytes]) -> None:
        event = {"type": kind} | members | {"sequence_number": self._sequence}
        self._sequence += 1
        out.append(sse_event(kind.encode(), encode_json(event)))

    def _response(self, status: str, output: list[JsonObject]) -> JsonObject:
        return response_object(self._id, self._model, self._created, self._tier, output, status)

    def _start(self, event: Started, out: list[bytes]) -> None:
        if self._is_started:
            return
        self._is_started = True
        self._start_with(event)
        response = self._response("in_progress", [])
        self._emit("response.created", {"response": response}, out)
        self._emit("response.in_progress", {"response": response}, out)

    def _encode_content(self, event: ChatEvent, out: list[bytes]) -> None:
        if not self._is_started:
            self._start(Started(), out)
        if isinstance(event, ThinkingDelta):
            self._thinking(event, out)
        elif isinstance(event, ToolArgumentsDelta):
            self._arguments(event, out)
        elif isinstance(event, ToolCallStarted):
            self._call(event, out)
        elif isinstance(event, RefusalDelta):
            self._message(event.text, "refusal", out)
        elif isinstance(event, LogprobsDelta):
            self._logprobs(event.logprobs)
        elif isinstance(event, PartAdded):
            self._whole(event, out)
        elif isinstance(event, Finished):
            self._reason = event.reason
            if event.stop_sequence is not None:
                note_losses(["stop_sequence"], self.dropped)

    # Messages.

    def _text(self, event: TextDelta, out: list[bytes]) -> None:
        if event.signature is not None:
            note_losses(["thoughtSignature"], self.dropped)
        words = self._words
        if words is None or self._part != "output_text" or words.kind != "message":
            if event.text:
                self._message(event.text, "output_text", out)
            return
        words.texts.append(event.text)
        position = words.index, len(words.content), encode_json(event.text), self._sequence
        self._sequence += 1
        out.append(_TEXT_DELTA % (words.encoded_id, *position))

    def _message(self, text: str, part: str, out: list[bytes]) -> None:
        """Words of a kind that may have to begin a message or a part of it."""
        if not self._is_started:
            self._start(Started(), out)
        if not text:
            return
        words = self._words
        if words is None or words.kind != "message":
            self._close_words(out)
            item: JsonObject = {"type": "message", "status": "in_progress", "role": "assistant", "content": []}
            words = self._words = self._open("message", item, out)
        if self._part != part:
            self._close_part(words, out)
            self._part = part
            place = _place(words, len(words.content))
            self._emit("response.content_part.added", place | {"part": _part(part, "", [])}, out)
        words.texts.append(text)
        members = _place(words, len(words.content)) | {"delta": text}
        if part == "output_text":
            members["logprobs"] = []
        self._emit(f"response.{part}.delta", members, out)

    def _close_part(self, words: _Open, out: list[bytes]) -> None:
        if not self._part:
            return
        text, part = "".join(words.texts), self._part
        place = _place(words, len(words.content))
        whole = _part(part, text, words.logprobs)
        told: JsonObject = {"refusal": text} if part == "refusal" else {"text": text, "logprobs": words.logprobs}
        self._emit(f"response.{part}.done", place | told, out)
        self._emit("response.content_part.done", place | {"part": whole}, out)
        words.content.append(whole)
        words.texts, words.logprobs, self._part = [], [], ""

    def _logprobs(self, logprobs: JsonObject) -> None:
        content, words = logprobs.get("content"), self._words
        note_losses(lost_logprobs(logprobs), self.dropped)
        if isinstance(content, list) and words is not None and self._part == "output_text":
            words.logprobs += whole_logprobs(content)
        else:
            note_losses(["logprobs"], self.dropped)

    # Reasoning.

    def _thinking(self, event: ThinkingDelta, out: list[bytes]) -> None:
        if event.redacted is not None:
            self._put(reasoning_item("", seal(None, event.redacted)), out)
            return
        words = self._words
        if words is None or words.kind != "reasoning":
            self._close_words(out)
            words = self._words = self._open("reasoning", {"type": "reasoning", "summary": []}, out)
        if event.text:
            place = _summary_place(words)
            if not words.texts:
                self._emit(
                    "response.reasoning_summary_part.added", place | {"part": {"type": "summary_text", "text": ""}}, out
                )
            words.texts.append(event.text)
            self._emit("response.reasoning_summary_text.delta", place | {"delta": event.text}, out)
        if event.signature is not None:
            words.encrypted = seal(event.signature, None)
            self._close_words(out)

    def _close_reasoning(self, words: _Open, out: list[bytes]) -> None:
        text = "".join(words.texts)
        if text:
            place = _summary_place(words)
            self._emit("response.reasoning_summary_text.done", place | {"text": text}, out)
            whole = {"type": "summary_text", "text": text}
            self._emit("response.reasoning_summary_part.done", place | {"part": whole}, out)
        self._done(words, reasoning_item(text, words.encrypted), out)

    # Calls.

    def _call(self, event: ToolCallStarted, out: list[bytes]) -> None:
        self._close_words(out)
        if event.signature is not None:
            self._put(signature_item(event.signature), out)
        call = ToolCall(id=event.id, name=event.name, is_custom=event.is_custom)
        kind = "custom_tool_call" if event.is_custom else "function_call"
        item = call_item(call, event.id) | {"input" if event.is_custom else "arguments": "", "status": "in_progress"}
        opened = self._calls[event.index] = self._open(kind, item, out)
        opened.call = call

    def _arguments(self, event: ToolArgumentsDelta, out: list[bytes]) -> None:
        opened = self._calls.get(event.index)
        if opened is None or not event.text:
            return
        opened.texts.append(event.text)
        self._emit(f"response.{_STREAMED[opened.kind]}.delta", _item_place(opened) | {"delta": event.text}, out)

    def _close_calls(self, out: list[bytes]) -> None:
        for opened in self._calls.values():
            call = opened.call
            assert call is not None
            call.arguments = "".join(opened.texts) or ("" if call.is_custom else "{}")
            name = "input" if call.is_custom else "arguments"
            members = _item_place(opened) | {name: call.arguments}
            self._emit(f"response.{_STREAMED[opened.kind]}.done", members, out)
            self._done(opened, call_item(call, call.id) | {"status": "completed"}, out)
        self._calls = {}

    # Items.

    def _whole(self, event: PartAdded, out: list[bytes]) -> None:
        part = event.part
        if isinstance(part, Image) and part.data is not None:
            if part.signature is not None:
                note_losses(["thoughtSignature"], self.dropped)
            self._put(drawn_item(part.data, part.media_type), out)
        else:
            note_loss(part, self.dropped)

    def _put(self, item: JsonObject, out: list[bytes]) -> None:
        """An item that comes as a whole."""
        self._close_words(out)
        opened = self._open(str(item["type"]), item, out)
        self._done(opened, item, out)

    def _open(self, kind: str, item: JsonObject, out: list[bytes]) -> _Open:
        opened = _Open(kind, len(self._output), self._ids.of(kind, len(self._output)))
        self._output.append({})
        announced = {"id": opened.identifier} | item
        self._emit("response.output_item.added", {"output_index": opened.index, "item": announced}, out)
        return opened

    def _done(self, opened: _Open, item: JsonObject, out: list[bytes]) -> None:
        whole = self._output[opened.index] = {"id": opened.identifier} | item
        self._emit("response.output_item.done", {"output_index": opened.index, "item": whole}, out)

    def _close_words(self, out: list[bytes]) -> None:
        words, self._words = self._words, None
        if words is None:
            return
        if words.kind == "reasoning":
            self._close_reasoning(words, out)
            return
        self._close_part(words, out)
        item: JsonObject = {"type": "message", "status": "completed", "role": "assistant", "content": words.content}
        self._done(words, item, out)

    # The end.

    def _end(self, out: list[bytes]) -> None:
        if not self._is_started:
            self._start(Started(), out)
        self._close_words(out)
        self._close_calls(out)
        response = self._response("completed", self._output)
        finish(response, self._reason, self._usage)
        self._emit(f"response.{response['status']}", {"response": response}, out)

    def _fail(self, error: ErrorDetail, out: list[bytes]) -> None:
        """Codex reads only `response.failed`, OpenAI's own clients raise for `error`: they get both."""
        if self._is_started:
            response = self._response("failed", [item for item in self._output if item])
            code = "rate_limit_exceeded" if error.status == 429 else "server_error"  # clients know few others
            response["error"] = {"code": code, "message": error.message}
            self._emit("response.failed", {"response": response}, out)
        out.append(error_event(error, self._shape.request_id, self._sequence))


_STREAMED: Final = {"function_call": "function_call_arguments", "custom_tool_call": "custom_tool_call_input"}


def _item_place(opened: _Open) -> JsonObject:
    return {"item_id": opened.identifier, "output_index": opened.index}


def _place(opened: _Open, content_index: int) -> JsonObject:
    return _item_place(opened) | {"content_index": content_index}


def _summary_place(opened: _Open) -> JsonObject:
    return _item_place(opened) | {"summary_index": 0}


def _part(kind: str, text: str, logprobs: list[JsonObject]) -> JsonObject:
    if kind == "refusal":
        return {"type": kind, "refusal": text}
    return {"type": kind, "text": text, "annotations": [], "logprobs": logprobs}


def error_event(error: ErrorDetail, request_id: str, sequence: int) -> bytes:
    """The event `error`: flat as the reference has it, and with the object for which OpenAI's clients raise."""
    detail: JsonObject = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
    event: JsonObject = {"type": "error", "code": error.code, "message": error.message, "param": error.param}
    event |= {"sequence_number": sequence, "error": detail, "request_id": request_id}
    return sse_event(b"error", encode_json(event))
