import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm import ndjson
from entresol.llm.events import ErrorDetail
from entresol.llm.format import NO_OPTIONS, Options, Profile
from entresol.llm.formats.ollama_chat import OllamaChat
from entresol.llm.formats.ollama_generate import OllamaGenerate
from entresol.llm.ollama_wire import (
    DONE_REASONS,
    finish_reason,
    read_error,
    read_logprobs,
    read_time,
    read_usage,
    stream_failure,
    write_logprobs,
    write_time,
)
from entresol.llm.registry import format_named
from entresol.llm.tap import StreamTap
from entresol.llm.types import Usage

CHAT = OllamaChat()
PROFILE = Profile(provider="ollama")
COUNTS = {"prompt_eval_count": 26, "eval_count": 298}


def line(content: str, **more: Any) -> bytes:
    message = {"role": "assistant", "content": content} | more.pop("message", {})
    return json.dumps({"model": "m", "message": message, "done": False} | more).encode() + b"\n"


@pytest.mark.parametrize(
    ("stream", "expected"), [("", True), (',"stream":null', True), (',"stream":true', True), (',"stream":false', False)]
)
def test_a_request_without_a_word_on_it_asks_for_a_stream(stream: str, expected: bool) -> None:
    opened = CHAT.open(b'{"model":"m","messages":[]%b}' % stream.encode())
    assert (opened.stream, opened.framing, opened.model) == (expected, "ndjson", "m")


@pytest.mark.parametrize("name", ["MODEL", "Model", "\u017ftream", "\u212aeep_alive", "OPTIONS"])
@pytest.mark.parametrize("wire", ["ollama-chat", "ollama-generate", "ollama-embed"])
def test_a_field_that_ollama_takes_for_another_is_refused(wire: str, name: str) -> None:
    body = json.dumps({"model": "m", "messages": [], "prompt": "", "input": "", name: "x"}).encode()
    with pytest.raises(ClientError, match="must be spelled"):
        format_named(wire).open(body)
    format_named(wire).open(body.replace(json.dumps(name).encode(), b'"other"'))


def test_a_stream_flag_that_is_none_is_refused() -> None:
    with pytest.raises(ClientError, match="stream"):
        CHAT.open(b'{"model":"m","messages":[],"stream":"yes"}')


def test_closing_changes_only_what_has_to_change() -> None:
    body = b'{"model":"m","messages":[],"options":{"num_ctx":  99,"temperature":1},"future":[1, 2]}'
    opened = CHAT.open(body)
    assert json.loads(CHAT.close(opened, "m", True, NO_OPTIONS, PROFILE)) == json.loads(body)
    options = Options(max_tokens=7, temperature=0.5, top_k=3)
    closed = json.loads(CHAT.close(CHAT.open(body), "other", False, options, PROFILE))
    assert closed == {
        "model": "other",
        "messages": [],
        "stream": False,
        "options": {"num_ctx": 99, "temperature": 0.5, "num_predict": 7, "top_k": 3},
        "future": [1, 2],
    }


def test_an_operators_options_need_none_of_the_clients() -> None:
    opened = CHAT.open(b'{"model":"m","messages":[],"options":null}')
    assert json.loads(CHAT.close(opened, "m", True, Options(top_p=0.5), PROFILE))["options"] == {"top_p": 0.5}
    with pytest.raises(ClientError, match="options"):
        CHAT.close(CHAT.open(b'{"model":"m","messages":[],"options":3}'), "m", True, Options(top_p=0.5), PROFILE)


@pytest.mark.parametrize("wire", [CHAT, OllamaGenerate()])
def test_a_whole_answer_says_what_it_cost(wire: OllamaChat | OllamaGenerate) -> None:
    said = {"message": {"content": "Hi"}} if wire.name == "ollama-chat" else {"response": "Hi"}
    facts = wire.response_facts(
        json.dumps({"model": "m", "done": True, "done_reason": "length"} | said | COUNTS).encode()
    )
    assert (facts.usage, facts.model, facts.finish_reason) == (Usage(input=26, output=298), "m", "length")
    assert facts.is_complete


def test_tool_calls_are_the_reason() -> None:
    call = {"function": {"name": "f", "arguments": {}}}
    assert CHAT.response_facts(line("", message={"tool_calls": [call]}, done=True)).finish_reason == "tool_calls"


@pytest.mark.parametrize("body", [b"{}", b"[]", b"<html>", b'{"model":"m"', b'{"done":"yes"}'])
def test_an_answer_that_is_none_is_told(body: bytes) -> None:
    with pytest.raises(UpstreamError, match="cannot be read"):
        CHAT.response_facts(body)


def test_an_error_with_status_200_is_an_error() -> None:
    facts = CHAT.response_facts(b'{"error":"no memory"}')
    assert facts.error is not None
    assert (facts.error.message, facts.error.status, facts.finish_reason) == ("no memory", 502, None)


def test_a_large_answer_is_read_from_its_ends() -> None:
    body = json.dumps(
        {"model": "m", "message": {"content": '"eval_count":5,' * 40_000}, "done": True, "done_reason": "length"}
        | COUNTS
    ).encode()
    facts = CHAT.fragment_facts(body[:4096], body[-8192:])
    assert (facts.usage, facts.finish_reason, facts.model) == (Usage(input=26, output=298), "length", "m")


@pytest.mark.parametrize("words", [0, 5, 2000])
def test_a_stream_says_what_it_cost_however_long_it_is(words: int) -> None:
    tap = StreamTap()
    tap.feed(line("word") * words)
    tap.feed(line("", done=True, done_reason="stop", **COUNTS))
    facts = tap.facts(CHAT)
    assert (facts.usage, facts.finish_reason, facts.is_complete) == (Usage(input=26, output=298), "stop", True)


