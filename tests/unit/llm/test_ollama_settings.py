import json
from typing import Any

import pytest

from entresol.core.errors import ClientError
from entresol.llm.format import Losses, Profile, bad_request
from entresol.llm.ollama_settings import (
    SETTINGS,
    read_settings,
    read_tools,
    write_extra,
    write_settings,
    write_tools,
)
from entresol.llm.reading import ObjectReader
from entresol.llm.types import CacheMark, ChatRequest, NativeTool, Reasoning, ResponseFormat, Tool, ToolChoice

CLAIMED = SETTINGS | {"model", "tools", "tool_choice"}


def read(**wire: Any) -> ChatRequest:
    request = ChatRequest(origin="ollama-chat", messages=[])
    reader = ObjectReader(wire, "", bad_request)
    read_settings(reader, request)
    read_tools(reader, request)
    assert reader.rest() == {}
    return request


def written(request: ChatRequest, unsupported: frozenset[str] = frozenset()) -> tuple[dict[str, Any], list[str]]:
    losses = Losses(request, "ollama-chat", CLAIMED, Profile(provider="ollama", unsupported=unsupported))
    wire: dict[str, Any] = {}
    write_settings(request, wire, losses)
    write_tools(request, wire, losses)
    return wire, losses.finish()


def foreign(**fields: Any) -> ChatRequest:
    return ChatRequest(origin="openai-chat", messages=[], **fields)


def test_options_have_their_canonical_names() -> None:
    request = read(options={"num_predict": 5, "temperature": 0.5, "top_k": 3, "seed": 1, "stop": "x", "num_ctx": 9})
    assert (request.max_tokens, request.temperature, request.top_k, request.seed) == (5, 0.5, 3, 1)
    assert (request.stop, request.extra) == (["x"], {"options.num_ctx": 9})


def test_limits_that_are_none_have_no_canonical_name() -> None:
    request = read(options={"num_predict": -1, "top_k": 0})
    assert (request.max_tokens, request.top_k) == (None, None)
    assert request.extra == {"options.num_predict": -1, "options.top_k": 0}


@pytest.mark.parametrize(
    ("wire", "match"),
    [
        ({"options": 3}, "options: expected an object"),
        ({"options": {"num_predict": "x"}}, "options.num_predict: expected an integer"),
        ({"format": "yaml"}, "format: unknown format"),
        ({"format": 3}, "format: expected a string"),
        ({"think": 3}, "think: expected true or false"),
        ({"tools": [{"function": {}}]}, "function.name: is required"),
    ],
)
def test_a_setting_of_the_wrong_kind_is_refused(wire: dict[str, Any], match: str) -> None:
    with pytest.raises(ClientError, match=match):
        read(**wire)


@pytest.mark.parametrize("think", [True, False, "low", "high"])
def test_thinking_goes_back_as_it_came(think: bool | str) -> None:
    assert written(read(think=think)) == ({"stream": True, "think": think}, [])


@pytest.mark.parametrize(
    ("reasoning", "model", "think", "dropped"),
    [
        (Reasoning(is_enabled=False), "qwen3", False, []),
        (Reasoning(effort="none"), "gpt-oss:20b", False, []),
        (Reasoning(effort="minimal"), "gpt-oss:20b", "low", []),
        (Reasoning(effort="high"), "gpt-oss:20b", "high", []),
        (Reasoning(effort="new"), "gpt-oss:20b", "medium", []),
        (Reasoning(effort="high"), "qwen3", True, ["reasoning.effort"]),
        (Reasoning(is_enabled=True, budget_tokens=99), "qwen3", True, ["reasoning.budget_tokens"]),
        (Reasoning(include_thoughts=True), "qwen3", None, []),
        (Reasoning(include_thoughts=False), "qwen3", None, ["reasoning.include_thoughts"]),
    ],
)
def test_thinking_is_said_in_the_models_words(
    reasoning: Reasoning, model: str, think: bool | str | None, dropped: list[str]
) -> None:
    wire, lost = written(foreign(reasoning=reasoning, model=model))
    assert (wire.get("think"), lost) == (think, dropped)


