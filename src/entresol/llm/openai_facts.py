"""What OpenAI's answers say about their calls: usage, finish reason, model, error."""

from typing import Final

import msgspec

from entresol.llm.call_facts import CallFacts, OpenChoices
from entresol.llm.events import ErrorDetail
from entresol.llm.fragment import object_after, string_after
from entresol.llm.json_fields import bad_field, decode_response_as, encode_json
from entresol.llm.openai_structs import AnswerFacts, ErrorWire, decode_calls, decode_error, decode_facts, decode_usage
from entresol.llm.openai_usage import read_input_usage, read_usage
from entresol.llm.sse import SseTooLarge, events_in
from entresol.llm.types import FinishReason

DONE: Final = b"[DONE]"
_TOOL_CALLS: Final = b'"tool_calls"'
_LAST_EVENTS: Final = 5
_LAST_BYTES: Final = 4096

FINISH_REASONS: Final[dict[str, FinishReason]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "error": "error",
}


def finish_reason(wire: str | None) -> FinishReason | None:
    """OpenAI's reason; a compatible server's own word counts as `stop`, an empty one as none yet."""
    return FINISH_REASONS.get(wire, "stop") if wire else None


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


def error_in(status: int, body: bytes) -> ErrorDetail | None:
    """An error's body, in the words of OpenAI or of other servers; None if it is none."""
    try:
        answer = decode_error(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if answer.error is not None:
        return read_error(answer.error, status)
    message = answer.message if answer.message is not None else answer.detail
    if message is None:
        return None
    text = message if isinstance(message, str) else encode_json(message).decode()
    return read_error(ErrorWire(text, answer.type, answer.code), status)


def error_status(error: ErrorDetail) -> int:
    """The HTTP status an error inside a stream would have had."""
    if error.code is not None and error.code.isdecimal() and 400 <= int(error.code) < 600:
        return int(error.code)
    if error.type == "rate_limit_error" or error.code == "rate_limit_exceeded":
        return 429
    return 400 if error.type == "invalid_request_error" else 502


def facts_of_answer(body: bytes) -> CallFacts:
    """What a whole answer says. Raises UpstreamError `provider_bad_response` if it is not one."""
    answer = decode_response_as(decode_facts, body)
    if answer.error is None and answer.choices is None and not answer.data:
        raise bad_field("choices", "is required")
    facts = _facts(answer, True)
    if facts.finish_reason == "stop" and _calls_tools(body):
        facts.finish_reason = "tool_calls"
    return facts


def facts_of_fragment(head: bytes, tail: bytes) -> CallFacts:
    """What can be read from the start and the end of an answer too large to be read whole."""
    found = object_after(tail, b'"usage"')
    try:
        usage = None if found is None else read_usage(decode_usage(found))
    except msgspec.DecodeError:
        usage = None
    model = string_after(head, b'"model"') or string_after(tail, b'"model"')
    return CallFacts(usage=usage, model=model, is_complete=True)


def _calls_tools(answer: bytes) -> bool:
    """Whether an answer, or a chunk, calls tools in its first choice: some that do say `stop`."""
    if answer.find(_TOOL_CALLS) < 0:
        return False
    try:
        return decode_calls(answer).are_there()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _stream_calls_tools(fragment: bytes, from_start: bool) -> bool:
    if fragment.find(_TOOL_CALLS) < 0:
        return False
    try:
        events = events_in(fragment, from_start=from_start)
    except SseTooLarge:
        return False
    return any(_calls_tools(event.data) for event in events)


def facts_of_stream(head: bytes, tail: bytes | None) -> CallFacts:
    """What a stream said, by its start and, if that is not all of it, its end."""
    facts = _facts_of_stream(head, tail)
    if facts.finish_reason == "stop" and (
        _stream_calls_tools(head, True) or (tail is not None and _stream_calls_tools(tail, False))
    ):
        facts.finish_reason = "tool_calls"
    return facts


def _facts_of_stream(head: bytes, tail: bytes | None) -> CallFacts:
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


def _facts(answer: AnswerFacts, is_complete: bool) -> CallFacts:
    usage, choices = answer.usage, answer.choices
    read = read_usage if choices is not None else read_input_usage
    facts = CallFacts(
        usage=None if usage is None else read(usage),
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
    first = head.find(b"\n\n")
    for event in (head if first < 0 else head[:first], *end[-_LAST_BYTES:].rsplit(b"\n\n", _LAST_EVENTS)[1:]):
        data = event.removeprefix(b"data:").strip()
        if data == DONE:
            facts.is_complete = True
        elif data and data.find(b"\n") < 0:
            _merge(facts, data, OpenChoices())
    return facts if facts.is_complete and facts.usage is not None and facts.finish_reason is not None else None


def _merge(facts: CallFacts, data: bytes, choices: OpenChoices) -> None:
    """Add what one chunk of a stream says; later chunks win."""
    try:
        wire = decode_facts(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return  # a chunk cut by the tap's window
    for choice in wire.choices or ():
        choices.note(choice.index, bool(choice.finish_reason))
    chunk = _facts(wire, is_complete=facts.is_complete)
    if chunk.usage is not None:
        facts.usage = chunk.usage
    if chunk.model is not None:
        facts.model = chunk.model
    if chunk.response_id is not None:
        facts.response_id = chunk.response_id
    if chunk.finish_reason is not None:
        facts.finish_reason = chunk.finish_reason
    if chunk.service_tier is not None:
        facts.service_tier = chunk.service_tier
    error = chunk.error or _other_error(wire, data)
    if error is not None:
        facts.error = error


def _other_error(chunk: AnswerFacts, data: bytes) -> ErrorDetail | None:
    """A chunk's error that is not in OpenAI's `error`: what the stream's decoder takes for one."""
    if chunk.x_groq is not None and chunk.x_groq.error is not None:
        error: ErrorDetail | None = read_error(chunk.x_groq.error, 502)
    elif chunk.choices is None:
        error = None if chunk.usage is not None else error_in(502, data)
    else:
        said = next((choice.error for choice in chunk.choices if choice.error is not None), None)
        error = None if said is None else read_error(said, 502)
    if error is not None:
        error.status = error_status(error)
    return error
