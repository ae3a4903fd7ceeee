"""Tools, the choice of them and the shape of the answer in OpenAI's Responses.

Source: OpenAI API reference, "Create a model response", `tools`, `tool_choice`, `text`. Functions are flat here, and
strict unless they say otherwise, which in chat completions is the other way round.
"""

from typing import Final

from entresol.llm.format import Losses
from entresol.llm.openai_responses_content import present
from entresol.llm.reading import ObjectReader
from entresol.llm.types import ChatRequest, JsonObject, NativeTool, ResponseFormat, Tool, ToolChoice

_OWN_KINDS: Final = ("function", "custom")


# Reading.


def read_tool(reader: ObjectReader) -> Tool | NativeTool:
    """One tool, of the request's or of an `additional_tools` item."""
    kind = reader.need_string("type")
    if kind not in _OWN_KINDS:
        return NativeTool(type=kind, value={"type": kind, **reader.rest()})
    tool = Tool(name=reader.need_string("name"), description=reader.string("description"), is_custom=kind == "custom")
    if not tool.is_custom:
        tool.parameters, tool.strict = reader.mapping("parameters"), reader.boolean("strict")
    tool.extra = present(reader)
    return tool


def read_choice(reader: ObjectReader, request: ChatRequest) -> None:
    """`tool_choice`. One of a tool that the provider runs binds the request to it."""
    value = reader.peek("tool_choice")
    if value is None or value in ("auto", "none", "required"):
        mode = reader.string("tool_choice")
        request.tool_choice = None if mode is None else ToolChoice(mode=mode)  # type: ignore[arg-type]  # one of these
        return
    choice = reader.need("tool_choice", reader.reader("tool_choice"))
    kind = choice.need_string("type")
    if kind == "allowed_tools":
        mode = choice.need_string("mode")
        if mode not in ("auto", "required"):
            raise choice.invalid("mode", f"unknown mode {mode!r}")
        allowed = choice.need("tools", choice.readers("tools"))
        if all(tool.peek("type") in _OWN_KINDS for tool in allowed):
            names = [_named(tool) for tool in allowed]
            request.tool_choice = ToolChoice(mode="required" if mode == "required" else "auto", names=names)
            return
    elif kind in _OWN_KINDS:
        request.tool_choice = ToolChoice(mode="required", names=[choice.need_string("name")])
        return
    choice.rest()
    request.extra["tool_choice"] = value


def _named(tool: ObjectReader) -> str:
    tool.take("type")
    return tool.need_string("name")


def read_format(reader: ObjectReader) -> ResponseFormat:
    """`text.format`."""
    kind = reader.need_string("type")
    if kind == "text":
        return ResponseFormat(type="text")
    if kind == "json_object":
        return ResponseFormat(type="json_object")
    if kind != "json_schema":
        raise reader.invalid("type", f"unknown format {kind!r}")
    return ResponseFormat(
        type="json_schema",
        name=reader.string("name"),
        schema=reader.need("schema", reader.mapping("schema")),
        strict=reader.boolean("strict"),
        description=reader.string("description"),
    )


# Writing.


def write_tools(request: ChatRequest, wire: JsonObject, losses: Losses) -> None:
    """`tools` and `tool_choice`."""
    tools: list[JsonObject] = []
    for tool in request.tools:
        if type(tool) is Tool:
            tools.append(_write_tool(tool, losses))
        elif losses.is_own:
            tools.append(tool.value)
        else:
            raise losses.refuse("tools", f"a tool of type {tool.type!r} runs at another provider")
    if tools:
        wire["tools"] = tools
    if request.tool_choice is not None and losses.takes("tool_choice"):
        wire["tool_choice"] = _write_choice(request.tool_choice, request.tools)


def _write_tool(tool: Tool, losses: Losses) -> JsonObject:
    wire: JsonObject = {"type": "custom" if tool.is_custom else "function", "name": tool.name}
    if tool.description is not None:
        wire["description"] = tool.description
    if tool.cache is not None:
        losses.drop("tools[].cache_control")
    if not tool.is_custom:
        wire["parameters"] = tool.parameters
        wire["strict"] = tool.strict if losses.is_own or tool.strict is not None else False
    return wire | losses.own(tool.extra)


def _write_choice(choice: ToolChoice, tools: list[Tool | NativeTool]) -> object:
    if not choice.names or choice.mode == "none":
        return choice.mode
    custom = {tool.name for tool in tools if type(tool) is Tool and tool.is_custom}
    named: list[JsonObject] = [
        {"type": "custom" if name in custom else "function", "name": name} for name in choice.names
    ]
    if choice.mode == "required" and len(named) == 1:
        return named[0]
    return {"type": "allowed_tools", "mode": choice.mode, "tools": named}


def write_format(wanted: ResponseFormat) -> JsonObject:
    """`text.format`."""
    if wanted.type != "json_schema":
        return {"type": wanted.type}
    wire: JsonObject = {"type": "json_schema", "name": wanted.name or "answer", "schema": wanted.schema or {}}
    if wanted.description is not None:
        wire["description"] = wanted.description
    if wanted.strict is not None:
        wire["strict"] = wanted.strict
    return wire
