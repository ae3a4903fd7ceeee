"""What Ollama's two ways to generate have in common: bodies, facts, reasons, times, usage, errors.

Source: Ollama API reference ("Generate a chat completion", "Generate a completion", "Conventions"); `api/types.go`;
types of ollama 0.6 for Python. Streams are NDJSON, and are the rule: `stream` is true unless the client says otherwise.
"""

import re
from datetime import UTC, datetime
from typing import Final, Literal

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
from entresol.llm.ndjson import NdjsonTooLarge, lines_in
from entresol.llm.ollama_structs import NOTHING, AnswerFacts, ErrorAnswer, MessageFacts
from entresol.llm.opened import opened_fields
from entresol.llm.token_count import count
from entresol.llm.types import FinishReason, JsonObject, Usage
from entresol.llm.usage_faults import despite_usage

Kind = Literal["chat", "generate"]
"""Which of the two: words are in `message.content`, or in `response`."""

_OPTION_NAMES: Final = (
    ("max_tokens", "num_predict"),
    ("temperature", "temperature"),
    ("top_p", "top_p"),
    ("top_k", "top_k"),
)
_FINISH_REASONS: Final[dict[str, FinishReason]] = {
    "stop": "stop",
    "load": "stop",  # nothing was asked: the model has been loaded, or unloaded
    "unload": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "refusal": "refusal",
    "pause": "pause",
    "error": "error",
}
DONE_REASONS: Final[dict[FinishReason, str]] = {
    "stop": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_calls": "stop",
    "content_filter": "content_filter",  # Ollama has no word for these; clients take any
    "refusal": "refusal",
    "pause": "pause",
    "error": "error",
}
_NAMES: Final = frozenset(
    ("model", "messages", "prompt", "input", "stream", "format", "options", "keep_alive", "tools", "think", "system",
     "template", "context", "suffix", "raw", "images", "truncate", "shift", "dimensions", "logprobs", "top_logprobs",
     "width", "height", "steps")
)  # fmt: skip
"""Top-level fields of its requests."""
_COUNTS: Final = re.compile(rb'"(prompt_eval_count|eval_count)"\s*:\s*(\d{1,12})')
_DONE: Final = re.compile(rb'"done"\s*:\s*true')
_LAST_SECOND: Final = 253_402_300_799
"""The end of the year 9999."""

_decode_answer: Final = despite_usage(msgspec.json.Decoder(AnswerFacts).decode)
_decode_error: Final = msgspec.json.Decoder(ErrorAnswer).decode


def check_spelling(fields: Fields) -> None:
    """Raise ClientError `bad_request` for a field that Ollama takes for another one.

    Its server reads names whatever their case: with `MODEL` beside `model`, it would serve what nobody has checked.
    """
    for name in fields:
        if name not in _NAMES and name.casefold() in _NAMES:
            raise bad_request(name, f"must be spelled {name.casefold()}")


def finish_reason(wire: str | None, has_calls: bool = False) -> FinishReason:
    """Why an answer that is done ended. Old servers do not say; Ollama says `stop` for tool calls, too."""
    reason = _FINISH_REASONS.get(wire or "stop", "stop")
    return "tool_calls" if has_calls and reason == "stop" else reason


def read_usage(prompt: int | None, output: int | None) -> Usage | None:
    """Tokens. Ollama leaves a count of 0 out; without either there is no usage."""
    if prompt is None and output is None:
        return None
    return Usage(input=count(prompt), output=count(output))


def write_usage(usage: Usage) -> JsonObject:
    """The counts of an answer."""
    return {"prompt_eval_count": usage.total_input, "eval_count": usage.total_output}


