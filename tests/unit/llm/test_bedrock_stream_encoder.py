"""ConverseStream, written: AWS's own client reads it, and our decoder reads the same events again."""

from typing import Any

import pytest
from botocore.eventstream import EventStream
from botocore.exceptions import EventStreamError
from botocore.model import StructureShape
from botocore.parsers import EventStreamJSONParser
from botocore.session import Session

from entresol.llm.bedrock_stream import BedrockStreamDecoder
from entresol.llm.bedrock_stream_encoder import BedrockStreamEncoder
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
from entresol.llm.formats.bedrock_converse import BedrockConverse
from entresol.llm.types import Audio, Image, Usage

SHAPE = Session().get_service_model("bedrock-runtime").operation_model("ConverseStream").get_event_stream_output()


class _Socket:
    """What botocore reads a stream from."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self) -> list[bytes]:
        return [self._data]


def by_aws(data: bytes) -> list[dict[str, Any]]:
    """The events as AWS's client gives them to its user."""
    assert isinstance(SHAPE, StructureShape)
    return list(EventStream(_Socket(data), SHAPE, EventStreamJSONParser(), "ConverseStream"))


def encoder() -> BedrockStreamEncoder:
    return BedrockStreamEncoder(StreamShape(model="m", request_id="r"), BedrockConverse())


def write(*events: ChatEvent) -> list[dict[str, Any]]:
    return by_aws(encoder().encode(list(events)))


def test_awss_client_reads_a_whole_answer() -> None:
    events = write(
        Started("id", "m"), ThinkingDelta("h"), ThinkingDelta(signature="anthropic:s"), TextDelta("Hi"),
        TextDelta("!"), Finished("stop"), UsageReported(Usage(input=1, output=2)), Ended(),
    )  # fmt: skip
    assert events == [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "h"}}}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "s"}}}},
        {"contentBlockStop": {"contentBlockIndex": 0}},
        {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"text": "Hi"}}},
        {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"text": "!"}}},
        {"contentBlockStop": {"contentBlockIndex": 1}},
        {"messageStop": {"stopReason": "end_turn"}},
        {
            "metadata": {
                "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3},
                "metrics": {"latencyMs": 0},
            }
        },
    ]


def test_awss_client_raises_what_failed() -> None:
    data = encoder().encode([Started(), TextDelta("Hi"), Failed(ErrorDetail(status=429, message="slow"))])
    with pytest.raises(EventStreamError, match=r"throttlingException.*slow"):
        by_aws(data)


def test_calls_that_come_by_turns_are_written_one_by_one() -> None:
    events = write(
        ToolCallStarted(0, "a", "f"), ToolCallStarted(1, "b", "g"), ToolArgumentsDelta(1, "{}"),
        ToolArgumentsDelta(0, '{"x":'), TextDelta("between"), ToolArgumentsDelta(0, "1}"), Finished("tool_calls"),
        Ended(),
    )  # fmt: skip
    inputs: dict[int, str] = {}
    for event in events:
        if "contentBlockDelta" in event:
            delta = event["contentBlockDelta"]
            text = delta["delta"].get("toolUse", {}).get("input") or delta["delta"].get("text")
            inputs[delta["contentBlockIndex"]] = inputs.get(delta["contentBlockIndex"], "") + text
    starts = [event["contentBlockStart"] for event in events if "contentBlockStart" in event]
    assert [start["start"]["toolUse"]["toolUseId"] for start in starts] == ["a", "b"]
    assert [inputs[start["contentBlockIndex"]] for start in starts] == ['{"x":1}', "{}"]
    assert "between" in inputs.values()
    opened = None
    for event in events:  # one block at a time
        for kind in ("contentBlockStart", "contentBlockDelta", "contentBlockStop"):
            if kind in event:
                assert opened in (None, event[kind]["contentBlockIndex"])
                opened = None if kind == "contentBlockStop" else event[kind]["contentBlockIndex"]


def test_gemini_signatures_of_calls_stand_before_them() -> None:
    events = write(ToolCallStarted(0, "a", "f", signature="sig"), ToolArgumentsDelta(0, "{}"), Finished("tool_calls"))
    delta = {"reasoningContent": {"signature": "gemini:sig"}}
    assert events[1] == {"contentBlockDelta": {"contentBlockIndex": 0, "delta": delta}}
    assert events[3]["contentBlockStart"]["contentBlockIndex"] == 1


def test_encrypted_reasoning_is_base64() -> None:
    events = write(ThinkingDelta(redacted="gemini:secret"), Ended())
    assert events[1]["contentBlockDelta"]["delta"]["reasoningContent"]["redactedContent"] == b"gemini:secret"


def test_an_image_is_one_block() -> None:
    events = write(PartAdded(Image(data="AA==", media_type="image/png")), Ended())
    assert events[1]["contentBlockStart"]["start"] == {"image": {"format": "png"}}
    assert events[2]["contentBlockDelta"]["delta"] == {"image": {"source": {"bytes": b"\0"}}}


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([Finished("length")], "max_tokens"),
        ([Finished("tool_calls")], "tool_use"),
        ([RefusalDelta("no"), Finished("stop")], "content_filtered"),
        ([Finished("error")], "malformed_model_output"),
        ([], "end_turn"),
    ],
)
def test_the_reason_is_bedrocks(events: list[ChatEvent], reason: str) -> None:
    assert write(*events, Ended())[-2]["messageStop"]["stopReason"] == reason


def test_which_stop_string_it_was_is_told() -> None:
    stop = write(Finished("stop_sequence", stop_sequence="END"), Ended())[-2]["messageStop"]
    assert stop == {"stopReason": "stop_sequence", "additionalModelResponseFields": {"stop_sequence": "END"}}


def test_the_tier_is_told() -> None:
    assert write(Started(service_tier="flex"), Ended())[-1]["metadata"]["serviceTier"] == {"type": "flex"}


def test_a_tier_that_bedrock_does_not_have_is_named() -> None:
    written = encoder()
    events = by_aws(written.encode([Started(service_tier="auto"), Ended()]))
    assert "serviceTier" not in events[-1]["metadata"]
    assert written.dropped == ["service_tier"]


def test_what_bedrock_cannot_say_is_named() -> None:
    written = encoder()
    written.encode(
        [
            TextDelta("x", signature="s"), TextDelta("second", 1), LogprobsDelta({}), LeftOver(["trace"]),
            PartAdded(Audio(data="AA==")), TextDelta("y"), TextDelta("z", signature="s"),
        ]
    )  # fmt: skip
    assert written.dropped == ["thoughtSignature", "choices[1:]", "logprobs", "trace", "audio"]


def test_our_decoder_reads_the_same_again() -> None:
    events: list[ChatEvent] = [
        Started(), TextDelta("Hi"), ToolCallStarted(0, "a", "f"), ToolArgumentsDelta(0, '{"x":1}'),
        ToolCallStarted(1, "b", "g"), ToolArgumentsDelta(1, "{}"), Finished("tool_calls"),
        UsageReported(Usage(input=5, output=7, cache_read=9, cache_write=1, cache_write_1h=2)), Ended(),
    ]  # fmt: skip
    read = BedrockStreamDecoder().feed(encoder().encode(events))
    assert [event for event in read if not isinstance(event, LeftOver)] == events
