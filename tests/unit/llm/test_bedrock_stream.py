"""ConverseStream, read."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entresol.core.errors import UpstreamError
from entresol.llm.aws_event_stream import encode_message
from entresol.llm.bedrock_stream import BedrockStreamDecoder
from entresol.llm.events import (
    ChatEvent,
    Ended,
    Failed,
    Finished,
    LeftOver,
    PartAdded,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    UsageReported,
)
from entresol.llm.types import Image, Native, Usage
from golden.event_stream_text import binary

GOLDEN = Path(__file__).parents[2] / "golden" / "bedrock_converse"
CASES = sorted(path for path in GOLDEN.glob("*.events") if path.name.count(".") == 1)


def event(name: str, **payload: Any) -> bytes:
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return encode_message(headers, json.dumps(payload).encode())


def delta(index: int, **fields: Any) -> bytes:
    return event("contentBlockDelta", contentBlockIndex=index, delta=fields, p="padding")


def read(*messages: bytes) -> list[ChatEvent]:
    decoder = BedrockStreamDecoder()
    return decoder.feed(b"".join(messages)) + decoder.finish()


STOP = event("messageStop", stopReason="end_turn")
METADATA = event("metadata", usage={"inputTokens": 1, "outputTokens": 2, "totalTokens": 3})


def test_words_are_read() -> None:
    start = event("messageStart", role="assistant")
    assert read(start, delta(0, text="Hi"), event("contentBlockStop", contentBlockIndex=0), STOP, METADATA) == [
        Started(),
        TextDelta("Hi"),
        Finished("stop"),
        UsageReported(Usage(input=1, output=2)),
        Ended(),
    ]


def test_calls_are_read_in_any_order_of_their_pieces() -> None:
    starts = [
        event("contentBlockStart", contentBlockIndex=index, start={"toolUse": {"toolUseId": f"t{index}", "name": "f"}})
        for index in (1, 2)
    ]
    pieces = [delta(2, toolUse={"input": "{}"}), delta(1, toolUse={"input": ""}), delta(1, toolUse={"input": "[]"})]
    assert read(*starts, *pieces, STOP)[:-2] == [
        ToolCallStarted(0, "t1", "f"),
        ToolCallStarted(1, "t2", "f"),
        ToolArgumentsDelta(1, "{}"),
        ToolArgumentsDelta(0, "[]"),
    ]


def test_a_call_without_arguments_has_empty_ones() -> None:
    start = event("contentBlockStart", contentBlockIndex=0, start={"toolUse": {"toolUseId": "t", "name": "f"}})
    closed = [ToolCallStarted(0, "t", "f"), ToolArgumentsDelta(0, "{}")]
    assert read(start, event("contentBlockStop", contentBlockIndex=0)) == closed
    assert read(start, STOP)[:2] == closed


def test_reasoning_is_read() -> None:
    deltas = [{"text": "h"}, {"signature": "s"}, {"redactedContent": "cg=="}]
    assert read(*(delta(0, reasoningContent=each) for each in deltas)) == [
        ThinkingDelta("h"),
        ThinkingDelta(signature="anthropic:s"),
        ThinkingDelta(redacted="anthropic:cg=="),
    ]


def test_an_image_comes_when_it_is_whole() -> None:
    start = event("contentBlockStart", contentBlockIndex=0, start={"image": {"format": "png"}})
    pieces = [delta(0, image={"source": {"bytes": "AAE="}}), delta(0, image={"source": {"bytes": "Ag=="}})]
    stop = event("contentBlockStop", contentBlockIndex=0)
    assert read(start, pieces[0], stop) == [PartAdded(Image(data="AAE=", media_type="image/png"))]
    assert read(start, *pieces, stop) == [PartAdded(Image(data="AAEC", media_type="image/png"))]


def test_tools_of_bedrocks_own_stay_as_they_are() -> None:
    use = {"toolUseId": "t", "name": "nova_grounding", "type": "server_tool_use"}
    start = event("contentBlockStart", contentBlockIndex=0, start={"toolUse": use})
    stop = event("contentBlockStop", contentBlockIndex=0)
    native = Native(type="toolUse", value={"toolUse": {**use, "input": {"q": 1}}})
    assert read(start, delta(0, toolUse={"input": '{"q":'}), delta(0, toolUse={"input": "1}"}), stop) == [
        PartAdded(native)
    ]
    result = {"toolUseId": "t", "type": "x"}
    start = event("contentBlockStart", contentBlockIndex=0, start={"toolResult": result})
    native = Native(type="toolResult", value={"toolResult": {**result, "content": [{"text": "a"}]}})
    assert read(start, delta(0, toolResult=[{"text": "a"}]), stop) == [PartAdded(native)]


def test_which_stop_string_it_was_is_read() -> None:
    stop = event("messageStop", stopReason="stop_sequence", additionalModelResponseFields={"stop_sequence": "END"})
    assert read(stop) == [Finished("stop_sequence", stop_sequence="END"), Ended()]
    odd = event("messageStop", stopReason="end_turn", additionalModelResponseFields=[1])
    assert read(odd) == [LeftOver(["additionalModelResponseFields"]), Finished("stop"), Ended()]


def test_what_only_bedrock_knows_is_told() -> None:
    metadata = event("metadata", metrics={"latencyMs": 1}, trace={"x": 1}, performanceConfig={"latency": "standard"})
    told = [one for one in read(event("news", a=1), delta(0, hologram=1), metadata) if isinstance(one, LeftOver)]
    assert [name for each in told for name in each.names] == [
        "news", "delta", "trace", "metrics", "performanceConfig"
    ]  # fmt: skip


def test_the_answer_is_complete_without_its_metadata() -> None:
    assert read(STOP)[-1] == Ended()
    assert read(STOP, METADATA[:-1])[-1] == Ended()


def test_a_cut_stream_has_no_end() -> None:
    assert read(event("messageStart", role="assistant"), delta(0, text="Hi")) == [Started(), TextDelta("Hi")]
    assert read(METADATA) == [UsageReported(Usage(input=1, output=2))]


def test_an_exception_is_a_failure() -> None:
    headers = {":message-type": "exception", ":exception-type": "throttlingException"}
    (failed,) = read(encode_message(headers, b'{"message":"slow"}'))
    assert isinstance(failed, Failed)
    assert (failed.error.status, failed.error.message) == (429, "slow")


def test_nothing_is_read_after_the_end() -> None:
    decoder = BedrockStreamDecoder()
    assert decoder.feed(STOP + METADATA + delta(0, text="x"))[-1] == Ended()
    assert decoder.feed(b"garbage garbage garbage") == []
    assert decoder.finish() == []


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"<html><body>no</body></html>", "checksum"),
        (encode_message({":event-type": "contentBlockDelta"}, b"{not json"), "an event of the stream is not valid"),
        (encode_message({":event-type": "contentBlockDelta"}, b'{"delta":{"text":1}}'), "Expected `str"),
        (encode_message({":event-type": "contentBlockDelta"}, b"{}"), "missing required field `delta`"),
        (encode_message({":event-type": "messageStop"}, b"\xff"), "not valid"),
        (delta(0, toolUse={"input": "{}"}), "a piece of toolUse for a block that is none"),
        (delta(0, image={"source": {"bytes": "AA=="}}), "a piece of image for a block that is none"),
        (delta(0, image={"error": {}}), "a piece of an image has no bytes"),
    ],
)
def test_garbage_is_named(data: bytes, why: str) -> None:
    with pytest.raises(UpstreamError, match=why):
        BedrockStreamDecoder().feed(data)


@given(st.sampled_from(CASES), st.lists(st.integers(0, 4000), max_size=8))
@settings(max_examples=150)
def test_any_split_gives_the_same_events(path: Path, cuts: list[int]) -> None:
    data = binary(path.read_bytes())
    places = sorted({cut % (len(data) + 1) for cut in cuts})

    def events(pieces: list[bytes]) -> list[ChatEvent | str]:
        decoder, out = BedrockStreamDecoder(), list[ChatEvent | str]()
        try:
            for piece in pieces:
                out += decoder.feed(piece)
            out += decoder.finish()
        except UpstreamError as error:
            return [str(error)]
        return out

    assert events([data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]) == events([data])


KINDS = ("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata")
KEYS = st.sampled_from(
    ["start", "delta", "text", "toolUse", "toolResult", "image", "source", "bytes", "input", "reasoningContent",
     "contentBlockIndex", "usage", "inputTokens", "cacheDetails", "trace", "stopReason",
     "additionalModelResponseFields"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "x", "AA==", "{}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.tuples(st.sampled_from(KINDS), VALUES), max_size=6))
@settings(max_examples=300)
def test_events_of_any_shape_are_read_or_named(messages: list[tuple[str, Any]]) -> None:
    decoder = BedrockStreamDecoder()
    data = [encode_message({":event-type": kind}, json.dumps(value).encode()) for kind, value in messages]
    events: list[ChatEvent] = []
    with suppress(UpstreamError):
        events = decoder.feed(b"".join(data)) + decoder.finish()
    assert (Ended() in events) == any(isinstance(event, Finished) for event in events)
