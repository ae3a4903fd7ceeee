import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import UpstreamError
from entresol.llm import ndjson
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
from entresol.llm.formats.ollama_chat import OllamaChat
from entresol.llm.ollama_stream import OllamaStreamDecoder, OllamaStreamEncoder
from entresol.llm.ollama_wire import Kind
from entresol.llm.types import Audio, Image, Native, Usage

SHAPE = StreamShape(model="asked", created=5, request_id="id", framing="ndjson")


def encoder(kind: Kind = "chat") -> OllamaStreamEncoder:
    return OllamaStreamEncoder(SHAPE, OllamaChat(), kind)


def encoded(*events: ChatEvent, kind: Kind = "chat") -> list[Any]:
    return [json.loads(line) for line in encoder(kind).encode([*events]).splitlines()]


def decoded(data: bytes) -> list[ChatEvent]:
    decoder = OllamaStreamDecoder()
    return decoder.feed(data) + decoder.finish()


def lines(*chunks: dict[str, Any]) -> bytes:
    return b"".join(json.dumps({"model": "m"} | chunk).encode() + b"\n" for chunk in chunks)


def test_words_go_out_as_they_come() -> None:
    first, second, last = encoded(
        Started("", "m", 60), TextDelta("a"), ThinkingDelta("hm"), UsageReported(Usage(input=3, output=4)),
        Finished("length"), Ended(),
    )  # fmt: skip
    head = {"model": "m", "created_at": "1970-01-01T00:01:00Z"}
    assert first == head | {"message": {"role": "assistant", "content": "a"}, "done": False}
    assert second == head | {"message": {"role": "assistant", "content": "", "thinking": "hm"}, "done": False}
    assert last == head | {
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": "length",
        "prompt_eval_count": 3,
        "eval_count": 4,
    }


def test_words_of_a_completion_are_its_response() -> None:
    first, second, last = encoded(TextDelta("a"), ThinkingDelta("hm"), Ended(), kind="generate")
    assert (first["response"], second["thinking"], last["response"]) == ("a", "hm", "")
    assert first["created_at"] == "1970-01-01T00:00:05Z"
    assert (first["model"], "message" in first, last["done"]) == ("asked", False, True)


def test_a_models_name_with_a_percent_sign_is_kept() -> None:
    assert encoded(Started("", 'a%b"%s'), TextDelta("100 %"))[0]["model"] == 'a%b"%s'


def test_calls_go_out_whole_in_their_order() -> None:
    calls, last = encoded(
        ToolCallStarted(1, "c2", "g"), ToolCallStarted(0, "c1", "f"), ToolArgumentsDelta(0, '{"x"'),
        ToolArgumentsDelta(7, "lost"), ToolArgumentsDelta(0, ":1}"), Finished("tool_calls"), Ended(),
    )  # fmt: skip
    assert calls["message"]["tool_calls"] == [
        {"id": "c1", "function": {"index": 0, "name": "f", "arguments": {"x": 1}}},
        {"id": "c2", "function": {"index": 1, "name": "g", "arguments": {}}},
    ]
    assert (calls["done"], last["done_reason"]) == (False, "stop")


def test_calls_of_a_stream_that_forgets_to_finish_go_out_all_the_same() -> None:
    assert "tool_calls" in encoded(ToolCallStarted(0, "c1", "f"), Ended())[0]["message"]


def test_a_refusal_is_told_by_its_reason() -> None:
    words, last = encoded(RefusalDelta("no"), Finished("stop"), Ended())
    assert (words["message"]["content"], last["done_reason"]) == ("no", "refusal")


def test_a_failure_is_a_line_of_its_own() -> None:
    words, error = encoded(TextDelta("a"), Failed(ErrorDetail(status=503, message="busy", code="slow")))
    assert (error["error"], error["code"], error["request_id"]) == ("busy", "slow", "id")
    assert "done" not in error
    assert words["done"] is False


def test_log_probabilities_and_pictures_go_along() -> None:
    logprobs: dict[str, object] = {"content": [{"token": "a", "logprob": -1}]}
    first, second, _ = encoded(LogprobsDelta(logprobs), PartAdded(Image(data="AA")), Ended(), kind="generate")
    assert first["logprobs"][0]["token"] == "a"
    assert second["image"] == "AA"


def test_what_cannot_be_said_is_noted() -> None:
    one = encoder()
    one.encode(
        [
            Started("", "m", None, "flex"), TextDelta("b", 1), TextDelta("a", signature="s"),
            ThinkingDelta(redacted="x"), ToolCallStarted(0, "c", "f", signature="s"), PartAdded(Audio(data="A")),
            PartAdded(Native(type="server_tool_use", value={})), LeftOver(["x"]),
            Finished("stop_sequence", stop_sequence="END"),
        ]
    )  # fmt: skip
    assert one.dropped == ["service_tier", "choices[1:]", "signature", "audio", "server_tool_use", "x", "stop_sequence"]
    other = encoder("generate")
    other.encode([ToolCallStarted(0, "c", "f"), Finished("tool_calls")])
    assert other.dropped == ["toolcall"]


# Decoding.


