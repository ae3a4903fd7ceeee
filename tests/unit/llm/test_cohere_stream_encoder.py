import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from entresol.llm.cohere_stream import CohereStreamDecoder
from entresol.llm.cohere_stream_encoder import CohereStreamEncoder
from entresol.llm.cohere_wire import CohereChatFormat
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
from entresol.llm.types import Image, Native, Usage


def encoder() -> CohereStreamEncoder:
    return CohereStreamEncoder(StreamShape(model="m", request_id="r"), CohereChatFormat())


def sent(*events: ChatEvent, by: CohereStreamEncoder | None = None) -> list[Any]:
    """The events of a stream; each says its name twice."""
    found = []
    for block in (by or encoder()).encode([*events]).split(b"\n\n")[:-1]:
        if block == b"data: [DONE]":
            continue
        name, data = block.split(b"\n")
        wire = json.loads(data.removeprefix(b"data: "))
        assert name == b"event: " + wire["type"].encode()
        found.append(wire)
    return found


def kinds(*events: ChatEvent) -> list[str]:
    return [wire["type"] + (f" {wire['index']}" if "index" in wire else "") for wire in sent(*events)]


def test_blocks_come_one_after_the_other() -> None:
    assert kinds(
        ThinkingDelta("hm"), ThinkingDelta("!"), TextDelta("a"), TextDelta("b"), Finished("stop"), Ended()
    ) == [
        "message-start",
        "content-start 0",
        "content-delta 0",
        "content-delta 0",
        "content-end 0",
        "content-start 1",
        "content-delta 1",
        "content-delta 1",
        "content-end 1",
        "message-end",
    ]


def test_calls_by_turns_are_written_one_by_one() -> None:
    events: list[ChatEvent] = [
        ToolCallStarted(0, "a", "f"),
        ToolArgumentsDelta(0, '{"x"'),
        ToolCallStarted(1, "b", "g"),
        ToolArgumentsDelta(1, "{}"),
        ToolArgumentsDelta(0, ":1}"),
        ToolArgumentsDelta(9, "lost"),
        ToolCallStarted(2, "c", "h"),
    ]
    wire = sent(*events, Finished("tool_calls"), Ended())
    assert [each["type"] + str(each.get("index", "")) for each in wire[1:-1]] == [
        "tool-call-start0",
        "tool-call-delta0",
        "tool-call-delta0",
        "tool-call-end0",
        "tool-call-start1",
        "tool-call-delta1",
        "tool-call-end1",
        "tool-call-start2",
        "tool-call-delta2",
        "tool-call-end2",
    ]
    assert wire[-1]["delta"]["finish_reason"] == "TOOL_CALL"
    assert wire[-3]["delta"]["message"]["tool_calls"]["function"]["arguments"] == "{}"


def test_the_end_says_why_and_what_it_cost() -> None:
    start, end = sent(Started("i"), UsageReported(Usage(input=1, cache_read=2, output=3)), Finished("length"), Ended())
    assert (start["id"], end["id"]) == ("i", "i")
    assert end["delta"] == {
        "finish_reason": "MAX_TOKENS",
        "usage": {
            "billed_units": {"input_tokens": 3, "output_tokens": 3},
            "tokens": {"input_tokens": 3, "output_tokens": 3},
            "cached_tokens": 2,
        },
    }


def test_a_refusal_is_not_taken_for_an_answer() -> None:
    wire = sent(RefusalDelta("No."), Finished("stop"), Ended())
    assert wire[-1]["delta"]["finish_reason"] == "ERROR_TOXIC"
    assert wire[2]["delta"]["message"]["content"] == {"text": "No."}


def test_a_failure_ends_the_stream_as_one() -> None:
    wire = sent(Started("i"), TextDelta("a"), Failed(ErrorDetail(status=502, message="broken")))
    assert wire[-1]["delta"] == {"finish_reason": "ERROR", "error": "broken"}


def test_citations_and_probabilities_come_back() -> None:
    citation = {"start": 0, "end": 1, "text": "a"}
    entry = {"token": "a", "logprob": -1, "bytes": None, "top_logprobs": []}
    part = Native(type="citations", value={"citations": [citation]})
    events: list[ChatEvent] = [
        Started("i"),
        TextDelta("a"),
        LogprobsDelta({"content": [entry], "refusal": None}),
        PartAdded(part),
        Finished("stop"),
        Ended(),
    ]
    decoder = CohereStreamDecoder()
    assert decoder.feed(encoder().encode(events)) == events


def test_what_has_no_place_is_named_once() -> None:
    target = encoder()
    events: list[ChatEvent] = [
        Started("i", service_tier="priority"),
        TextDelta("a", signature="s"),
        ThinkingDelta(redacted="x"),
        PartAdded(Image(data="QQ==")),
        PartAdded(Native(type="search", value={})),
        TextDelta("b", choice=1),
        LeftOver(["debug"]),
        Finished("stop", stop_sequence="X"),
    ]
    sent(*events, *events, by=target)
    assert target.dropped == ["service_tier", "signature", "image", "search", "choices[1:]", "debug", "stop_sequence"]


def test_a_stream_that_says_nothing_is_still_one() -> None:
    start, end = sent(Ended())
    assert (start["id"], end["delta"]) == ("r", {"finish_reason": "COMPLETE"})


PIECES = st.lists(st.tuples(st.sampled_from(["text", "thinking"]), st.text(min_size=1, max_size=5)), max_size=6)


@given(PIECES, st.lists(st.text(max_size=4), max_size=3))
def test_what_was_streamed_is_read_again(pieces: list[tuple[str, str]], calls: list[str]) -> None:
    events: list[ChatEvent] = [Started("i")]
    events += [TextDelta(text) if kind == "text" else ThinkingDelta(text) for kind, text in pieces]
    for index, name in enumerate(calls):
        events += [ToolCallStarted(index, f"c{index}", name), ToolArgumentsDelta(index, json.dumps({"a": name}))]
    events += [UsageReported(Usage(input=1, output=2)), Finished("tool_calls" if calls else "stop"), Ended()]
    decoder = CohereStreamDecoder()
    assert decoder.feed(encoder().encode(events)) == events
