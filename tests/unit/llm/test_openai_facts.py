import json
from typing import Any

import pytest

from entresol.core.errors import UpstreamError
from entresol.llm.call_facts import CallFacts
from entresol.llm.events import ErrorDetail
from entresol.llm.openai_facts import error_status, finish_reason
from entresol.llm.registry import format_named
from entresol.llm.types import Usage

CHAT = format_named("openai-chat")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ErrorDetail(status=502, message="m"), 502),
        (ErrorDetail(status=502, message="m", code="503"), 503),
        (ErrorDetail(status=502, message="m", code="200"), 502),
        (ErrorDetail(status=502, message="m", type="rate_limit_error"), 429),
        (ErrorDetail(status=502, message="m", type="invalid_request_error"), 400),
    ],
)
def test_an_error_inside_a_stream_has_the_status_it_would_have_had(error: ErrorDetail, status: int) -> None:
    assert error_status(error) == status


@pytest.mark.parametrize(
    ("wire", "reason"),
    [("stop", "stop"), ("length", "length"), ("function_call", "tool_calls"), ("eos", "stop"), (None, None)],
)
def test_finish_reasons_of_compatible_servers_count_as_stop(wire: str | None, reason: str | None) -> None:
    assert finish_reason(wire) == reason


@pytest.mark.parametrize("body", [b"{}", b"[]", b"", b'{"choices":5}', b"{" + b'"a":{' * 50_000])
def test_what_is_no_answer_is_the_providers_fault(body: bytes) -> None:
    with pytest.raises(UpstreamError) as error:
        CHAT.response_facts(body)
    assert (error.value.status, error.value.code) == (502, "provider_bad_response")


def test_an_error_answered_with_200_is_an_error() -> None:
    facts = CHAT.response_facts(b'{"error":{"message":"m","type":"rate_limit_error"}}')
    assert facts.error == ErrorDetail(status=429, message="m", type="rate_limit_error")


DONE = b"data: [DONE]\n\n"
FIRST = b'data: {"id":"c","model":"m","service_tier":"flex","choices":[{"index":0,"delta":{}}]}\n\n'
MIDDLE = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
LAST = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
WITHOUT_USAGE = CallFacts(model="m", response_id="c", service_tier="flex", finish_reason="stop", is_complete=True)
KNOWN = CallFacts(
    usage=Usage(input=3, output=2), model="m", response_id="c", service_tier="flex", finish_reason="stop",
    is_complete=True,
)  # fmt: skip


@pytest.mark.parametrize("middle", [b"", MIDDLE, MIDDLE * 50, b": keep-alive\n\n" + MIDDLE])
@pytest.mark.parametrize(
    "end",
    [FINISH + LAST + DONE, LAST + FINISH + DONE, FINISH + LAST + DONE.rstrip(), FINISH + b": x\n\n" + LAST + DONE],
)
def test_a_complete_stream_is_known_by_its_first_event_and_its_last(middle: bytes, end: bytes) -> None:
    assert CHAT.stream_facts(FIRST + middle + end, None) == KNOWN
    assert CHAT.stream_facts(FIRST, b"cut event}\n\n" + middle + end) == KNOWN


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (FIRST + LAST + FINISH + MIDDLE * 9 + DONE, KNOWN),
        ((FIRST + FINISH + LAST + DONE).replace(b"\n", b"\r\n"), KNOWN),
        (
            FIRST + FINISH + DONE,
            WITHOUT_USAGE,
        ),
    ],
)
def test_where_the_last_events_do_not_say_everything_all_are_read(stream: bytes, expected: CallFacts) -> None:
    assert CHAT.stream_facts(stream, None) == expected


def test_an_empty_finish_reason_as_some_servers_write_in_every_chunk_finishes_nothing() -> None:
    chunk = b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":""}]}\n\n'
    for head, tail in ((FIRST + chunk, None), (FIRST, chunk * 3)):
        facts = CHAT.stream_facts(head, tail)
        assert (facts.finish_reason, facts.is_complete) == (None, False)
    assert CHAT.stream_facts(FIRST + chunk + FINISH, None).finish_reason == "stop"


CALL = [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
CHOICES: list[tuple[list[dict[str, Any]], str]] = [
    ([{"tool_calls": CALL}], "tool_calls"),
    ([{"tool_calls": []}], "stop"),
    ([{"tool_calls": None}], "stop"),
    ([{"tool_calls": 5}], "stop"),
    ([{"content": 'x "tool_calls":[{}]'}], "stop"),
    ([{"content": "x"}, {"tool_calls": CALL}], "stop"),
]


@pytest.mark.parametrize(("said", "reason"), CHOICES)
def test_stop_after_tool_calls_is_what_translation_takes_it_for(said: list[dict[str, Any]], reason: str) -> None:
    whole = [{"index": at, "message": each, "finish_reason": "stop"} for at, each in enumerate(said)]
    assert CHAT.response_facts(json.dumps({"choices": whole}).encode()).finish_reason == reason
    chunks = [[{"index": at, "delta": each} for at, each in enumerate(said)]]
    chunks.append([{"index": at, "delta": {}, "finish_reason": "stop"} for at in range(len(said))])
    stream = "".join([f"data: {json.dumps({'choices': chunk})}\n\n" for chunk in chunks]).encode()
    for rest in (b"", DONE, LAST + DONE):
        assert CHAT.stream_facts(stream + rest, None).finish_reason == reason
        assert CHAT.stream_facts(b": x\n\n", b"cut}\n\n" + stream + rest).finish_reason == reason


def test_a_limit_reached_in_tool_calls_stays_one() -> None:
    whole = {"choices": [{"message": {"tool_calls": CALL}, "finish_reason": "length"}]}
    assert CHAT.response_facts(json.dumps(whole).encode()).finish_reason == "length"


def test_an_error_at_the_end_of_a_stream_counts() -> None:
    failed = b'data: {"error":{"message":"m"}}\n\n'
    facts = CHAT.stream_facts(FIRST + FINISH + LAST + failed + DONE, None)
    assert facts.error == ErrorDetail(status=502, message="m")


@pytest.mark.parametrize(
    "said",
    [
        {"object": "error", "message": "m", "type": "InternalServerError", "code": 503},
        {"message": "m", "type": "InternalServerError", "code": 503},
        {"detail": "m", "type": "InternalServerError", "code": 503},
        {"error": {"message": "m", "type": "InternalServerError", "code": 503}},
        {"choices": [{"index": 0, "error": {"message": "m", "type": "InternalServerError", "code": 503}}]},
    ],
)
@pytest.mark.parametrize("before", [FIRST, FIRST + MIDDLE, FIRST + FINISH + LAST])
def test_an_error_before_the_end_mark_counts_in_every_form_translation_takes_for_one(
    said: dict[str, Any], before: bytes
) -> None:
    failed = f"data: {json.dumps(said)}\n\n".encode()
    expected = ErrorDetail(status=503, message="m", type="InternalServerError", code="503")
    assert CHAT.stream_facts(before + failed + DONE, None).error == expected
    assert CHAT.stream_facts(FIRST, b"cut}\n\n" + before + failed + DONE).error == expected


def test_an_error_in_groqs_own_field_counts() -> None:
    failed = b'data: {"id":"c","choices":[],"x_groq":{"error":"m"}}\n\n'
    assert CHAT.stream_facts(FIRST + failed + DONE, None).error == ErrorDetail(status=502, message="m")