def test_calls_of_several_lines_are_counted_on() -> None:
    call = {"function": {"name": "f", "arguments": {"x": 1}}}
    one = {"created_at": "t", "message": {"content": "", "tool_calls": [call, call]}}
    events = decoded(lines(one, one, {"message": {}, "done": True, "done_reason": "stop"}))
    starts = [event for event in events if isinstance(event, ToolCallStarted)]
    assert [start.index for start in starts] == [0, 1, 2, 3]
    assert len({start.id for start in starts}) == 4
    assert events[-2:] == [Finished("tool_calls"), Ended()]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('{"x": 1}', '{"x": 1}'),
        ('"{\\"x\\":1}"', '{"x":1}'),
        ('"no JSON"', '{"arguments":"no JSON"}'),
        ("null", "{}"),
        ("{}", "{}"),
    ],
)
def test_arguments_are_kept_as_they_were_written(arguments: str, text: str) -> None:
    data = b'{"message":{"tool_calls":[{"id":"c","function":{"name":"f","arguments":%b}}]}}\n'
    assert ToolArgumentsDelta(0, text) in decoded(data % arguments.encode())


def test_the_last_line_may_have_words() -> None:
    events = decoded(lines({"response": "a", "done": True, "prompt_eval_count": 1, "context": [1], "load_duration": 3}))
    assert events == [
        Started("", "m"),
        TextDelta("a"),
        LeftOver(["load_duration"]),
        LeftOver(["context"]),
        UsageReported(Usage(input=1)),
        Finished("stop"),
        Ended(),
    ]


def test_pictures_and_log_probabilities_are_read() -> None:
    logprobs = [{"token": "a", "logprob": -1}]
    chat = decoded(lines({"message": {"images": ["AAAA"]}, "logprobs": logprobs}))
    generate = decoded(lines({"response": "", "image": "AAAA", "logprobs": logprobs}))
    assert chat == generate
    assert chat[1] == PartAdded(Image(data="AAAA"))
    assert isinstance(chat[2], LogprobsDelta)


def test_nothing_counts_after_the_end() -> None:
    last = {"message": {"content": ""}, "done": True}
    events = decoded(lines(last, last, {"error": "late"}, {"message": {"content": "late"}}))
    assert [type(event) for event in events] == [Started, Finished, Ended]


def test_an_error_ends_a_stream_as_one() -> None:
    events = decoded(lines({"message": {"content": "a"}}) + b'{"error":"CUDA error"}\n' + lines({"done": True}))
    assert events[-1] == Failed(ErrorDetail(status=502, message="CUDA error"))


def test_a_stream_that_breaks_off_does_not_end() -> None:
    assert not any(isinstance(event, Ended) for event in decoded(lines({"message": {"content": "a"}})))
    assert decoded(b"") == []


@pytest.mark.parametrize(
    "data", [b"<html>\n", b"data: {}\n", b"[]\n", b'{"done":"yes"}\n', b'{"message":"x"}\n', b"\xff\n"]
)
def test_garbage_is_told(data: bytes) -> None:
    with pytest.raises(UpstreamError, match="not valid"):
        decoded(data)


def test_a_line_without_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ndjson, "MAX_LINE_BYTES", 10)
    with pytest.raises(UpstreamError, match="exceeds 10 bytes"):
        decoded(b'{"model": "long')


TEXT = st.text(min_size=1, max_size=8)
EVENTS = st.lists(st.builds(TextDelta, TEXT) | st.builds(ThinkingDelta, TEXT), max_size=6)
CALLS = st.lists(st.tuples(TEXT, st.dictionaries(TEXT, st.integers())), max_size=3)


@given(EVENTS, CALLS, st.sampled_from(["stop", "length"]), st.lists(st.integers(0, 2000), max_size=5))
def test_what_is_encoded_is_decoded_again_over_any_split(
    words: list[ChatEvent], calls: list[tuple[str, dict[str, int]]], reason: Any, cuts: list[int]
) -> None:
    events: list[ChatEvent] = [Started("", "m", 60), *words]
    for index, (name, arguments) in enumerate(calls):
        text = json.dumps(arguments, separators=(",", ":"), ensure_ascii=False)
        events += [ToolCallStarted(index, f"c{index}", name), ToolArgumentsDelta(index, text)]
    reason = "tool_calls" if calls and reason == "stop" else reason
    events += [UsageReported(Usage(input=3, output=4)), Finished(reason), Ended()]
    data = encoder().encode(events)
    at = sorted(min(cut, len(data)) for cut in cuts)
    decoder = OllamaStreamDecoder()
    pieces = [data[start:end] for start, end in zip([0, *at], [*at, len(data)], strict=True)]
    again = [event for piece in pieces for event in decoder.feed(piece)] + decoder.finish()
    if not calls:
        assert again == events
    assert [event for event in again if isinstance(event, ToolCallStarted)] == [
        event for event in events if isinstance(event, ToolCallStarted)
    ]
    said = [event for event in again if isinstance(event, ToolArgumentsDelta)]
    assert [json.loads(event.text) for event in said] == [arguments for _, arguments in calls]
