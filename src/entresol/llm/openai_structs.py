"""What is read of OpenAI's answers, as structs. Everything else in them is skipped."""

from typing import Final

import msgspec


class PromptDetails(msgspec.Struct, gc=False):
    cached_tokens: int | None = None
    audio_tokens: int | None = None
    cache_write_tokens: int | None = None


class CompletionDetails(msgspec.Struct, gc=False):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None


class UsageWire(msgspec.Struct, gc=False):
    """OpenAI's `usage`: totals, and details that are parts of them."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None


class ErrorWire(msgspec.Struct, gc=False):
    message: str | None = None
    type: str | None = None
    code: str | int | None = None
    param: object = None


class ChoiceFacts(msgspec.Struct, gc=False):
    index: int = 0
    finish_reason: str | None = None


class AnswerFacts(msgspec.Struct, gc=False):
    """What all three operations' answers, and stream chunks, say about the call. Everything else is skipped."""

    id: str | None = None
    model: str | None = None
    choices: list[ChoiceFacts] | None = None
    data: msgspec.Raw = msgspec.Raw()
    usage: UsageWire | None = None
    service_tier: str | None = None
    error: ErrorWire | str | None = None


class _Calling(msgspec.Struct):
    tool_calls: list[msgspec.Raw] | None = None


class _CallingChoice(msgspec.Struct):
    index: int = 0
    message: _Calling | None = None
    delta: _Calling | None = None


class CallsOfAnswer(msgspec.Struct):
    """What tells whether a choice of an answer, or of a chunk, calls tools."""

    choices: list[_CallingChoice] | None = None

    def are_there(self) -> bool:
        """Whether the first choice does."""
        for choice in self.choices or ():
            said = choice.message or choice.delta
            if said is not None and said.tool_calls and choice.index == 0:
                return True
        return False


class ErrorAnswer(msgspec.Struct):
    error: ErrorWire | str | None = None
    message: str | None = None
    detail: object = None
    type: str | None = None
    code: str | int | None = None


decode_facts: Final = msgspec.json.Decoder(AnswerFacts).decode
decode_calls: Final = msgspec.json.Decoder(CallsOfAnswer).decode
decode_error: Final = msgspec.json.Decoder(ErrorAnswer).decode
decode_usage: Final = msgspec.json.Decoder(UsageWire).decode
