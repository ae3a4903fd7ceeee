import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import UpstreamError
from entresol.llm.cohere_stream import CohereStreamDecoder
from entresol.llm.events import (
    ChatEvent,
    Ended,
    Failed,
    Finished,
    LeftOver,
    LogprobsDelta,
    PartAdded,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    UsageReported,
)
from entresol.llm.types import Usage


def event(kind: str, index: int | None = None, **message: Any) -> bytes:
    wire: dict[str, Any] = {"type": kind} | ({} if index is None else {"index": index})
    return b"data: %b\n\n" % json.dumps(wire | {"delta": {"message": message}}).encode()


START = b'data: {"type":"message-start","id":"i","delta":{"message":{"role":"assistant","content":[]}}}\n\n'
TEXT = event("content-delta", 0, content={"text": "Hi"})
END = (
    b'data: {"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"tokens":{"input_tokens":1,'
    b'"output_tokens":2}}}}\n\ndata: [DONE]\n\n'
)
CALLS = (
    event("tool-call-start", 0, tool_calls={"id": "a", "function": {"name": "f", "arguments": ""}})
    + event("tool-call-delta", 0, tool_calls={"function": {"arguments": '{"x":'}})
    + event("tool-call-start", 1, tool_calls={"id": "b", "function": {"name": "g", "arguments": "{}"}})
    + event("tool-call-delta", 0, tool_calls={"function": {"arguments": "1}"}})
    + event("tool-call-end", 0)
)


def read(data: bytes) -> list[ChatEvent]:
    decoder = CohereStreamDecoder()
    return decoder.feed(data) + decoder.finish()


def test_an_answer_is_read_to_its_end() -> None:
    assert read(START + TEXT + END + TEXT) == [
        Started("i"),
        TextDelta("Hi"),
        UsageReported(Usage(input=1, output=2)),
        Finished("stop"),
        Ended(),
    ]


def test_calls_are_told_apart_by_their_index() -> None:
    assert read(START + CALLS)[1:] == [
        ToolCallStarted(0, "a", "f"),
        ToolArgumentsDelta(0, '{"x":'),
        ToolCallStarted(1, "b", "g"),
        ToolArgumentsDelta(1, "{}"),
        ToolArgumentsDelta(0, "1}"),
    ]


def test_calls_without_an_index_come_one_after_the_other() -> None:
    calls = [{"id": name, "function": {"name": "f", "arguments": {"a": 1}}} for name in "ab"]
    wire = event("tool-call-start", None, tool_calls=calls[0]) + event("tool-call-start", None, tool_calls=[calls[1]])
    wire += event("tool-call-delta", None, tool_calls={"function": {"arguments": " "}})
    assert read(wire)[1:] == [
        ToolCallStarted(0, "a", "f"),
        ToolArgumentsDelta(0, '{"a":1}'),
        ToolCallStarted(1, "b", "f"),
        ToolArgumentsDelta(1, '{"a":1}'),
        ToolArgumentsDelta(1, " "),
    ]


def test_a_plan_is_text_and_thoughts_are_thoughts() -> None:
    wire = event("content-start", 0, content={"type": "thinking", "thinking": ""})
    wire += event("content-delta", 0, content={"thinking": "hm"}) + event("content-delta", 1, content=[{"text": "a"}])
    assert read(wire + event("tool-plan-delta", tool_plan="I look."))[1:] == [
        ThinkingDelta("hm"),
        TextDelta("a"),
        TextDelta("I look."),
    ]


def test_what_only_cohere_has_is_named_once() -> None:
    citation = {"start": 0, "end": 2}
    debug = b'data: {"type":"debug","prompt":"x"}\n\n'
    events = read(debug + START + event("citation-start", 0, citations=citation) + debug + event("someday", 1))
    assert [events[0], events[1], events[3]] == [LeftOver(["debug"]), Started("i"), LeftOver(["someday"])]
    (added,) = events[2:3]
    assert isinstance(added, PartAdded)


def test_log_probabilities_come_with_the_text() -> None:
    wire = b'data: {"type":"content-delta","logprobs":{"text":"Hi","token_ids":[1],"logprobs":[-0.5]}}\n\n'
    entry = {"token": "Hi", "logprob": -0.5, "bytes": None, "top_logprobs": []}
    assert read(wire)[1:] == [LogprobsDelta({"content": [entry], "refusal": None})]


@pytest.mark.parametrize(
    ("end", "status", "message"),
    [
        (b'"delta":{"finish_reason":"ERROR","error":"broken"}', 502, "broken"),
        (b'"delta":{"finish_reason":"TIMEOUT"}', 504, "the model took too long"),
        (b'"delta":{"error":{"code":1}}', 502, "the provider failed while generating"),
    ],
)
def test_an_end_that_is_an_error_is_never_success(end: bytes, status: int, message: str) -> None:
    last = read(START + TEXT + b'data: {"type":"message-end",' + end + b"}\n\n" + TEXT)[-1]
    assert isinstance(last, Failed)
    assert (last.error.status, last.error.message) == (status, message)


def test_an_error_object_in_the_stream_is_an_error() -> None:
    events = read(START + b'data: {"id":"e","message":"too many"}\n\n' + END)
    assert isinstance(events[-1], Failed)
    assert events[-1].error.message == "too many"


@pytest.mark.parametrize(
    "wrong",
    [b"data: <html>\n\n", b"data: []\n\n", b"data: {}\n\n", b'data: {"type":"tool-call-delta","index":"a"}\n\n'],
)
def test_garbage_is_told(wrong: bytes) -> None:
    with pytest.raises(UpstreamError, match="cannot be read"):
        read(START + wrong)


def test_a_piece_of_a_call_that_never_began_is_told() -> None:
    with pytest.raises(UpstreamError, match="before its start"):
        read(event("tool-call-delta", 3, tool_calls={"function": {"arguments": "{}"}}))


def test_a_stream_that_is_cut_has_no_end() -> None:
    assert read(START + TEXT) == [Started("i"), TextDelta("Hi")]
    assert read(b"") == []


def test_an_end_that_says_nothing_follows_from_what_came() -> None:
    assert read(b'data: {"type":"message-end"}\n\n') == [Started(""), Finished("stop"), Ended()]
    assert Finished("tool_calls") in read(CALLS + b'event: message-end\ndata: {"delta":{}}\n\n')


@given(st.lists(st.integers(0, 10_000), max_size=6), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_any_split_and_any_line_end_gives_the_same(cuts: list[int], line_end: bytes) -> None:
    data = (START + TEXT + CALLS + END).replace(b"\n", line_end)
    decoder = CohereStreamDecoder()
    places = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    events = [each for start, end in itertools.pairwise(places) for each in decoder.feed(data[start:end])]
    assert events + decoder.finish() == read(START + TEXT + CALLS + END)
