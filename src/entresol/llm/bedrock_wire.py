"""What all parts of Bedrock's Converse share: usage, stop reasons, and the facts an answer states.

Source: Amazon Bedrock API reference, "Converse", "ConverseStream"; service model `bedrock-runtime` (2023-09-30).
"""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote

import msgspec

from entresol.core.http import HeaderPairs
from entresol.llm.aws_event_stream import EventMessage, WholeMessages, messages_in
from entresol.llm.bedrock_errors import error_body, exception_message, kind_fields, read_error, read_exception
from entresol.llm.events import ErrorDetail
from entresol.llm.format import CallFacts, Format, Framing, Opened, bad_field, decode_response_as
from entresol.llm.fragment import object_after, string_after
from entresol.llm.token_count import count
from entresol.llm.types import FinishReason, JsonObject, Usage
from entresol.llm.usage_faults import despite_usage

EVENT_STREAM: Final = b"application/vnd.amazon.eventstream"
TIERS: Final = ("default", "priority", "flex", "reserved")
"""Tiers of service that there are at Bedrock."""
_PATH: Final = re.compile(r"/model/(.+)/([a-z-]+)$")


class CacheDetailWire(msgspec.Struct, rename="camel"):
    ttl: str | None = None
    input_tokens: int | None = None


class UsageWire(msgspec.Struct, rename="camel"):
    """Bedrock's `usage`: input buckets are disjoint, reasoning is a part of the output and not told."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None
    cache_details: list[CacheDetailWire] | None = None


class TierWire(msgspec.Struct):
    type: str | None = None


class _Router(msgspec.Struct, rename="camel"):
    invoked_model_id: str | None = None


class TraceWire(msgspec.Struct, rename="camel"):
    prompt_router: _Router | None = None


class MetadataWire(msgspec.Struct, rename="camel"):
    """A stream's last event, and what a whole answer has beside its content."""

    usage: UsageWire | None = None
    service_tier: TierWire | None = None
    trace: TraceWire | None = None


class _Answer(MetadataWire, rename="camel"):
    output: msgspec.Raw = msgspec.Raw()
    stop_reason: str | None = None


class _Stop(msgspec.Struct, rename="camel"):
    stop_reason: str | None = None


_decode_answer: Final = despite_usage(msgspec.json.Decoder(_Answer).decode)
_decode_metadata: Final = despite_usage(msgspec.json.Decoder(MetadataWire).decode)
_decode_stop: Final = msgspec.json.Decoder(_Stop).decode
_decode_usage: Final = msgspec.json.Decoder(UsageWire).decode

FINISH_REASONS: Final[dict[str, FinishReason]] = {
    "end_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}
STOP_REASONS: Final[dict[FinishReason, str]] = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "content_filtered",
    "refusal": "content_filtered",
    "pause": "end_turn",
    "error": "malformed_model_output",
}


def model_and_action(path: str) -> tuple[str | None, str]:
    """The model that a client's path names, and what to do with it, such as `converse-stream`; None if it has none."""
    match = _PATH.search(path)
    return (None, "") if match is None else (unquote(match[1]), match[2])


def finish_reason(wire: str | None) -> FinishReason | None:
    """Bedrock's reason; one that is new counts as `stop`."""
    return FINISH_REASONS.get(wire, "stop") if wire else None


def read_usage(wire: UsageWire) -> Usage | None:
    """The buckets of `usage`; None where nothing is counted: that is not zero."""
    counted = (wire.input_tokens, wire.output_tokens, wire.cache_read_input_tokens, wire.cache_write_input_tokens)
    if counted == (None, None, None, None):
        return None
    usage = Usage(
        input=count(wire.input_tokens), output=count(wire.output_tokens), cache_read=count(wire.cache_read_input_tokens)
    )
    written = count(wire.cache_write_input_tokens)
    details = wire.cache_details or ()
    usage.cache_write_1h = sum(count(detail.input_tokens) for detail in details if detail.ttl == "1h")
    short = sum(count(detail.input_tokens) for detail in details if detail.ttl != "1h")
    usage.cache_write = max(short, written - usage.cache_write_1h)
    return usage


