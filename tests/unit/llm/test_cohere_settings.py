from typing import Any

import pytest

from entresol.core.errors import ClientError
from entresol.llm.cohere_settings import (
    SETTINGS,
    can_think,
    read_settings,
    read_tools,
    write_format,
    write_settings,
    write_tools,
)
from entresol.llm.format import Losses, Profile, Unsupported, bad_request
from entresol.llm.reading import ObjectReader
from entresol.llm.types import (
    CacheMark,
    ChatRequest,
    NativeTool,
    Reasoning,
    ResponseFormat,
    Tool,
    ToolChoice,
)

PROFILE = Profile(provider="cohere")


def read(**wire: Any) -> ChatRequest:
    request = ChatRequest(origin="cohere-chat", messages=[])
    reader = ObjectReader(wire, "", bad_request)
    read_settings(reader, request)
    read_tools(reader, request)
    return request


def write(origin: str = "other", wire: Any = None, **fields: Any) -> tuple[Any, list[str]]:
    request = ChatRequest(origin=origin, messages=[], **fields)
    losses = Losses(request, "cohere-chat", SETTINGS | {"model"}, PROFILE)
    written: Any = {} if wire is None else wire
    write_tools(request, written, losses)
    write_settings(request, written, losses)
    write_format(request, written, losses)
    return written, losses.finish()


TOOL = Tool(name="f", parameters={"type": "object"})
WIRE_TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def test_settings_are_written_as_they_were_read() -> None:
    wire = {
        "max_tokens": 5,
        "temperature": 0.5,
        "p": 1,
        "k": 900,
        "frequency_penalty": 2,
        "presence_penalty": -1,
        "seed": -4,
        "stop_sequences": list("abcdef"),
        "logprobs": False,
        "thinking": {"type": "enabled", "token_budget": 9, "later": 1},
        "response_format": {"type": "json_object", "json_schema": {"type": "object"}},
        "tools": [{"type": "function", "function": {"name": "f", "x": 1}, "y": 2}, {"type": "web", "z": 3}],
        "strict_tools": False,
        "tool_choice": "REQUIRED",
    }
    request = read(**wire)
    losses = Losses(request, "cohere-chat", SETTINGS, PROFILE)
    written: Any = {}
    write_tools(request, written, losses)
    write_settings(request, written, losses)
    write_format(request, written, losses)
    assert (written, losses.finish()) == (wire, [])


@pytest.mark.parametrize(
    "wrong",
    [
        {"thinking": {"type": "maybe"}},
        {"thinking": {}},
        {"response_format": {"type": "yaml"}},
        {"tool_choice": "required"},
        {"tool_choice": {"type": "auto"}},
        {"tools": [{"type": "function"}]},
        {"tools": {}},
        {"stop_sequences": "a"},
        {"p": "high"},
        {"k": 1.5},
        {"logprobs": 1},
        {"strict_tools": "yes"},
    ],
)
def test_a_setting_of_another_kind_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match=next(iter(wrong))):
        read(**wrong)


def test_older_clients_name_the_schema_otherwise() -> None:
    wanted = read(response_format={"type": "json_object", "schema": {"type": "object"}}).response_format
    assert wanted == ResponseFormat(type="json_schema", schema={"type": "object"})


@pytest.mark.parametrize(
    ("fields", "wire", "dropped"),
    [
        ({"top_p": 1.0}, {"p": 0.99}, ["top_p"]),
        ({"top_p": 0.5, "top_k": 40}, {"p": 0.5, "k": 40}, []),
        ({"top_k": 1000}, {"k": 500}, ["top_k"]),
        ({"frequency_penalty": 1.5}, {"frequency_penalty": 1.0}, ["frequency_penalty"]),
        ({"presence_penalty": -1.0}, {"presence_penalty": 0.0}, ["presence_penalty"]),
        ({"seed": -1}, {}, ["seed"]),
        ({"stop": list("abcdefg")}, {"stop_sequences": list("abcde")}, ["stop"]),
        ({"logprobs": True, "top_logprobs": 2}, {"logprobs": True}, ["top_logprobs"]),
        ({"n": 1, "modalities": ["text"]}, {}, []),
        ({"user": "u", "logit_bias": {"1": 2}}, {}, ["logit_bias", "user"]),
        ({"response_format": ResponseFormat(type="text")}, {}, []),
        ({"response_format": ResponseFormat(type="json_object")}, {"response_format": {"type": "json_object"}}, []),
    ],
)
def test_other_formats_settings_are_brought_within_what_cohere_takes(
    fields: dict[str, Any], wire: dict[str, Any], dropped: list[str]
) -> None:
    assert write(**fields) == (wire, dropped)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"n": 2}, "one answer a call"),
        ({"modalities": ["audio"]}, "text only"),
        ({"tools": [NativeTool(type="web", value={})]}, "another provider"),
        ({"tools": [Tool(name="f", is_custom=True)]}, "free text"),
        ({"tools": [TOOL], "response_format": ResponseFormat(type="json_schema", schema={})}, "together with tools"),
        ({"tools": [TOOL], "tool_choice": ToolChoice(mode="required", names=["g"])}, "none of the tools"),
    ],
)
def test_what_would_change_the_answer_is_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(Unsupported, match=why):
        write(**fields)


