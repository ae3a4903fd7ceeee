"""What Cohere's three ways to be called have in common, and chat's facts: reasons, usage, log probabilities, errors.

Source: Cohere API reference, version 2: "Chat", "Chat with Streaming", "Errors"; types of cohere 7 for Python.
"""

from typing import Final

import msgspec

from entresol.llm.call_facts import CallFacts
from entresol.llm.events import ErrorDetail
from entresol.llm.format import Fields, Format, Framing, Opened, bad_field, bad_request, decode_response_as, encode_json
from entresol.llm.fragment import object_after, string_after
from entresol.llm.sse import SseTooLarge, events_in, sse_event
from entresol.llm.types import FinishReason, JsonObject, Usage
from entresol.llm.usage_faults import despite_usage

DONE: Final = b"[DONE]"
"""The data that follows the last event; a stream is complete without it."""
FINISH_REASONS: Final[dict[str, FinishReason]] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop_sequence",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR": "error",
    "TIMEOUT": "error",
    "ERROR_LIMIT": "length",  # of the model's context; older models say so
    "ERROR_TOXIC": "content_filter",
}
WIRE_REASONS: Final[dict[FinishReason, str]] = {
    "stop": "COMPLETE",
    "stop_sequence": "STOP_SEQUENCE",
    "length": "MAX_TOKENS",
    "tool_calls": "TOOL_CALL",
    "content_filter": "ERROR_TOXIC",  # Cohere has no word for these two; clients take any
    "refusal": "ERROR_TOXIC",
    "pause": "COMPLETE",
    "error": "ERROR",
}
_FAILURES: Final = {"ERROR": 502, "TIMEOUT": 504}
_OTHER_WORDS: Final = {
    "top_p": "p",
    "top_k": "k",
    "stop": "stop_sequences",
    "max_completion_tokens": "max_tokens",
    "reasoning_effort": "thinking",
    "reasoning": "thinking",
}
_FIRST_VERSION: Final = ("message", "chat_history", "preamble", "prompt", "prompts")


class Units(msgspec.Struct, gc=False):
    """Tokens of one way to count. They are written as decimals, too."""

    input_tokens: float | None = None
    output_tokens: float | None = None
    search_units: float | None = None
    image_tokens: float | None = None


class UsageWire(msgspec.Struct, gc=False):
    """`usage` of a chat, `meta` of anything else."""

    billed_units: Units | None = None
    tokens: Units | None = None
    cached_tokens: float | None = None


class _Answer(msgspec.Struct):
    """An answer, as far as accounting needs it. `message` is a text in an error."""

    id: str | None = None
    message: object = None
    finish_reason: str | None = None
    usage: UsageWire | None = None


class _Delta(msgspec.Struct):
    finish_reason: str | None = None
    usage: UsageWire | None = None
    error: object = None


class _Event(msgspec.Struct):
    type: str | None = None
    id: str | None = None
    delta: _Delta | None = None
    message: object = None


class _ErrorAnswer(msgspec.Struct):
    message: str
    id: str | None = None


_decode_answer: Final = despite_usage(msgspec.json.Decoder(_Answer).decode)
_decode_event: Final = despite_usage(msgspec.json.Decoder(_Event).decode)
_decode_error: Final = msgspec.json.Decoder(_ErrorAnswer).decode
_decode_usage: Final = msgspec.json.Decoder(UsageWire).decode


def finish_reason(wire: str | None) -> FinishReason | None:
    """Cohere's reason. One that is new counts as `stop`, unless it names an error."""
    if not wire:
        return None
    reason = FINISH_REASONS.get(wire)
    return reason or ("error" if wire.startswith("ERROR") else "stop")


def read_usage(wire: UsageWire) -> Usage | None:
    """Tokens as they are billed; as they were counted where nothing is said of bills. None where nothing is said."""
    counted = wire.billed_units
    if counted is None or (counted.input_tokens is None and counted.output_tokens is None):
        counted = wire.tokens
    if counted is None:
        return None
    read = _count(counted.input_tokens) + _count(counted.image_tokens)
    cached = min(_count(wire.cached_tokens), read)
    return Usage(input=read - cached, cache_read=cached, output=_count(counted.output_tokens))


def write_usage(usage: Usage) -> JsonObject:
    """The `usage` of an answer."""
    tokens = {"input_tokens": usage.total_input, "output_tokens": usage.total_output}
    return {"billed_units": tokens, "tokens": tokens, "cached_tokens": usage.total_cache_read}


def _count(value: float | None) -> int:
    return 0 if value is None or not value > 0 else int(min(value, 1e15))


def read_logprobs(items: list[JsonObject]) -> JsonObject:
    """OpenAI's form: one entry a token. The text of an item of several tokens stands with the first of them."""
    content: list[JsonObject] = []
    for item in items:
        text, values = item.get("text"), item.get("logprobs")
        token = text if isinstance(text, str) else ""
        for value in values if isinstance(values, list) else []:
            if isinstance(value, int | float):
                entry: JsonObject = {"token": token, "logprob": value, "bytes": None, "top_logprobs": []}
                content.append(entry)
                token = ""
    return {"content": content, "refusal": None}


