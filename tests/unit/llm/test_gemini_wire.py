import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import UpstreamError
from entresol.llm import gemini_wire
from entresol.llm.events import ErrorDetail
from entresol.llm.formats.gemini import Gemini
from entresol.llm.gemini_usage import write_usage
from entresol.llm.gemini_wire import ElementDecoder, ResponseSplitter, finish_reason
from entresol.llm.types import Usage

FORMAT = Gemini()
RESPONSE: dict[str, Any] = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "x"}]}, "finishReason": "MAX_TOKENS"}],
    "usageMetadata": {
        "promptTokenCount": 9,
        "cachedContentTokenCount": 4,
        "candidatesTokenCount": 3,
        "thoughtsTokenCount": 2,
    },
    "modelVersion": "gemini",
    "responseId": "r",
}
USAGE = Usage(input=5, cache_read=4, output=3, reasoning=2)


@pytest.mark.parametrize(
    "usage", [USAGE, Usage(input=1, input_audio=2, output=3, output_audio=4, output_image=5), Usage()]
)
def test_usage_survives_being_written(usage: Usage) -> None:
    wire = json.dumps(RESPONSE | {"usageMetadata": write_usage(usage)}).encode()
    assert FORMAT.response_facts(wire).usage == usage


@pytest.mark.parametrize(
    ("wire", "has_calls", "reason"),
    [
        ("STOP", False, "stop"),
        ("STOP", True, "tool_calls"),
        ("MAX_TOKENS", True, "length"),
        ("SAFETY", False, "content_filter"),
        ("RECITATION", False, "content_filter"),
        ("BLOCKLIST", False, "content_filter"),
        ("PROHIBITED_CONTENT", False, "content_filter"),
        ("SPII", False, "content_filter"),
        ("LANGUAGE", False, "content_filter"),
        ("IMAGE_SAFETY", False, "content_filter"),
        ("MODEL_ARMOR", False, "content_filter"),
        ("MALFORMED_FUNCTION_CALL", False, "error"),
        ("MISSING_THOUGHT_SIGNATURE", False, "error"),
        ("OTHER", False, "error"),
        ("CONTINUATION", False, "pause"),
        ("BRAND_NEW", False, "stop"),
        ("FINISH_REASON_UNSPECIFIED", False, None),
        (None, False, None),
    ],
)
def test_finish_reasons_are_mapped(wire: str | None, has_calls: bool, reason: str | None) -> None:
    assert finish_reason(wire, has_calls) == reason


# Framing.


@given(
    st.recursive(st.text(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=4),
    st.lists(st.integers(0, 400)),
)
def test_an_array_may_be_split_at_any_byte(value: Any, cuts: list[int]) -> None:
    elements = [{"a": value}, {"b": '}]{["\\'}, {}]
    data = json.dumps(elements, indent=1).encode()
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    decoder = ElementDecoder()
    found = [element for start, end in pairwise(places) for element in decoder.feed(data[start:end])]
    assert [json.loads(element) for element in found] == elements


def test_an_element_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gemini_wire, "MAX_ELEMENT_BYTES", 100)
    decoder = ElementDecoder()
    for _ in range(20):
        decoder.feed(b'{"a":')
    with pytest.raises(UpstreamError, match="exceeds 100 bytes"):
        decoder.feed(b"{")


def test_the_first_byte_tells_the_framing() -> None:
    by_event, by_element = ResponseSplitter(), ResponseSplitter()
    assert by_event.feed(b"\r\ndata: {}\r\n\r\n") == [b"{}"]
    assert by_element.feed(b" ") == []
    assert by_element.feed(b"[{},\n{}") == [b"{}", b"{}"]
    late = ResponseSplitter()
    assert late.feed(b"data: {}") == []
    assert late.finish() == [b"{}"]
    assert ResponseSplitter().finish() == []


# Facts.


def test_a_whole_answer_states_its_facts() -> None:
    facts = FORMAT.response_facts(json.dumps(RESPONSE).encode())
    assert (facts.model, facts.response_id, facts.finish_reason, facts.usage) == ("gemini", "r", "length", USAGE)
    blocked = FORMAT.response_facts(b'{"promptFeedback":{"blockReason":"SAFETY"}}')
    assert blocked.finish_reason == "content_filter"


def test_an_error_with_status_200_is_told() -> None:
    facts = FORMAT.response_facts(b'{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}')
    assert facts.error is not None
    assert (facts.error.status, facts.error.type) == (503, "UNAVAILABLE")


