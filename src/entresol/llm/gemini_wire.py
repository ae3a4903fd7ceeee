"""What all parts of the Gemini format share: errors, usage, finish reasons, framing, and the facts an answer states.

Source: Gemini API reference (v1beta), "GenerateContentResponse", and Google's AIP-193 for errors.
"""

import re
from typing import Final

import msgspec

from entresol.llm.events import ErrorDetail
from entresol.llm.format import CallFacts, Format, Framing, OpenChoices, bad_response, decode_response_as, encode_json
from entresol.llm.fragment import object_after, string_after
from entresol.llm.gemini_structs import AnswerFacts, CallingAnswer, ErrorAnswer, ErrorWire, UsageWire
from entresol.llm.gemini_usage import read_usage
from entresol.llm.sse import SseDecoder, SseTooLarge, events_in, sse_data
from entresol.llm.types import FinishReason, JsonObject
from entresol.llm.usage_faults import despite_usage

MAX_ELEMENT_BYTES = 16 * 1024 * 1024
"""One response of a stream larger than this is an attack or a fault."""


_decode_answer: Final = despite_usage(msgspec.json.Decoder(AnswerFacts).decode)
_decode_calls: Final = msgspec.json.Decoder(CallingAnswer).decode
_decode_error: Final = msgspec.json.Decoder(ErrorAnswer | list[ErrorAnswer]).decode
_decode_usage: Final = msgspec.json.Decoder(UsageWire).decode

_WITHHELD: Final = (
    "SAFETY",
    "RECITATION",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "MODEL_ARMOR",
    "ESCALATION",
)
_FAILED: Final = (
    "OTHER",
    "MALFORMED_FUNCTION_CALL",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "MISSING_THOUGHT_SIGNATURE",
    "MALFORMED_RESPONSE",
    "IMAGE_OTHER",
    "NO_IMAGE",
    "PUP_LIMITED_DISABLED",
)
FINISH_REASONS: Final[dict[str, FinishReason]] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "pause",
    **dict.fromkeys(_WITHHELD, "content_filter"),
    **dict.fromkeys(_FAILED, "error"),
}
WIRE_REASONS: Final[dict[FinishReason, str]] = {
    "stop": "STOP",
    "stop_sequence": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "content_filter": "SAFETY",
    "refusal": "SAFETY",
    "pause": "CONTINUATION",
    "error": "OTHER",
}
_STATUS_WORDS: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}


def finish_reason(wire: str | None, has_calls: bool = False) -> FinishReason | None:
    """Gemini's reason; it says STOP for tool calls, too, and a new word counts as `stop`."""
    if not wire or wire == "FINISH_REASON_UNSPECIFIED":
        return None
    reason = FINISH_REASONS.get(wire, "stop")
    return "tool_calls" if has_calls and reason == "stop" else reason


def _calls_tools(response: bytes) -> bool:
    """Whether a response calls functions in its first candidate."""
    if b'"functionCall"' not in response:
        return False
    try:
        candidates = _decode_calls(response).candidates
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    for candidate in candidates or ():
        if candidate.index == 0 and candidate.content is not None:
            return any(part.function_call is not None for part in candidate.content.parts or ())
    return False


def read_error(wire: ErrorWire, status: int) -> ErrorDetail:
    """An `error` object. Its code is the HTTP status; the stable slug stands in the details."""
    reason = next((item.get("reason") for item in wire.details or () if "reason" in item), None)
    return ErrorDetail(
        status=status,
        message=wire.message or "the provider gave no message",
        type=wire.status,
        code=reason if isinstance(reason, str) else None,
    )


def stream_error_status(wire: ErrorWire) -> int:
    """The HTTP status an error inside a stream would have had."""
    return wire.code if wire.code is not None and 400 <= wire.code < 600 else 502


_BOM: Final = b"\xef\xbb\xbf"


class ElementDecoder:
    """Splits a JSON array of objects that comes piece by piece, over any split, in linear time."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._depth = 0
        self._in_string = False
        self._is_escaped = False

    def feed(self, data: bytes) -> list[bytes]:
        """The objects that `data` completes."""
        elements: list[bytes] = []
        start = 0 if self._depth else -1
        position = 1 if self._is_escaped and data else 0  # the byte after a backslash that ended the last piece
        self._is_escaped = self._is_escaped and not data
        for token in _TOKENS.finditer(data, position):
            before = self._depth
            self._take(token.group())
            if before == 0 and self._depth == 1:
                start = token.start()
            elif before == 1 and self._depth == 0:
                elements.append(b"".join([*self._parts, data[start : token.end()]]))
                self._parts, self._size, start = [], 0, -1
        if start >= 0:
            self._keep(data[start:])
        return elements

    def _take(self, token: bytes) -> None:
        if self._in_string:
            self._in_string = token != b'"'
            self._is_escaped = token == b"\\"  # it ends the piece, or it would have the next byte with it
        elif token == b'"':
            self._in_string = self._depth > 0
        elif token == b"{":
            self._depth += 1
        elif token == b"}" and self._depth:
            self._depth -= 1

    def _keep(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        if self._size > MAX_ELEMENT_BYTES:
            raise bad_response(f"a part of the stream exceeds {MAX_ELEMENT_BYTES} bytes")


_TOKENS: Final = re.compile(rb'\\.|\\$|["{}]', re.DOTALL)


class ResponseSplitter:
    """The responses of a stream in either framing; which one it is, its first byte tells."""

    def __init__(self) -> None:
        self._sse: SseDecoder | None = None
        self._array: ElementDecoder | None = None
        self._start = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The responses that `data` completes."""
        if self._sse is None and self._array is None:
            data = self._start + data
            self._start = b""
            if _BOM.startswith(data):
                self._start = data
                return []
            data = data.removeprefix(_BOM).lstrip()
            if not data:
                return []
            if data[:1] in (b"[", b"{", b","):
                self._array = ElementDecoder()
            else:
                self._sse = SseDecoder()
        if self._array is not None:
            return self._array.feed(data)
        assert self._sse is not None
        try:
            return [event.data for event in self._sse.feed(data)]
        except SseTooLarge as error:
            raise bad_response(str(error)) from error

    def finish(self) -> list[bytes]:
        """What the end of the stream completes."""
        return [] if self._sse is None else [event.data for event in self._sse.finish()]


