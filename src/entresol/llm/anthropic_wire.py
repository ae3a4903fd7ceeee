"""What all parts of the Anthropic format share: errors, usage, stop reasons, and the facts an answer states.

Source: Anthropic API reference, "Errors", "Messages" and "Streaming messages"; API versions 2023-06-01 and 2026-10-21.
"""

from typing import Final

import msgspec

from entresol.llm.anthropic_structs import AnswerFacts, ErrorAnswer, ErrorWire, EventFacts, UsageWire
from entresol.llm.anthropic_usage import merge_usage, read_usage, service_tier
from entresol.llm.events import ErrorDetail
from entresol.llm.format import CallFacts, Format, Framing, bad_field, decode_response_as, encode_json
from entresol.llm.fragment import object_after, string_after
from entresol.llm.sse import SseTooLarge, events_in, sse_event
from entresol.llm.types import FinishReason, JsonObject
from entresol.llm.usage_faults import despite_usage

_decode_answer: Final = despite_usage(msgspec.json.Decoder(AnswerFacts).decode)
_decode_event: Final = despite_usage(msgspec.json.Decoder(EventFacts).decode)
_decode_error: Final = msgspec.json.Decoder(ErrorAnswer).decode
_decode_usage: Final = msgspec.json.Decoder(UsageWire).decode

FINISH_REASONS: Final[dict[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop_sequence",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "refusal": "refusal",
}
STOP_REASONS: Final[dict[FinishReason, str]] = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "refusal": "refusal",
    "pause": "pause_turn",
    "error": "refusal",  # the only word of a failure that clients know
}
_ERROR_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_STATUSES: Final = {kind: status for status, kind in _ERROR_TYPES.items()}


def finish_reason(wire: str | None) -> FinishReason | None:
    """Anthropic's reason; one that is new counts as `stop`."""
    return FINISH_REASONS.get(wire, "stop") if wire else None


def read_error(wire: ErrorWire | str, status: int, request_id: str | None = None) -> ErrorDetail:
    """An `error` object."""
    if isinstance(wire, str):
        return ErrorDetail(status=status, message=wire, request_id=request_id)
    details = wire.details if isinstance(wire.details, dict) else {}
    code = details.get("error_code")
    return ErrorDetail(
        status=status,
        message=wire.message or "the provider gave no message",
        type=wire.type,
        code=code if isinstance(code, str) else None,
        request_id=request_id,
    )


def stream_error_status(wire: ErrorWire) -> int:
    """The HTTP status an error inside a stream would have had."""
    return _STATUSES.get(wire.type or "", 502)


class AnthropicFormat(Format):
    """The part of the format that a call needs which stays in it."""

    def response_facts(self, body: bytes) -> CallFacts:
        answer = decode_response_as(_decode_answer, body)
        if answer.error is not None:
            error = read_error(answer.error, stream_error_status(answer.error))
            return CallFacts(error=error, is_complete=True)
        if not memoryview(answer.content).nbytes:
            raise bad_field("content", "is required")
        facts = CallFacts(is_complete=True)
        _add_message(facts, answer, UsageWire())
        return facts

    def fragment_facts(self, head: bytes, tail: bytes) -> CallFacts:
        found = object_after(tail, b'"usage"')
        try:
            wire = None if found is None else _decode_usage(found)
        except msgspec.DecodeError:
            wire = None
        facts = CallFacts(model=string_after(head, b'"model"') or string_after(tail, b'"model"'), is_complete=True)
        if wire is not None:
            facts.usage, facts.service_tier = read_usage(wire), service_tier(wire)
        return facts

    def stream_facts(self, head: bytes, tail: bytes | None) -> CallFacts:
        facts = CallFacts()
        usage = UsageWire()
        for fragment in (head,) if tail is None else (head, tail):
            try:
                events = events_in(fragment, from_start=fragment is head)
            except SseTooLarge:
                continue
            for event in events:
                if event.name not in _SILENT:
                    _add_event(facts, event.data, usage)
        if not facts.is_complete:
            facts.finish_reason = None  # a reason is no end here: only `message_stop` is
        return facts

    def decode_error(self, status: int, body: bytes) -> ErrorDetail | None:
        try:
            answer = _decode_error(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return read_error(answer.error, status, answer.request_id)

    def error_body(self, error: ErrorDetail, request_id: str) -> bytes:
        kind = _ERROR_TYPES.get(error.status) or ("api_error" if error.status >= 500 else "invalid_request_error")
        inner: JsonObject = {"type": kind, "message": error.message}
        if error.code is not None:
            inner["details"] = {"error_code": error.code}
        wire: JsonObject = {"type": "error", "error": inner}
        return encode_json({**wire, "message": error.message, "request_id": request_id or error.request_id})

    def stream_error(self, error: ErrorDetail, request_id: str, framing: Framing = "sse") -> bytes:
        return sse_event(b"error", self.error_body(error, request_id))


_SILENT: Final = frozenset((b"content_block_delta", b"content_block_start", b"content_block_stop", b"ping"))


def _add_message(facts: CallFacts, message: AnswerFacts, usage: UsageWire) -> None:
    facts.model, facts.response_id = message.model, message.id
    facts.finish_reason = finish_reason(message.stop_reason)
    if message.usage is not None:
        merge_usage(usage, message.usage)
        facts.usage, facts.service_tier = read_usage(usage), service_tier(usage)


def _add_event(facts: CallFacts, data: bytes, usage: UsageWire) -> None:
    """Add what one event of a stream says."""
    try:
        event = _decode_event(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return  # an event cut by the tap's window
    if isinstance(event.message, AnswerFacts):
        _add_message(facts, event.message, usage)
    elif event.type == "message_delta":
        if event.delta is not None:
            facts.finish_reason = finish_reason(event.delta.stop_reason) or facts.finish_reason
        if event.usage is not None:
            merge_usage(usage, event.usage)
            facts.usage, facts.service_tier = read_usage(usage), service_tier(usage)
    elif event.type == "message_stop":
        facts.is_complete = True
    elif event.error is not None:
        facts.error = read_error(event.error, stream_error_status(event.error))