def write_logprobs(logprobs: JsonObject) -> list[JsonObject]:
    """Cohere's form. The numbers of tokens are nobody else's, so there are none."""
    content = logprobs.get("content")
    entries = [entry for entry in content if isinstance(entry, dict)] if isinstance(content, list) else []
    return [{"text": entry.get("token"), "token_ids": [], "logprobs": [entry.get("logprob")]} for entry in entries]


def stream_failure(reason: str | None, message: object) -> ErrorDetail:
    """What went wrong in a stream that ends with `ERROR` or `TIMEOUT`."""
    known = message if isinstance(message, str) and message else None
    said = known or ("the model took too long" if reason == "TIMEOUT" else "the provider failed while generating")
    return ErrorDetail(status=_FAILURES.get(reason or "", 502), message=said, type=reason)


class CohereFormat(Format):
    """What every format of Cohere's has: the way errors are written."""

    def decode_error(self, status: int, body: bytes) -> ErrorDetail | None:
        try:
            answer = _decode_error(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return ErrorDetail(status=status, message=answer.message, request_id=answer.id)

    def error_body(self, error: ErrorDetail, request_id: str) -> bytes:
        known = request_id or error.request_id
        wire: JsonObject = {"message": error.message, "id": known, "request_id": known}
        return encode_json(wire if error.code is None else wire | {"code": error.code})

    def stream_error(self, error: ErrorDetail, request_id: str, framing: Framing = "sse") -> bytes:
        reason = "TIMEOUT" if error.status == 504 else "ERROR"
        delta: JsonObject = {"finish_reason": reason, "error": error.message}
        if error.code is not None:
            delta["code"] = error.code
        known = request_id or error.request_id
        wire: JsonObject = {"type": "message-end", "id": known, "delta": delta}
        return sse_event(b"message-end", encode_json(wire)) + DONE_EVENT

    def stream_facts(self, head: bytes, tail: bytes | None) -> CallFacts:
        return CallFacts()  # there are no streams


class CohereChatFormat(CohereFormat):
    """The part of chat that a call needs which stays in Cohere's format."""

    def inspect(self, fields: Fields, path: str = "", query: str = "") -> Opened:
        refuse_first_version(fields)
        return super().inspect(fields, path, query)

    def response_facts(self, body: bytes) -> CallFacts:
        answer = decode_response_as(_decode_answer, body)
        if isinstance(answer.message, str):
            error = ErrorDetail(status=502, message=answer.message, request_id=answer.id)
            return CallFacts(error=error, is_complete=True)
        if not isinstance(answer.message, dict):
            raise bad_field("message", "is required")
        facts = CallFacts(response_id=answer.id, finish_reason=finish_reason(answer.finish_reason), is_complete=True)
        facts.usage = None if answer.usage is None else read_usage(answer.usage)
        if answer.finish_reason in _FAILURES:  # Cohere's own clients know it; for others it must not be success
            facts.error = stream_failure(answer.finish_reason, None)
        return facts

    def fragment_facts(self, head: bytes, tail: bytes) -> CallFacts:
        found = object_after(tail, b'"usage"')
        try:
            usage = None if found is None else read_usage(_decode_usage(found))
        except msgspec.DecodeError:
            usage = None
        reason = string_after(head, b'"finish_reason"') or string_after(tail, b'"finish_reason"')
        facts = CallFacts(usage=usage, finish_reason=finish_reason(reason), is_complete=True)
        facts.response_id = string_after(head, b'"id"')
        return facts

    def stream_facts(self, head: bytes, tail: bytes | None) -> CallFacts:
        facts = CallFacts()
        for fragment in (head,) if tail is None else (head, tail):
            try:
                events = events_in(fragment, from_start=fragment is head)
            except SseTooLarge:
                continue
            for event in events:
                if b'"message-' in event.data or b'"message"' in event.data[:12]:
                    _add_event(facts, event.data)
        return facts


DONE_EVENT: Final = b"data: [DONE]\n\n"


def refuse_first_version(fields: Fields | JsonObject) -> None:
    """Raises ClientError `bad_request` for a prompt in the words of other APIs: beside `messages` it would be lost, or
    be answered in their place."""
    for name in _FIRST_VERSION:
        if name in fields:
            if "messages" in fields:
                raise bad_request(name, "cannot stand beside messages: say the prompt once, in messages")
            raise bad_request(name, "is not a field of version 2 of Cohere's chat: the prompt goes in messages")


def refuse_other_words(fields: JsonObject) -> None:
    """Raises ClientError `bad_request` for a field by the name that it has in other APIs, as Cohere would."""
    refuse_first_version(fields)
    for name, own in _OTHER_WORDS.items():
        if name in fields:
            raise bad_request(name, f"is called {own} in Cohere's chat")


def _add_event(facts: CallFacts, data: bytes) -> None:
    """Add what the first or the last event of a stream says."""
    try:
        event = _decode_event(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return  # an event cut by the tap's window
    if event.type == "message-start":
        facts.response_id = event.id
    elif event.type is None and isinstance(event.message, str):
        facts.error = ErrorDetail(status=502, message=event.message, request_id=event.id)
    elif event.type == "message-end" and event.delta is not None:
        delta = event.delta
        facts.finish_reason = finish_reason(delta.finish_reason)
        facts.usage = facts.usage if delta.usage is None else read_usage(delta.usage)
        if delta.error is not None or delta.finish_reason in _FAILURES:
            facts.error = stream_failure(delta.finish_reason, delta.error)
        else:
            facts.is_complete = True
