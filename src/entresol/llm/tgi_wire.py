"""What is said of a call in Text Generation Inference's own wire: bodies, facts, reasons, usage, errors.

Source: TGI's OpenAPI document 3.3 (`/generate`, `/generate_stream`, `/`); types of huggingface_hub 2.4. `/` and the
Inference API's `/models/MODEL` take `stream` in the body, and answer with a list of one.
"""

import re
from typing import Final
from urllib.parse import unquote

import msgspec

from entresol.llm.call_facts import CallFacts
from entresol.llm.events import ErrorDetail
from entresol.llm.format import (
    NO_OPTIONS,
    Fields,
    Format,
    Framing,
    Opened,
    Options,
    Profile,
    bad_request,
    bad_response,
    decode_response_as,
    encode_json,
    raw_json,
)
from entresol.llm.fragment import string_after
from entresol.llm.opened import opened_fields
from entresol.llm.sse import SseTooLarge, events_in, sse_data
from entresol.llm.token_count import count
from entresol.llm.types import FinishReason, JsonObject, Usage

_OPTION_NAMES: Final = (
    ("max_tokens", "max_new_tokens"),
    ("temperature", "temperature"),
    ("top_p", "top_p"),
    ("top_k", "top_k"),
)
_FINISH_REASONS: Final[dict[str, FinishReason]] = {
    "length": "length",
    "eos_token": "stop",
    "stop_sequence": "stop_sequence",
}
WIRE_REASONS: Final[dict[FinishReason, str]] = {
    "stop": "eos_token",
    "stop_sequence": "stop_sequence",
    "length": "length",
    "tool_calls": "eos_token",
    "content_filter": "eos_token",  # clients know these three words only
    "refusal": "eos_token",
    "pause": "length",
    "error": "length",
}
_STATUS: Final = {
    "validation": 422,
    "generation": 500,  # outside of a stream it is 424, which reads as the client's fault
    "overloaded": 429,
    "incomplete_generation": 500,
    "template_error": 422,
}
_BUSY: Final = (429, 503, 529)
_STATUS_OF_FAILURE: Final = 424
"""What a failed generation is outside of a stream."""
_MODEL_PATH: Final = re.compile(r"/models/([^?]+?)/?$")
_GENERATED: Final = re.compile(rb'"generated_tokens"\s*:\s*(\d{1,12})')
_INPUT_LENGTH: Final = re.compile(rb'"input_length"\s*:\s*(\d{1,12})')


_NOTHING: Final = msgspec.Raw(b"")
_NULL: Final = msgspec.Raw(b"null")


class _Details(msgspec.Struct):
    finish_reason: str | None = None
    generated_tokens: int | None = None
    input_length: int | None = None
    prefill: list[msgspec.Raw] | None = None


class _Answer(msgspec.Struct):
    """An answer or an event of a stream, as far as accounting needs it."""

    generated_text: msgspec.Raw = _NOTHING
    details: _Details | None = None
    error: object = None
    error_type: str | None = None


class _ErrorAnswer(msgspec.Struct):
    error: object
    error_type: str | None = None


_decode_answer: Final = msgspec.json.Decoder(_Answer | list[_Answer]).decode
_decode_event: Final = msgspec.json.Decoder(_Answer).decode
_decode_error: Final = msgspec.json.Decoder(_ErrorAnswer | list[_ErrorAnswer]).decode


UNSAID_REASONS: Final = frozenset(("content_filter", "refusal", "pause", "error"))
"""Reasons whose word here means something else: a client is told of the loss."""


def finish_reason(wire: str | None) -> FinishReason:
    """Why an answer that is whole ended; a new word counts as `stop`."""
    return _FINISH_REASONS.get(wire or "eos_token", "stop")


def read_usage(prompt: int | None, output: int | None) -> Usage | None:
    """Tokens. Without `details` there is no usage."""
    return None if output is None else Usage(input=count(prompt), output=count(output))


def asks_for_stream(path: str, stream: bool) -> bool:
    """Whether a client asks for a stream: by its path where that says it, else by the body."""
    if path.endswith("/generate_stream"):
        return True
    return stream and not path.endswith("/generate")


def read_error(error: object, kind: str | None, status: int) -> ErrorDetail | None:
    """An error: a sentence, or, from Hugging Face's own servers, several, or an object of OpenAI's kind."""
    if isinstance(error, list):
        error = "; ".join(str(each) for each in error)
    if isinstance(error, dict):
        kind = kind or str(error.get("type") or "") or None
        error = error.get("message")
    if not isinstance(error, str):
        return None
    return ErrorDetail(status=status, message=error or "the provider gave no message", type=kind, code=kind)


