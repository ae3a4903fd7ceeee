"""What OpenAI's Responses say about their calls: usage, why they ended, model, error.

Source: OpenAI API reference, "The response object", "Streaming events".
"""

from typing import Final

import msgspec

from entresol.llm.call_facts import CallFacts
from entresol.llm.events import ErrorDetail
from entresol.llm.fragment import object_after, string_after
from entresol.llm.json_fields import bad_field, decode_response_as
from entresol.llm.openai_facts import error_status, read_error
from entresol.llm.openai_responses_structs import (
    EventFacts,
    ResponseFacts,
    UsageWire,
    decode_event_facts,
    decode_response,
    decode_usage,
)
from entresol.llm.openai_structs import ErrorWire
from entresol.llm.reported_cost import reported_cost
from entresol.llm.sse import SseTooLarge, events_in
from entresol.llm.token_count import count
from entresol.llm.types import FinishReason, Usage

CALLS: Final = ("function_call", "custom_tool_call")
FINAL_EVENTS: Final = ("response.completed", "response.incomplete", "response.failed")
_INCOMPLETE: Final[dict[str, FinishReason]] = {"max_output_tokens": "length", "content_filter": "content_filter"}
_NOT_THERE_YET: Final = ("queued", "in_progress")
_CALL: Final = (b'"type":"function_call"', b'"type": "function_call"', b'"type":"custom_tool_call"')


def read_usage(wire: UsageWire) -> Usage | None:
    """Totals with details become buckets that do not overlap; None where nothing is counted: that is not zero."""
    cost = reported_cost(wire)
    if wire.input_tokens is None and wire.output_tokens is None:
        return None if cost is None else Usage(reported_cost=cost)
    into, out = count(wire.input_tokens), count(wire.output_tokens)
    usage = Usage(input=into, output=out, reported_cost=cost)
    inputs, outputs = wire.input_tokens_details, wire.output_tokens_details
    if inputs is not None:
        usage.cache_read = min(count(inputs.cached_tokens), into)
        usage.cache_write = min(count(inputs.cache_write_tokens), into - usage.cache_read)
        usage.input_audio = min(count(inputs.audio_tokens), into - usage.cache_read - usage.cache_write)
        usage.input = into - usage.cache_read - usage.cache_write - usage.input_audio
    if outputs is not None:
        usage.reasoning = min(count(outputs.reasoning_tokens), out)
        usage.output_audio = min(count(outputs.audio_tokens), out - usage.reasoning)
        usage.output_image = min(count(outputs.image_tokens), out - usage.reasoning - usage.output_audio)
        usage.output = out - usage.reasoning - usage.output_audio - usage.output_image
    return usage


def write_usage(usage: Usage) -> dict[str, object]:
    """The `usage` object of an answer."""
    inputs = {"cached_tokens": usage.total_cache_read, "cache_write_tokens": usage.cache_write + usage.cache_write_1h}
    if usage.input_audio:
        inputs["audio_tokens"] = usage.input_audio
    outputs = {"reasoning_tokens": usage.reasoning}
    if usage.output_audio:
        outputs["audio_tokens"] = usage.output_audio
    if usage.output_image:
        outputs["image_tokens"] = usage.output_image
    return {
        "input_tokens": usage.total_input,
        "input_tokens_details": inputs,
        "output_tokens": usage.total_output,
        "output_tokens_details": outputs,
        "total_tokens": usage.total_input + usage.total_output,
    }


def finish_reason(status: str | None, incomplete: str | None, calls_tools: bool) -> FinishReason | None:
    """Why a response ended; None while it has not."""
    if status in _NOT_THERE_YET:
        return None
    if status == "incomplete":
        return _INCOMPLETE.get(incomplete or "", "pause")
    if status in ("failed", "cancelled"):
        return "error"
    return "tool_calls" if calls_tools else "stop"


def failure_of(wire: ErrorWire | str | None) -> ErrorDetail:
    """The `error` of a response that failed, or of an error event."""
    if wire is None:
        return ErrorDetail(status=502, message="the provider gave no message")
    error = read_error(wire, 502)
    error.status = error_status(error)
    return error


