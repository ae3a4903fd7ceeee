import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import UpstreamError
from entresol.llm.anthropic_stream import AnthropicStreamDecoder, AnthropicStreamEncoder
from entresol.llm.events import (
    ChatEvent,
    Ended,
    ErrorDetail,
    Failed,
    Finished,
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
from entresol.llm.formats.anthropic_messages import AnthropicMessages
from entresol.llm.types import Image, Native, Usage


def encoded(*events: ChatEvent) -> list[Any]:
    """The data of the wire events for canonical ones."""
    data = AnthropicStreamEncoder(StreamShape(model="asked", request_id="id"), AnthropicMessages()).encode(list(events))
    blocks = [block.split(b"\n") for block in data.split(b"\n\n") if block]
    values = [json.loads(lines[1][6:]) for lines in blocks]
    assert [lines[0][7:].decode() for lines in blocks] == [value["type"] for value in values]
    return values


def decoded(data: bytes) -> list[ChatEvent]:
    decoder = AnthropicStreamDecoder()
    return decoder.feed(data) + decoder.finish()


def wire(*events: dict[str, Any]) -> bytes:
    return b"".join(b"event: %b\ndata: %b\n\n" % (e["type"].encode(), json.dumps(e).encode()) for e in events)


def blocks_of(events: list[Any]) -> list[tuple[int, str, str]]:
    """Index, type and sum of the deltas of every block; checks that each is opened, filled and closed in turn."""
    blocks: list[tuple[int, str, str]] = []
    is_open = False
    for event in events:
        if event["type"] == "content_block_start":
            assert not is_open
            assert event["index"] == len(blocks)
            is_open = True
            blocks.append((event["index"], event["content_block"]["type"], ""))
        elif event["type"] == "content_block_delta":
            assert is_open
            assert event["index"] == blocks[-1][0]
            delta = {key: value for key, value in event["delta"].items() if key != "type"}
            index, kind, text = blocks[-1]
            blocks[-1] = (index, kind, text + "".join(map(str, delta.values())))
        elif event["type"] == "content_block_stop":
            assert event["index"] == blocks[-1][0]
            is_open = False
    assert not is_open
    return blocks


def test_content_comes_in_blocks_one_after_the_other() -> None:
    events = encoded(
        Started("id", "m"), ThinkingDelta("hm"), ThinkingDelta(signature="anthropic:s"), TextDelta("a"), TextDelta("b"),
        ToolCallStarted(0, "c1", "f"), ToolArgumentsDelta(0, "{}"), TextDelta("c"), Finished("tool_calls"), Ended(),
    )  # fmt: skip
    assert blocks_of(events) == [(0, "thinking", "hms"), (1, "text", "ab"), (2, "tool_use", "{}"), (3, "text", "c")]
    assert events[-2]["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}
    assert events[-1] == {"type": "message_stop"}


def test_calls_whose_deltas_are_mixed_do_not_mix_in_blocks() -> None:
    events = encoded(
        Started(), ToolCallStarted(0, "c1", "f"), ToolArgumentsDelta(0, '{"a"'), ToolCallStarted(1, "c2", "g"),
        ToolArgumentsDelta(1, '{"b":'), ToolArgumentsDelta(0, ":1}"), ToolArgumentsDelta(1, "2}"),
        ToolCallStarted(2, "c3", "h"), Finished("tool_calls"), Ended(),
    )  # fmt: skip
    assert blocks_of(events) == [(0, "tool_use", '{"a":1}'), (1, "tool_use", '{"b":2}'), (2, "tool_use", "")]
    starts = [event["content_block"]["id"] for event in events if event["type"] == "content_block_start"]
    assert starts == ["c1", "c2", "c3"]


def test_a_call_that_never_completes_does_not_hold_back_the_others() -> None:
    events = encoded(
        Started(), ToolCallStarted(0, "c1", "f"), ToolArgumentsDelta(0, "{"), ToolCallStarted(1, "c2", "g"),
        ToolArgumentsDelta(1, "{}"), Finished("length"), Ended(),
    )  # fmt: skip
    assert blocks_of(events) == [(0, "tool_use", "{"), (1, "tool_use", "{}")]


WORDS = [
    (TextDelta("and "), TextDelta("so on"), (1, "text", "and so on")),
    (ThinkingDelta("hm"), ThinkingDelta("m"), (1, "thinking", "hmm")),
    (RefusalDelta("no"), RefusalDelta("pe"), (1, "text", "nope")),
]


@pytest.mark.parametrize(("first", "second", "block"), WORDS)
@pytest.mark.parametrize("ends", [[ToolArgumentsDelta(0, "1}")], [ToolArgumentsDelta(0, "1}"), Finished("tool_calls")]])
def test_words_between_the_pieces_of_a_call_wait_for_its_end(
    first: ChatEvent, second: ChatEvent, block: tuple[int, str, str], ends: list[ChatEvent]
) -> None:
    call: list[ChatEvent] = [ToolCallStarted(0, "a", "f"), ToolArgumentsDelta(0, '{"x":'), first]
    events = encoded(*call, second, *ends, Ended())
    assert blocks_of(events) == [(0, "tool_use", '{"x":1}'), block]


def test_words_after_a_call_that_never_completes_come_at_the_end() -> None:
    events = encoded(
        ToolCallStarted(0, "a", "f"), TextDelta("x"), ToolArgumentsDelta(0, "{"), Finished("stop"), Ended()
    )
    assert blocks_of(events) == [(0, "tool_use", "{"), (1, "text", "x")]


def test_a_signature_of_a_call_goes_ahead_of_it_as_thinking() -> None:
    events = encoded(Started(), ToolCallStarted(0, "c", "f", signature="s"), ToolArgumentsDelta(0, "{}"), Ended())
    assert blocks_of(events) == [(0, "thinking", "gemini:s"), (1, "tool_use", "{}")]


def test_usage_that_is_known_late_is_told_at_the_end() -> None:
    events = encoded(Started(), TextDelta("x"), Finished("stop"), UsageReported(Usage(input=5, output=3)), Ended())
    assert events[0]["message"]["usage"]["input_tokens"] == 0
    assert events[-2]["usage"]["input_tokens"] == 5
    assert events[-2]["usage"]["output_tokens"] == 3


def test_usage_that_is_known_early_is_told_at_the_start() -> None:
    events = encoded(UsageReported(Usage(input=5)), Started("i", "m", service_tier="default"))
    assert events[0]["message"]["usage"]["input_tokens"] == 5
    assert events[0]["message"]["usage"]["service_tier"] == "standard"


def test_only_the_first_choice_is_told() -> None:
    events = encoded(
        Started(), TextDelta("a"), TextDelta("b", choice=1), Finished("stop"), Finished("length", 1), Ended()
    )
    assert blocks_of(events) == [(0, "text", "a")]
    assert events[-2]["delta"]["stop_reason"] == "end_turn"


@pytest.mark.parametrize(
    ("reason", "wire_reason"), [("stop", "refusal"), ("content_filter", "refusal"), ("length", "max_tokens")]
)
def test_words_of_refusal_make_a_refusal(reason: Any, wire_reason: str) -> None:
    events = encoded(Started(), RefusalDelta("No."), Finished(reason), Ended())
    assert blocks_of(events) == [(0, "text", "No.")]
    assert events[-2]["delta"]["stop_reason"] == wire_reason


def test_a_technical_failure_is_no_end_of_a_turn() -> None:
    events = encoded(Started(), TextDelta("a"), Finished("error"), Ended())
    assert [event["delta"]["stop_reason"] for event in events if event["type"] == "message_delta"] == ["refusal"]


def test_native_blocks_pass_and_foreign_parts_do_not() -> None:
    own = Native(type="server_tool_use", value={"type": "server_tool_use", "id": "s"})
    foreign = Native(type="executableCode", value={"executableCode": {}})
    events = encoded(
        Started(), PartAdded(own), PartAdded(foreign), PartAdded(Image(data="AA")), ThinkingDelta(redacted="r"), Ended()
    )
    assert [kind for _, kind, _ in blocks_of(events)] == ["server_tool_use", "redacted_thinking"]


def test_a_failure_is_an_error_event_with_the_request_id() -> None:
    error = encoded(Started(), Failed(ErrorDetail(status=529, message="busy")))[-1]
    assert (error["type"], error["error"]["type"], error["request_id"]) == ("error", "overloaded_error", "id")


def test_a_stream_without_a_start_gets_one() -> None:
    assert encoded(TextDelta("x"))[0]["type"] == "message_start"
    assert [event["type"] for event in encoded(Ended())] == ["message_start", "message_delta", "message_stop"]


# Decoding.

MESSAGE = {
    "type": "message_start",
    "message": {"id": "i", "model": "m", "usage": {"input_tokens": 5, "output_tokens": 1}},
}


def test_a_call_without_arguments_has_an_empty_object() -> None:
    start = {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "tool_use", "id": "a", "name": "f", "input": {}},
    }
    events = decoded(wire(start, {"type": "content_block_stop", "index": 0}))
    assert events == [ToolCallStarted(0, "a", "f"), ToolArgumentsDelta(0, "{}")]


def test_input_that_comes_with_the_start_counts() -> None:
    start = {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
    }
    assert ToolArgumentsDelta(0, '{"x":1}') in decoded(wire(start, {"type": "content_block_stop", "index": 0}))


def test_text_and_thinking_that_come_with_the_start_count() -> None:
    text = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "x"}}
    thought = {
        "type": "content_block_start",
        "index": 1,
        "content_block": {"type": "thinking", "thinking": "y", "signature": "s"},
    }
    assert decoded(wire(text, thought)) == [TextDelta("x"), ThinkingDelta("y", signature="anthropic:s")]