def stream_failure(error: object, kind: str | None) -> ErrorDetail:
    """An error that came with status 200, or inside a stream."""
    status = _STATUS.get(kind or "", 502)
    return read_error(error, kind, status) or ErrorDetail(status=status, message="the provider gave no message")


class TgiFormat(Format):
    """The part of the format that a call needs which stays in it."""

    def inspect(self, fields: Fields, path: str = "", query: str = "") -> Opened:
        opened = opened_fields(fields)
        match = _MODEL_PATH.search(path)
        if match is not None:
            opened.model = unquote(match.group(1))
        opened.stream = asks_for_stream(path, opened.stream)
        return opened

    def close(self, opened: Opened, model: str, stream: bool, options: Options, profile: Profile) -> bytes:
        fields = opened.fields
        if options is not NO_OPTIONS:
            raw = fields.get("parameters")
            inner = {} if raw is None or bytes(raw) == b"null" else _parameters(raw)
            for name, wire_name in _OPTION_NAMES:
                value = getattr(options, name)
                if value is not None:
                    inner[wire_name] = raw_json(value)
            if inner:
                opened.put("parameters", inner)
        if "stream" in fields or stream:
            opened.put("stream", stream)  # which paths that say it themselves pass over
        return encode_json(opened.fields) if opened.body is None else opened.body

    # Answers.

    def response_facts(self, body: bytes) -> CallFacts:
        answers = decode_response_as(_decode_answer, body)
        answer = answers if not isinstance(answers, list) else answers[0] if answers else _Answer()
        if answer.error is None and answer.generated_text == _NOTHING:
            raise bad_response("it has no generated_text")
        facts = CallFacts(is_complete=True)
        _add(facts, answer)
        return facts

    def fragment_facts(self, head: bytes, tail: bytes) -> CallFacts:
        facts = CallFacts(is_complete=True, finish_reason="stop")
        _add_counts(facts, head + tail)
        return facts

    def stream_facts(self, head: bytes, tail: bytes | None) -> CallFacts:
        facts = CallFacts()
        try:
            events = events_in(head, from_start=True) + ([] if tail is None else events_in(tail, from_start=False))
        except SseTooLarge:
            events = []
        for event in events:
            try:
                answer = _decode_event(event.data)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue  # cut by the tap's window
            _add(facts, answer)
        if facts.finish_reason is None and facts.error is None and tail is not None:
            last = tail.rstrip().rpartition(b"\n")[2]
            if last.endswith(b"}") and b'"generated_tokens"' in last:
                _add_counts(facts, last)  # `generated_text` is all of the answer, and may be larger than the window
        facts.is_complete = facts.finish_reason is not None
        return facts

    # Errors.

    def decode_error(self, status: int, body: bytes) -> ErrorDetail | None:
        try:
            answers = _decode_error(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        answer = answers if not isinstance(answers, list) else answers[0] if answers else None
        return None if answer is None else read_error(answer.error, answer.error_type, status)

    def error_body(self, error: ErrorDetail, request_id: str) -> bytes:
        kind = error.type if error.type in _STATUS else _kind_of(error.status)
        wire: JsonObject = {"error": error.message, "error_type": kind, "code": error.code, "message": error.message}
        return encode_json(wire | {"request_id": request_id or error.request_id})

    def stream_error(self, error: ErrorDetail, request_id: str, framing: Framing = "sse") -> bytes:
        return sse_data(self.error_body(error, request_id))


def _kind_of(status: int) -> str:
    """The one of TGI's words that tells its clients which exception to raise."""
    if status in _BUSY:
        return "overloaded"
    return "validation" if 400 <= status < 500 and status != _STATUS_OF_FAILURE else "generation"


def _parameters(raw: msgspec.Raw) -> Fields:
    try:
        return msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise bad_request("parameters", "expected an object") from error


def _add(facts: CallFacts, answer: _Answer) -> None:
    """Add what one object says; later ones win."""
    if answer.error is not None:
        facts.error = stream_failure(answer.error, answer.error_type)
    if answer.generated_text not in (_NOTHING, _NULL):
        details = answer.details or _Details()
        facts.finish_reason = finish_reason(details.finish_reason)
        prompt = len(details.prefill or ()) if details.input_length is None else details.input_length
        facts.usage = read_usage(prompt, details.generated_tokens)


def _add_counts(facts: CallFacts, text: bytes) -> None:
    """Usage and reason of an object that is too large to be read whole."""
    output, prompt = _GENERATED.search(text), _INPUT_LENGTH.search(text)
    facts.usage = read_usage(None if prompt is None else int(prompt[1]), None if output is None else int(output[1]))
    facts.finish_reason = finish_reason(string_after(text, b'"finish_reason"'))
