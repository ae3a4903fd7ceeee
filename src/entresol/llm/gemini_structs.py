"""Gemini's answers and streams as structs, which are not compiled: only the fields that are read."""

import msgspec
from msgspec import UNSET

from entresol.llm.left_over import Unread
from entresol.llm.types import JsonObject


class Modality(msgspec.Struct, rename="camel"):
    modality: str | None = None
    token_count: int | None = None


class UsageWire(msgspec.Struct, rename="camel"):
    """Gemini's `usageMetadata`: cached tokens are part of the prompt, thoughts are not part of the candidates."""

    prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    cached_content_token_count: int | None = None
    thoughts_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    prompt_tokens_details: list[Modality] | None = None
    tool_use_prompt_tokens_details: list[Modality] | None = None
    cache_tokens_details: list[Modality] | None = None
    candidates_tokens_details: list[Modality] | None = None


class ErrorWire(msgspec.Struct):
    code: int | None = None
    message: str | None = None
    status: str | None = None
    details: list[JsonObject] | None = None


class CandidateFacts(msgspec.Struct, rename="camel"):
    index: int = 0
    finish_reason: str | None = None


class Feedback(msgspec.Struct, rename="camel"):
    """Why a prompt was blocked."""

    block_reason: str | None = None


class AnswerFacts(msgspec.Struct, rename="camel"):
    candidates: list[CandidateFacts] | None = None
    prompt_feedback: Feedback | None = None
    usage_metadata: UsageWire | None = None
    model_version: str | None = None
    response_id: str | None = None
    error: ErrorWire | None = None


class CallingPart(msgspec.Struct, rename="camel"):
    function_call: object = None


class CallingContent(msgspec.Struct):
    parts: list[CallingPart] | None = None


class CallingCandidate(msgspec.Struct):
    index: int = 0
    content: CallingContent | None = None


class CallingAnswer(msgspec.Struct):
    candidates: list[CallingCandidate] | None = None


class ErrorAnswer(msgspec.Struct):
    error: ErrorWire


class OddError(msgspec.Struct):
    """What else a part of a stream may be."""

    error: ErrorWire | str | None = None


class ContentPiece(msgspec.Struct):
    parts: list[JsonObject] | None = None


class CandidatePiece(msgspec.Struct, rename="camel"):
    """A candidate's piece. The unread fields are those of google-genai 3.4 that no other format has."""

    index: int | None = 0
    content: ContentPiece | None = None
    finish_reason: str | None = None
    logprobs_result: JsonObject | None = None
    safety_ratings: Unread = UNSET
    grounding_metadata: Unread = UNSET
    citation_metadata: Unread = UNSET
    url_context_metadata: Unread = UNSET
    finish_message: Unread = UNSET
    avg_logprobs: Unread = UNSET
    token_count: Unread = UNSET
    continuation_token: Unread = UNSET
    grounding_attributions: Unread = UNSET


class ResponsePiece(msgspec.Struct, rename="camel"):
    candidates: list[CandidatePiece] | None = None
    prompt_feedback: Feedback | None = None
    usage_metadata: UsageWire | None = None
    model_version: str | None = None
    response_id: str | None = None
    error: ErrorWire | None = None
    create_time: Unread = UNSET
    model_status: Unread = UNSET
