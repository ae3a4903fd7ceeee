"""What is read of OpenAI's Responses and of the events of their streams, as structs. Everything else is skipped."""

from typing import Final

import msgspec
from msgspec import UNSET

from entresol.llm.left_over import Unread
from entresol.llm.openai_structs import CostWire, ErrorWire
from entresol.llm.types import JsonObject
from entresol.llm.usage_faults import despite_usage


class InputDetails(msgspec.Struct, gc=False):
    cached_tokens: float | None = None
    cache_write_tokens: float | None = None
    audio_tokens: float | None = None


class OutputDetails(msgspec.Struct, gc=False):
    reasoning_tokens: float | None = None
    audio_tokens: float | None = None
    image_tokens: float | None = None


class UsageWire(CostWire, gc=False):
    """Totals, and details that are parts of them."""

    input_tokens: float | None = None
    output_tokens: float | None = None
    input_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None


class IncompleteDetails(msgspec.Struct, gc=False):
    reason: str | None = None


class ItemFacts(msgspec.Struct, gc=False):
    type: str | None = None


class ResponseFacts(msgspec.Struct):
    """What a response says about its call, wherever it stands."""

    id: str | None = None
    object: str | None = None
    created_at: float | None = None
    model: str | None = None
    status: str | None = None
    output: list[ItemFacts] | None = None
    incomplete_details: IncompleteDetails | None = None
    error: ErrorWire | str | None = None
    usage: UsageWire | None = None
    service_tier: str | None = None


class EventWire(msgspec.Struct):
    """An event of a stream. Large parts stay in their bytes."""

    type: str = ""
    output_index: int | None = None
    content_index: int | None = None
    summary_index: int | None = None
    delta: str | JsonObject | None = None
    text: str | None = None
    refusal: str | None = None
    arguments: str | None = None
    input: str | None = None
    item: Unread = UNSET
    response: Unread = UNSET
    logprobs: list[JsonObject] | None = None
    error: ErrorWire | str | None = None
    code: str | int | None = None
    message: str | None = None
    param: object = None


class EventFacts(msgspec.Struct):
    """What accounting reads of an event."""

    type: str = ""
    response: ResponseFacts | None = None
    item: ItemFacts | None = None
    error: ErrorWire | str | None = None
    code: str | int | None = None
    message: str | None = None


decode_response: Final = despite_usage(msgspec.json.Decoder(ResponseFacts).decode)
decode_usage: Final = msgspec.json.Decoder(UsageWire).decode
decode_event: Final = despite_usage(msgspec.json.Decoder(EventWire).decode)
decode_event_facts: Final = despite_usage(msgspec.json.Decoder(EventFacts).decode)
