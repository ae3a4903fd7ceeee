"""The ways an answer is read while it passes. `feed` gets each piece and returns what the client gets for it."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from entresol.core.errors import UpstreamError
from entresol.llm.broken_stream import BrokenStream
from entresol.llm.call_facts import CallFacts
from entresol.llm.events import (
    ChatEvent,
    Ended,
    ErrorDetail,
    Failed,
    Finished,
    Started,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    UsageReported,
)
from entresol.llm.format import (
    ChatFormat,
    Format,
    Framing,
    StreamDecoder,
    StreamEncoder,
    StreamShape,
    TranslatableFormat,
)
from entresol.llm.replay import events_of
from entresol.llm.retry_after import WAITING, seconds_in
from entresol.llm.stream_calls import StreamCalls, wrap_arguments
from entresol.llm.tap import WHOLE_BYTES, BodyTap, StreamTap
from entresol.llm.tool_names import restore_answer, restore_events
from entresol.llm.types import CallRequest

SMALL_BODY: Final = 65_536
"""An answer up to this size is held until it is whole, so that garbage can still become a clean error."""


_NO_NAMES: Final[dict[str, str]] = {}
_OVERLOADED: Final = 529
_NOTHING_SAID: Final = CallFacts()
"""Stands in until an answer says something; replaced, never changed."""


class Answer:
    """Reads one answer."""

    # Defaults stand in the class: most answers never change them, and making one is on the hot path.
    facts: CallFacts = _NOTHING_SAID
    """What is known about the call; complete after the last piece."""
    is_stream = False
    """Pieces go out as they come, and an error can follow as the last event."""
    needs_whole = False
    """`feed` must be called once, with everything, and may still raise an UpstreamError or change the head."""
    content_type: bytes | None = None
    """What the client's answer is, when it is not the provider's own."""
    dropped: Sequence[str] = ()
    """What the client's format could not say; of a stream, so far."""

    def feed(self, data: bytes, last: bool) -> bytes:
        """What goes on to the client."""
        raise NotImplementedError

    def failure(self, error: ErrorDetail) -> bytes:
        """The end of a stream that failed: the error event, and before it what keeps a cut event from swallowing it."""
        raise NotImplementedError

    def settle(self) -> None:
        """The answer broke off: make of `facts` what can be made of it."""


class UnreadAnswer(Answer):
    """Passes what cannot be read: a compressed answer nobody asked for."""

    def feed(self, data: bytes, last: bool) -> bytes:
        return data


class PassedStream(Answer):
    """The provider's stream is the client's: bytes pass."""

    is_stream = True
    _sent = b""

    def __init__(
        self, client: Format, take_out: Callable[[bytes, bool], bytes] | None, framing: Framing, request_id: str
    ) -> None:
        self._client = client
        self._take_out = take_out
        self._framing: Framing = framing
        self._request_id = request_id
        self._tap = StreamTap()

    def feed(self, data: bytes, last: bool) -> bytes:
        self._tap.feed(data)
        if self._take_out is not None:
            data = self._take_out(data, last)
        if data:
            self._sent = data
        return self._end(data) if last else data

    def _end(self, data: bytes) -> bytes:
        self.settle()
        facts = self.facts
        if facts.error is None and not facts.is_complete:
            message = "the provider ended the stream before the answer was complete"
            facts.error = ErrorDetail(status=502, message=message, code="provider_stream_cut")
            return data + self.failure(facts.error)
        return data

    def failure(self, error: ErrorDetail) -> bytes:
        framing, sent = self._framing, self._sent
        if framing == "json-array" and not sent:
            return b"[%b]" % self._client.error_body(error, self._request_id)
        event = self._client.stream_error(error, self._request_id, framing)
        if framing == "sse" and sent and not sent.endswith((b"\n\n", b"\r\n\r\n")):
            return b"\n\n" + event
        if framing == "ndjson" and sent and not sent.endswith(b"\n"):
            return b"\n" + event
        return event

    def settle(self) -> None:
        self.facts = facts = self._tap.facts(self._client)
        facts.is_complete = facts.is_complete or facts.finish_reason is not None


