from pathlib import Path

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
)  # fmt: skip
from entresol.llm.format import ChatFormat, StreamShape
from entresol.llm.registry import format_named
from entresol.llm.types import Audio, FinishReason, Image, Usage

GOLDEN = Path(__file__).parents[2] / "golden" / "openai_chat"
STREAMS = {path.stem: path.read_bytes() for path in GOLDEN.glob("*.sse") if "." not in path.stem}
SHAPE = StreamShape(model="asked", created=7, request_id="r")


def chat() -> ChatFormat:
    found = format_named("openai-chat")
    assert isinstance(found, ChatFormat)
    return found


def decode(pieces: list[bytes]) -> list[ChatEvent]:
    decoder = chat().stream_decoder()
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.finish()


@given(st.sampled_from(sorted(set(STREAMS) - {"garbage"})), st.data())
def test_no_split_changes_the_events(name: str, data: st.DataObject) -> None:
    stream = STREAMS[name]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert decode(pieces) == decode([stream])


START = Started("c", "m", 5, "flex")
EXPRESSIBLE: list[list[ChatEvent]] = [
    [START, TextDelta("a"), TextDelta("b"), Finished("stop"), UsageReported(Usage(input=1, output=2)), Ended()],
    [START, ThinkingDelta("hm"), TextDelta("a"), Finished("length"), Ended()],
    [START, RefusalDelta("no"), Finished("content_filter"), Ended()],
    [
        START,
        ToolCallStarted(0, "a", "f"),
        ToolArgumentsDelta(0, '{"x":'),
        ToolArgumentsDelta(0, "1}"),
        ToolCallStarted(1, "b", "g", 0, False, "signature"),
        ToolArgumentsDelta(1, "{}"),
        Finished("tool_calls"),
        Ended(),
    ],
    [START, ToolCallStarted(0, "a", "f", 0, True), ToolArgumentsDelta(0, "free text"), Finished("tool_calls"), Ended()],
    [START, TextDelta("a", 0), TextDelta("b", 1), Finished("stop", 0), Finished("length", 1), Ended()],
    [START, TextDelta("a"), LogprobsDelta({"content": [{"token": "a", "logprob": -1.0}]}), Finished("stop"), Ended()],
    [
        START,
        PartAdded(Image(data="AA", media_type="image/png")),
        PartAdded(Image(url="http://x")),
        Finished("stop"),
        Ended(),
    ],
    [START, PartAdded(Audio(file_id="i", data="AA", transcript="t")), Finished("stop"), Ended()],
    [START, TextDelta("a"), Failed(ErrorDetail(status=429, message="m", type="rate_limit_error", code="c"))],
]


@pytest.mark.parametrize("events", EXPRESSIBLE)
def test_what_is_encoded_decodes_to_the_same(events: list[ChatEvent]) -> None:
    encoder = chat().stream_encoder(SHAPE)
    assert decode([encoder.encode([event]) for event in events]) == events


def test_usage_comes_last_and_only_if_asked_for() -> None:
    events: list[ChatEvent] = [START, UsageReported(Usage(input=1)), TextDelta("a"), Finished("stop"), Ended()]
    silent = StreamShape(model="asked", include_usage=False)
    assert UsageReported(Usage(input=1)) not in decode([chat().stream_encoder(silent).encode(events)])
    assert decode([chat().stream_encoder(SHAPE).encode(events)])[-2] == UsageReported(Usage(input=1))


def test_a_provider_that_names_nothing_gets_the_callers_words() -> None:
    out = chat().stream_encoder(SHAPE).encode([TextDelta("a")])
    assert b'"model":"asked"' in out
    assert b'"created":7' in out
    assert b'"role":"assistant"' in out


@pytest.mark.parametrize(("reason", "told"), [("pause", "stop"), ("error", "content_filter")])
def test_what_openai_has_no_reason_for_is_a_stop_or_content_withheld(reason: FinishReason, told: FinishReason) -> None:
    events: list[ChatEvent] = [START, Finished(reason), Ended()]
    assert Finished(told) in decode([chat().stream_encoder(SHAPE).encode(events)])