def test_json_without_a_schema_gives_way_to_tools_and_documents() -> None:
    wanted = ResponseFormat(type="json_object")
    assert write(tools=[TOOL], response_format=wanted)[1] == ["response_format"]
    assert write(wire={"documents": []}, response_format=wanted)[1] == ["response_format"]


def test_the_choice_among_tools() -> None:
    other = Tool(name="g")
    assert write(tools=[TOOL], tool_choice=ToolChoice(mode="auto"))[0] == {"tools": [WIRE_TOOL]}
    assert write(tools=[TOOL], tool_choice=ToolChoice(mode="none"))[0]["tool_choice"] == "NONE"
    named = write(tools=[TOOL, other], tool_choice=ToolChoice(mode="required", names=["f"]))[0]
    assert named == {"tools": [WIRE_TOOL], "tool_choice": "REQUIRED"}
    assert write(tool_choice=ToolChoice(mode="required")) == ({}, ["tool_choice"])


def test_tools_have_a_schema_whatever_they_take() -> None:
    wire = write(tools=[Tool(name="f", cache=CacheMark()), Tool(name="g", parameters={"properties": {}})])
    parameters = [tool["function"]["parameters"] for tool in wire[0]["tools"]]
    assert parameters == [{"type": "object", "properties": {}}] * 2
    assert wire[1] == ["tools[].cache_control"]


def test_strictness_is_that_of_all_tools() -> None:
    parameters: dict[str, object] = {"type": "object", "properties": {"a": {}}, "required": ["a"]}
    strict, loose = Tool(name="f", parameters=parameters, strict=True), Tool(name="g", strict=False)
    assert write(tools=[strict])[0]["strict_tools"] is True
    assert "strict_tools" not in write(tools=[loose])[0]
    assert write(tools=[strict, loose])[1] == ["tools[].strict"]
    assert write(tools=[strict, Tool(name="h", strict=True)])[1] == ["tools[].strict"]
    assert read(strict_tools=True).extra == {"strict_tools": True}


@pytest.mark.parametrize(
    ("reasoning", "thinking", "dropped"),
    [
        (Reasoning(effort="high"), {"type": "enabled"}, ["reasoning.effort"]),
        (Reasoning(effort="none"), {"type": "disabled"}, []),
        (Reasoning(is_enabled=False), {"type": "disabled"}, []),
        (Reasoning(budget_tokens=500), {"type": "enabled", "token_budget": 500}, []),
        (Reasoning(budget_tokens=0), {"type": "disabled"}, []),
        (
            Reasoning(is_enabled=True, include_thoughts=False),
            {"type": "enabled"},
            ["reasoning.include_thoughts"],
        ),
    ],
)
def test_thinking_is_asked_for(reasoning: Reasoning, thinking: dict[str, Any], dropped: list[str]) -> None:
    model = "command-a-reasoning-08-2025"
    assert write(model=model, reasoning=reasoning) == ({"thinking": thinking}, dropped)


def test_models_that_cannot_think_are_not_asked_to() -> None:
    assert not any(can_think(name) for name in ("command-r-plus", "command-a-03-2025", "c4ai-aya", "command"))
    assert can_think("command-a-reasoning-08-2025")
    assert can_think("some-new-model")
    assert write(model="command-r", reasoning=Reasoning(effort="low")) == ({}, ["reasoning"])
    assert write(model="command-r", reasoning=Reasoning(effort="none")) == ({}, [])
