import pytest

from entresol.core.errors import ClientError
from entresol.llm.format import Losses, Profile, bad_request
from entresol.llm.openai_responses_tools import read_choice, read_format, read_tool, write_format, write_tools
from entresol.llm.reading import ObjectReader
from entresol.llm.types import ChatRequest, JsonObject, NativeTool, ResponseFormat, Tool, ToolChoice

NAMED: JsonObject = {"type": "function", "name": "f"}


def reader(value: JsonObject) -> ObjectReader:
    return ObjectReader(value, "", bad_request)


def chosen(choice: object) -> ChatRequest:
    request = ChatRequest(origin="openai-responses", messages=[])
    read_choice(reader({"tool_choice": choice}), request)
    return request


def written(request: ChatRequest) -> JsonObject:
    wire: JsonObject = {}
    profile = Profile(provider="openai")
    write_tools(request, wire, Losses(request, "openai-responses", frozenset(("tools", "tool_choice")), profile))
    return wire


def test_functions_and_custom_tools_are_flat() -> None:
    function: JsonObject = {
        "type": "function",
        "name": "f",
        "description": "d",
        "parameters": {"type": "object"},
        "strict": True,
    }
    assert read_tool(reader(function)) == Tool(name="f", description="d", parameters={"type": "object"}, strict=True)
    custom: JsonObject = {"type": "custom", "name": "sh", "format": {"type": "text"}}
    assert read_tool(reader(custom)) == Tool(name="sh", is_custom=True, extra={"format": {"type": "text"}})


def test_any_other_tool_is_the_providers() -> None:
    assert read_tool(reader({"type": "mcp", "server_label": "a"})) == NativeTool(
        type="mcp", value={"type": "mcp", "server_label": "a"}
    )


@pytest.mark.parametrize(
    ("wire", "choice"),
    [
        ("auto", ToolChoice(mode="auto")),
        ("none", ToolChoice(mode="none")),
        ("required", ToolChoice(mode="required")),
        (None, None),
        (NAMED, ToolChoice(mode="required", names=["f"])),
        ({"type": "custom", "name": "sh"}, ToolChoice(mode="required", names=["sh"])),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [NAMED, {"type": "function", "name": "g"}]},
            ToolChoice(mode="auto", names=["f", "g"]),
        ),
    ],
)
def test_choices_are_read(wire: object, choice: ToolChoice | None) -> None:
    assert chosen(wire).tool_choice == choice


@pytest.mark.parametrize(
    "wire",
    [
        {"type": "web_search"},
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp", "server_label": "a"}]},
    ],
)
def test_the_choice_of_a_providers_tool_is_kept_apart(wire: JsonObject) -> None:
    request = chosen(wire)
    assert (request.tool_choice, request.extra) == (None, {"tool_choice": wire})


@pytest.mark.parametrize(
    "wire", ["any", 5, {"name": "f"}, {"type": "function"}, {"type": "allowed_tools", "mode": "some", "tools": []}]
)
def test_a_choice_that_makes_no_sense_is_refused(wire: object) -> None:
    with pytest.raises(ClientError, match="tool_choice"):
        chosen(wire)


def test_a_function_of_another_format_is_not_strict_unless_it_says_so() -> None:
    tools: list[Tool | NativeTool] = [Tool(name="f"), Tool(name="g", strict=True), Tool(name="sh", is_custom=True)]
    request = ChatRequest(origin="openai-chat", messages=[], tools=tools)
    assert written(request)["tools"] == [
        {"type": "function", "name": "f", "parameters": None, "strict": False},
        {"type": "function", "name": "g", "parameters": None, "strict": True},
        {"type": "custom", "name": "sh"},
    ]


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        (ToolChoice(mode="required"), "required"),
        (ToolChoice(mode="required", names=["f"]), NAMED),
        (ToolChoice(mode="required", names=["sh"]), {"type": "custom", "name": "sh"}),
        (
            ToolChoice(mode="auto", names=["f", "sh"]),
            {"type": "allowed_tools", "mode": "auto", "tools": [NAMED, {"type": "custom", "name": "sh"}]},
        ),
    ],
)
def test_choices_are_written(choice: ToolChoice, wire: object) -> None:
    tools: list[Tool | NativeTool] = [Tool(name="f"), Tool(name="sh", is_custom=True)]
    request = ChatRequest(origin="openai-chat", messages=[], tools=tools, tool_choice=choice)
    assert written(request)["tool_choice"] == wire


def test_another_providers_tool_is_refused() -> None:
    request = ChatRequest(origin="anthropic-messages", messages=[], tools=[NativeTool(type="bash", value={})])
    with pytest.raises(ClientError, match="runs at another provider"):
        written(request)


@pytest.mark.parametrize(
    "wanted",
    [
        ResponseFormat(type="text"),
        ResponseFormat(type="json_object"),
        ResponseFormat(type="json_schema", name="n", schema={"type": "object"}, strict=True, description="d"),
    ],
)
def test_formats_come_back_the_same(wanted: ResponseFormat) -> None:
    assert read_format(reader(write_format(wanted))) == wanted


@pytest.mark.parametrize("wire", [{"type": "grammar"}, {"type": "json_schema", "name": "n"}, {}])
def test_a_format_that_makes_no_sense_is_refused(wire: JsonObject) -> None:
    with pytest.raises(ClientError):
        read_format(reader(wire))
