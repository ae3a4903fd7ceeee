"""`toolConfig`, read and written."""

import json
from typing import Any

import pytest

from entresol.core.errors import ClientError
from entresol.llm.format import Profile
from entresol.llm.formats.bedrock_converse import BedrockConverse
from entresol.llm.types import (
    CacheMark,
    ChatRequest,
    JsonObject,
    Message,
    NativeTool,
    Part,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
)

FORMAT = BedrockConverse()
CLAUDE = "anthropic.claude-sonnet-4-5"
OLD = "anthropic.claude-3-5-sonnet-20241022-v2:0"
LLAMA = "meta.llama3-70b-instruct-v1:0"
SPEC = {"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}


def read(**config: Any) -> ChatRequest:
    body = {"messages": [{"role": "user", "content": [{"text": "x"}]}], "toolConfig": config}
    return FORMAT.decode_request(json.dumps(body).encode(), "/model/m/converse")


def write(model: str = CLAUDE, called: bool = False, **fields: Any) -> tuple[dict[str, Any], list[str]]:
    messages = [Message(role="user", parts=[Text(text="x")])]
    if called:
        call: list[Part] = [ToolCall(id="1", name="g")]
        messages += [Message(role="assistant", parts=call), Message(role="user", parts=[Text(text="y")])]
    request = ChatRequest(origin="openai-chat", model=model, messages=messages, **fields)
    encoded = FORMAT.encode_request(request, Profile(provider="bedrock"))
    return json.loads(encoded.body), encoded.dropped


def test_tools_are_read() -> None:
    spec = {"name": "f", "description": "d", "inputSchema": {"json": {"type": "object"}}, "strict": True, "new": 1}
    request = read(tools=[{"toolSpec": spec}, {"cachePoint": {"type": "default", "ttl": "5m"}}])
    tool = Tool(name="f", description="d", parameters={"type": "object"}, strict=True, cache=CacheMark("5m"))
    tool.extra = {"toolSpec.new": 1}
    assert request.tools == [tool]


def test_tools_of_bedrocks_own_stay_as_they_are() -> None:
    grounding: JsonObject = {"systemTool": {"name": "nova_grounding"}}
    point: JsonObject = {"cachePoint": {"type": "default"}}
    tools = read(tools=[grounding, point]).tools
    assert tools == [NativeTool(type="systemTool", value=grounding), NativeTool(type="cachePoint", value=point)]


@pytest.mark.parametrize(
    ("choice", "read_as"),
    [
        ({"auto": {}}, ToolChoice(mode="auto")),
        ({"any": {}}, ToolChoice(mode="required")),
        ({"tool": {"name": "f"}}, ToolChoice(mode="required", names=["f"])),
    ],
)
def test_a_choice_is_read(choice: dict[str, Any], read_as: ToolChoice) -> None:
    assert read(tools=[SPEC], toolChoice=choice).tool_choice == read_as


@pytest.mark.parametrize("choice", [{}, {"none": {}}, {"auto": None}])
def test_a_choice_that_is_none_is_refused(choice: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match=r"toolConfig\.toolChoice\.auto: one of auto, any and tool"):
        read(tools=[SPEC], toolChoice=choice)


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        (ToolChoice(mode="auto"), None),
        (ToolChoice(mode="required"), {"any": {}}),
        (ToolChoice(mode="required", names=["f"]), {"tool": {"name": "f"}}),
        (None, None),
    ],
)
def test_a_choice_is_written(choice: ToolChoice | None, wire: object) -> None:
    body, dropped = write(tools=[Tool(name="f"), Tool(name="g")], tool_choice=choice)
    assert body["toolConfig"].get("toolChoice") == wire
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["f", "g"]
    assert dropped == []


def test_a_choice_of_some_tools_offers_no_others() -> None:
    tools = [Tool(name="f"), Tool(name="g"), Tool(name="h")]
    body, _ = write(tools=tools, tool_choice=ToolChoice(mode="auto", names=["f", "h"]))
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["f", "h"]


def test_a_long_name_is_the_same_wherever_it_stands() -> None:
    name = "mcp__filesystem__" + "x" * 60
    body, _ = write(tools=[Tool(name=name)], tool_choice=ToolChoice(mode="required", names=[name]))
    written = body["toolConfig"]["tools"][0]["toolSpec"]["name"]
    assert len(written) <= 64
    assert body["toolConfig"]["toolChoice"] == {"tool": {"name": written}}


