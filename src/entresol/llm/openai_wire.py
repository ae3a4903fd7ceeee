"""What OpenAI's operations have in common on the wire: errors, usage, and the facts an answer states.

Source: OpenAI API reference, "Error codes" and the `usage` objects of chat completions, completions and embeddings;
the lenient forms are those of compatible servers (vLLM, Ollama, Mistral, OpenRouter).
"""

from collections.abc import Callable
from typing import Final

import msgspec

from entresol.llm.events import ErrorDetail
from entresol.llm.format import (
    CallFacts,
    Format,
    Framing,
    OpenChoices,
    Opened,
    bad_field,
    decode_response_as,
    encode_json,
    read_field,
    read_fields,
)
from entresol.llm.fragment import object_after, string_after
from entresol.llm.sse import SseTooLarge, events_in, sse_data
from entresol.llm.types import FinishReason, Usage

DONE: Final = b"[DONE]"


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


class _ChoiceFacts(msgspec.Struct, gc=False):
    index: int = 0
    finish_reason: str | None = None


class AnswerFacts(msgspec.Struct, gc=False):
    """What all three operations' answers, and stream chunks, say about the call. Everything else is skipped."""

    id: str | None = None
    model: str | None = None
    choices: list[_ChoiceFacts] | None = None
    data: msgspec.Raw = msgspec.Raw()
    usage: UsageWire | None = None
    service_tier: str | None = None
    error: ErrorWire | str | None = None


class _ErrorAnswer(msgspec.Struct):
    error: ErrorWire | str | None = None
    message: str | None = None
    detail: object = None
    type: str | None = None
    code: str | int | None = None


_decode_facts: Final = msgspec.json.Decoder(AnswerFacts).decode
_decode_error: Final = msgspec.json.Decoder(_ErrorAnswer).decode
_decode_usage: Final = msgspec.json.Decoder(UsageWire).decode

_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}

FINISH_REASONS: Final[dict[str, FinishReason]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "error": "error",
}


def finish_reason(wire: str | None) -> FinishReason | None:
    """OpenAI's reason; a compatible server's own word counts as `stop`."""
    return None if wire is None else FINISH_REASONS.get(wire, "stop")


def read_usage(wire: UsageWire) -> Usage:
    """Totals with details become buckets that do not overlap."""
    prompt, completion = wire.prompt_tokens or 0, wire.completion_tokens or 0
    usage = Usage(input=prompt, output=completion)
    inputs, outputs = wire.prompt_tokens_details, wire.completion_tokens_details
    if inputs is not None and (inputs.cached_tokens or inputs.cache_write_tokens or inputs.audio_tokens):
        usage.cache_read = min(inputs.cached_tokens or 0, prompt)
        usage.cache_write = min(inputs.cache_write_tokens or 0, prompt - usage.cache_read)
        usage.input_audio = min(inputs.audio_tokens or 0, prompt - usage.cache_read - usage.cache_write)
        usage.input = prompt - usage.cache_read - usage.cache_write - usage.input_audio
    if outputs is not None and (outputs.reasoning_tokens or outputs.audio_tokens or outputs.image_tokens):
        usage.reasoning = min(outputs.reasoning_tokens or 0, completion)
        usage.output_audio = min(outputs.audio_tokens or 0, completion - usage.reasoning)
        usage.output_image = min(outputs.image_tokens or 0, completion - usage.reasoning - usage.output_audio)
        usage.output = completion - usage.reasoning - usage.output_audio - usage.output_image
    return usage


def write_usage(usage: Usage) -> dict[str, object]:
    """The `usage` object of an answer."""
    cache_write = usage.cache_write + usage.cache_write_1h
    inputs = {"cached_tokens": usage.cache_read, "audio_tokens": usage.input_audio}
    if cache_write:
        inputs["cache_write_tokens"] = cache_write
    outputs = {"reasoning_tokens": usage.reasoning, "audio_tokens": usage.output_audio}
    if usage.output_image:
        outputs["image_tokens"] = usage.output_image
    return {
        "prompt_tokens": usage.total_input,
        "completion_tokens": usage.total_output,
        "total_tokens": usage.total_input + usage.total_output,
        "prompt_tokens_details": inputs,
        "completion_tokens_details": outputs,
    }


