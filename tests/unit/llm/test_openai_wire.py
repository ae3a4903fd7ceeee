import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import UpstreamError
from entresol.llm.events import ErrorDetail
from entresol.llm.format import CallFacts, Opened
from entresol.llm.openai_wire import (
    CompletionDetails,
    PromptDetails,
    UsageChunkFilter,
    UsageWire,
    ask_for_usage,
    asks_for_usage,
    error_status,
    finish_reason,
    read_usage,
    write_usage,
)
from entresol.llm.registry import format_named
from entresol.llm.types import Usage

CHAT = format_named("openai-chat")
COUNTS = st.integers(0, 1_000_000)


@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
def test_buckets_never_overlap_and_never_go_below_zero(
    p: int, c: int, cached: int, audio: int, write: int, r: int
) -> None:
    wire = UsageWire(p, c, PromptDetails(cached, audio, write), CompletionDetails(r, audio, audio))
    usage = read_usage(wire)
    assert (usage.total_input, usage.total_output) == (p, c)
    assert min(usage.input, usage.cache_read, usage.output, usage.reasoning, usage.output_image) >= 0


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_usage_survives_being_written(plain: int, cached: int, answer: int, reasoning: int) -> None:
    usage = Usage(input=plain, cache_read=cached, cache_write=3, output=answer, reasoning=reasoning, output_image=2)
    body = json.dumps({"choices": [], "usage": write_usage(usage)}).encode()
    assert CHAT.response_facts(body).usage == usage


def test_null_counts_are_zero() -> None:
    assert read_usage(UsageWire(None, None, PromptDetails(), CompletionDetails())) == Usage()


ERRORS = [
    (
        b'{"error":{"message":"m","type":"t","code":"c","param":"p"}}',
        ErrorDetail(status=400, message="m", type="t", code="c", param="p"),
    ),
    (b'{"error":{"message":"m","code":429}}', ErrorDetail(status=400, message="m", code="429")),
    (b'{"error":"short"}', ErrorDetail(status=400, message="short")),
    (b'{"object":"error","message":"m","type":"t","code":1}', ErrorDetail(status=400, message="m", type="t", code="1")),
    (b'{"detail":"Not Found"}', ErrorDetail(status=400, message="Not Found")),
    (b'{"detail":[{"loc":["body"]}]}', ErrorDetail(status=400, message='[{"loc":["body"]}]')),
    (b'{"error":{}}', ErrorDetail(status=400, message="the provider gave no message")),
    (b"<html>", None),
    (b"", None),
    (b"{}", None),
    (b'{"a":' + b"[" * 100_000, None),
]


@pytest.mark.parametrize(("body", "error"), ERRORS)
def test_errors_are_read_as_openai_and_its_followers_write_them(body: bytes, error: ErrorDetail | None) -> None:
    assert CHAT.decode_error(400, body) == error


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "invalid_request_error"),
        (418, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "server_error"),
        (504, "server_error"),
    ],
)
def test_our_errors_have_openais_types(status: int, kind: str) -> None:
    content_type, body = CHAT.encode_error(status, "some_code", "what happened", "r" * 32)
    assert content_type.startswith(b"application/json")
    assert json.loads(body) == {
        "error": {"message": "what happened", "type": kind, "param": None, "code": "some_code"},
        "message": "what happened",
        "request_id": "r" * 32,
    }


def test_the_providers_request_id_is_kept() -> None:
    body = CHAT.error_body(ErrorDetail(status=500, message="m", request_id="req_1"), "ours")
    assert json.loads(body)["error"]["request_id"] == "req_1"


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


# Asking for usage, and taking out what only we asked for.

DELTA = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"x"}}],"usage":null}\n\n'
TOOLS = b'data: {"id":"c","choices":[{"index":0,"delta":{"tool_calls":[]}}]}\n\n'
USAGE = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n'
FILTERED = b'data: {"choices": [],"prompt_filter_results":[]}\n\n'
DONE = b"data: [DONE]\n\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, {"include_usage": True}), (b"null", {"include_usage": True}), (b"{}", {"include_usage": True}),
     (b'{"include_usage":false,"include_obfuscation":false}', {"include_usage": True, "include_obfuscation": False})],
)  # fmt: skip
def test_usage_is_asked_for_without_losing_other_options(before: bytes | None, after: object) -> None:
    fields = {} if before is None else {"stream_options": msgspec.Raw(before)}
    opened = Opened(fields, None, True)
    assert not asks_for_usage(fields.get("stream_options"))
    ask_for_usage(opened)
    assert json.loads(bytes(opened.fields["stream_options"])) == after
    assert asks_for_usage(opened.fields["stream_options"])


