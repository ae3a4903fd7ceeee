"""Tool names: what a provider takes goes out, what the client gave comes back."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.llm.events import ChatEvent, TextDelta, ToolCallStarted
from entresol.llm.tool_names import renamed_tools, restore_answer, restore_events, wire_name
from entresol.llm.types import ChatRequest, ChatResponse, Choice, NativeTool, Part, Text, Tool, ToolCall


def request(*names: str) -> ChatRequest:
    return ChatRequest(origin="test", messages=[], tools=[Tool(name=name) for name in names])


@pytest.mark.parametrize("name", ["get_weather", "a", "A-1_b", "x" * 64])
def test_a_name_that_is_taken_stays(name: str) -> None:
    assert wire_name(name) == name
    assert renamed_tools(request(name)) == {}


@pytest.mark.parametrize("name", ["get.weather", "x" * 65, "mcp__server__" + "y" * 80, "Wetter für morgen", "", "天気"])
def test_a_name_that_is_refused_becomes_one_that_is_taken(name: str) -> None:
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", wire_name(name))
    assert renamed_tools(request(name)) == {wire_name(name): name}


@given(st.lists(st.text(max_size=90), unique=True, max_size=20))
def test_names_stay_distinct(names: list[str]) -> None:
    assert len({wire_name(name) for name in names}) == len(names)


def test_names_that_differ_only_where_they_are_cut_stay_distinct() -> None:
    long = "mcp__filesystem__" + "x" * 60
    assert wire_name(long + "read") != wire_name(long + "write")


def test_tools_of_the_provider_have_no_name_to_change() -> None:
    asked = request()
    asked.tools = [NativeTool(type="web search", value={})]
    assert renamed_tools(asked) == {}


def test_an_answer_gets_the_clients_names_back() -> None:
    first, other = ToolCall(id="1", name=wire_name("get.weather")), ToolCall(id="2", name="other")
    calls: list[Part] = [first, Text(text="x"), other]
    response = ChatResponse(origin="test", choices=[Choice(parts=calls)])
    restore_answer(response, {wire_name("get.weather"): "get.weather"})
    assert [part.name for part in response.choices[0].parts if isinstance(part, ToolCall)] == ["get.weather", "other"]


def test_a_stream_gets_the_clients_names_back() -> None:
    wire = wire_name("get.weather")
    events: list[ChatEvent] = [TextDelta("x"), ToolCallStarted(0, "1", wire), ToolCallStarted(1, "2", "other")]
    restored = restore_events(events, {wire: "get.weather"})
    assert restored == [TextDelta("x"), ToolCallStarted(0, "1", "get.weather"), ToolCallStarted(1, "2", "other")]
