import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm import sse
from entresol.llm.events import ErrorDetail
from entresol.llm.format import NO_OPTIONS, Options, Profile
from entresol.llm.formats.tgi_generate import TgiGenerate
from entresol.llm.tap import StreamTap
from entresol.llm.tgi_wire import asks_for_stream, finish_reason, read_error, read_usage, stream_failure
from entresol.llm.types import Usage

TGI = TgiGenerate()
PROFILE = Profile(provider="huggingface")
DETAILS = {"finish_reason": "length", "generated_tokens": 4, "input_length": 3}


def event(text: str, **more: Any) -> bytes:
    token = {"id": 1, "text": text, "logprob": -1, "special": False}
    return b"data:%b\n\n" % json.dumps({"index": 1, "token": token, "generated_text": None} | more).encode()


@pytest.mark.parametrize(
    ("path", "stream", "expected"),
    [
        ("/generate", True, False),
        ("/generate_stream", False, True),
        ("/", True, True),
        ("/", False, False),
        ("/models/org/name", True, True),
        ("", True, True),
    ],
)
def test_the_path_says_whether_to_stream_or_the_body(path: str, stream: bool, expected: bool) -> None:
    assert asks_for_stream(path, stream) == expected
    opened = TGI.open(json.dumps({"inputs": "x", "stream": stream}).encode(), path)
    assert (opened.stream, opened.framing) == (expected, "sse")


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/models/org/name", "org/name"),
        ("/hf-inference/models/gpt2/", "gpt2"),
        ("/models/a%20b", "a b"),
        ("/generate", None),
    ],
)
def test_the_path_names_the_model(path: str, model: str | None) -> None:
    assert TGI.open(b'{"inputs":"x"}', path).model == model


def test_closing_changes_only_what_has_to_change() -> None:
    body = b'{"inputs":"x","parameters":{"top_k": 5,"future":1},"more":2}'
    assert json.loads(TGI.close(TGI.open(body), "m", False, NO_OPTIONS, PROFILE)) == json.loads(body)
    closed = TGI.close(TGI.open(body), "m", True, Options(max_tokens=7, top_k=9), PROFILE)
    assert json.loads(closed) == {
        "inputs": "x",
        "parameters": {"top_k": 9, "future": 1, "max_new_tokens": 7},
        "more": 2,
        "stream": True,
    }
    assert json.loads(TGI.close(TGI.open(b'{"inputs":"x","stream":true}'), "m", False, NO_OPTIONS, PROFILE)) == {
        "inputs": "x",
        "stream": False,
    }
    with pytest.raises(ClientError, match="parameters: expected an object"):
        TGI.close(TGI.open(b'{"inputs":"x","parameters":3}'), "m", False, Options(top_k=9), PROFILE)


@pytest.mark.parametrize("as_list", [False, True])
def test_a_whole_answer_says_what_it_cost(as_list: bool) -> None:
    answer = {
        "generated_text": "a",
        "details": {"finish_reason": "length", "generated_tokens": 4, "prefill": [1, 2, 3]},
    }
    facts = TGI.response_facts(json.dumps([answer] if as_list else answer).encode())
    assert (facts.usage, facts.finish_reason, facts.is_complete) == (Usage(input=3, output=4), "length", True)


def test_an_answer_without_details_has_no_usage() -> None:
    facts = TGI.response_facts(b'{"generated_text":"a"}')
    assert (facts.usage, facts.finish_reason) == (None, "stop")


def test_an_error_with_status_200_is_an_error() -> None:
    facts = TGI.response_facts(b'{"error":"overloaded","error_type":"overloaded"}')
    assert facts.error == ErrorDetail(status=429, message="overloaded", type="overloaded", code="overloaded")


@pytest.mark.parametrize("body", [b"{}", b"[]", b"[{}]", b"5", b"<html>", b'{"generated_text":'])
def test_an_answer_that_is_none_is_told(body: bytes) -> None:
    with pytest.raises(UpstreamError, match="cannot be read"):
        TGI.response_facts(body)


def test_a_large_answer_is_read_from_its_ends() -> None:
    details = {"finish_reason": "stop_sequence", "generated_tokens": 4, "prefill": []}
    body = json.dumps({"generated_text": '"generated_tokens":9 ' * 20_000, "details": details}).encode()
    facts = TGI.fragment_facts(body[:4096], body[-8192:])
    assert (facts.usage, facts.finish_reason) == (Usage(output=4), "stop_sequence")


