import pytest

from entresol.llm.events import ChatEvent, Failed, ToolArgumentsDelta, ToolCallStarted
from entresol.llm.stream_calls import StreamCalls, made_id, wrap_arguments
from entresol.llm.types import ChatResponse, Choice, FinishReason, ToolCall

BROKEN = ["", "{", '{"a":"b', "city=Paris", "[1]", "5", "null", '{"a":1}{"a":2}', '{"a":}']


def calls(takes_objects_only: bool = True) -> StreamCalls:
    return StreamCalls("r", takes_objects_only)


def ended(text: str, reason: FinishReason, takes_objects_only: bool = True) -> list[ChatEvent]:
    made = calls(takes_objects_only)
    assert made.start(ToolCallStarted(0, "a", "f")) == []
    for character in text:
        made.add(ToolArgumentsDelta(0, character))
    return made.finish(0, reason)


def test_a_call_without_a_name_fails_the_stream() -> None:
    (failed,) = calls().start(ToolCallStarted(0, "a", ""))
    assert isinstance(failed, Failed)
    assert (failed.error.code, failed.error.status) == ("provider_bad_response", 502)


def test_every_call_has_an_id_that_no_other_has() -> None:
    made = calls()
    events = [ToolCallStarted(index, name, "f") for index, name in enumerate(["a", "a", "", ""])]
    events.append(ToolCallStarted(0, "a", "f", choice=1))
    for event in events:
        assert made.start(event) == []
    assert [event.id for event in events] == ["a", made_id("r", 0, 1), made_id("r", 0, 2), made_id("r", 0, 3), "a"]
    assert len({made_id(seed, 0, index) for seed in "rs" for index in range(3)}) == 6


@pytest.mark.parametrize("text", BROKEN[1:])
def test_arguments_that_are_no_object_fail_a_stream_whose_client_would_take_them(text: str) -> None:
    (failed,) = ended(text, "tool_calls")
    assert isinstance(failed, Failed)
    assert "the arguments of a call of f are no JSON object" in failed.error.message
    assert ended(text, "tool_calls", takes_objects_only=False) == []


@pytest.mark.parametrize("reason", ["length", "content_filter", "refusal", "error"])
@pytest.mark.parametrize("text", BROKEN)
def test_a_reason_that_tells_of_cut_calls_is_enough(text: str, reason: FinishReason) -> None:
    assert ended(text, reason) == []


@pytest.mark.parametrize("takes_objects_only", [True, False])
def test_a_call_without_arguments_gets_an_empty_object(takes_objects_only: bool) -> None:
    assert ended("", "tool_calls", takes_objects_only) == [ToolArgumentsDelta(0, "{}")]
    assert ended('{"a": 1}', "tool_calls", takes_objects_only) == []


def test_only_the_calls_of_the_choice_that_finishes_are_looked_at_and_once() -> None:
    made = calls()
    made.start(ToolCallStarted(0, "a", "f"))
    made.start(ToolCallStarted(0, "b", "f", choice=1))
    assert made.finish(1, "tool_calls") == [ToolArgumentsDelta(0, "{}", 1)]
    assert made.finish(1, "tool_calls") == []
    assert made.finish(None, "stop") == [ToolArgumentsDelta(0, "{}")]


def test_the_text_of_a_custom_tool_is_nobodys_business() -> None:
    made = calls()
    made.start(ToolCallStarted(0, "a", "f", is_custom=True))
    made.add(ToolArgumentsDelta(0, "words"))
    assert made.finish(0, "tool_calls") == []


def test_whole_answers_keep_broken_arguments_in_an_object() -> None:
    texts = ["", '{"a":1}', "[1]", "{"]
    answer = ChatResponse(
        origin="x", choices=[Choice(parts=[ToolCall(id="a", name="f", arguments=text) for text in texts])]
    )
    wrap_arguments(answer)
    found = [part.arguments for part in answer.choices[0].parts if isinstance(part, ToolCall)]
    assert found == ["", '{"a":1}', '{"arguments":"[1]"}', '{"arguments":"{"}']
