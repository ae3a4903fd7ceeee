import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm.cohere_wire import (
    CohereChatFormat,
    CohereFormat,
    UsageWire,
    finish_reason,
    read_logprobs,
    read_usage,
    stream_failure,
    write_logprobs,
    write_usage,
)
from entresol.llm.events import ErrorDetail
from entresol.llm.types import Usage

CHAT = CohereChatFormat()


@pytest.mark.parametrize(
    ("wire", "meant"),
    [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop_sequence"),
        ("MAX_TOKENS", "length"),
        ("TOOL_CALL", "tool_calls"),
        ("ERROR", "error"),
        ("TIMEOUT", "error"),
        ("ERROR_TOXIC", "content_filter"),
        ("ERROR_NEW", "error"),
        ("SOMETHING", "stop"),
        ("", None),
        (None, None),
    ],
)
def test_reasons_are_read(wire: str | None, meant: str | None) -> None:
    assert finish_reason(wire) == meant


def usage_of(**wire: Any) -> Usage | None:
    return CHAT.response_facts(json.dumps({"message": {}, "usage": wire}).encode()).usage


def test_billed_units_are_what_counts() -> None:
    billed, counted = {"input_tokens": 5, "output_tokens": 9.0}, {"input_tokens": 71, "output_tokens": 11}
    assert usage_of(billed_units=billed, tokens=counted) == Usage(input=5, output=9)
    assert usage_of(billed_units={"search_units": 1}, tokens=counted) == Usage(input=71, output=11)
    assert usage_of(tokens=counted, cached_tokens=70) == Usage(input=1, cache_read=70, output=11)
    assert usage_of() is None


@pytest.mark.parametrize("odd", [-1, 1e300, 0])
def test_counts_that_cannot_be_are_kept_within_reason(odd: float) -> None:
    usage = usage_of(billed_units={"input_tokens": odd, "output_tokens": 1}, cached_tokens=900)
    assert usage is not None
    assert usage.total_input >= usage.cache_read >= 0


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_usage_comes_back(read: int, cached: int, output: int) -> None:
    usage = Usage(input=read, cache_read=cached, output=output)
    wire = json.dumps({"message": {}, "usage": write_usage(usage)}).encode()
    assert CHAT.response_facts(wire).usage == usage
    assert read_usage(UsageWire()) is None


def test_an_item_of_several_tokens_keeps_each_probability() -> None:
    read = read_logprobs([{"text": "ab", "token_ids": [1, 2], "logprobs": [-1, -2]}, {"text": "c", "logprobs": None}])
    entry: dict[str, Any] = {"bytes": None, "top_logprobs": []}
    assert read["content"] == [{"token": "ab", "logprob": -1, **entry}, {"token": "", "logprob": -2, **entry}]
    assert write_logprobs(read) == [
        {"text": "ab", "token_ids": [], "logprobs": [-1]},
        {"text": "", "token_ids": [], "logprobs": [-2]},
    ]
    assert write_logprobs({"content": None}) == []


@pytest.mark.parametrize("name", ["prompt", "message", "chat_history", "preamble"])
def test_a_prompt_beside_messages_is_refused_in_clear_words(name: str) -> None:
    both = json.dumps({"messages": [], name: "x"}).encode()
    with pytest.raises(ClientError, match=f"{name}: cannot stand beside messages") as raised:
        CHAT.open(both)
    assert (raised.value.code, raised.value.status) == ("bad_request", 400)
    with pytest.raises(ClientError, match="goes in messages"):
        CHAT.open(json.dumps({name: "x"}).encode())


def test_facts_of_an_answer() -> None:
    facts = CHAT.response_facts(b'{"id":"i","finish_reason":"MAX_TOKENS","message":{"content":[]}}')
    assert (facts.response_id, facts.finish_reason, facts.is_complete, facts.error) == ("i", "length", True, None)