@pytest.mark.parametrize("body", [b"{}", b"[]", b"{oops", b"5"])
def test_what_is_no_answer_is_the_providers_fault(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        FORMAT.response_facts(body)


CALLING: dict[str, Any] = {"content": {"parts": [{"text": "x"}, {"functionCall": {"name": "f"}}]}}
SAYING: dict[str, Any] = {"content": {"parts": [{"text": '"functionCall"'}]}}


@pytest.mark.parametrize(
    ("candidates", "reason"),
    [
        ([CALLING], "tool_calls"),
        ([SAYING], "stop"),
        ([SAYING, CALLING | {"index": 1}], "stop"),
        ([{"content": {"parts": {"functionCall": 5}}}], "stop"),
    ],
)
def test_stop_after_calls_is_what_translation_takes_it_for(candidates: list[dict[str, Any]], reason: str) -> None:
    whole = {"candidates": [candidate | {"finishReason": "STOP"} for candidate in candidates]}
    assert FORMAT.response_facts(json.dumps(whole).encode()).finish_reason == reason
    last = {"candidates": [{"index": at, "finishReason": "STOP"} for at in range(len(candidates))]}
    stream = "".join(f"data: {json.dumps(part)}\n\n" for part in ({"candidates": candidates}, last)).encode()
    assert FORMAT.stream_facts(stream, None).finish_reason == reason
    assert FORMAT.stream_facts(b"data: {}\n\n", b"cut}\n\n" + stream).finish_reason == reason


def test_facts_are_found_at_both_ends_of_a_large_answer() -> None:
    body = json.dumps(
        {"candidates": [{"content": "y" * 9000}], **{k: RESPONSE[k] for k in ("usageMetadata", "modelVersion")}}
    )
    facts = FORMAT.fragment_facts(body[:100].encode(), body[-300:].encode())
    assert (facts.model, facts.usage) == ("gemini", USAGE)
    assert FORMAT.fragment_facts(b"", b"").usage is None


PART = {"candidates": [{"content": {"parts": [{"text": "x" * 300}]}}], "modelVersion": "gemini"}


@pytest.mark.parametrize("framing", ["sse", "array"])
@pytest.mark.parametrize("is_long", [False, True])
def test_a_stream_states_its_facts_at_both_ends(framing: str, is_long: bool) -> None:
    parts = [json.dumps(part) for part in [PART, PART, PART, RESPONSE]]
    text = (
        "".join(f"data: {part}\r\n\r\n" for part in parts) if framing == "sse" else "[" + "\n,\r\n".join(parts) + "\n]"
    )
    data = text.encode()
    facts = FORMAT.stream_facts(data[:420], data[-700:]) if is_long else FORMAT.stream_facts(data, None)
    assert (facts.model, facts.finish_reason, facts.usage, facts.is_complete) == ("gemini", "length", USAGE, True)


def test_a_stream_without_a_finish_reason_is_cut() -> None:
    assert not FORMAT.stream_facts(f"data: {json.dumps(PART)}\n\n".encode(), None).is_complete


# Errors.


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (400, "INVALID_ARGUMENT"),
        (401, "UNAUTHENTICATED"),
        (403, "PERMISSION_DENIED"),
        (404, "NOT_FOUND"),
        (413, "INVALID_ARGUMENT"),
        (418, "INVALID_ARGUMENT"),
        (429, "RESOURCE_EXHAUSTED"),
        (500, "INTERNAL"),
        (502, "UNAVAILABLE"),
        (503, "UNAVAILABLE"),
        (504, "DEADLINE_EXCEEDED"),
        (529, "UNAVAILABLE"),
        (599, "INTERNAL"),
    ],
)
def test_errors_have_googles_words(status: int, word: str) -> None:
    body = FORMAT.error_body(ErrorDetail(status=status, message="why", code="our_code"), "id-1")
    wire = json.loads(body)
    assert body.startswith(b'{"error":'), "the official client looks for that"
    assert (wire["error"]["code"], wire["error"]["status"], wire["error"]["message"]) == (status, word, "why")
    assert (wire["message"], wire["request_id"]) == ("why", "id-1")
    for sent in (body, b"[" + body + b"]"):
        again = FORMAT.decode_error(status, sent)
        assert again is not None
        assert (again.message, again.code, again.type) == ("why", "our_code", word)


def test_what_is_no_error_object_is_not_guessed_at() -> None:
    for body in (b"<html>", b"{}", b"[]", b'{"error":"x"}'):
        assert FORMAT.decode_error(500, body) is None


def test_an_error_ends_a_stream_in_its_framing() -> None:
    error = ErrorDetail(status=502, message="why")
    assert FORMAT.stream_error(error, "id").startswith(b'data: {"error":')
    array = FORMAT.stream_error(error, "id", "json-array")
    assert json.loads(b"[{}" + array)[1]["error"]["message"] == "why"