def test_stream_options_that_ask_for_usage_keep_their_bytes() -> None:
    asking = msgspec.Raw(b'{ "include_usage": true, "x": 1 }')
    opened = Opened({"stream_options": asking}, None, True, body=b"as it was")
    ask_for_usage(opened)
    assert (opened.fields, opened.body) == ({"stream_options": asking}, b"as it was")


def filtered(pieces: list[bytes]) -> bytes:
    take_out = UsageChunkFilter().feed
    return b"".join(take_out(piece, at + 1 == len(pieces)) for at, piece in enumerate(pieces))


STREAM = FILTERED + DELTA + TOOLS + DELTA + USAGE + DONE
WITHOUT = FILTERED + DELTA + TOOLS + DELTA + DONE


@pytest.mark.parametrize("size", range(1, len(STREAM), 13))
def test_only_the_usage_chunk_is_taken_out_however_the_stream_is_cut(size: int) -> None:
    assert filtered([STREAM[at : at + size] for at in range(0, len(STREAM), size)]) == WITHOUT


def test_a_whole_event_passes_at_once() -> None:
    take_out = UsageChunkFilter().feed
    assert take_out(DELTA, False) == DELTA
    assert take_out(DELTA[:20], False) == b""
    assert take_out(DELTA[20:], False) == DELTA


def test_lines_that_end_otherwise_switch_the_filter_off() -> None:
    stream = (DELTA + USAGE).replace(b"\n", b"\r\n")
    take_out = UsageChunkFilter().feed
    assert take_out(stream[:50], False) + take_out(stream[50:], False) == stream


def test_an_event_without_end_is_not_held_forever() -> None:
    take_out = UsageChunkFilter().feed
    out = b"".join(take_out(b"x" * 1000, False) for _ in range(100))
    assert len(out) == 100_000


def test_only_a_client_that_did_not_ask_gets_a_filter() -> None:
    asking = CHAT.open(b'{"messages":[],"stream":true,"stream_options":{"include_usage":true}}')
    silent = CHAT.open(b'{"messages":[],"stream":true}')
    assert CHAT.stream_filter(asking) is None
    assert CHAT.stream_filter(silent) is not None


ORDINARY = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
ODD = [
    b'data: {"usage":{"prompt_tokens":1},"choices":[]}\n\n',
    b'data: {"choices":[],"usage":{"prompt_tokens":1},"service_tier":null}\n\n',
    b'data: {"choices": [],"usage": {"prompt_tokens":1}}\n\n',
]


@pytest.mark.parametrize("usage", ODD)
@pytest.mark.parametrize("size", [1, 7, 40, 1000])
def test_a_usage_chunk_is_found_in_any_order_of_its_keys_and_behind_any_other(usage: bytes, size: int) -> None:
    stream = ORDINARY + usage + ORDINARY + DONE
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert filtered(pieces) == ORDINARY + ORDINARY + DONE


# What a stream said, read from its end.

FIRST = b'data: {"id":"c","model":"m","service_tier":"flex","choices":[{"index":0,"delta":{}}]}\n\n'
MIDDLE = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
LAST = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
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
        (FIRST + FINISH + DONE, msgspec.structs.replace(KNOWN, usage=None)),
    ],
)
def test_where_the_last_events_do_not_say_everything_all_are_read(stream: bytes, expected: CallFacts) -> None:
    assert CHAT.stream_facts(stream, None) == expected


def test_an_error_at_the_end_of_a_stream_counts() -> None:
    failed = b'data: {"error":{"message":"m"}}\n\n'
    facts = CHAT.stream_facts(FIRST + FINISH + LAST + failed + DONE, None)
    assert facts.error == ErrorDetail(status=502, message="m")
