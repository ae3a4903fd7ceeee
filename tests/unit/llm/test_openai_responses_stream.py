import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import UpstreamError
from entresol.llm.events import (
    ChatEvent,
    Ended,
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
from entresol.llm.openai_responses_stream import ResponsesStreamDecoder
from entresol.llm.types import Image, JsonObject, Native, Usage
from unit.llm.responses_events import CREATED, final, stream

START = Started("resp_1", "gpt-5", 5)
END: list[ChatEvent] = [UsageReported(Usage(input=3, output=2)), Finished("stop"), Ended()]


def item(where: str, index: int, **fields: object) -> dict[str, object]:
    return {"type": f"response.output_item.{where}", "output_index": index, "item": fields}


def delta(kind: str, text: str, index: int = 0, **more: object) -> dict[str, object]:
    return {"type": f"response.{kind}.delta", "item_id": "i", "output_index": index, "delta": text, **more}


def events(*wire: dict[str, object]) -> list[ChatEvent]:
    decoder = ResponsesStreamDecoder()
    return [*decoder.feed(stream(*wire)), *decoder.finish()]


def between(*wire: dict[str, object]) -> list[ChatEvent]:
    """What the events between the first and the last one become."""
    said = events(CREATED, *wire, final())
    assert said[0] == START
    assert said[-1] == Ended()
    return [event for event in said[1:] if not isinstance(event, UsageReported | Finished | Ended)]


WORDS = (
    item("added", 0, type="message", id="m"),
    delta("output_text", "He", content_index=0),
    delta("output_text", "llo", content_index=0),
    {"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "Hello"},
    item("done", 0, type="message", id="m", content=[{"type": "output_text", "text": "Hello", "annotations": []}]),
)
CALL: JsonObject = {"type": "function_call", "id": "fc", "call_id": "c1", "name": "f", "arguments": ""}


def test_words_are_streamed() -> None:
    assert events(CREATED, *WORDS, final()) == [START, TextDelta("He"), TextDelta("llo"), *END]


def test_words_that_come_whole_count_once() -> None:
    assert between(WORDS[0], *WORDS[3:]) == [TextDelta("Hello")]
    assert between(WORDS[4]) == [TextDelta("Hello")]


def test_calls_may_be_interleaved() -> None:
    said = between(
        item("added", 0, **CALL),
        item("added", 1, **CALL | {"call_id": "c2"}),
        delta("function_call_arguments", "{", 1),
        delta("function_call_arguments", "{}", 0),
        delta("function_call_arguments", "}", 1),
        item("done", 0, **CALL | {"arguments": "{}"}),
    )
    assert said == [
        ToolCallStarted(0, "c1", "f"),
        ToolCallStarted(1, "c2", "f"),
        ToolArgumentsDelta(1, "{"),
        ToolArgumentsDelta(0, "{}"),
        ToolArgumentsDelta(1, "}"),
    ]


@pytest.mark.parametrize("first", ['{"a":', ""])
def test_arguments_that_were_not_streamed_are_taken_from_the_end(first: str) -> None:
    pieces = [delta("function_call_arguments", first)] if first else []
    done = {"type": "response.function_call_arguments.done", "output_index": 0, "arguments": '{"a":1}'}
    said = between(item("added", 0, **CALL), *pieces, done, item("done", 0, **CALL | {"arguments": '{"a":1}'}))
    assert "".join(event.text for event in said if isinstance(event, ToolArgumentsDelta)) == '{"a":1}'


def test_a_call_that_was_never_announced_is_one_all_the_same() -> None:
    assert between(item("done", 0, **CALL | {"arguments": "{}"})) == [
        ToolCallStarted(0, "c1", "f"),
        ToolArgumentsDelta(0, "{}"),
    ]


def test_calls_that_share_an_index_are_told_apart() -> None:
    said = between(
        item("added", 0, **CALL),
        delta("function_call_arguments", "{}"),
        item("added", 0, **CALL | {"call_id": "c2"}),
        delta("function_call_arguments", "[]"),
    )
    assert said[2:] == [ToolCallStarted(1, "c2", "f"), ToolArgumentsDelta(1, "[]")]


def test_calls_make_the_reason_tool_calls() -> None:
    assert Finished("tool_calls") in events(CREATED, item("added", 0, **CALL), final())


def test_custom_calls_are_streamed() -> None:
    custom = {"type": "custom_tool_call", "call_id": "c1", "name": "sh", "input": ""}
    said = between(item("added", 0, **custom), delta("custom_tool_call_input", "ls"))
    assert said == [ToolCallStarted(0, "c1", "sh", 0, True), ToolArgumentsDelta(0, "ls")]


@pytest.mark.parametrize(
    ("encrypted", "event"),
    [
        ("enc", ThinkingDelta(signature="openai:enc")),
        ("anthropic:s", ThinkingDelta(signature="anthropic:s")),
        ("redacted:anthropic:r", ThinkingDelta(redacted="anthropic:r")),
    ],
)
def test_a_summary_is_streamed_and_sealed(encrypted: str, event: ThinkingDelta) -> None:
    said = between(
        item("added", 0, type="reasoning", id="rs", summary=[]),
        {"type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": 0},
        delta("reasoning_summary_text", "a", summary_index=0),
        {"type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": 1},
        delta("reasoning_summary_text", "b", summary_index=1),
        delta("reasoning_text", "aloud"),
        item("done", 0, type="reasoning", summary=[], encrypted_content=encrypted),
    )
    assert said == [ThinkingDelta("a"), ThinkingDelta("\n\n"), ThinkingDelta("b"), event]


def test_reasoning_that_comes_whole_counts() -> None:
    summary = [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}]
    assert between(item("done", 0, type="reasoning", summary=summary)) == [ThinkingDelta("a\n\nb")]
    assert between(item("done", 0, type="reasoning", encrypted_content="enc")) == [ThinkingDelta(redacted="openai:enc")]


def test_refusals_and_log_probabilities_are_streamed() -> None:
    logprobs = [{"token": "a", "logprob": -0.5}]
    assert between(delta("refusal", "no"), delta("output_text", "a", 1, logprobs=logprobs)) == [
        RefusalDelta("no"),
        TextDelta("a"),
        LogprobsDelta({"content": logprobs, "refusal": None}),
    ]


def test_other_items_come_as_a_whole_and_progress_is_not_told() -> None:
    said = between(
        item("added", 0, type="web_search_call", id="ws"),
        {"type": "response.web_search_call.searching", "output_index": 0},
        item("done", 0, type="web_search_call", id="ws"),
        item("done", 1, type="image_generation_call", id="ig", result="QQ=="),
    )
    assert said == [
        PartAdded(Native(type="web_search_call", value={"id": "ws"})),
        PartAdded(Image(data="QQ==", media_type="image/png")),
    ]


def test_what_nobody_knows_is_told_once() -> None:
    said = between(delta("hologram", "x"), delta("hologram", "y"), item("done", 0, **CALL | {"namespace": "crm"}))
    assert [event for event in said if isinstance(event, LeftOver)] == [
        LeftOver(["hologram.delta"]),
        LeftOver(["namespace"]),
    ]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "code": "rate_limit_exceeded", "message": "slow", "param": None},
        {"type": "error", "error": {"code": "rate_limit_exceeded", "message": "slow"}},
        {"error": {"code": "rate_limit_exceeded", "message": "slow"}, "type": ""},
        final("failed", error={"code": "rate_limit_exceeded", "message": "slow"}),
    ],
)
def test_an_error_fails_the_stream(event: dict[str, object]) -> None:
    failed = events(CREATED, *WORDS[:2], event)[-1]
    assert isinstance(failed, Failed)
    assert (failed.error.status, failed.error.message) == (429, "slow")


