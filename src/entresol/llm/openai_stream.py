"""OpenAI's chat streams: chunks to events and back.

Source: OpenAI API reference, "The chat completion chunk object".
"""

from collections.abc import Mapping
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
from entresol.llm.format import Format, OpenChoices, StreamShape, bad_response, encode_json, note_loss, note_losses
from entresol.llm.json_progress import JsonProgress
from entresol.llm.left_over import LeftOvers, unread_fields
from entresol.llm.media_types import split_data_url
from entresol.llm.openai_chunk import CallDelta, ChoiceWire, ChunkWire, DeltaWire, FunctionDelta
from entresol.llm.openai_facts import DONE, error_in, error_status, finish_reason, read_error
from entresol.llm.openai_parts import image_url, read_signature
from entresol.llm.openai_usage import read_usage, write_usage
from entresol.llm.sse import SseDecoder, SseEvent, SseTooLarge, sse_data
from entresol.llm.types import Audio, Document, FinishReason, Image, JsonObject, Usage
from entresol.llm.usage_faults import despite_usage

_UNREAD: Final = unread_fields(ChunkWire)
_UNREAD_OF_DELTA: Final = unread_fields(DeltaWire)
_decode_chunk: Final = despite_usage(msgspec.json.Decoder(ChunkWire).decode)
_FUNCTION_ARGUMENTS: Final = b'"tool_calls":[{"index":%d,"function":{"name":"","arguments":%b}}]'
"""Mistral's client refuses a piece without a name; all others add the pieces up."""
_CUSTOM_INPUT: Final = b'"tool_calls":[{"index":%d,"custom":{"input":%b}}]'


def _content_deltas(parts: list[JsonObject], choice: int, left_over: LeftOvers) -> list[ChatEvent]:
    """Content as a list of parts, as Mistral's models stream it. Their references are not words."""
    out: list[ChatEvent] = []
    for part in parts:
        thinking, text = part.get("thinking"), part.get("text")
        if isinstance(thinking, list):
            texts = [inner.get("text") for inner in thinking if isinstance(inner, dict)]
            thinking = "".join([each for each in texts if isinstance(each, str)])
        if part.get("type") == "thinking" and isinstance(thinking, str):
            out += [ThinkingDelta(thinking, choice)] if thinking else []
        elif part.get("type") == "text" and isinstance(text, str):
            out += [TextDelta(text, choice)] if text else []
        else:
            left_over.tell((str(part.get("type")),), out)
    return out


class _OpenCall:
    """A call whose arguments may go on."""

    __slots__ = ("id", "index", "is_custom", "is_told", "name", "progress", "said", "signature")

    def __init__(self, index: int, identifier: str, is_custom: bool, signature: str | None) -> None:
        self.index = index
        self.id = identifier
        self.is_custom = is_custom
        self.signature = signature
        self.name = ""
        self.is_told = False
        """Its start is out: that waits for a name, and while there are no arguments for an id."""
        self.said: list[str] = []
        """The arguments that wait for a name."""
        self.progress = JsonProgress()
        """Of a call without an id."""


