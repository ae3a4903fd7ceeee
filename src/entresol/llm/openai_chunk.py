"""A chunk of OpenAI's streams as structs, which are not compiled: only the fields that are read."""

import msgspec
from msgspec import UNSET

from entresol.llm.left_over import Unread
from entresol.llm.openai_structs import ErrorWire, UsageWire
from entresol.llm.types import JsonObject


class FunctionDelta(msgspec.Struct):
    name: str | None = None
    arguments: str | JsonObject | None = None
    input: str | None = None


class CallDelta(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: FunctionDelta | None = None
    custom: FunctionDelta | None = None
    extra_content: object = None


class DeltaWire(msgspec.Struct):
    content: str | list[JsonObject] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: object = None
    tool_calls: list[CallDelta] | None = None
    function_call: FunctionDelta | None = None
    audio: JsonObject | None = None
    images: list[JsonObject] | None = None
    annotations: Unread = UNSET
    reasoning_details: Unread = UNSET


class ChoiceWire(msgspec.Struct):
    index: int | None = 0
    delta: DeltaWire | None = None
    finish_reason: str | None = None
    logprobs: JsonObject | None = None
    message: DeltaWire | None = None
    """Of a server that puts a whole answer in a chunk. Some have it beside `delta`, with all that was said so far."""
    text: str | None = None
    """Of a server that streams a chat as a completion."""
    error: ErrorWire | str | None = None


class GroqWire(msgspec.Struct):
    error: str | None = None


class ChunkWire(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    created: float | None = None
    choices: list[ChoiceWire] | None = None
    usage: UsageWire | None = None
    service_tier: str | None = None
    error: ErrorWire | str | None = None
    x_groq: GroqWire | None = None
    system_fingerprint: Unread = UNSET
    moderation: Unread = UNSET
    citations: Unread = UNSET