@pytest.mark.parametrize("words", [0, 5, 2000])
def test_a_stream_says_what_it_cost_however_long_it_is(words: int) -> None:
    tap = StreamTap()
    tap.feed(event("word") * words)
    tap.feed(event("", generated_text="word" * words, details=DETAILS))
    facts = tap.facts(TGI)
    assert (facts.usage, facts.finish_reason, facts.is_complete) == (Usage(input=3, output=4), "length", True)


def test_a_last_event_larger_than_the_window_is_read_at_its_end() -> None:
    tap = StreamTap()
    tap.feed(event("word") * 200)
    tap.feed(event("", generated_text="word" * 10_000, details=DETAILS))
    facts = tap.facts(TGI)
    assert (facts.usage, facts.finish_reason, facts.is_complete) == (Usage(input=3, output=4), "length", True)


def test_a_stream_without_its_last_event_is_not_complete() -> None:
    assert not TGI.stream_facts(event("a"), None).is_complete
    long = event("word") * 2000
    assert not TGI.stream_facts(long[:4096], long[-8192:]).is_complete


def test_events_too_long_to_read_are_no_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 10)
    assert not TGI.stream_facts(event("", generated_text="Hi"), None).is_complete


def test_a_failed_stream_says_why() -> None:
    facts = TGI.stream_facts(event("a") + b'data:{"error":"no","error_type":"generation"}\n\n', None)
    assert facts.error == ErrorDetail(status=500, message="no", type="generation", code="generation")
    assert not facts.is_complete


@given(st.binary(max_size=300), st.none() | st.binary(max_size=300))
def test_no_bytes_break_the_reader_of_a_stream(head: bytes, tail: bytes | None) -> None:
    assert not TGI.stream_facts(head, tail).is_complete or b"generated" in head + (tail or b"")


def test_reasons_that_are_new_count_as_stop() -> None:
    words = ["eos_token", "stop_sequence", "length", "tired", "", None]
    assert [finish_reason(word) for word in words] == ["stop", "stop_sequence", "length", "stop", "stop", "stop"]


def test_usage_needs_what_was_generated() -> None:
    assert read_usage(3, None) is None
    assert read_usage(None, 3) == Usage(output=3)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("no", "no"),
        ("", "the provider gave no message"),
        (["a", "b"], "a; b"),
        ({"message": "no", "type": "t"}, "no"),
        ({}, None),
        (5, None),
    ],
)
def test_errors_are_sentences_lists_or_objects(error: object, message: str | None) -> None:
    read = read_error(error, None, 500)
    assert (None if read is None else read.message) == message


def test_an_error_of_a_stream_has_the_status_of_its_kind() -> None:
    assert stream_failure("x", "validation").status == 422
    assert stream_failure(7, None) == ErrorDetail(status=502, message="the provider gave no message")


def test_errors_are_written_so_that_they_are_read_again() -> None:
    error = ErrorDetail(status=422, message="too long", type="validation", code="validation")
    body = TGI.error_body(error, "r")
    assert TGI.decode_error(422, body) == error
    assert TGI.decode_error(422, b"[%b]" % body) == error
    assert (json.loads(body)["error_type"], json.loads(body)["request_id"]) == ("validation", "r")
    assert TGI.stream_error(error, "r").startswith(b"data: {")


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (429, None, "overloaded"),
        (503, "server_error", "overloaded"),
        (400, "invalid_request_error", "validation"),
        (404, None, "validation"),
        (424, None, "generation"),
        (502, None, "generation"),
        (500, "incomplete_generation", "incomplete_generation"),
    ],
)
def test_clients_are_told_in_words_for_which_they_have_exceptions(status: int, kind: str | None, expected: str) -> None:
    body = TGI.error_body(ErrorDetail(status=status, message="x", type=kind, code="ours"), "")
    assert (json.loads(body)["error_type"], json.loads(body)["code"]) == (expected, "ours")


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[]", b"5", b'{"error":5}'])
def test_an_error_of_another_format_is_none(body: bytes) -> None:
    assert TGI.decode_error(500, body) is None