def read_time(text: str | None) -> int | None:
    """`created_at` (RFC 3339, to the nanosecond) in seconds since the epoch; None if it is no time."""
    try:
        return None if text is None else int(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        return None


def write_time(seconds: int | None) -> str:
    """`created_at`."""
    known = min(max(seconds or 0, 0), _LAST_SECOND)
    return datetime.fromtimestamp(known, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_logprobs(wire: list[JsonObject]) -> JsonObject:
    """OpenAI's form of the log probabilities: one entry a token, with the alternatives at its place."""
    return {"content": [_entry(entry) | {"top_logprobs": _entries(entry)} for entry in wire], "refusal": None}


def write_logprobs(logprobs: JsonObject) -> list[JsonObject]:
    """Ollama's form."""
    content = logprobs.get("content")
    entries = [entry for entry in content if isinstance(entry, dict)] if isinstance(content, list) else []
    return [_entry(entry) | {"top_logprobs": _entries(entry)} for entry in entries]


def _entry(wire: JsonObject) -> JsonObject:
    token, data = wire.get("token"), wire.get("bytes")
    return {
        "token": token,
        "logprob": wire.get("logprob"),
        "bytes": list(str(token or "").encode()) if data is None else data,
    }


def _entries(wire: JsonObject) -> list[JsonObject]:
    others = wire.get("top_logprobs")
    return [_entry(other) for other in others if isinstance(other, dict)] if isinstance(others, list) else []


def read_error(error: object, status: int, code: object = None) -> ErrorDetail | None:
    """An `error`: a sentence, or the object of a server that speaks OpenAI's API beside Ollama's."""
    if isinstance(error, str):
        message, kind = error, None
    elif isinstance(error, dict) and isinstance(error.get("message"), str):
        message, kind, code = error["message"], error.get("type"), error.get("code")
    else:
        return None
    return ErrorDetail(
        status=status,
        message=message or "the provider gave no message",
        code=code if isinstance(code, str) else None,
        type=kind if isinstance(kind, str) else None,
    )


def stream_failure(error: object, code: object = None, status: object = None) -> ErrorDetail:
    """An error that came with status 200, or inside a stream."""
    known = status if isinstance(status, int) and 400 <= status < 600 else 502
    return read_error(error, known, code) or ErrorDetail(status=known, message="the provider gave no message")


class OllamaErrors(Format):
    """Errors, which are the same in all of Ollama's API."""

    def decode_error(self, status: int, body: bytes) -> ErrorDetail | None:
        try:
            answer = _decode_error(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return read_error(answer.error, status, answer.code)

    def error_body(self, error: ErrorDetail, request_id: str) -> bytes:
        wire: JsonObject = {"error": error.message, "code": error.code, "message": error.message}
        return encode_json(wire | {"request_id": request_id or error.request_id})

    def stream_error(self, error: ErrorDetail, request_id: str, framing: Framing = "ndjson") -> bytes:
        return self.error_body(error, request_id) + b"\n"


class OllamaFormat(OllamaErrors):
    """The part of both formats that a call needs which stays in one of them."""

    stream_content_type = b"application/x-ndjson"

    def inspect(self, fields: Fields, path: str = "", query: str = "") -> Opened:
        check_spelling(fields)
        opened = opened_fields(fields)
        stream = fields.get("stream")
        opened.framing = "ndjson"
        opened.stream = opened.stream or stream is None or bytes(stream) == b"null"
        return opened

    def close(self, opened: Opened, model: str, stream: bool, options: Options, profile: Profile) -> bytes:
        if options is not NO_OPTIONS:
            raw = opened.fields.get("options")
            inner = {} if raw is None or bytes(raw) == b"null" else _option_fields(raw)
            for name, wire_name in _OPTION_NAMES:
                value = getattr(options, name)
                if value is not None:
                    inner[wire_name] = raw_json(value)
            if inner:
                opened.put("options", inner)
        return super().close(opened, model, stream, NO_OPTIONS, profile)

    # Answers.

    def response_facts(self, body: bytes) -> CallFacts:
        answer = decode_response_as(_decode_answer, body)
        if answer.error is None and answer.message is None and answer.response == NOTHING:
            raise bad_response("it has neither message nor response")
        facts = CallFacts(is_complete=True)
        _add(facts, answer, _calls_tools(answer))
        return facts

    def fragment_facts(self, head: bytes, tail: bytes) -> CallFacts:
        facts = CallFacts(is_complete=True, model=string_after(head, b'"model"'))
        _add_counts(facts, tail)
        return facts

    def stream_facts(self, head: bytes, tail: bytes | None) -> CallFacts:
        facts = CallFacts()
        has_calls = False
        for line in _lines_in(head, tail):
            try:
                answer = _decode_answer(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue  # cut by the tap's window
            has_calls = has_calls or _calls_tools(answer)
            _add(facts, answer, has_calls)
            if answer.done:
                break  # what comes after the end is not of this answer
        if facts.finish_reason is None and facts.error is None and tail is not None:
            _add_cut_line(facts, tail)
        facts.is_complete = facts.finish_reason is not None
        return facts


def _option_fields(raw: msgspec.Raw) -> Fields:
    try:
        return msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise bad_request("options", "expected an object") from error


def _calls_tools(answer: AnswerFacts) -> bool:
    return isinstance(answer.message, MessageFacts) and bool(answer.message.tool_calls)


def _add(facts: CallFacts, answer: AnswerFacts, has_calls: bool) -> None:
    """Add what one object says; later ones win."""
    facts.model = answer.model or facts.model
    facts.usage = read_usage(answer.prompt_eval_count, answer.eval_count) or facts.usage
    if answer.done:
        facts.finish_reason = finish_reason(answer.done_reason, has_calls)
    if answer.error is not None:
        facts.error = stream_failure(answer.error, answer.code, answer.status_code)


def _add_counts(facts: CallFacts, tail: bytes) -> None:
    """Usage and reason of an object that is too large to be read whole: they stand at its end, and counts only in
    one that is done. The reason may stand before a `context` that is too large to be kept."""
    counts = {match[1]: int(match[2]) for match in _COUNTS.finditer(tail)}
    facts.usage = read_usage(counts.get(b"prompt_eval_count"), counts.get(b"eval_count"))
    if counts or _DONE.search(tail):
        facts.finish_reason = finish_reason(string_after(tail, b'"done_reason"'))


def _add_cut_line(facts: CallFacts, tail: bytes) -> None:
    """The last line, if it is larger than the tap's window: `context` can be."""
    last = tail.rstrip().rpartition(b"\n")[2]
    if last.endswith(b"}"):
        _add_counts(facts, last)


def _lines_in(head: bytes, tail: bytes | None) -> list[bytes]:
    """The lines at both ends of a stream."""
    try:
        return lines_in(head, from_start=True) + ([] if tail is None else lines_in(tail, from_start=False))
    except NdjsonTooLarge:
        return []
