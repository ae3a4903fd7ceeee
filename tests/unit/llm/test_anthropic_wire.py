import json
from typing import Any

import pytest

from entresol.core.errors import UpstreamError
from entresol.llm.answers import PassedStream
from entresol.llm.anthropic_wire import finish_reason
from entresol.llm.events import ErrorDetail, Started
from entresol.llm.formats.anthropic_messages import AnthropicMessages
from entresol.llm.types import Usage

FORMAT = AnthropicMessages()
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "model": "claude",
    "content": [{"type": "text", "text": "x"}],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 5, "output_tokens": 3, "cache_read_input_tokens": 2, "service_tier": "standard"},
}


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop_sequence"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("pause_turn", "pause"),
        ("refusal", "refusal"),
        ("brand_new", "stop"),
        (None, None),
    ],
)
def test_stop_reasons_are_mapped(wire: str | None, reason: str | None) -> None:
    assert finish_reason(wire) == reason


def test_fast_mode_is_a_fact_of_whole_answers_large_ones_and_streams() -> None:
    usage = {"input_tokens": 5, "output_tokens": 3, "service_tier": "standard", "speed": "fast"}
    message = {**MESSAGE, "usage": usage}
    whole = json.dumps(message).encode()
    assert FORMAT.response_facts(whole).service_tier == "fast"
    assert FORMAT.fragment_facts(whole[:60], whole[-150:]).service_tier == "fast"
    start = json.dumps({"type": "message_start", "message": message}).encode()
    stream = b"event: message_start\ndata: %b\n\n" % start
    assert FORMAT.stream_facts(stream, None).service_tier == "fast"
    assert FORMAT.decode_response(whole).service_tier == "fast"
    [started] = [event for event in FORMAT.stream_decoder().feed(stream) if isinstance(event, Started)]
    assert started.service_tier == "fast"


def test_a_tier_that_the_end_of_a_stream_names_is_its_tier() -> None:
    usage = {"output_tokens": 3, "speed": "fast"}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}
    facts = FORMAT.stream_facts(b"event: message_delta\ndata: %b\n\n" % json.dumps(end).encode(), None)
    assert facts.service_tier == "fast"


def test_a_whole_answer_states_its_facts() -> None:
    facts = FORMAT.response_facts(json.dumps(MESSAGE).encode())
    assert (facts.model, facts.response_id, facts.finish_reason) == ("claude", "msg_1", "tool_calls")
    assert (facts.usage, facts.service_tier) == (Usage(input=5, cache_read=2, output=3), "default")
    assert facts.is_complete


def test_an_error_with_status_200_is_told() -> None:
    facts = FORMAT.response_facts(b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}')
    assert facts.error is not None
    assert (facts.error.status, facts.error.message) == (529, "busy")


@pytest.mark.parametrize("body", [b"{}", b"[]", b"{oops", b'{"id":5}'])
def test_what_is_no_message_is_the_providers_fault(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        FORMAT.response_facts(body)


def test_facts_are_found_at_both_ends_of_a_large_answer() -> None:
    body = json.dumps(
        MESSAGE | {"content": [{"type": "text", "text": "y" * 9000 + '"usage":{"input_tokens":1}'}]}
    ).encode()
    facts = FORMAT.fragment_facts(body[:100], body[-400:])
    assert (facts.model, facts.usage) == ("claude", Usage(input=5, cache_read=2, output=3))
    assert FORMAT.fragment_facts(b"", b"").usage is None


CUT = "provider_stream_cut"
STREAM = (
    b'event: message_start\ndata: {"type":"message_start","message":' + json.dumps(MESSAGE).encode() + b"}\n\n"
    b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"x"}}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"max_tokens"},'
    b'"usage":{"output_tokens":50}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)


def test_a_stream_states_its_facts_at_both_ends() -> None:
    for head, tail in ((STREAM, None), (STREAM[:380], STREAM[-250:])):
        facts = FORMAT.stream_facts(head, tail)
        assert (facts.model, facts.finish_reason, facts.is_complete) == ("claude", "length", True)
        assert facts.usage == Usage(input=5, cache_read=2, output=50)


def test_a_stream_without_its_end_mark_was_cut_whatever_it_said_before() -> None:
    for stop in ("event: message_stop\n", 'event: message_stop\ndata: {"type":"mess'):
        cut = STREAM[: STREAM.index(b"event: message_stop")] + stop.encode()
        passed = PassedStream(FORMAT, None, "sse", "r")
        out = passed.feed(cut, True)
        assert json.loads(out[len(cut) :].partition(b"data: ")[2])["error"]["details"]["error_code"] == CUT
        assert not passed.facts.is_complete
        assert passed.facts.usage == Usage(input=5, cache_read=2, output=50)


def test_a_cut_or_failed_stream_is_not_complete() -> None:
    assert not FORMAT.stream_facts(STREAM[:-60], None).is_complete
    failed = FORMAT.stream_facts(
        b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"no"}}\n\n', None
    )
    assert failed.error is not None
    assert failed.error.status == 500


# Errors.


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (418, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "overloaded_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
def test_errors_have_anthropics_types(status: int, kind: str) -> None:
    body = FORMAT.error_body(ErrorDetail(status=status, message="why", code="our_code"), "id-1")
    wire = json.loads(body)
    assert wire["type"] == "error"
    assert wire["error"] == {"type": kind, "message": "why", "details": {"error_code": "our_code"}}
    assert (wire["message"], wire["request_id"]) == ("why", "id-1")
    again = FORMAT.decode_error(status, body)
    assert again is not None
    assert (again.message, again.code, again.type) == ("why", "our_code", kind)


def test_what_is_no_error_object_is_not_guessed_at() -> None:
    for body in (b"<html>", b"{}", b"[]"):
        assert FORMAT.decode_error(500, body) is None
    short = FORMAT.decode_error(500, b'{"error":"just words"}')
    assert short is not None
    assert short.message == "just words"


def test_an_error_in_a_stream_is_an_event_of_its_own() -> None:
    event = FORMAT.stream_error(ErrorDetail(status=502, message="why"), "id-1")
    assert event.startswith(b"event: error\ndata: {")
    assert event.endswith(b"}\n\n")