@pytest.mark.parametrize(
    "stream",
    [b"data: {not json\n\n", b"data: []\n\n", b'data: {"choices":5}\n\n', b"data: " + b"[" * 100_000 + b"\n\n",
     b'data: {"choices":[{"delta":{"function_call":{"name":"f"}}}]}\n\n'],
)  # fmt: skip
def test_a_chunk_that_cannot_be_read_is_the_providers_fault(stream: bytes) -> None:
    with pytest.raises(UpstreamError) as error:
        decode([stream])
    assert error.value.code == "provider_bad_response"


def test_nothing_is_read_after_the_end() -> None:
    late = b'data: {"choices":[{"delta":{"content":"late"}}]}\n\n'
    assert decode([late + b"data: [DONE]\n\n" + late]) == [Started(), TextDelta("late"), Ended()]


def test_a_mark_alone_is_no_answer() -> None:
    assert decode([b"data: [DONE]\n\n"]) == []
    assert decode([b'data: {"choices":[],"prompt_filter_results":[]}\n\ndata: [DONE]\n\n']) == []


def test_an_empty_finish_reason_finishes_nothing() -> None:
    chunk = b'data: {"choices":[{"delta":{"content":"x"},"finish_reason":""}]}\n\n'
    assert decode([chunk])[1:] == [TextDelta("x")]
    assert decode([chunk, chunk.replace(b'""', b'"stop"')])[2:] == [TextDelta("x"), Finished("stop"), Ended()]


def test_tool_calls_without_index_and_id_get_one() -> None:
    chunk = b'data: {"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}}]}\n\n'
    assert decode([chunk])[1:] == [ToolCallStarted(0, "", "f"), ToolArgumentsDelta(0, "{}")]


def chunk_of(delta: str, rest: str = "") -> bytes:
    return f'data: {{"id":"c","choices":[{{"index":0,"delta":{delta}{rest}}}]}}\n\n'.encode()


def call_of(index: str, identifier: str, name: str, arguments: str) -> bytes:
    function = f'{{"name":"{name}","arguments":"{arguments}"}}'
    return chunk_of(f'{{"tool_calls":[{{{index}"id":"{identifier}","function":{function}}}]}}')


@pytest.mark.parametrize("index", ['"index":0,', ""])
def test_calls_that_come_one_a_chunk_under_one_index_are_told_apart_by_their_ids(index: str) -> None:
    events = decode([call_of(index, "a", "f", "{"), call_of(index, "a", "", "}"), call_of(index, "b", "g", "[]")])
    assert events[1:] == [
        ToolCallStarted(0, "a", "f"),
        ToolArgumentsDelta(0, "{"),
        ToolArgumentsDelta(0, "}"),
        ToolCallStarted(1, "b", "g"),
        ToolArgumentsDelta(1, "[]"),
    ]


@pytest.mark.parametrize(("reason", "read"), [("stop", "tool_calls"), ("length", "length")])
def test_a_stop_after_tool_calls_waits_for_their_results(reason: str, read: FinishReason) -> None:
    events = decode([call_of('"index":0,', "a", "f", "{}"), chunk_of("{}", f',"finish_reason":"{reason}"')])
    assert events[-2:] == [Finished(read), Ended()]


def test_a_stream_starts_with_the_first_chunk_that_says_something() -> None:
    empty = b'data: {"id":"","model":"","choices":[],"prompt_filter_results":[]}\n\n'
    assert decode([empty, b'data: {"id":"c","model":"m","choices":[]}\n\n']) == [Started("c", "m")]


def test_arguments_may_come_as_an_object() -> None:
    function = '{"name":"f","arguments":{"a":1}}'
    events = decode([chunk_of(f'{{"tool_calls":[{{"index":0,"id":"a","function":{function}}}]}}')])
    assert events[1:] == [ToolCallStarted(0, "a", "f"), ToolArgumentsDelta(0, '{"a":1}')]


def test_content_may_come_in_parts() -> None:
    thinking = '{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}'
    events = decode([chunk_of(f'{{"content":[{thinking},{{"type":"text","text":"a"}}]}}')])
    assert events[1:] == [ThinkingDelta("hm"), TextDelta("a")]
    assert decode([chunk_of('{"content":[{"type":"x"}]}')])[1:] == [LeftOver(["x"])]


def test_nothing_is_read_after_an_error_although_all_have_finished() -> None:
    stop = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    failed = b'data: {"error":{"message":"boom"}}\n\n'
    kinds = [type(event) for event in decode([stop + failed + stop])]
    assert kinds == [Started, Finished, Failed]
