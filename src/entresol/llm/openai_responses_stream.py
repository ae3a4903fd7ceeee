"""OpenAI's Responses streams: their events as ours.

Source: OpenAI API reference, "Streaming events".
"""

from typing import Final

import msgspec
from msgspec import UNSET

from entresol.core.errors import UpstreamError
from entresol.llm.broken_stream import BrokenStream
from entresol.llm.events import (
    ChatEvent,
    Ended,
    Failed,
    Finished,
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
from entresol.llm.json_fields import bad_field, bad_response, decode_json, decode_response_as
from entresol.llm.left_over import LeftOvers
from entresol.llm.openai_responses_facts import CALLS, FINAL_EVENTS, facts_of_response, failure_of
from entresol.llm.openai_responses_items import read_drawn
from entresol.llm.openai_responses_output import read_output
from entresol.llm.openai_responses_reasoning import read_seal
from entresol.llm.openai_responses_structs import EventWire, decode_event, decode_response
from entresol.llm.openai_structs import ErrorWire
from entresol.llm.reading import ObjectReader
from entresol.llm.replay import events_of
from entresol.llm.sse import SseDecoder, SseEvent, SseTooLarge
from entresol.llm.types import ChatResponse, Choice, JsonObject, Native

_DONE: Final = b"[DONE]"
_NULL: Final = msgspec.Raw(b"null")
_WORDS_BEFORE_PART: Final = "\n\n"


class _Item:
    """An output item under way."""

    __slots__ = ("call", "has_signature", "identifier", "kind", "said")

    def __init__(self, identifier: str, kind: str, call: int = -1) -> None:
        self.identifier = identifier
        self.kind = kind
        self.call = call
        self.said = ""
        """Which words came already: `summary` or `text` of a reasoning item; of a call, its arguments so far."""
        self.has_signature = False


class ResponsesStreamDecoder:
    """Events of a Responses stream as ours."""

    def __init__(self) -> None:
        self._sse = SseDecoder()
        self._is_started = False
        self._is_ended = False
        self._items: dict[int, _Item] = {}
        """By `output_index`."""
        self._calls = 0
        self._said: set[tuple[int, int]] = set()
        """Parts of messages whose words came as deltas, by output and content index."""
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
                wire = decode_event(event.data)
                self._read_event(wire, wire.type or event.name.decode("latin-1"), out)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise BrokenStream(bad_response(f"an event of the stream is not valid: {error}"), out) from error
            except UpstreamError as fault:
                raise BrokenStream(fault, out) from fault
        return out

    def _read_event(self, event: EventWire, kind: str, out: list[ChatEvent]) -> None:
        if kind == "response.output_text.delta":
            self._start(out)
            self._text(event, out)
        elif kind == "error" or event.error is not None:
            code = None if event.code is None else str(event.code)
            out.append(Failed(failure_of(event.error or ErrorWire(event.message, None, code, event.param))))
        elif event.response is not UNSET and event.response != _NULL:
            self._read_response(event.response, kind, out)
        else:
            self._start(out)
            reader = _READERS.get(kind)
            if reader is not None:
                reader(self, event, out)
            elif not kind.endswith(_TOLD_ELSEWHERE):
                self._left_over.tell((kind.removeprefix("response.") or "event",), out)

    def _start(self, out: list[ChatEvent]) -> None:
        if not self._is_started:
            self._is_started = True
            out.append(Started())

    def _text(self, event: EventWire, out: list[ChatEvent]) -> None:
        self._said.add((event.output_index or 0, event.content_index or 0))
        if isinstance(event.delta, str) and event.delta:
            out.append(TextDelta(event.delta))
        if event.logprobs:
            out.append(LogprobsDelta({"content": event.logprobs, "refusal": None}))

    def _text_done(self, event: EventWire, out: list[ChatEvent]) -> None:
        """The whole text, from a server that streams none of it."""
        key = event.output_index or 0, event.content_index or 0
        if key in self._said:
            return
        self._said.add(key)
        if event.text:
            out.append(TextDelta(event.text))
        if event.refusal:
            out.append(RefusalDelta(event.refusal))

    def _refusal(self, event: EventWire, out: list[ChatEvent]) -> None:
        self._said.add((event.output_index or 0, event.content_index or 0))
        if isinstance(event.delta, str) and event.delta:
            out.append(RefusalDelta(event.delta))

    def _item_added(self, event: EventWire, out: list[ChatEvent]) -> None:
        wire = _item_of(event)
        kind, index = str(wire.get("type")), event.output_index or 0
        if kind not in CALLS:
            self._items[index] = _Item(str(wire.get("id")), kind)
            return
        name = wire.get("name")
        call_id = wire.get("call_id") or ""
        self._items[index] = _Item(str(wire.get("id")), kind, self._calls)
        out.append(ToolCallStarted(self._calls, str(call_id), str(name or ""), 0, kind == "custom_tool_call"))
        self._calls += 1

    def _arguments(self, event: EventWire, out: list[ChatEvent]) -> None:
        item = self._items.get(event.output_index or 0)
        if item is None or item.call < 0:
            raise bad_response("arguments came for a call that has not begun")
        if isinstance(event.delta, str) and event.delta:
            item.said += event.delta
            out.append(ToolArgumentsDelta(item.call, event.delta))

    def _arguments_done(self, event: EventWire, out: list[ChatEvent]) -> None:
        item = self._items.get(event.output_index or 0)
        whole = event.arguments if event.arguments is not None else event.input
        if item is not None and item.call >= 0 and whole:
            _complete(item, whole, out)

    def _reasoning(self, event: EventWire, kind: str, out: list[ChatEvent]) -> None:
        item = self._items.setdefault(event.output_index or 0, _Item("", "reasoning"))
        if item.said not in ("", kind):
            return  # the reasoning itself beside its summary: as in an answer, the first one counts
        item.said = kind
        if isinstance(event.delta, str) and event.delta:
            out.append(ThinkingDelta(event.delta))

    def _summary(self, event: EventWire, out: list[ChatEvent]) -> None:
        self._reasoning(event, "summary", out)

    def _reasoning_text(self, event: EventWire, out: list[ChatEvent]) -> None:
        self._reasoning(event, "text", out)

    def _summary_part(self, event: EventWire, out: list[ChatEvent]) -> None:
        item = self._items.get(event.output_index or 0)
        if event.summary_index and item is not None and item.said == "summary":
            out.append(ThinkingDelta(_WORDS_BEFORE_PART))

    def _annotation(self, event: EventWire, out: list[ChatEvent]) -> None:
        self._left_over.tell(("annotations",), out)

    def _item_done(self, event: EventWire, out: list[ChatEvent]) -> None:
        wire, index = _item_of(event), event.output_index or 0
        kind = str(wire.get("type"))
        item = self._items.get(index)
        if item is None:  # it was never announced
            self._item_added(event, out)
            item = self._items[index]
        if kind in CALLS:
            whole = wire.get("input" if kind == "custom_tool_call" else "arguments")
            if isinstance(whole, str) and whole:
                _complete(item, whole, out)
            self._tell_beside(wire, _CALL_FIELDS, out)
        elif kind == "reasoning":
            self._reasoning_done(wire, item, out)
        elif kind == "message":
            self._message_done(wire, index, out)
        elif kind == "image_generation_call" and isinstance(wire.get("result"), str):
            wire.pop("type", None)
            drawn = read_drawn(ObjectReader(wire, "item", bad_field))
            out.append(PartAdded(drawn))
            self._left_over.tell(drawn.extra, out)
        else:
            wire.pop("type", None)
            out.append(PartAdded(Native(type=kind, value=wire)))

    def _reasoning_done(self, wire: JsonObject, item: _Item, out: list[ChatEvent]) -> None:
        if not item.said:
            item.said = "summary" if _words_of(wire, "summary") else "text"
            text = _words_of(wire, "summary") or _words_of(wire, "content")
            out += [ThinkingDelta(text)] if text else []
            item.said = item.said if text else ""
        encrypted = wire.get("encrypted_content")
        if isinstance(encrypted, str) and encrypted:
            signature, redacted = read_seal(encrypted, bool(item.said))
            out.append(ThinkingDelta(signature=signature, redacted=redacted))
        self._tell_beside(wire, _REASONING_FIELDS, out)

    def _message_done(self, wire: JsonObject, index: int, out: list[ChatEvent]) -> None:
        content = wire.get("content")
        for position, part in enumerate(content if isinstance(content, list) else []):
            if not isinstance(part, dict) or (index, position) in self._said:
                continue
            for name, event in (("text", TextDelta), ("refusal", RefusalDelta)):
                words = part.get(name)
                if isinstance(words, str) and words:
                    out.append(event(words))
        self._tell_beside(wire, _MESSAGE_FIELDS, out)

    def _tell_beside(self, wire: JsonObject, known: frozenset[str], out: list[ChatEvent]) -> None:
        self._left_over.tell([name for name, value in wire.items() if name not in known and value], out)

    def _read_response(self, raw: msgspec.Raw, kind: str, out: list[ChatEvent]) -> None:
        response = decode_response_as(decode_response, bytes(raw))
        if not self._is_started:
            self._is_started = True
            created = None if response.created_at is None else int(response.created_at)
            tier = None if response.service_tier == "auto" else response.service_tier  # not chosen yet
            out.append(Started(response.id or "", response.model or "", created, tier))
        if kind not in FINAL_EVENTS:
            return
        facts = facts_of_response(response)
        if kind == "response.failed" or facts.error is not None or facts.finish_reason in (None, "error"):
            out.append(Failed(failure_of(response.error)))
            return
        if not self._items and not self._said and response.output:
            self._replay(raw, out)
        if facts.usage is not None:
            out.append(UsageReported(facts.usage, facts.service_tier))
        assert facts.finish_reason is not None
        reason = "tool_calls" if self._calls and facts.finish_reason == "stop" else facts.finish_reason
        out.append(Finished(reason))
        self._is_ended = True
        out.append(Ended())

    def _replay(self, raw: msgspec.Raw, out: list[ChatEvent]) -> None:
        """The answer from its last event, of a server that streams nothing else."""
        reader = ObjectReader(decode_json(raw), "response", bad_field)
        choice = Choice()
        read_output(reader.readers("output") or [], choice)
        said = events_of(ChatResponse(origin="", choices=[choice]))
        out += [event for event in said if not isinstance(event, Started | Finished | Ended)]


def _item_of(event: EventWire) -> JsonObject:
    item = None if event.item is UNSET else decode_json(event.item)
    if not isinstance(item, dict):
        raise bad_response("an event of the stream lacks its item")
    return item


def _complete(item: _Item, whole: str, out: list[ChatEvent]) -> None:
    """Add what of a call's arguments did not come as deltas."""
    if whole.startswith(item.said) and len(whole) > len(item.said):
        out.append(ToolArgumentsDelta(item.call, whole[len(item.said) :]))
        item.said = whole


def _words_of(wire: JsonObject, name: str) -> str:
    parts = wire.get(name)
    texts = [part.get("text") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    return (_WORDS_BEFORE_PART if name == "summary" else "").join([text for text in texts if isinstance(text, str)])


_CALL_FIELDS: Final = frozenset(("type", "id", "call_id", "name", "arguments", "input", "status"))
_REASONING_FIELDS: Final = frozenset(("type", "id", "summary", "content", "encrypted_content", "status"))
_MESSAGE_FIELDS: Final = frozenset(("type", "id", "role", "content", "status"))
_TOLD_ELSEWHERE: Final = (
    ".in_progress", ".completed", ".failed", ".done", ".added", ".searching", ".interpreting", ".generating",
    ".partial_image", ".code.delta", ".compacting", ".queued",
)  # fmt: skip
"""Ends of events about the progress of what comes whole in `response.output_item.done`."""
_READERS: Final = {
    "response.output_item.added": ResponsesStreamDecoder._item_added,
    "response.output_item.done": ResponsesStreamDecoder._item_done,
    "response.function_call_arguments.delta": ResponsesStreamDecoder._arguments,
    "response.function_call_arguments.done": ResponsesStreamDecoder._arguments_done,
    "response.custom_tool_call_input.delta": ResponsesStreamDecoder._arguments,
    "response.custom_tool_call_input.done": ResponsesStreamDecoder._arguments_done,
    "response.output_text.done": ResponsesStreamDecoder._text_done,
    "response.output_text.annotation.added": ResponsesStreamDecoder._annotation,
    "response.refusal.delta": ResponsesStreamDecoder._refusal,
    "response.refusal.done": ResponsesStreamDecoder._text_done,
    "response.reasoning_summary_part.added": ResponsesStreamDecoder._summary_part,
    "response.reasoning_summary_text.delta": ResponsesStreamDecoder._summary,
    "response.reasoning_text.delta": ResponsesStreamDecoder._reasoning_text,
}