@pytest.mark.parametrize(
    ("wanted", "wire"),
    [
        (ResponseFormat(type="text"), None),
        (ResponseFormat(type="json_object"), "json"),
        (ResponseFormat(type="json_schema", schema={"type": "object"}), {"type": "object"}),
        (ResponseFormat(type="json_schema"), "json"),
    ],
)
def test_the_shape_of_the_answer_is_written(wanted: ResponseFormat, wire: object) -> None:
    assert written(foreign(response_format=wanted))[0].get("format") == wire


def test_what_a_format_does_not_say_is_reported() -> None:
    wanted = ResponseFormat(type="json_schema", schema={}, name="n", description="d", strict=False)
    assert written(foreign(response_format=wanted))[1] == [
        "response_format.json_schema.name",
        "response_format.json_schema.description",
        "response_format.json_schema.strict",
    ]


@pytest.mark.parametrize("fields", [{"n": 2}, {"modalities": ["audio"]}])
def test_what_would_change_the_answer_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="not supported by provider ollama"):
        written(foreign(**fields))
    assert written(foreign(n=1, modalities=["text"])) == ({"stream": False}, [])


def test_what_the_provider_does_not_take_is_dropped() -> None:
    request = foreign(
        temperature=1,
        top_logprobs=2,
        reasoning=Reasoning(effort="low"),
        response_format=ResponseFormat(type="json_object"),
    )
    unsupported = frozenset(("temperature", "top_logprobs", "reasoning", "response_format"))
    wire, dropped = written(request, unsupported)
    assert (wire, set(dropped)) == ({"stream": False}, set(unsupported))


def test_tools_come_back() -> None:
    wire = {
        "type": "function",
        "strict": True,
        "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "returns": {}},
    }
    assert written(read(tools=[wire, {"type": "web_search"}]))[0]["tools"] == [wire, {"type": "web_search"}]


@pytest.mark.parametrize(
    ("choice", "names", "dropped"),
    [
        (None, ["f", "g"], []),
        (ToolChoice(mode="auto"), ["f", "g"], []),
        (ToolChoice(mode="none"), [], ["tools"]),
        (ToolChoice(mode="required"), ["f", "g"], ["tool_choice"]),
        (ToolChoice(mode="auto", names=["g"]), ["g"], ["tools"]),
        (ToolChoice(mode="required", names=["g"]), ["g"], ["tool_choice", "tools"]),
    ],
)
def test_only_tools_that_may_be_called_are_offered(
    choice: ToolChoice | None, names: list[str], dropped: list[str]
) -> None:
    wire, lost = written(foreign(tools=[Tool(name="f"), Tool(name="g")], tool_choice=choice))
    assert [tool["function"]["name"] for tool in wire.get("tools", [])] == names
    assert lost == dropped


def test_log_probabilities_and_schemas_are_read_and_written() -> None:
    wire = {"stream": True, "format": {"type": "object"}, "logprobs": True, "top_logprobs": 2}
    assert written(read(**wire)) == (wire, [])


def test_the_mark_of_a_tool_is_reported() -> None:
    assert written(foreign(tools=[Tool(name="f", cache=CacheMark())]))[1] == ["tools[].cache_control"]


def test_a_tool_without_parameters_has_an_empty_object() -> None:
    wire, dropped = written(foreign(tools=[Tool(name="f", strict=True, extra={"x": 1})]))
    assert wire["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}
    assert dropped == ["tools[].strict", "tools[].x"]


@pytest.mark.parametrize("tool", [Tool(name="f", is_custom=True), NativeTool(type="web_search", value={})])
def test_tools_that_are_no_functions_are_refused(tool: Tool | NativeTool) -> None:
    with pytest.raises(ClientError, match="tools is not supported"):
        written(foreign(tools=[tool]))


def test_extra_fields_go_to_their_places() -> None:
    wire: dict[str, Any] = {"options": {"a": 1}, "x": 5}
    write_extra({"options.b": 2, "function.c": 3, "d": 4, "x.y": 6}, wire)
    assert json.dumps(wire) == json.dumps({"options": {"a": 1, "b": 2}, "x": 5, "function": {"c": 3}, "d": 4, "x.y": 6})
