"""Anthropic's answers and streams as structs, which are not compiled: only the fields that are read."""

import msgspec
from msgspec import UNSET

from entresol.llm.left_over import Unread
from entresol.llm.types import JsonObject


class CacheCreationWire(msgspec.Struct):
    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None


class OutputDetails(msgspec.Struct):
    thinking_tokens: int | None = None


class UsageWire(msgspec.Struct):
    """Anthropic's `usage`: input buckets are disjoint, thinking is a part of the output."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation: CacheCreationWire | None = None
    output_tokens_details: OutputDetails | None = None
    service_tier: str | None = None
    speed: str | None = None


class ErrorWire(msgspec.Struct):
    type: str | None = None
    message: str | None = None
    details: object = None


class AnswerFacts(msgspec.Struct):
    """A message, or what `message_start` holds."""

    type: str | None = None
    id: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    usage: UsageWire | None = None
    content: msgspec.Raw = msgspec.Raw()
    error: ErrorWire | None = None


class StopFacts(msgspec.Struct):
    stop_reason: str | None = None


class EventFacts(msgspec.Struct):
    type: str | None = None
    message: AnswerFacts | str | None = None
    """A text beside an error, as gateways (this one among them) write it."""
    delta: StopFacts | None = None
    usage: UsageWire | None = None
    error: ErrorWire | None = None


class ErrorAnswer(msgspec.Struct):
    error: ErrorWire | str
    request_id: str | None = None


class MessageStart(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    usage: UsageWire | None = None
    container: Unread = UNSET
    diagnostics: Unread = UNSET


class StopDetails(msgspec.Struct):
    explanation: str | None = None


class DeltaWire(msgspec.Struct):
    type: str | None = None
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    citation: JsonObject | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetails | None = None
    container: Unread = UNSET


class EventWire(msgspec.Struct):
    type: str | None = None
    index: int | None = 0
    message: MessageStart | str | None = None
    content_block: JsonObject | None = None
    delta: DeltaWire | None = None
    usage: UsageWire | None = None
    error: ErrorWire | str | None = None
    context_management: Unread = UNSET
    input_transformations: Unread = UNSET
