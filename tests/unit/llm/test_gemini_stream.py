import json
from itertools import pairwise
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import UpstreamError
from entresol.llm.events import (
    ChatEvent,
    Ended,
    ErrorDetail,
    Failed,
    Finished,
    LeftOver,
    LogprobsDelta,
    PartAdded,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    UsageReported,
)
from entresol.llm.format import StreamShape
from entresol.llm.formats.gemini import Gemini
from entresol.llm.gemini_stream import GeminiStreamDecoder, GeminiStreamEncoder
from entresol.llm.types import ChatResponse, Choice, FinishReason, Image, Native, Refusal, Usage

Framing = Literal["sse", "json-array"]


def encoded(*events: ChatEvent, framing: Framing = "sse") -> list[Any]:
    shape = StreamShape(model="asked", request_id="id", framing=framing)
    data = GeminiStreamEncoder(shape, Gemini()).encode(list(events))
    if framing == "json-array":
        whole = json.loads(data)
        assert isinstance(whole, list)
        return whole
    return [json.loads(event[6:]) for event in data.split(b"\n\n") if event]


def decoded(data: bytes) -> list[ChatEvent]:
    decoder = GeminiStreamDecoder()
    return decoder.feed(data) + decoder.finish()


def sse(*responses: dict[str, Any]) -> bytes:
    return b"".join(b"data: %b\r\n\r\n" % json.dumps(response).encode() for response in responses)


