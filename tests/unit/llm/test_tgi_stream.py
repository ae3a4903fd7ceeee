import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import UpstreamError
from entresol.llm import sse
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
from entresol.llm.formats.tgi_generate import TgiGenerate
from entresol.llm.tgi_stream import TgiStreamDecoder, TgiStreamEncoder
from entresol.llm.types import Image, Usage


def encoder() -> TgiStreamEncoder:
    return TgiStreamEncoder(StreamShape(model="asked", request_id="id"), TgiGenerate())


def encoded(*events: ChatEvent) -> list[Any]:
    return [json.loads(event[6:]) for event in encoder().encode([*events]).split(b"\n\n") if event]


def token(text: str, special: bool = False, **more: Any) -> dict[str, Any]:
    return {"token": {"id": 1, "text": text, "logprob": -1, "special": special}, "generated_text": None} | more


def decoded(*events: dict[str, Any], rest: bytes = b"") -> list[ChatEvent]:
    decoder = TgiStreamDecoder()
    data = b"".join(b"data:%b\n\n" % json.dumps(event).encode() for event in events)
    return decoder.feed(data + rest) + decoder.finish()


def test_each_piece_is_a_token_and_the_last_event_has_them_all() -> None:
    first, second, last = encoded(
        Started("i", "m"), TextDelta("Deep"), TextDelta(""), TextDelta(" Learning"),
        UsageReported(Usage(input=3, output=4)), Finished("length"), Ended(),
    )  # fmt: skip
    assert (first["index"], first["token"]["text"], first["generated_text"]) == (1, "Deep", None)
    assert (second["index"], second["token"]["text"]) == (2, " Learning")
    assert (last["index"], last["generated_text"], last["token"]["special"]) == (3, "Deep Learning", True)
    assert last["details"] == {"finish_reason": "length", "generated_tokens": 4, "seed": None, "input_length": 3}


def test_a_failure_is_an_event_of_its_own() -> None:
    _, error = encoded(TextDelta("a"), Failed(ErrorDetail(status=429, message="busy")))
    assert (error["error"], error["error_type"], error["request_id"]) == ("busy", "overloaded", "id")


def test_what_cannot_be_said_is_noted() -> None:
    one = encoder()
    one.encode(
        [
            Started("", "m", None, "flex"), TextDelta("b", 1), TextDelta("a", signature="s"), RefusalDelta("no"),
            ThinkingDelta("hm"), ToolCallStarted(0, "c", "f"), ToolArgumentsDelta(0, "{}"), LogprobsDelta({}),
            PartAdded(Image(data="A")), LeftOver(["x"]), Finished("content_filter", stop_sequence="END"),
        ]
    )  # fmt: skip
    assert one.dropped == [
        "service_tier", "choices[1:]", "signature", "thinking", "toolcall", "logprobs", "image", "x", "finish_reason",
        "stop_sequence",
    ]  # fmt: skip


# Decoding.


def test_special_tokens_are_no_text() -> None:
    details = {"finish_reason": "eos_token", "generated_tokens": 2, "input_length": 7, "seed": 5}
    assert decoded(token("a"), token("</s>", True, generated_text="a", details=details)) == [
        Started(),
        TextDelta("a"),
        LeftOver(["seed"]),
        UsageReported(Usage(input=7, output=2)),
        Finished("stop"),
        Ended(),
    ]


def test_a_stream_without_tokens_has_its_text_at_the_end() -> None:
    assert decoded({"generated_text": "all"}) == [Started(), TextDelta("all"), Finished("stop"), Ended()]


def test_alternatives_are_log_probabilities() -> None:
    other = {"id": 2, "text": "b", "logprob": -2, "special": False}
    (logprobs,) = [event for event in decoded(token("a", top_tokens=[other])) if isinstance(event, LogprobsDelta)]
    assert logprobs.logprobs["content"] == [
        {
            "token": "a",
            "logprob": -1,
            "bytes": [97],
            "top_logprobs": [{"token": "b", "logprob": -2, "bytes": [98]}],
        }
    ]


def test_nothing_counts_after_the_end() -> None:
    last = token("", generated_text="")
    assert [type(event) for event in decoded(last, last, {"error": "late"})] == [Started, Finished, Ended]
    assert decoded(token("a"), rest=b"data: [DONE]\n\n")[-1] == TextDelta("a")


def test_an_error_ends_a_stream_as_one() -> None:
    error = {"error": "out of memory", "error_type": "generation"}
    failed = Failed(ErrorDetail(status=500, message="out of memory", type="generation", code="generation"))
    assert decoded(token("a"), error, token("b"))[-1] == failed


@pytest.mark.parametrize("data", [b"<html>", b"[]", b'{"token":"x"}', b'{"generated_text":5}', b"\xff"])
def test_garbage_is_told(data: bytes) -> None:
    with pytest.raises(UpstreamError, match="not valid"):
        decoded(rest=b"data: %b\n\n" % data)


def test_an_event_without_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 10)
    with pytest.raises(UpstreamError, match="exceeds 10 bytes"):
        decoded(rest=b"data: 123456789012")


@given(
    st.lists(st.text(min_size=1, max_size=8), max_size=6),
    st.sampled_from(["stop", "length", "stop_sequence"]),
    st.lists(st.integers(0, 2000), max_size=5),
)
def test_what_is_encoded_is_decoded_again_over_any_split(words: list[str], reason: Any, cuts: list[int]) -> None:
    events: list[ChatEvent] = [Started(), *map(TextDelta, words), UsageReported(Usage(input=3, output=4))]
    events += [Finished(reason), Ended()]
    data = encoder().encode(events)
    at = sorted(min(cut, len(data)) for cut in cuts)
    decoder = TgiStreamDecoder()
    pieces = [data[start:end] for start, end in zip([0, *at], [*at, len(data)], strict=True)]
    assert [event for piece in pieces for event in decoder.feed(piece)] + decoder.finish() == events