class GeminiFormat(Format):
    """The part of the format that a call needs which stays in it."""

    def response_facts(self, body: bytes) -> CallFacts:
        answer = decode_response_as(_decode_answer, body)
        if answer.error is None and answer.candidates is None and answer.prompt_feedback is None:
            raise bad_response("it has neither candidates nor promptFeedback")
        facts = CallFacts(is_complete=True)
        _add(facts, answer)
        if facts.finish_reason == "stop" and _calls_tools(body):
            facts.finish_reason = "tool_calls"
        return facts

    def fragment_facts(self, head: bytes, tail: bytes) -> CallFacts:
        found = object_after(tail, b'"usageMetadata"') or object_after(head, b'"usageMetadata"')
        facts = CallFacts(is_complete=True)
        facts.model = string_after(tail, b'"modelVersion"') or string_after(head, b'"modelVersion"')
        try:
            facts.usage = None if found is None else read_usage(_decode_usage(found))
        except msgspec.DecodeError:
            facts.usage = None
        return facts

    def stream_facts(self, head: bytes, tail: bytes | None) -> CallFacts:
        facts = CallFacts()
        candidates, has_calls = OpenChoices(), False
        for response in _responses_in(head, tail):
            try:
                answer = _decode_answer(response)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue  # cut by the tap's window
            _add(facts, answer)
            has_calls = has_calls or _calls_tools(response)
            for candidate in answer.candidates or ():
                candidates.note(candidate.index, finish_reason(candidate.finish_reason) is not None)
        if tail is not None:
            _add_cut_response(facts, tail)
        elif candidates.is_any_open:
            facts.finish_reason = None
        if facts.finish_reason == "stop" and has_calls:
            facts.finish_reason = "tool_calls"
        facts.is_complete = facts.finish_reason is not None
        return facts

    def decode_error(self, status: int, body: bytes) -> ErrorDetail | None:
        try:
            answer = _decode_error(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if isinstance(answer, list):
            return read_error(answer[0].error, status) if answer else None
        return read_error(answer.error, status)

    def error_body(self, error: ErrorDetail, request_id: str) -> bytes:
        word = _STATUS_WORDS.get(error.status) or ("INTERNAL" if error.status >= 500 else "INVALID_ARGUMENT")
        inner: JsonObject = {"code": error.status, "message": error.message, "status": word}
        if error.code is not None:
            kind = "type.googleapis.com/google.rpc.ErrorInfo"
            inner["details"] = [{"@type": kind, "reason": error.code, "domain": "gateway"}]
        return encode_json({"error": inner, "message": error.message, "request_id": request_id or error.request_id})

    def stream_error(self, error: ErrorDetail, request_id: str, framing: Framing = "sse") -> bytes:
        body = self.error_body(error, request_id)
        return sse_data(body) if framing == "sse" else b",\r\n%b]" % body


def _add_cut_response(facts: CallFacts, tail: bytes) -> None:
    """Add what the end of a response says that is too large for the tap: one with an image may be the only one."""
    if facts.finish_reason is None and tail.rstrip().endswith((b"}", b"]")):
        facts.finish_reason = finish_reason(string_after(tail, b'"finishReason"'), b'"functionCall"' in tail)
    found = object_after(tail, b'"usageMetadata"')
    if found is not None:
        try:
            facts.usage = read_usage(_decode_usage(found))
        except msgspec.DecodeError:
            return
        facts.model = string_after(tail, b'"modelVersion"') or facts.model


def _responses_in(head: bytes, tail: bytes | None) -> list[bytes]:
    """The whole responses at both ends of a stream."""
    if head.lstrip()[:1] not in (b"[", b"{"):
        try:
            events = events_in(head, from_start=True)
            if tail is not None:
                events += events_in(tail, from_start=False)
        except SseTooLarge:
            return []
        return [event.data for event in events]
    responses = ElementDecoder().feed(head)
    if tail is not None:
        # Where an element begins in a piece from the middle, only the array's own separator tells for sure.
        at = _SEPARATOR.search(tail)
        if at is not None:
            responses += ElementDecoder().feed(tail[at.end() - 1 :])
    return responses


_SEPARATOR: Final = re.compile(rb"\}\s*,\s*[\r\n]+\s*\{(?=\s*\"candidates\")")


def _add(facts: CallFacts, answer: AnswerFacts) -> None:
    """Add what one response says; later ones win."""
    facts.model = answer.model_version or facts.model
    facts.response_id = answer.response_id or facts.response_id
    if answer.usage_metadata is not None:
        facts.usage = read_usage(answer.usage_metadata) or facts.usage
    if answer.candidates:
        facts.finish_reason = finish_reason(answer.candidates[0].finish_reason) or facts.finish_reason
    if answer.prompt_feedback is not None and answer.prompt_feedback.block_reason is not None:
        facts.finish_reason = "content_filter"
    if answer.error is not None:
        facts.error = read_error(answer.error, stream_error_status(answer.error))