def test_input_for_a_block_without_input_is_the_providers_fault() -> None:
    with pytest.raises(UpstreamError):
        decoded(
            wire(
                {"type": "content_block_delta", "index": 3, "delta": {"type": "input_json_delta", "partial_json": "{"}}
            )
        )


@pytest.mark.parametrize(
    "data", [b"data: {oops\n\n", b"data: 5\n\n", b'data: {"type":"message_start","message":5}\n\n']
)
def test_garbage_is_the_providers_fault(data: bytes) -> None:
    with pytest.raises(UpstreamError):
        decoded(data)


def test_nothing_counts_after_the_end() -> None:
    events = decoded(wire(MESSAGE, {"type": "message_stop"}, {"type": "error", "error": {"message": "late"}}))
    assert events[-1] == Ended()
    assert not any(isinstance(event, Failed) for event in events)


def test_a_cut_stream_has_no_end() -> None:
    assert Ended() not in decoded(wire(MESSAGE))


def test_a_reason_to_stop_is_not_the_end() -> None:
    events = decoded(wire(MESSAGE, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}))
    assert Finished("stop") in events
    assert Ended() not in events


WHOLE = wire(
    MESSAGE,
    {"type": "ping"},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "é 東京"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "content_block_start",
        "index": 1,
        "content_block": {"type": "tool_use", "id": "a", "name": "f", "input": {}},
    },
    {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"x":'}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "1}"}},
    {"type": "content_block_stop", "index": 1},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}},
    {"type": "message_stop"},
)