def facts_of_answer(body: bytes) -> CallFacts:
    """What a whole answer says. Raises UpstreamError `provider_bad_response` if it is not one."""
    answer = decode_response_as(decode_response, body)
    if answer.error is None and answer.output is None:
        raise bad_field("output", "is required")
    facts = facts_of_response(answer)
    facts.is_complete = True
    if answer.output is None and answer.object != "response":
        facts.finish_reason = None  # it is no answer at all
    return facts


def facts_of_response(answer: ResponseFacts) -> CallFacts:
    """What a response says, which may be one that goes on."""
    calls_tools = any(item.type in CALLS for item in answer.output or ())
    incomplete = answer.incomplete_details
    facts = CallFacts(
        usage=None if answer.usage is None else read_usage(answer.usage),
        model=answer.model,
        response_id=answer.id,
        finish_reason=finish_reason(answer.status, None if incomplete is None else incomplete.reason, calls_tools),
        service_tier=answer.service_tier,
    )
    if answer.error is not None or answer.status == "failed":
        facts.error = failure_of(answer.error)
    return facts


def facts_of_fragment(head: bytes, tail: bytes) -> CallFacts:
    """What can be read from the start and the end of an answer too large to be read whole."""
    facts = CallFacts(usage=_usage_in(tail), is_complete=True, response_id=string_after(head, b'"id"'))
    facts.model = string_after(head, b'"model"') or string_after(tail, b'"model"')
    incomplete = object_after(head, b'"incomplete_details"')
    reason = None if incomplete is None else string_after(incomplete, b'"reason"')
    calls_tools = any(tail.find(mark) >= 0 for mark in _CALL)
    facts.finish_reason = finish_reason(string_after(head, b'"status"'), reason, calls_tools)
    return facts


def _usage_in(tail: bytes) -> Usage | None:
    found = object_after(tail, b'"usage"')
    try:
        return None if found is None else read_usage(decode_usage(found))
    except msgspec.DecodeError:
        return None


def facts_of_stream(head: bytes, tail: bytes | None) -> CallFacts:
    """What a stream said, by its start and, if that is not all of it, its end."""
    facts = CallFacts()
    for fragment in (head,) if tail is None else (head, tail):
        try:
            events = events_in(fragment, from_start=fragment is head)
        except SseTooLarge:
            continue
        for event in events:
            _merge(facts, event.data)
    if facts.model is None:
        facts.model = string_after(head, b'"model"')
    if facts.response_id is None:
        facts.response_id = string_after(head, b'"id"')
    if tail is not None and not facts.is_complete and facts.error is None:
        _read_cut_event(facts, tail)
    return facts


def _merge(facts: CallFacts, data: bytes) -> None:
    """Add what one event of a stream says; later ones win."""
    try:
        event = decode_event_facts(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return  # cut by the tap's window
    if event.error is not None or event.type == "error":
        facts.error = error_of(event)
        return
    if event.response is None:
        return
    said = facts_of_response(event.response)
    facts.model, facts.response_id = said.model or facts.model, said.response_id or facts.response_id
    facts.service_tier = said.service_tier or facts.service_tier
    if event.type not in FINAL_EVENTS:
        return
    facts.usage, facts.error = said.usage or facts.usage, said.error
    facts.finish_reason = "error" if event.type == "response.failed" else said.finish_reason
    facts.is_complete = True


def error_of(event: EventFacts) -> ErrorDetail:
    """The error that an `error` event tells, flat or in an object of its own."""
    return failure_of(event.error or ErrorWire(message=event.message, code=event.code))


def _read_cut_event(facts: CallFacts, tail: bytes) -> None:
    """The last event holds the whole response, instructions and tools with it: its start may be out of the window."""
    last = tail.replace(b"\r\n", b"\n").rstrip().rpartition(b"\n\n")[2]
    usage = _usage_in(last)
    if usage is None or not last.endswith(b"}"):
        return
    facts.usage, facts.is_complete = usage, True
    calls_tools = any(tail.find(mark) >= 0 for mark in _CALL)
    incomplete = object_after(last, b'"incomplete_details"')
    reason = None if incomplete is None else string_after(incomplete, b'"reason"')
    facts.finish_reason = finish_reason("completed" if incomplete is None else "incomplete", reason, calls_tools)
    facts.model = facts.model or string_after(last, b'"model"')