def response(*parts: dict[str, Any], finish: str | None = None, index: int = 0, **fields: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": index}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "m", "responseId": "r", **fields}


@pytest.mark.parametrize("framing", ["sse", "json-array"])
def test_a_stream_is_written_in_either_framing(framing: Framing) -> None:
    responses = encoded(
        Started("i", "m"), ThinkingDelta("hm"), TextDelta("a"), ToolCallStarted(0, "c1", "f", signature="s"),
        ToolArgumentsDelta(0, '{"x"'), ToolCallStarted(1, "c2", "g"), ToolArgumentsDelta(0, ":1}"),
        UsageReported(Usage(input=5, output=3)), Finished("tool_calls"), Ended(), framing=framing,
    )  # fmt: skip
    parts = [part for each in responses for part in each["candidates"][0]["content"]["parts"]]
    assert parts == [
        {"text": "hm", "thought": True},
        {"text": "a"},
        {"functionCall": {"id": "c1", "name": "f", "args": {"x": 1}}, "thoughtSignature": "s"},
        {"functionCall": {"id": "c2", "name": "g", "args": {}}},
        {"text": ""},
    ]
    last = responses[-1]
    assert last["candidates"][0]["finishReason"] == "STOP"
    assert last["usageMetadata"]["promptTokenCount"] == 5
    assert (last["modelVersion"], last["responseId"]) == ("m", "i")
    assert all("finishReason" not in each["candidates"][0] for each in responses[:-1])


def test_every_choice_has_its_own_finish_reason() -> None:
    responses = encoded(
        Started(), TextDelta("a"), RefusalDelta("b", 1), Finished("stop"), Finished("length", 1), Ended()
    )
    assert [candidate["finishReason"] for candidate in responses[-1]["candidates"]] == ["STOP", "MAX_TOKENS"]
    assert encoded(Ended())[-1]["candidates"][0]["finishReason"] == "STOP"


def test_log_probabilities_and_pictures_go_along_and_native_parts_do_not() -> None:
    logprobs: dict[str, object] = {"content": [{"token": "a", "logprob": -1, "top_logprobs": []}], "refusal": None}
    native = Native(type="server_tool_use", value={})
    events: list[ChatEvent] = [LogprobsDelta(logprobs), PartAdded(Image(data="AA")), PartAdded(native), Ended()]
    first, second, _ = encoded(*events)
    assert first["candidates"][0]["logprobsResult"]["chosenCandidates"][0]["token"] == "a"
    assert second["candidates"][0]["content"]["parts"][0]["inlineData"]["data"] == "AA"
    encoder = GeminiStreamEncoder(StreamShape(model="asked"), Gemini())
    encoder.encode(events)
    assert encoder.dropped == ["server_tool_use"]


@pytest.mark.parametrize("framing", ["sse", "json-array"])
@pytest.mark.parametrize("first", [[], [TextDelta("x")]])
def test_a_failure_is_the_last_element_in_either_framing(framing: Framing, first: list[ChatEvent]) -> None:
    responses = encoded(*first, Failed(ErrorDetail(status=503, message="busy")), framing=framing)
    assert (responses[-1]["error"]["status"], responses[-1]["request_id"]) == ("UNAVAILABLE", "id")


# Decoding.


def test_calls_of_several_responses_are_counted_on() -> None:
    call = {"functionCall": {"name": "f", "args": {"x": 1}}}
    events = decoded(sse(response(call, call), response(call, finish="STOP")))
    starts = [event for event in events if isinstance(event, ToolCallStarted)]
    assert [start.index for start in starts] == [0, 1, 2]
    assert len({start.id for start in starts}) == 3
    assert Finished("tool_calls") in events


@pytest.mark.parametrize(
    ("reasons", "told"),
    [
        (("STOP", "STOP"), "stop"),
        (("STOP", None, "STOP"), "stop"),
        (("STOP", "SAFETY"), "content_filter"),
        (("MAX_TOKENS", "STOP"), "length"),
    ],
)
def test_a_reason_that_is_repeated_is_told_once(reasons: tuple[str | None, ...], told: FinishReason) -> None:
    events = decoded(sse(*[response({"text": "a"}, finish=reason) for reason in reasons]))
    assert events == [Started("r", "m"), *[TextDelta("a")] * len(reasons), Finished(told), Ended()]


def test_a_call_behind_the_first_reason_is_one() -> None:
    call = {"functionCall": {"name": "f"}}
    events = decoded(sse(response({"text": "a"}, finish="STOP"), response(call, finish="STOP")))
    assert [event for event in events if isinstance(event, Finished)] == [Finished("tool_calls")]


def test_each_candidate_counts_its_own_calls() -> None:
    call = {"functionCall": {"name": "f"}}
    events = decoded(sse(response(call, index=0), response(call, index=1)))
    assert [(e.choice, e.index) for e in events if isinstance(e, ToolCallStarted)] == [(0, 0), (1, 0)]


def test_a_stream_is_whole_when_every_candidate_has_finished() -> None:
    both = [response({"text": "a"}), response({"text": "b"}, index=1), response(finish="STOP")]
    assert Ended() not in decoded(sse(*both))
    assert decoded(sse(*both, response(finish="STOP", index=1)))[-1] == Ended()


def test_words_of_refusal_are_no_success() -> None:
    refused = encoded(RefusalDelta("no"), Finished("stop"), TextDelta("b", 1), Finished("stop", 1), Ended())[-1]
    assert [each["finishReason"] for each in refused["candidates"]] == ["SAFETY", "STOP"]
    body = (
        Gemini()
        .encode_response(
            ChatResponse(origin="openai-chat", choices=[Choice(parts=[Refusal(text="no")], finish_reason="stop")])
        )
        .body
    )
    assert json.loads(body)["candidates"][0]["finishReason"] == "SAFETY"


def test_a_blocked_prompt_is_an_answer_without_content() -> None:
    events = decoded(sse({"promptFeedback": {"blockReason": "SAFETY"}}))
    assert events == [Started(), LeftOver(["promptFeedback"]), Finished("content_filter"), Ended()]


def test_an_error_is_told_and_ends_it() -> None:
    error = {"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}
    events = decoded(sse(response({"text": "a"}, finish="STOP"), error))
    assert isinstance(events[-1], Failed)
    assert (events[-1].error.status, events[-1].error.message) == (429, "slow down")


def test_usage_at_the_start_comes_before_the_start() -> None:
    usage = {"promptTokenCount": 5}
    first = response({"text": "a"}, usageMetadata=usage)
    events = decoded(sse(first, response(finish="STOP", usageMetadata=usage)))
    assert isinstance(events[0], UsageReported)
    assert isinstance(events[1], Started)
    assert sum(isinstance(event, UsageReported) for event in events) == 2


@pytest.mark.parametrize("data", [b"data: {oops\n\n", b"data: 5\n\n", b'[{"candidates":5}]'])
def test_garbage_is_the_providers_fault(data: bytes) -> None:
    with pytest.raises(UpstreamError):
        decoded(data)


RESPONSES = [
    response({"text": "é 東京 }]{["}),
    response({"text": "hm", "thought": True, "thoughtSignature": "c2ln"}),
    response({"functionCall": {"name": "f", "args": {"x": '"}'}}}),
    response({"text": ""}, finish="STOP", usageMetadata={"promptTokenCount": 5, "candidatesTokenCount": 3}),
]


@given(st.booleans(), st.lists(st.integers(0, 900), max_size=12))
def test_a_stream_may_be_split_at_any_byte_in_either_framing(is_array: bool, cuts: list[int]) -> None:
    data = json.dumps(RESPONSES, indent=1, ensure_ascii=False).encode() if is_array else sse(*RESPONSES)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    decoder = GeminiStreamDecoder()
    events = [event for start, end in pairwise(places) for event in decoder.feed(data[start:end])] + decoder.finish()
    assert events == decoded(sse(*RESPONSES))
    assert events[-1] == Ended()