def test_none_is_said_in_anthropics_words_to_later_claudes() -> None:
    body, dropped = write(tools=[Tool(name="g")], tool_choice=ToolChoice(mode="none"), called=True)
    assert body["additionalModelRequestFields"] == {"tool_choice": {"type": "none"}}
    assert "toolChoice" not in body["toolConfig"]
    assert dropped == []


def test_none_offers_no_tools_to_other_models() -> None:
    body, dropped = write(LLAMA, tools=[Tool(name="g")], tool_choice=ToolChoice(mode="none"))
    assert "toolConfig" not in body
    assert dropped == []


def test_none_is_refused_where_the_conversation_needs_the_tools() -> None:
    with pytest.raises(ClientError, match="cannot forbid tools"):
        write(LLAMA, tools=[Tool(name="g")], tool_choice=ToolChoice(mode="none"), called=True)


def test_one_at_a_time_is_said_in_anthropics_words_and_only_there() -> None:
    for choice, kind in ((None, {"type": "auto"}), (ToolChoice(mode="required"), {"type": "any"})):
        body, dropped = write(tools=[Tool(name="f")], parallel_tool_calls=False, tool_choice=choice)
        own = body["additionalModelRequestFields"]["tool_choice"]
        assert own == kind | {"disable_parallel_tool_use": True}
        assert "toolChoice" not in body["toolConfig"]  # Bedrock refuses two choices
        assert dropped == []


@pytest.mark.parametrize("model", [LLAMA, OLD])
def test_one_at_a_time_is_reported_where_it_cannot_be_said(model: str) -> None:
    choice = ToolChoice(mode="required")
    body, dropped = write(model, tools=[Tool(name="f")], parallel_tool_calls=False, tool_choice=choice)
    assert body["toolConfig"]["toolChoice"] == {"any": {}}
    assert dropped == ["parallel_tool_calls"]


def test_several_at_a_time_is_the_rule() -> None:
    body, dropped = write(LLAMA, tools=[Tool(name="f")], parallel_tool_calls=True)
    assert dropped == []
    assert "additionalModelRequestFields" not in body


def test_a_conversation_with_calls_always_has_tools() -> None:
    body, _ = write(called=True)
    spec = {"name": "g", "inputSchema": {"json": {"type": "object", "properties": {}}}}
    assert body["toolConfig"] == {"tools": [{"toolSpec": spec}]}


def test_anthropics_choice_is_read_where_converses_says_nothing() -> None:
    body: dict[str, Any] = {
        "messages": [{"role": "user", "content": [{"text": "x"}]}],
        "toolConfig": {"tools": [SPEC]},
        "additionalModelRequestFields": {"tool_choice": {"type": "none"}},
    }
    request = FORMAT.decode_request(json.dumps(body).encode(), "/model/m/converse")
    assert request.tool_choice == ToolChoice(mode="none")
    assert request.extra == {}
    body["additionalModelRequestFields"] = {"tool_choice": {"type": "new"}}
    request = FORMAT.decode_request(json.dumps(body).encode(), "/model/m/converse")
    assert request.extra == {"additionalModelRequestFields.tool_choice": {"type": "new"}}


@pytest.mark.parametrize("tool", [Tool(name="f", is_custom=True), NativeTool(type="web_search", value={})])
def test_tools_of_other_kinds_are_refused(tool: Tool | NativeTool) -> None:
    with pytest.raises(ClientError, match="tool"):
        write(tools=[tool])


def test_a_mark_at_a_tool_is_a_cache_point_after_it() -> None:
    body, dropped = write(tools=[Tool(name="f", cache=CacheMark()), Tool(name="g")])
    assert body["toolConfig"]["tools"][1] == {"cachePoint": {"type": "default"}}
    assert dropped == []
    _, dropped = write(LLAMA, tools=[Tool(name="f", cache=CacheMark())])
    assert dropped == ["tools[].cache_control"]


def test_a_tool_says_no_more_than_it_must() -> None:
    body, _ = write(tools=[Tool(name="f", description="", parameters={"properties": {}})])
    spec = {"name": "f", "inputSchema": {"json": {"type": "object", "properties": {}}}}
    assert body["toolConfig"] == {"tools": [{"toolSpec": spec}]}