class OpenAIStreamDecoder:
    """Chunks as events."""

    def __init__(self) -> None:
        self._sse = SseDecoder()
        self._is_started = False
        self._is_ended = False
        self._calls: dict[tuple[int, int], _OpenCall] = {}
        """By choice and index in the wire."""
        self._next_call: dict[int, int] = {}
        """By choice."""
        self._choices = OpenChoices()
        self._left_over = LeftOvers()

    def feed(self, data: bytes) -> list[ChatEvent]:
        try:
            return self._read(self._sse.feed(data))
        except SseTooLarge as error:
            raise bad_response(str(error)) from error

    def finish(self) -> list[ChatEvent]:
        out = self._read(self._sse.finish())
        if self._choices.are_all_finished and not self._is_ended:
            out.append(Ended())  # a server that forgets the mark
        return out

    def _read(self, events: list[SseEvent]) -> list[ChatEvent]:
        out: list[ChatEvent] = []
        try:
            for event in events:
                if self._is_ended:
                    break
                if event.data.startswith(DONE):
                    self._is_ended = True
                    out += [Ended()] if self._is_started else []  # nothing but the mark is no answer
                else:
                    self._read_chunk(event.data, out)
        except UpstreamError as fault:
            raise BrokenStream(fault, out) from fault
        return out

    def _read_chunk(self, data: bytes, out: list[ChatEvent]) -> None:
        try:
            chunk = _decode_chunk(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise bad_response(f"a chunk of the stream is not valid: {error}") from error
        wrong = chunk.error or (None if chunk.x_groq is None else chunk.x_groq.error)
        if wrong is not None:
            self._fail(read_error(wrong, 502), out)
            return
        if chunk.choices is None and chunk.usage is None and self._is_problem(data, out):
            return
        if not self._is_started and (chunk.id or chunk.choices or chunk.usage is not None):
            self._is_started = True  # Azure's first chunk, on the prompt, has not even an id
            created = None if chunk.created is None else int(chunk.created)
            out.append(Started(chunk.id or "", chunk.model or "", created, chunk.service_tier))
        for choice in chunk.choices or ():
            self._read_choice(choice, out)
        self._left_over.tell_of(chunk, _UNREAD, out)
        usage = None if chunk.usage is None else read_usage(chunk.usage)
        if usage is not None:
            out.append(UsageReported(usage))

    def _is_problem(self, data: bytes, out: list[ChatEvent]) -> bool:
        """Whether a chunk without choices is an error in the words of another API."""
        problem = error_in(502, data)
        if problem is not None:
            self._fail(problem, out)
        return problem is not None

    def _fail(self, error: ErrorDetail, out: list[ChatEvent]) -> None:
        error.status = error_status(error)
        self._is_ended = True
        out.append(Failed(error))

    def _read_choice(self, choice: ChoiceWire, out: list[ChatEvent]) -> None:
        if choice.error is not None:
            self._fail(read_error(choice.error, 502), out)
            return
        delta, index = choice.delta or choice.message, choice.index or 0
        if delta is None and choice.text:
            out.append(TextDelta(choice.text, index))
        reason = finish_reason(choice.finish_reason)
        has_calls = bool(delta is not None and delta.tool_calls) or index in self._next_call
        if reason == "stop" and has_calls:
            reason = "tool_calls"  # it says stop where the request named the tool to call
        was_finished = self._choices.has_finished(index)
        self._choices.note(index, reason is not None)
        if delta is not None:
            self._read_delta(delta, index, out)
        if choice.logprobs is not None:
            out.append(LogprobsDelta(choice.logprobs, index))
        if reason is not None and not (reason == "stop" and was_finished):  # some say why, and then `stop` at the end
            if has_calls:
                self._tell_all(index, out)
            out.append(Finished(reason, index))

    def _read_delta(self, delta: DeltaWire, choice: int, out: list[ChatEvent]) -> None:
        thought = delta.reasoning_content
        if not thought and isinstance(delta.reasoning, str):
            thought = delta.reasoning
        if thought:
            out.append(ThinkingDelta(thought, choice))
        if delta.content:
            if isinstance(delta.content, str):
                out.append(TextDelta(delta.content, choice))
            else:
                out += _content_deltas(delta.content, choice, self._left_over)
        self._left_over.tell_of(delta, _UNREAD_OF_DELTA, out)
        if delta.refusal:
            out.append(RefusalDelta(delta.refusal, choice))
        for position, call in enumerate(delta.tool_calls or ()):
            self._read_call(call, position, choice, out)
        self._read_media(delta, choice, out)

    def _read_call(self, call: CallDelta, position: int, choice: int, out: list[ChatEvent]) -> None:
        key = choice, position if call.index is None else call.index
        is_custom = call.custom is not None
        function = call.custom or call.function or FunctionDelta()
        known = self._calls.get(key)
        if known is None or (function.name and _is_another(known, call.id)):
            # Some servers give every call the same index, or none.
            self._tell(known, choice, out)
            index = self._next_call[choice] = self._next_call.get(choice, -1) + 1
            known = self._calls[key] = _OpenCall(index, call.id or "", is_custom, read_signature(call.extra_content))
        arguments = function.input if is_custom else function.arguments
        if isinstance(arguments, dict):  # some servers write the object itself
            arguments = encode_json(arguments).decode()
        if known.is_told:
            if arguments:
                if not known.id:
                    known.progress.add(arguments)
                out.append(ToolArgumentsDelta(known.index, arguments, choice))
            return
        known.id = known.id or call.id or ""
        known.name = known.name or function.name or ""
        if arguments and arguments != "null":
            known.said.append(arguments)
            known.progress.add(arguments)
        if known.name and (known.id or known.said):
            self._tell(known, choice, out)

    def _tell(self, call: _OpenCall | None, choice: int, out: list[ChatEvent]) -> None:
        """Begin a call that has waited, if there is one."""
        if call is None or call.is_told:
            return
        call.is_told = True
        out.append(ToolCallStarted(call.index, call.id, call.name, choice, call.is_custom, call.signature))
        if call.said:
            out.append(ToolArgumentsDelta(call.index, "".join(call.said), choice))
            call.said = []

    def _tell_all(self, choice: int, out: list[ChatEvent]) -> None:
        for key, call in self._calls.items():
            if key[0] == choice:
                self._tell(call, choice, out)

    def _read_media(self, delta: DeltaWire, choice: int, out: list[ChatEvent]) -> None:
        if delta.function_call is not None:
            raise bad_response("the model answered with function_call, which cannot be translated")
        if delta.audio is not None:
            audio = {name: value if isinstance(value, str) else None for name, value in delta.audio.items()}
            part = Audio(file_id=audio.get("id"), data=audio.get("data"), transcript=audio.get("transcript"))
            out.append(PartAdded(part, choice))
        for image in delta.images or ():
            source = image.get("image_url")
            url = source.get("url") if isinstance(source, dict) else None
            if isinstance(url, str):
                inline = split_data_url(url)
                picture = Image(url=url) if inline is None else Image(media_type=inline[0], data=inline[1])
                out.append(PartAdded(picture, choice))


def _is_another(known: _OpenCall, call_id: str | None) -> bool:
    """Whether a piece with a name begins a call, where its index is that of one under way."""
    if call_id:
        return bool(known.id) and call_id != known.id
    return not known.id and known.progress.is_whole


class OpenAIStreamEncoder:
    """Events as chunks. The usage chunk is written at the end, and only if the client asked for it."""

    def __init__(self, shape: StreamShape, reasons: Mapping[FinishReason, str], wire_format: Format) -> None:
        self._shape = shape
        self._reasons = reasons
        self._format = wire_format
        self.dropped: list[str] = []
        self._usage: Usage | None = None
        self._roles: set[int] = set()  # choices whose first chunk, the one with the role, is out
        self._custom: set[tuple[int, int]] = set()
        self._start(Started())

    def _start(self, event: Started) -> None:
        shape = self._shape
        self._head: JsonObject = {
            "id": event.id or self._format.answer_id(shape.request_id),
            "object": "chat.completion.chunk",
            "created": shape.created if event.created is None else event.created,
            "model": event.model or shape.model,
        }
        if event.service_tier is not None:
            self._head["service_tier"] = event.service_tier
        self._open = encode_json(self._head)[:-1]

    def encode(self, events: list[ChatEvent]) -> bytes:
        return b"".join([self._encode(event) for event in events])

    def _encode(self, event: ChatEvent) -> bytes:
        if isinstance(event, TextDelta):
            if event.signature is not None:
                note_losses(["thoughtSignature"], self.dropped)
            return self._delta(event.choice, b'"content":%b' % encode_json(event.text)) if event.text else b""
        if isinstance(event, ToolArgumentsDelta):
            is_custom = (event.choice, event.index) in self._custom
            call = _CUSTOM_INPUT if is_custom else _FUNCTION_ARGUMENTS
            return self._delta(event.choice, call % (event.index, encode_json(event.text)))
        if isinstance(event, Started):
            self._start(event)
            return self._delta(0, b"")
        if isinstance(event, ThinkingDelta):
            return self._thinking(event)
        if isinstance(event, UsageReported):
            self._usage = event.usage
            return b""
        if isinstance(event, Ended):
            return self._end()
        if isinstance(event, Failed):
            return self._format.stream_error(event.error, self._shape.request_id)
        return self._encode_rare(event)

    def _encode_rare(self, event: ChatEvent) -> bytes:
        if isinstance(event, ToolCallStarted):
            if event.is_custom:
                self._custom.add((event.choice, event.index))
            return self._delta(event.choice, b'"tool_calls":[%b]' % encode_json(_call_start(event)))
        if isinstance(event, RefusalDelta):
            return self._delta(event.choice, b'"refusal":%b' % encode_json(event.text))
        if isinstance(event, Finished):
            if event.stop_sequence is not None:
                note_losses(["stop_sequence"], self.dropped)
            return self._chunk({"index": event.choice, "delta": {}, "finish_reason": self._reasons[event.reason]})
        if isinstance(event, LogprobsDelta):
            choice = {"index": event.choice, "delta": {}, "logprobs": event.logprobs, "finish_reason": None}
            return self._chunk(choice)
        if isinstance(event, PartAdded):
            return self._part(event)
        if isinstance(event, LeftOver):
            note_losses(event.names, self.dropped)
        return b""

    def _thinking(self, event: ThinkingDelta) -> bytes:
        if event.signature is not None:
            note_losses(["signature"], self.dropped)
        if event.redacted is not None:
            note_losses(["redacted_thinking"], self.dropped)
        return self._delta(event.choice, b'"reasoning_content":%b' % encode_json(event.text)) if event.text else b""

    def _part(self, event: PartAdded) -> bytes:
        part = event.part
        if isinstance(part, Image | Document) and part.signature is not None:
            note_losses(["thoughtSignature"], self.dropped)
        if type(part) is Image and (part.data is not None or part.url is not None):
            image = {"type": "image_url", "image_url": {"url": image_url(part)}}
            return self._delta(event.choice, b'"images":%b' % encode_json([image]))
        if type(part) is Audio:
            audio = {"id": part.file_id, "data": part.data, "transcript": part.transcript}
            given = {name: value for name, value in audio.items() if value is not None}
            return self._delta(event.choice, b'"audio":%b' % encode_json(given))
        note_loss(part, self.dropped)
        return b""

    def _delta(self, choice: int, members: bytes) -> bytes:
        if choice not in self._roles:
            self._roles.add(choice)
            role = b'"role":"assistant"'
            members = b"%b,%b" % (role, members) if members else role + b',"content":""'
        return b'data: %b,"choices":[{"index":%d,"delta":{%b},"finish_reason":null}]}\n\n' % (
            self._open,
            choice,
            members,
        )

    def _chunk(self, choice: JsonObject) -> bytes:
        return sse_data(b'%b,"choices":[%b]}' % (self._open, encode_json(choice)))

    def _end(self) -> bytes:
        out = b""
        if self._usage is not None and self._shape.include_usage:
            out = sse_data(b'%b,"choices":[],"usage":%b}' % (self._open, encode_json(write_usage(self._usage))))
        return out + sse_data(DONE)


def _call_start(event: ToolCallStarted) -> JsonObject:
    if event.is_custom:
        wire: JsonObject = {"index": event.index, "id": event.id, "type": "custom"}
        wire["custom"] = {"name": event.name, "input": ""}
    else:
        wire = {"index": event.index, "id": event.id, "type": "function"}
        wire["function"] = {"name": event.name, "arguments": ""}
    if event.signature is not None:
        wire["extra_content"] = {"google": {"thought_signature": event.signature}}
    return wire