def test_an_end_that_is_none_fails_the_stream() -> None:
    assert isinstance(events(CREATED, {**final(), "response": {"status": "cancelled", "output": []}})[-1], Failed)


def test_a_stream_without_its_end_was_cut() -> None:
    assert Ended() not in events(CREATED, *WORDS)


def test_an_answer_that_stands_in_the_last_event_alone_is_read_from_it() -> None:
    content = [{"type": "output_text", "text": "Hi"}]
    output = [{"type": "message", "role": "assistant", "content": content}, CALL | {"arguments": "{}"}]
    said = events(final(output=output))
    assert TextDelta("Hi") in said
    assert ToolCallStarted(0, "c1", "f") in said
    assert Finished("tool_calls") in said


def test_the_end_mark_of_other_servers_is_passed_over() -> None:
    decoder = ResponsesStreamDecoder()
    assert decoder.feed(stream(CREATED, *WORDS) + b"data: [DONE]\n\n" + stream(final()))[-1] == Ended()


@pytest.mark.parametrize(
    "data",
    [
        b'data: {"type":\n\n',
        b"data: <html>\n\n",
        b'data: {"type":"response.completed","response":5}\n\n',
        b'data: {"type":"response.output_item.done","item":null}\n\n',
        b'data: {"type":"response.function_call_arguments.delta","delta":"{"}\n\n',
        b"data: \xff\n\n",
    ],
)
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        ResponsesStreamDecoder().feed(data)
    assert caught.value.code == "provider_bad_response"


@given(st.lists(st.integers(min_value=1, max_value=40), max_size=40))
def test_any_split_gives_the_same_events(sizes: list[int]) -> None:
    data = stream(CREATED, *WORDS, item("added", 1, **CALL), delta("function_call_arguments", '{"ä":1}', 1), final())
    decoder, said, at = ResponsesStreamDecoder(), [], 0
    for size in sizes:
        said += decoder.feed(data[at : at + size])
        at += size
    said += [*decoder.feed(data[at:]), *decoder.finish()]
    assert said == [*ResponsesStreamDecoder().feed(data)]