def test_a_last_line_larger_than_the_window_is_read_at_its_end() -> None:
    tap = StreamTap()
    tap.feed(b'{"model":"m","response":"Hi","done":false}\n')
    last = {"model": "m", "response": "", "done": True, "done_reason": "stop", "context": [*range(20_000)]} | COUNTS
    tap.feed(json.dumps(last).encode() + b"\n")
    facts = tap.facts(OllamaGenerate())
    assert (facts.usage, facts.finish_reason, facts.is_complete) == (Usage(input=26, output=298), "stop", True)


def test_a_stream_without_its_last_line_is_not_complete() -> None:
    for tail in (b"", b'{"model":"m","done":tr', line("x")):
        facts = CHAT.stream_facts(line("Hi") + tail, None)
        assert (facts.is_complete, facts.finish_reason) == (False, None)
    long = line("word") * 2000
    assert not CHAT.stream_facts(long[:4096], long[-8192:]).is_complete


def test_lines_too_long_to_read_are_no_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ndjson, "MAX_LINE_BYTES", 10)
    assert not CHAT.stream_facts(line("Hi", done=True), None).is_complete


def test_a_failed_stream_says_why() -> None:
    facts = CHAT.stream_facts(line("Hi") + b'{"error":"CUDA error"}\n', None)
    assert facts.error is not None
    assert (facts.error.message, facts.is_complete) == ("CUDA error", False)


def test_tool_calls_of_a_stream_are_the_reason() -> None:
    calls = line("", message={"tool_calls": [{"function": {"name": "f", "arguments": {}}}]})
    assert CHAT.stream_facts(calls + line("", done=True, done_reason="stop"), None).finish_reason == "tool_calls"


@given(st.binary(max_size=300), st.none() | st.binary(max_size=300))
def test_no_bytes_break_the_reader_of_a_stream(head: bytes, tail: bytes | None) -> None:
    assert not CHAT.stream_facts(head, tail).is_complete or b"done" in head + (tail or b"")


@pytest.mark.parametrize("reason", DONE_REASONS)
def test_reasons_come_back(reason: Any) -> None:
    back = {"stop_sequence": "stop"}.get(reason, reason)
    assert finish_reason(DONE_REASONS[reason], has_calls=reason == "tool_calls") == back


def test_reasons_that_are_old_or_new_count_as_stop() -> None:
    assert [finish_reason(word) for word in (None, "", "load", "unload", "tired")] == ["stop"] * 5
    assert finish_reason("length", has_calls=True) == "length"


def test_usage_is_there_if_one_of_its_counts_is() -> None:
    assert read_usage(None, None) is None
    assert read_usage(None, 3) == Usage(output=3)
    assert read_usage(-1, -1) == Usage()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2023-08-04T08:52:19.385406455-07:00", 1691164339),
        ("2023-12-12T14:13:43.416799Z", 1702390423),
        ("1970-01-01T00:00:00Z", 0),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_times_are_read_in_any_zone(text: str | None, seconds: int | None) -> None:
    assert read_time(text) == seconds


@given(st.integers(0, 253_402_300_799))
def test_times_come_back(seconds: int) -> None:
    assert read_time(write_time(seconds)) == seconds


@pytest.mark.parametrize("seconds", [None, -5, 10**30])
def test_any_number_becomes_some_time(seconds: int | None) -> None:
    assert read_time(write_time(seconds)) is not None


def test_log_probabilities_come_back() -> None:
    wire: list[dict[str, object]] = [
        {"token": "é", "logprob": -0.5, "top_logprobs": [{"token": "e", "logprob": -1, "bytes": [101]}]}
    ]
    read = read_logprobs(wire)
    assert read["content"] == [
        {
            "token": "é",
            "logprob": -0.5,
            "bytes": [195, 169],
            "top_logprobs": [{"token": "e", "logprob": -1, "bytes": [101]}],
        }
    ]
    assert write_logprobs(read) == read["content"]
    assert write_logprobs({"content": None}) == []


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("no", ("no", None)),
        ("", ("the provider gave no message", None)),
        ({"message": "no", "code": "c"}, ("no", "c")),
        ({"message": "no", "code": 5}, ("no", None)),
        ({"message": 5}, None),
        (5, None),
        (None, None),
    ],
)
def test_errors_are_sentences_or_objects(error: object, expected: tuple[str, str | None] | None) -> None:
    read = read_error(error, 500)
    assert (None if read is None else (read.message, read.code)) == expected


def test_an_error_of_a_stream_has_the_status_it_would_have_had() -> None:
    assert stream_failure("x", "c", 503) == ErrorDetail(status=503, message="x", code="c")
    assert stream_failure(7, None, 200) == ErrorDetail(status=502, message="the provider gave no message")


def test_errors_are_written_so_that_they_are_read_again() -> None:
    error = ErrorDetail(status=404, message="model 'x' not found", code="not_found")
    body = CHAT.error_body(error, "r")
    assert CHAT.decode_error(404, body) == error
    assert json.loads(body)["request_id"] == "r"
    assert CHAT.stream_error(error, "r").endswith(b"}\n")
    assert CHAT.encode_error(404, "not_found", "gone", "r")[0].startswith(b"application/json")


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[]", b'{"error":5}', b'{"error":'])
def test_an_error_of_another_format_is_none(body: bytes) -> None:
    assert CHAT.decode_error(500, body) is None