class PassedBody(Answer):
    """The provider's answer is the client's: bytes pass, and are held only while they are few."""

    _tap: BodyTap | None = None

    def __init__(self, client: Format, size: int | None) -> None:
        self._client = client
        self.needs_whole = size is None or size <= SMALL_BODY

    def feed(self, data: bytes, last: bool) -> bytes:
        if self.needs_whole and len(data) <= WHOLE_BYTES:
            self.facts = facts = self._client.response_facts(data)
            if facts.error is not None and facts.finish_reason is None:
                raise UpstreamError("provider_error", facts.error.message)  # clients take any 200 for an answer
            return data
        if self._tap is None:
            self._tap = BodyTap()
        self._tap.feed(data)
        if last:
            self._read(self._tap)
        return data

    def _read(self, tap: BodyTap) -> None:
        try:
            self.facts = tap.facts(self._client)
        except UpstreamError as error:  # too late for another answer: the client has most of this one
            detail = ErrorDetail(status=error.status, message=error.message, code=error.code)
            self.facts = CallFacts(error=detail)


class TranslatedBody(Answer):
    """A whole answer in another format; with an `encoder`, for a client that waits for a stream."""

    needs_whole = True

    def __init__(
        self,
        native: TranslatableFormat[Any, Any],
        client: TranslatableFormat[Any, Any],
        shape: StreamShape,
        encoder: StreamEncoder | None,
        asked: CallRequest | None = None,
        renamed_tools: dict[str, str] = _NO_NAMES,
    ) -> None:
        self._asked = asked
        self._renamed_tools = renamed_tools
        self._native = native
        self._client = client
        self._shape = shape
        self._encoder = encoder
        is_stream = encoder is not None and shape.framing != "json-array"
        self.content_type = client.stream_content_type if is_stream else client.content_type

    def feed(self, data: bytes, last: bool) -> bytes:
        facts = self._native.response_facts(data)
        if facts.error is not None:
            self.facts = facts
            raise UpstreamError("provider_error", facts.error.message)
        response = self._native.decode_response(data)
        if response.created is None:
            response.created = self._shape.created
        self.facts = facts
        if self._renamed_tools:
            restore_answer(response, self._renamed_tools)
        if self._encoder is not None:
            if isinstance(self._client, ChatFormat) and self._client.takes_objects_only:
                wrap_arguments(response)
            out = self._encoder.encode(events_of(response))
            self.dropped = self._encoder.dropped
            return out
        if not response.id:
            response.id = self._client.answer_id(self._shape.request_id)
        if not response.model:
            response.model = self._shape.model
        if self._asked is not None:
            self._client.relate(response, self._asked)
        encoded = self._client.encode_response(response)
        self.dropped = encoded.dropped
        return encoded.body