@pytest.mark.parametrize(("reason", "status"), [("ERROR", 502), ("TIMEOUT", 504)])
def test_an_answer_that_failed_is_an_error_and_says_so_itself(reason: str, status: int) -> None:
    facts = CHAT.response_facts(json.dumps({"finish_reason": reason, "message": {"content": []}}).encode())
    assert facts.error is not None
    assert (facts.error.status, facts.finish_reason) == (status, "error")


def test_a_good_status_with_an_error_is_an_error() -> None:
    error = CHAT.response_facts(b'{"id":"i","message":"too bad"}').error
    assert error is not None
    assert error.message == "too bad"


@pytest.mark.parametrize("wrong", [b"<html>", b"[]", b"{}", b'{"message":null}', b'{"message":{}', b'{"usage":1}'])
def test_an_answer_that_is_none_is_told(wrong: bytes) -> None:
    with pytest.raises(UpstreamError):
        CHAT.response_facts(wrong)


def test_a_large_answer_is_read_at_its_ends() -> None:
    head, tail = b'{"id":"i","finish_reason":"COMPLETE","mess', b'..."}],"usage":{"tokens":{"input_tokens":3}}}'
    facts = CHAT.fragment_facts(head, tail)
    assert (facts.response_id, facts.finish_reason, facts.usage) == ("i", "stop", Usage(input=3))
    assert CHAT.fragment_facts(b"{", b'"usage":{"tokens":3}}').usage is None


START = b'event: message-start\ndata: {"type":"message-start","id":"i","delta":{"message":{"role":"assistant"}}}\n\n'
END = b'data: {"type":"message-end","delta":{"finish_reason":"%b"%b}}\n\n'


def test_a_stream_is_read_along_at_both_ends() -> None:
    usage = b',"usage":{"billed_units":{"input_tokens":1,"output_tokens":2}}'
    facts = CHAT.stream_facts(START, b"cut\n\n" + END % (b"COMPLETE", usage))
    assert (facts.response_id, facts.finish_reason, facts.usage) == ("i", "stop", Usage(input=1, output=2))
    assert facts.is_complete
    assert not CHAT.stream_facts(START, None).is_complete
    assert not CHAT.stream_facts(START + b'data: {"type":"message-end"\n\n', None).is_complete


@pytest.mark.parametrize(("reason", "status"), [(b"ERROR", 502), (b"TIMEOUT", 504)])
def test_a_stream_that_ends_badly_has_failed(reason: bytes, status: int) -> None:
    facts = CHAT.stream_facts(START + END % (reason, b',"error":"broken"'), None)
    assert facts.error is not None
    assert (facts.error.status, facts.error.message, facts.is_complete) == (status, "broken", False)
    assert stream_failure(reason.decode(), None).message


def test_an_error_object_in_a_stream_is_a_failure() -> None:
    error = CHAT.stream_facts(START + b'data: {"message":"gone"}\n\n', None).error
    assert error is not None
    assert error.message == "gone"


def test_errors_are_read_and_written() -> None:
    error = CHAT.decode_error(429, b'{"id":"i","message":"slow down"}')
    assert error == ErrorDetail(status=429, message="slow down", request_id="i")
    assert CHAT.decode_error(500, b"<html>") is None
    assert CHAT.decode_error(500, b'{"message":{}}') is None
    wire = json.loads(CHAT.error_body(ErrorDetail(status=400, message="no", code="bad"), "r"))
    assert wire == {"message": "no", "id": "r", "request_id": "r", "code": "bad"}


def test_an_error_ends_a_stream_as_one() -> None:
    for status, reason in ((500, "ERROR"), (504, "TIMEOUT")):
        out = CHAT.stream_error(ErrorDetail(status=status, message="no", code="c"), "r")
        facts = CHAT.stream_facts(out, None)
        assert facts.error is not None
        assert (facts.error.message, facts.error.type) == ("no", reason)


def test_other_calls_have_no_streams() -> None:
    assert not CohereFormat().stream_facts(START, None).is_complete
