from entresol.llm.events import (
    Ended,
    Finished,
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
from entresol.llm.openai_wire import OpenAIFormat
from entresol.llm.registry import format_named
from entresol.llm.replay import events_of
from entresol.llm.types import ChatResponse, Choice, Image, Part, Refusal, Text, Thinking, ToolCall, Usage


def test_an_answer_becomes_the_stream_it_could_have_been() -> None:
    image = Image(data="AA", media_type="image/png")
    parts: list[Part] = [
        Thinking(text="hm", signature="s"),
        Text(text="hello"),
        Refusal(text="no"),
        image,
        ToolCall(id="a", name="f", arguments='{"x":1}'),
        ToolCall(id="b", name="g"),
    ]
    choice = Choice(parts=parts, finish_reason="tool_calls", logprobs={"content": []})
    response = ChatResponse(origin="x", id="i", model="m", created=5, choices=[choice], usage=Usage(input=3))
    assert events_of(response) == [
        Started("i", "m", 5),
        ThinkingDelta("hm", 0, "s"),
        TextDelta("hello"),
        RefusalDelta("no"),
        PartAdded(image),
        ToolCallStarted(0, "a", "f"),
        ToolArgumentsDelta(0, '{"x":1}'),
        ToolCallStarted(1, "b", "g"),
        ToolArgumentsDelta(1, "{}"),
        LogprobsDelta({"content": []}),
        Finished("tool_calls"),
        UsageReported(Usage(input=3)),
        Ended(),
    ]


def test_a_replayed_answer_is_a_complete_stream() -> None:
    wire_format = format_named("openai-chat")
    assert isinstance(wire_format, ChatFormat)
    assert isinstance(wire_format, OpenAIFormat)
    response = ChatResponse(origin="x", choices=[Choice(parts=[Text(text="hi")])], usage=Usage(input=1, output=1))
    stream = wire_format.stream_encoder(StreamShape(model="m")).encode(events_of(response))
    facts = wire_format.stream_facts(stream, None)
    assert (facts.is_complete, facts.finish_reason, facts.usage) == (True, "stop", Usage(input=1, output=1))