class TranslatedStream(Answer):
    """A stream in another format."""

    is_stream = True
    _before = b""
    """What came in one piece with garbage, before it: it goes out with the error."""

    def __init__(
        self,
        decoder: StreamDecoder,
        encoder: StreamEncoder,
        client: ChatFormat,
        shape: StreamShape,
        renamed_tools: dict[str, str] = _NO_NAMES,
    ) -> None:
        self.facts = CallFacts()
        self._renamed_tools = renamed_tools
        self._decoder = decoder
        self._encoder = encoder
        self._client = client
        self._finished_choices: set[int] = set()
        self._calls = StreamCalls(shape.request_id, client.takes_objects_only)
        self.dropped = encoder.dropped  # it grows
        self.content_type = client.content_type if shape.framing == "json-array" else client.stream_content_type

    def feed(self, data: bytes, last: bool) -> bytes:
        if self._has_failed():
            return b""
        try:
            out = self._encode(self._decoder.feed(data)) if data else b""
        except BrokenStream as fault:
            out = self._encode(fault.events)
            if self._has_failed():
                return out  # an error of the provider's own, and garbage behind it
            self._before = out
            raise
        return out + self._finish() if last and not self._has_failed() else out

    def _has_failed(self) -> bool:
        return self.facts.error is not None

    def _finish(self) -> bytes:
        """The end of the body; what came before it is kept, even if its rest is garbage."""
        try:
            out = self._encode(self._decoder.finish())
        except UpstreamError as fault:
            out = self._encode(fault.events) if isinstance(fault, BrokenStream) else b""
            if self._has_failed():
                return out
            self.facts.error = ErrorDetail(status=fault.status, message=fault.message, code=fault.code)
            return out + self.failure(self.facts.error)
        if self.facts.is_complete or self.facts.error is not None:
            return out
        message = "the provider ended the stream before the answer was complete"
        self.facts.error = ErrorDetail(status=502, message=message, code="provider_stream_cut")
        return out + self.failure(self.facts.error)

    def failure(self, error: ErrorDetail) -> bytes:
        before, self._before = self._before, b""
        return before + self._encoder.encode([Failed(error)])

    def _encode(self, events: list[ChatEvent]) -> bytes:
        if self._renamed_tools:
            events = restore_events(events, self._renamed_tools)
        return self._pass(events) if events else b""

    def _pass(self, events: list[ChatEvent]) -> bytes:
        for position, event in enumerate(events):
            if type(event) is TextDelta:
                continue  # nearly all of them
            instead = self._note(event)
            if self.facts.error is not None:
                return self._encoder.encode([*events[:position], *(instead or [event])])
            if instead is not None:
                return self._encoder.encode([*events[:position], *instead]) + self._pass(events[position + 1 :])
        return self._encoder.encode(events)

    def _note(self, event: ChatEvent) -> list[ChatEvent] | None:
        """Remember what an event says. What stands in its place; None: itself."""
        facts = self.facts
        if isinstance(event, ToolArgumentsDelta):
            self._calls.add(event)
        elif isinstance(event, ToolCallStarted):
            return self._failed(self._calls.start(event)) or None
        elif isinstance(event, UsageReported):
            facts.usage, facts.service_tier = event.usage, event.service_tier or facts.service_tier
        elif isinstance(event, Finished):
            return self._finished(event)
        elif isinstance(event, Started):
            facts.model, facts.response_id = event.model or facts.model, event.id or facts.response_id
            facts.service_tier = event.service_tier or facts.service_tier
        elif isinstance(event, Ended):
            return self._ended(event)
        elif isinstance(event, Failed):
            facts.error = event.error
        return None

    def _finished(self, event: Finished) -> list[ChatEvent] | None:
        if event.choice in self._finished_choices and event.reason == "stop":
            return []  # some say why they ended, and at the end only that they did
        self._finished_choices.add(event.choice)
        if event.choice == 0:
            self.facts.finish_reason = event.reason
        before = self._failed(self._calls.finish(event.choice, event.reason))
        return [*before, event] if before and self.facts.error is None else before or None

    def _ended(self, event: Ended) -> list[ChatEvent] | None:
        before, facts = self._failed(self._calls.finish(None, "stop")), self.facts
        if facts.error is not None:
            return before
        facts.is_complete = True
        if facts.finish_reason is not None:
            return [*before, event] if before else None
        facts.finish_reason = "tool_calls" if self._calls.are_any else "stop"  # for clients who wait for a reason
        return [*before, Finished(facts.finish_reason), event]

    def _failed(self, events: list[ChatEvent]) -> list[ChatEvent]:
        """Remember a failure at the end of these events."""
        last = events[-1] if events else None
        if isinstance(last, Failed):
            self.facts.error = last.error
        return events


class ErrorAnswer(Answer):
    """An answer that is not 2xx: in the client's own format, whatever the provider (or a proxy on the way) wrote."""

    needs_whole = True
    content_type: bytes | None = b"application/json; charset=utf-8"
    retry_after: int | None = None
    """Seconds to wait, where the body says so."""

    def __init__(self, native: Format, client: Format, status: int, request_id: str, is_encoded: bool) -> None:
        self.status = status
        """The client's: 529 is Anthropic's alone."""
        if status == _OVERLOADED and native is not client and not client.name.startswith("anthropic-"):
            self.status = 503
        self._native = native
        self._client = client
        self._status = status
        self._request_id = request_id
        self._is_encoded = is_encoded

    def feed(self, data: bytes, last: bool) -> bytes:
        error = None if self._is_encoded else self._native.decode_error(self._status, data)
        if self._status in WAITING and not self._is_encoded:
            self.retry_after = seconds_in(data)
        if error is not None and self._native is self._client and b'"error"' in data:
            self.facts = CallFacts(error=error)
            return data
        if error is None:
            error = ErrorDetail(status=self._status, message=f"the provider answered with status {self._status}")
        if self.status != self._status:
            error.status = self.status
        self.facts = CallFacts(error=error)
        if error.code is None:
            error.code = "provider_error"
        return self._client.error_body(error, self._request_id)