def read_error(wire: ErrorWire | str, status: int) -> ErrorDetail:
    """An `error` object, which some servers shorten to its message."""
    if isinstance(wire, str):
        return ErrorDetail(status=status, message=wire)
    return ErrorDetail(
        status=status,
        message=wire.message or "the provider gave no message",
        type=wire.type,
        code=None if wire.code is None else str(wire.code),
        param=wire.param if isinstance(wire.param, str) else None,
    )


def error_status(error: ErrorDetail) -> int:
    """The HTTP status an error inside a stream would have had."""
    if error.code is not None and error.code.isdecimal() and 400 <= int(error.code) < 600:
        return int(error.code)
    if error.type == "rate_limit_error" or error.code == "rate_limit_exceeded":
        return 429
    return 400 if error.type == "invalid_request_error" else 502


class OpenAIFormat(Format):
    """The part of a wire format that OpenAI's operations share."""

    def stream_filter(self, opened: Opened) -> Callable[[bytes, bool], bytes] | None:
        return None if asks_for_usage(opened.fields.get("stream_options")) else UsageChunkFilter().feed

    def response_facts(self, body: bytes) -> CallFacts:
        answer = decode_response_as(_decode_facts, body)
        if answer.error is None and answer.choices is None and not answer.data:
            raise bad_field("choices", "is required")
        return _facts(answer, is_complete=True)

    def fragment_facts(self, head: bytes, tail: bytes) -> CallFacts:
        found = object_after(tail, b'"usage"')
        try:
            usage = None if found is None else read_usage(_decode_usage(found))
        except msgspec.DecodeError:
            usage = None
        model = string_after(head, b'"model"') or string_after(tail, b'"model"')
        return CallFacts(usage=usage, model=model, is_complete=True)

    def stream_facts(self, head: bytes, tail: bytes | None) -> CallFacts:
        known = _facts_of_complete(head, head if tail is None else tail)
        if known is not None:
            return known
        facts = CallFacts()
        choices = OpenChoices()
        for fragment in (head,) if tail is None else (head, tail):
            try:
                events = events_in(fragment, from_start=fragment is head)
            except SseTooLarge:
                continue
            for event in events:
                if event.data == DONE:
                    facts.is_complete = True
                else:
                    _merge(facts, event.data, choices)
            if tail is not None and fragment is head:
                choices = OpenChoices()  # what became of these, the middle may say
        if choices.is_any_open and not facts.is_complete:
            facts.finish_reason = None
        return facts

    def decode_error(self, status: int, body: bytes) -> ErrorDetail | None:
        try:
            answer = _decode_error(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if answer.error is not None:
            return read_error(answer.error, status)
        message = answer.message if answer.message is not None else answer.detail
        if message is None:
            return None
        text = message if isinstance(message, str) else encode_json(message).decode()
        return read_error(ErrorWire(text, answer.type, answer.code), status)

    def error_body(self, error: ErrorDetail, request_id: str) -> bytes:
        return encode_json({"error": _error_object(error), "message": error.message, "request_id": request_id})

    def stream_error(self, error: ErrorDetail, request_id: str, framing: Framing = "sse") -> bytes:
        return sse_data(self.error_body(error, request_id))


def _error_object(error: ErrorDetail) -> dict[str, object]:
    kind = _TYPES.get(error.status, "server_error" if error.status >= 500 else "invalid_request_error")
    wire: dict[str, object] = {"message": error.message, "type": kind, "param": error.param, "code": error.code}
    if error.request_id is not None:
        wire["request_id"] = error.request_id
    return wire


def _facts(answer: AnswerFacts, is_complete: bool) -> CallFacts:
    usage, choices = answer.usage, answer.choices
    facts = CallFacts(
        usage=None if usage is None else read_usage(usage),
        model=answer.model,
        response_id=answer.id,
        finish_reason=finish_reason(choices[0].finish_reason) if choices else None,
        service_tier=answer.service_tier,
        is_complete=is_complete,
    )
    if answer.error is not None:
        facts.error = read_error(answer.error, 502)
        facts.error.status = error_status(facts.error)
    return facts


def _facts_of_complete(head: bytes, end: bytes) -> CallFacts | None:
    """What the first event and the last few of a stream say, if that is everything: the rest need not be read then."""
    facts = CallFacts()
    for event in (head.partition(b"\n\n")[0], *end.rsplit(b"\n\n", _LAST_EVENTS)[1:]):
        data = event.removeprefix(b"data:").strip()
        if data == DONE:
            facts.is_complete = True
        elif b"\n" not in data:
            _merge(facts, data, OpenChoices())
    return facts if facts.is_complete and facts.usage is not None and facts.finish_reason is not None else None


def _merge(facts: CallFacts, data: bytes, choices: OpenChoices) -> None:
    """Add what one chunk of a stream says; later chunks win."""
    try:
        wire = _decode_facts(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return  # a chunk cut by the tap's window
    for choice in wire.choices or ():
        choices.note(choice.index, choice.finish_reason is not None)
    chunk = _facts(wire, is_complete=facts.is_complete)
    for name in ("usage", "model", "response_id", "finish_reason", "service_tier", "error"):
        value = getattr(chunk, name)
        if value is not None:
            setattr(facts, name, value)


def ask_for_usage(opened: Opened) -> None:
    """Make `stream_options` ask for usage: without it a stream cannot be billed."""
    raw = opened.fields.get("stream_options")
    if not asks_for_usage(raw):
        options = {} if raw is None or raw == _NULL else read_fields(bytes(raw))
        opened.put("stream_options", options | {"include_usage": _TRUE})


_ORDINARY: Final = (b"}]}\n\n", b'}],"usage":null}\n\n')
"""The ends of nearly all chunks: behind a choice."""


class UsageChunkFilter:
    """Takes out the usage chunk of a client that did not ask for one: without choices, it breaks careless clients.

    A piece that is one chunk with a choice, as nearly all are, is known by its end; another that ends between two
    events costs one search. Otherwise the cut event waits for its rest, which no client could have read before. Lines
    that end in CR LF, which no known server writes, switch the filter off: too much usage is better than a stream
    held back.
    """

    __slots__ = ("_is_off", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._is_off = False

    def feed(self, data: bytes, last: bool) -> bytes:
        """What of a piece the client gets."""
        if data.endswith(_ORDINARY) and data.find(b"\n") == len(data) - 2 and not self._rest:
            return data
        if self._rest:
            data = self._rest + data
            self._rest = b""
        if not (last or self._is_off or data.endswith(b"\n\n")):
            data = self._hold_cut_event(data)
        if b"[]" in data:
            return b"".join([event for event in _split_events(data) if not _is_usage_chunk(event)])
        return data

    def _hold_cut_event(self, data: bytes) -> bytes:
        end = data.rfind(b"\n\n") + 2
        if end < 2:
            end = 0
        if b"\r" in data or len(data) - end > _LONGEST_HELD:
            self._is_off = True
            return data
        self._rest = data[end:]
        return data[:end]


def _split_events(data: bytes) -> list[bytes]:
    events = [event + b"\n\n" for event in data.split(b"\n\n")]
    events[-1] = events[-1][:-2]
    return events


def _is_usage_chunk(event: bytes) -> bool:
    try:
        facts = _decode_facts(event.strip().removeprefix(b"data:"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return facts.choices == [] and facts.usage is not None


def asks_for_usage(raw: msgspec.Raw | None) -> bool:
    """What the client's own `stream_options` say."""
    if raw is None or raw == _INCLUDE_USAGE:
        return raw is not None
    return raw != _NULL and read_field(read_fields(bytes(raw)), "include_usage", bool) is True


_LONGEST_HELD: Final = 65_536
_LAST_EVENTS: Final = 5
_NULL: Final = msgspec.Raw(b"null")
_TRUE: Final = msgspec.Raw(b"true")
_INCLUDE_USAGE: Final = msgspec.Raw(b'{"include_usage":true}')
