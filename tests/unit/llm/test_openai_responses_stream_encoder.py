import pytest

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
from entresol.llm.formats.openai_responses import OpenAIResponses
from entresol.llm.openai_responses_stream import ResponsesStreamDecoder
from entresol.llm.openai_responses_stream_encoder import ResponsesStreamEncoder, error_event
from entresol.llm.types import Audio, FinishReason, Image, Usage
from unit.llm.responses_events import read, types

START = Started("resp_9", "m", 7)
END: list[ChatEvent] = [UsageReported(Usage(input=1, output=2)), Finished("stop"), Ended()]


def encoder() -> ResponsesStreamEncoder:
    return ResponsesStreamEncoder(StreamShape(model="asked", created=5, request_id="r1"), OpenAIResponses())


def encoded(*events: ChatEvent) -> list[dict[str, object]]:
    return read(encoder().encode([*events]))


def response_in(event: dict[str, object]) -> dict[str, object]:
    response = event["response"]
    assert isinstance(response, dict)
    return response


def test_every_event_is_numbered_in_its_order() -> None:
    said = encoded(START, ThinkingDelta("hm"), TextDelta("a"), TextDelta("b"), ToolCallStarted(0, "c", "f"), *END)
    assert [event["sequence_number"] for event in said] == list(range(len(said)))


def test_words_have_every_event_that_clients_wait_for() -> None:
    said = encoded(START, TextDelta("He"), TextDelta("llo"), *END)
    assert types(said) == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    part = {"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}
    assert response_in(said[-1])["output"] == [
        {"id": "msg_9_0", "type": "message", "status": "completed", "role": "assistant", "content": [part]}
    ]
    assert {event["item_id"] for event in said if "item_id" in event} == {"msg_9_0"}


@pytest.mark.parametrize(
    "events",
    [
        [TextDelta("a"), TextDelta("b")],
        [ThinkingDelta("h"), ThinkingDelta("m"), ThinkingDelta(signature="anthropic:s"), TextDelta("a")],
        [ThinkingDelta(redacted="anthropic:r"), TextDelta("a")],
        [ThinkingDelta("hm"), TextDelta("a"), RefusalDelta("no")],
        [ToolCallStarted(0, "c1", "f"), ToolArgumentsDelta(0, "{"), ToolArgumentsDelta(0, "}")],
        [ToolCallStarted(0, "c1", "sh", 0, True), ToolArgumentsDelta(0, "ls")],
        [
            ToolCallStarted(0, "c1", "f"),
            ToolCallStarted(1, "c2", "g"),
            ToolArgumentsDelta(0, "{}"),
            ToolArgumentsDelta(1, "{}"),
        ],
    ],
)
def test_what_is_written_is_read_the_same(events: list[ChatEvent]) -> None:
    reason: FinishReason = "tool_calls" if any(isinstance(event, ToolCallStarted) for event in events) else "stop"
    whole: list[ChatEvent] = [START, *events, UsageReported(Usage(input=1, output=2)), Finished(reason), Ended()]
    assert ResponsesStreamDecoder().feed(encoder().encode(whole)) == whole


def test_geminis_signature_of_a_call_stands_before_it() -> None:
    call = ToolCallStarted(0, "c1", "f", signature="sig")
    said = ResponsesStreamDecoder().feed(encoder().encode([START, call, *END]))
    assert said[1:3] == [ThinkingDelta(signature="gemini:sig"), ToolCallStarted(0, "c1", "f")]


def test_words_between_the_pieces_of_a_call_have_an_item_of_their_own() -> None:
    call, more = ToolCallStarted(0, "c1", "f"), ToolArgumentsDelta(0, "}")
    said = encoded(START, call, ToolArgumentsDelta(0, "{"), TextDelta("a"), more, *END)
    output = response_in(said[-1])["output"]
    assert isinstance(output, list)
    assert [each["type"] for each in output] == ["function_call", "message"]
    assert output[0]["arguments"] == "{}"


def test_a_call_without_arguments_has_an_empty_object() -> None:
    output = response_in(encoded(START, ToolCallStarted(0, "c1", "f"), *END)[-1])["output"]
    assert isinstance(output, list)
    assert output[0]["arguments"] == "{}"


@pytest.mark.parametrize(
    ("reason", "kind"),
    [("stop", "completed"), ("length", "incomplete"), ("content_filter", "incomplete"), ("error", "failed")],
)
def test_the_last_event_says_how_it_ended(reason: FinishReason, kind: str) -> None:
    last = encoded(START, TextDelta("a"), Finished(reason), Ended())[-1]
    assert (last["type"], response_in(last)["status"]) == (f"response.{kind}", kind)


def test_usage_is_told_at_the_end() -> None:
    usage = response_in(encoded(START, *END)[-1])["usage"]
    assert isinstance(usage, dict)
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (1, 2, 3)


def test_an_answer_without_a_name_has_the_requests() -> None:
    first = response_in(encoded(Started(), *END)[0])
    assert (first["id"], first["model"], first["created_at"]) == ("resp_r1", "asked", 5)


def test_a_stream_that_failed_ends_with_an_error_for_every_client() -> None:
    error = ErrorDetail(status=502, message="cut", code="provider_stream_cut")
    said = encoded(START, TextDelta("a"), Failed(error))
    assert types(said)[-2:] == ["response.failed", "error"]
    assert response_in(said[-2])["error"] == {"code": "server_error", "message": "cut"}
    assert said[-1]["message"] == "cut"
    assert said[-1]["error"] == {"message": "cut", "type": None, "param": None, "code": "provider_stream_cut"}


def test_an_error_before_the_answer_is_the_only_event() -> None:
    error = ErrorDetail(status=429, message="slow")
    assert types(encoded(Failed(error))) == ["error"]
    assert read(error_event(error, "r1", 4))[0]["sequence_number"] == 4


def test_pictures_are_items_and_log_probabilities_stand_in_the_text() -> None:
    logprobs = [{"token": "a", "logprob": -0.5}]
    said = encoded(START, TextDelta("a"), LogprobsDelta({"content": logprobs}), PartAdded(Image(data="QQ==")), *END)
    output = response_in(said[-1])["output"]
    assert isinstance(output, list)
    assert output[0]["content"][0]["logprobs"] == [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}]
    assert (output[1]["type"], output[1]["result"]) == ("image_generation_call", "QQ==")


def test_what_cannot_be_said_is_noted() -> None:
    writing = encoder()
    writing.encode(
        [
            START,
            TextDelta("b", 1),
            LogprobsDelta({"content": []}),
            PartAdded(Audio(data="QQ==")),
            LeftOver(["citations"]),
            TextDelta("a", signature="s"),
            Finished("stop_sequence", 0, "END"),
            Ended(),
        ]
    )
    assert writing.dropped == ["choices[1:]", "logprobs", "audio", "citations", "thoughtSignature", "stop_sequence"]
