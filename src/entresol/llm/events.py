"""A streamed answer as events: what stream decoders yield and stream encoders take.

Order: `Started`, then deltas of one or more choices in any order, `Finished` per choice, `UsageReported` anywhere,
`Ended` last. A stream without `Ended` was cut; one with `Failed` failed, whatever came before.
"""

import msgspec

from entresol.llm.types import FinishReason, JsonObject, Part, Usage


class ErrorDetail(msgspec.Struct, kw_only=True):
    """An error in any wire format's terms."""

    status: int
    message: str
    code: str | None = None
    """Stable slug: ours, or the provider's own."""
    type: str | None = None
    """What the provider's format calls the kind of error."""
    param: str | None = None
    request_id: str | None = None
    """The provider's id of the request; the gateway's own is added when the error is rendered."""


class Started(msgspec.Struct, tag="started", tag_field="kind"):
    """The answer begins."""

    id: str = ""
    model: str = ""
    created: int | None = None
    service_tier: str | None = None


class TextDelta(msgspec.Struct, tag="text", tag_field="kind"):
    """More text."""

    text: str
    choice: int = 0
    signature: str | None = None


class RefusalDelta(msgspec.Struct, tag="refusal", tag_field="kind"):
    """More of the model's words for declining."""

    text: str
    choice: int = 0


class ThinkingDelta(msgspec.Struct, tag="thinking", tag_field="kind"):
    """More reasoning, or the signature that ends a block of it."""

    text: str = ""
    choice: int = 0
    signature: str | None = None
    redacted: str | None = None


class ToolCallStarted(msgspec.Struct, tag="tool_call", tag_field="kind"):
    """A tool call begins. `index` counts the calls of one choice from 0."""

    index: int
    id: str
    name: str
    choice: int = 0
    is_custom: bool = False
    signature: str | None = None


class ToolArgumentsDelta(msgspec.Struct, tag="tool_arguments", tag_field="kind"):
    """More of a tool call's arguments, as JSON text."""

    index: int
    text: str
    choice: int = 0


class PartAdded(msgspec.Struct, tag="part", tag_field="kind"):
    """A part that came as a whole: an image, audio, or something native."""

    part: Part
    choice: int = 0


class LogprobsDelta(msgspec.Struct, tag="logprobs", tag_field="kind"):
    """Log probabilities of the tokens just sent, in OpenAI's form."""

    logprobs: JsonObject
    choice: int = 0


class LeftOver(msgspec.Struct, tag="left_over", tag_field="kind"):
    """What only the provider's format knows, by name: a client of another one does not get it."""

    names: list[str]


class Finished(msgspec.Struct, tag="finished", tag_field="kind"):
    """A choice is complete."""

    reason: FinishReason
    choice: int = 0
    stop_sequence: str | None = None


class UsageReported(msgspec.Struct, tag="usage", tag_field="kind", omit_defaults=True):
    """Usage of the whole call so far; a later report replaces an earlier one."""

    usage: Usage
    service_tier: str | None = None
    """That has served the call, where the provider only tells at the end."""


class Failed(msgspec.Struct, tag="failed", tag_field="kind"):
    """The provider reports an error inside the stream."""

    error: ErrorDetail


class Ended(msgspec.Struct, tag="ended", tag_field="kind"):
    """The stream ended as its format says it should."""


ChatEvent = (
    Started
    | TextDelta
    | RefusalDelta
    | ThinkingDelta
    | ToolCallStarted
    | ToolArgumentsDelta
    | PartAdded
    | LogprobsDelta
    | LeftOver
    | Finished
    | UsageReported
    | Failed
    | Ended
)
