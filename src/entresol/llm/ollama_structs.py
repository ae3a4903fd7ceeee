"""Ollama's answers and streams as structs, which are not compiled: only the fields that are read."""

from typing import Final

import msgspec
from msgspec import UNSET

from entresol.llm.left_over import Unread
from entresol.llm.types import JsonObject

NOTHING: Final = msgspec.Raw(b"")
"""A field that is not there."""


class FunctionPiece(msgspec.Struct):
    name: str
    arguments: msgspec.Raw = NOTHING


class CallPiece(msgspec.Struct):
    """A tool call of a stream, which comes whole."""

    function: FunctionPiece
    id: str | None = None


class MessagePiece(msgspec.Struct):
    content: str | None = None
    thinking: str | None = None
    images: list[str] | None = None
    tool_calls: list[CallPiece] | None = None


class Chunk(msgspec.Struct):
    """A line of a stream, of chats and of completions. The unread fields are those that no other format has."""

    model: str | None = None
    created_at: str | None = None
    message: MessagePiece | str | None = None
    """A text beside an error, as gateways (this one among them) write it."""
    response: str | None = None
    thinking: str | None = None
    image: str | None = None
    logprobs: list[JsonObject] | None = None
    done: bool | None = None
    done_reason: str | None = None
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    error: object = None
    code: object = None
    status_code: object = None
    total_duration: Unread = UNSET
    load_duration: Unread = UNSET
    prompt_eval_duration: Unread = UNSET
    eval_duration: Unread = UNSET
    context: Unread = UNSET
    remote_model: Unread = UNSET
    remote_host: Unread = UNSET
    completed: Unread = UNSET
    total: Unread = UNSET


class MessageFacts(msgspec.Struct):
    tool_calls: list[msgspec.Raw] | None = None


class AnswerFacts(msgspec.Struct):
    """An answer or a line of a stream, as far as accounting needs it."""

    model: str | None = None
    message: MessageFacts | str | None = None
    response: msgspec.Raw = NOTHING
    done: bool | None = None
    done_reason: str | None = None
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    error: object = None
    code: object = None
    status_code: object = None


class ErrorAnswer(msgspec.Struct):
    error: object
    code: object = None