@given(st.lists(st.integers(0, len(WHOLE)), max_size=12))
def test_a_stream_may_be_split_at_any_byte(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(WHOLE)]
    decoder = AnthropicStreamDecoder()
    pieces = [WHOLE[start:end] for start, end in pairwise(places)]
    events = [event for piece in pieces for event in decoder.feed(piece)] + decoder.finish()
    assert events == decoded(WHOLE)
    assert events[-1] == Ended()


def tool(index: int | None, name: str, input_: Any = None) -> dict[str, Any]:
    block = {"type": "tool_use", "id": name, "name": name, "input": {} if input_ is None else input_}
    return {"type": "content_block_start", "index": index, "content_block": block}


def pieces_of(index: int, text: str) -> dict[str, Any]:
    delta = {"type": "input_json_delta", "partial_json": text}
    return {"type": "content_block_delta", "index": index, "delta": delta}


CALLED = {"type": "message_delta", "delta": {"stop_reason": "tool_use"}}
STOPPED = {"type": "message_stop"}
ODD_CALLS: dict[str, tuple[list[dict[str, Any]], list[tuple[str, str]]]] = {
    "an input at the start that deltas repeat": ([tool(0, "f", {"x": 1}), pieces_of(0, '{"x":1}')], [("f", '{"x":1}')]),
    "an input at the start": ([tool(0, "f", {"x": 1})], [("f", '{"x":1}')]),
    "blocks that are never closed": ([tool(0, "f"), tool(1, "g")], [("f", "{}"), ("g", "{}")]),
    "one index for two blocks": (
        [tool(0, "f"), pieces_of(0, '{"x":1}'), tool(0, "g"), pieces_of(0, '{"y":2}')],
        [("f", '{"x":1}'), ("g", '{"y":2}')],
    ),
    "no index": ([tool(None, "f", {"x": 1})], [("f", '{"x":1}')]),
}


@pytest.mark.parametrize("case", ODD_CALLS)
def test_calls_that_are_told_in_an_odd_way_are_read(case: str) -> None:
    events, expected = ODD_CALLS[case]
    found = decoded(wire(*events, CALLED, STOPPED))
    names = {event.index: event.name for event in found if isinstance(event, ToolCallStarted)}
    texts = dict.fromkeys(names.values(), "")
    for event in found:
        if isinstance(event, ToolArgumentsDelta):
            texts[names[event.index]] += event.text
    assert list(texts.items()) == expected


@pytest.mark.parametrize(
    "error", [{"error": "boom"}, {"message": "boom"}, {"error": {"type": "api_error", "message": "boom"}}]
)
def test_an_error_may_be_no_more_than_its_message(error: dict[str, Any]) -> None:
    (failed,) = decoded(wire({"type": "error"} | error))
    assert isinstance(failed, Failed)
    assert failed.error.message == "boom"


def test_the_name_of_an_event_stands_in_for_its_type() -> None:
    assert decoded(b"event: message_stop\ndata: {}\n\n") == [Ended()]


def test_the_mark_of_other_wires_is_passed_over() -> None:
    assert decoded(b"data: [DONE]\n\n" + wire(STOPPED)) == [Ended()]


def test_what_is_null_is_nothing() -> None:
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "redacted_thinking", "data": None}}
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": None}}
    assert decoded(wire(block, delta)) == []