def write_usage(usage: Usage) -> JsonObject:
    """The `usage` of an answer."""
    wire: JsonObject = {
        "inputTokens": usage.plain_input,
        "outputTokens": usage.total_output,
        "totalTokens": usage.total_input + usage.total_output,
    }
    written = usage.cache_write + usage.cache_write_1h
    if usage.total_cache_read or written:
        wire["cacheReadInputTokens"] = usage.total_cache_read
        wire["cacheWriteInputTokens"] = written
    if usage.cache_write_1h:
        details = (("5m", usage.cache_write), ("1h", usage.cache_write_1h))
        wire["cacheDetails"] = [{"ttl": ttl, "inputTokens": count} for ttl, count in details if count]
    return wire


def routed_model(wire: MetadataWire) -> str | None:
    """The model that a prompt router chose; Bedrock names no other."""
    router = None if wire.trace is None else wire.trace.prompt_router
    return None if router is None else router.invoked_model_id


class BedrockConverseFormat(Format):
    """The part of the format that a call needs which stays in it."""

    stream_content_type = EVENT_STREAM

    def stream_filter(self, opened: Opened) -> Callable[[bytes, bool], bytes]:
        return WholeMessages()

    def response_facts(self, body: bytes) -> CallFacts:
        answer = decode_response_as(_decode_answer, body)
        if not memoryview(answer.output).nbytes:
            error = read_error(502, body)
            if error is None:
                raise bad_field("output", "is required")
            return CallFacts(error=error, is_complete=True)
        facts = CallFacts(is_complete=True, finish_reason=finish_reason(answer.stop_reason))
        _add_metadata(facts, answer)
        return facts

    def fragment_facts(self, head: bytes, tail: bytes) -> CallFacts:
        facts = CallFacts(is_complete=True)
        facts.finish_reason = finish_reason(string_after(tail, b'"stopReason"') or string_after(head, b'"stopReason"'))
        found = object_after(tail, b'"usage"') or object_after(head, b'"usage"')
        try:
            facts.usage = None if found is None else read_usage(_decode_usage(found))
        except msgspec.DecodeError:
            facts.usage = None
        facts.model = string_after(tail, b'"invokedModelId"')
        return facts

    def stream_facts(self, head: bytes, tail: bytes | None) -> CallFacts:
        facts = CallFacts()
        messages = messages_in(head, from_start=True)
        if tail is not None:
            messages += messages_in(tail, from_start=False)
        for message in messages:
            if message.text(":event-type") not in _SILENT:
                _add_message(facts, message)
        return facts

    def decode_error(self, status: int, body: bytes) -> ErrorDetail | None:
        return read_error(status, body)

    def error_body(self, error: ErrorDetail, request_id: str) -> bytes:
        return error_body(error, request_id)

    def error_fields(self, status: int) -> HeaderPairs:
        return kind_fields(status)

    def stream_error(self, error: ErrorDetail, request_id: str, framing: Framing = "sse") -> bytes:
        return exception_message(error, request_id)


_SILENT: Final = frozenset(("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop"))


def _add_message(facts: CallFacts, message: EventMessage) -> None:
    """Add what one message of a stream says."""
    error = read_exception(message)
    if error is not None:
        facts.error = error
        return
    try:
        if message.text(":event-type") == "messageStop":
            facts.finish_reason = finish_reason(_decode_stop(message.payload).stop_reason) or "stop"
            facts.is_complete = True
        elif message.text(":event-type") == "metadata":
            _add_metadata(facts, _decode_metadata(message.payload))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return  # the client has it; there is nothing to count


def _add_metadata(facts: CallFacts, wire: MetadataWire) -> None:
    facts.usage = None if wire.usage is None else read_usage(wire.usage)
    facts.model = routed_model(wire)
    facts.service_tier = None if wire.service_tier is None else wire.service_tier.type
