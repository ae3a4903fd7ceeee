"""How Ollama is told to generate: options, the shape of the answer, thinking, tools, in both directions.

Source: Ollama API reference; Modelfile reference ("Valid Parameters and Values"); "Thinking", "Structured outputs",
"Tool calling".
"""

from typing import Final

from entresol.llm.conversation import report_format
from entresol.llm.format import Losses
from entresol.llm.reading import ObjectReader
from entresol.llm.types import (
    ChatRequest,
    JsonObject,
    NativeTool,
    Reasoning,
    ResponseFormat,
    Tool,
)

_NUMBERS: Final = ("temperature", "top_p", "frequency_penalty", "presence_penalty")
_INTEGERS: Final = (("seed", "seed"), ("max_tokens", "num_predict"), ("top_k", "top_k"))
_OPTION_NAMES: Final = (*((name, name) for name in _NUMBERS), *_INTEGERS, ("stop", "stop"))
_SWITCHED_OFF: Final = ("max_tokens", "top_k")
"""Limits that are none when they are below 1, which no other format has."""
SETTING_NAMES: Final = {
    **{name: f"options.{wire_name}" for name, wire_name in _OPTION_NAMES},
    "response_format": "format",
    "reasoning": "think",
    "reasoning.effort": "think",
    "reasoning.include_thoughts": "think",
}
"""Canonical path to Ollama's own."""
SETTINGS: Final = frozenset(
    (
        *(name for name, _ in _OPTION_NAMES),
        "response_format",
        "reasoning",
        "logprobs",
        "top_logprobs",
        "n",
        "modalities",
    )
)
"""The canonical fields that `write_settings` writes."""
_LEVELS: Final = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
_HAS_LEVELS: Final = "gpt-oss"
"""Models whose thinking has levels; the others refuse any ("Thinking")."""


# Reading.


def read_settings(reader: ObjectReader, request: ChatRequest) -> None:
    """Read everything of a request that says how to generate. What has no canonical name goes into its `extra`."""
    request.response_format = _read_format(reader)
    request.reasoning = _read_think(reader)
    request.logprobs = reader.boolean("logprobs")
    request.top_logprobs = reader.integer("top_logprobs")
    request.stream = reader.boolean("stream") is not False
    options = reader.reader("options")
    if options is None:
        return
    for name in _NUMBERS:
        setattr(request, name, options.number(name))
    for name, wire_name in _INTEGERS:
        value = options.integer(wire_name)
        if value is not None and value < 1 and name in _SWITCHED_OFF:
            request.extra[f"options.{wire_name}"] = value
        else:
            setattr(request, name, value)
    request.stop = options.string_or_strings("stop") or []
    request.extra.update((f"options.{name}", value) for name, value in options.rest().items() if value is not None)


def _read_format(reader: ObjectReader) -> ResponseFormat | None:
    if isinstance(reader.peek("format"), dict):
        return ResponseFormat(type="json_schema", schema=reader.mapping("format"))
    name = reader.string("format")
    if not name:
        return None
    if name != "json":
        raise reader.invalid("format", f"unknown format {name!r}: expected json or a JSON Schema")
    return ResponseFormat(type="json_object")


def _read_think(reader: ObjectReader) -> Reasoning | None:
    if isinstance(reader.peek("think"), str):
        effort = reader.need_string("think")
        return Reasoning(effort=effort) if effort else None
    is_enabled = reader.boolean("think")
    return None if is_enabled is None else Reasoning(is_enabled=is_enabled)


def read_tools(reader: ObjectReader, request: ChatRequest) -> None:
    """The functions that the model may call."""
    for wire in reader.readers("tools") or []:
        kind = wire.string("type") or "function"
        function = wire.reader("function")
        if kind != "function" or function is None:
            request.tools.append(NativeTool(type=kind, value={"type": kind, **wire.rest()}))
            continue
        tool = Tool(name=function.need_string("name"), description=function.string("description"))
        tool.parameters = function.mapping("parameters")
        tool.extra = {f"function.{name}": value for name, value in function.rest().items() if value is not None}
        tool.extra |= {name: value for name, value in wire.rest().items() if value is not None}
        request.tools.append(tool)


# Writing.


def write_settings(request: ChatRequest, wire: JsonObject, losses: Losses) -> None:
    """Write everything that says how to generate. Raises ClientError `unsupported_by_provider`."""
    wire["stream"] = request.stream
    if request.n not in (None, 1):
        raise losses.refuse("n", "it gives one answer a call")
    if any(modality != "text" for modality in request.modalities):
        raise losses.refuse("modalities", "it answers with text only")
    options: JsonObject = {}
    for name, wire_name in _OPTION_NAMES:
        value = getattr(request, name)
        if value is not None and value != [] and losses.takes(name):
            options[wire_name] = value
    if options:
        wire["options"] = options
    _write_format(request.response_format, wire, losses)
    _write_think(request, wire, losses)
    for name in ("logprobs", "top_logprobs"):
        value = getattr(request, name)
        if value is not None and losses.takes(name):
            wire[name] = value


def write_extra(extra: JsonObject, wire: JsonObject) -> None:
    """Fields that were read into an `extra`, at their places: `outer.inner` is in the object `outer`."""
    for path, value in extra.items():
        outer, dot, inner = path.partition(".")
        nested = wire.setdefault(outer, {}) if dot else None
        if isinstance(nested, dict):
            nested[inner] = value
        else:
            wire[path] = value


def _write_format(wanted: ResponseFormat | None, wire: JsonObject, losses: Losses) -> None:
    if wanted is None or wanted.type == "text" or not losses.takes("response_format"):
        return
    wire["format"] = "json" if wanted.schema is None else wanted.schema
    report_format(wanted, losses)


def _write_think(request: ChatRequest, wire: JsonObject, losses: Losses) -> None:
    reasoning = request.reasoning
    if reasoning is None or not losses.takes("reasoning"):
        return
    effort = reasoning.effort
    if losses.is_own:
        wire["think"] = reasoning.is_enabled if effort is None else effort
        return
    if reasoning.is_enabled is False or effort == "none":
        wire["think"] = False
        return
    if effort is not None and _HAS_LEVELS in request.model:
        wire["think"] = _LEVELS.get(effort, "medium")
    elif effort is not None:
        wire["think"] = True
        losses.drop("reasoning.effort")
    elif reasoning.is_enabled or reasoning.budget_tokens is not None:
        wire["think"] = True
    if reasoning.budget_tokens is not None:
        losses.drop("reasoning.budget_tokens")
    if reasoning.include_thoughts is False:
        losses.drop("reasoning.include_thoughts")


def write_tools(request: ChatRequest, wire: JsonObject, losses: Losses) -> None:
    """`tools`. Ollama has no choice of tools: those that must not be called are not offered, and that one must be
    called is reported."""
    choice = request.tool_choice
    offered = request.tools
    if choice is not None and losses.takes("tool_choice"):
        if choice.mode == "none":
            offered = []
        elif choice.names:
            offered = [tool for tool in offered if isinstance(tool, Tool) and tool.name in choice.names]
        if choice.mode == "required":
            losses.drop("tool_choice")
        if len(offered) < len(request.tools):
            losses.drop("tools")
    if offered:
        wire["tools"] = [_write_tool(tool, losses) for tool in offered]


def _write_tool(tool: Tool | NativeTool, losses: Losses) -> JsonObject:
    if isinstance(tool, NativeTool):
        if not losses.is_own:
            raise losses.refuse("tools", f"a tool of type {tool.type!r} runs at another provider")
        return tool.value
    if tool.is_custom:
        raise losses.refuse("tools", f"tool {tool.name!r} takes free text instead of a JSON object")
    if tool.strict:
        losses.drop("tools[].strict")
    if tool.cache is not None:
        losses.drop("tools[].cache_control")
    function: JsonObject = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    elif not losses.is_own:
        function["parameters"] = {"type": "object", "properties": {}}
    wire: JsonObject = {"type": "function", "function": function}
    write_extra(losses.own(tool.extra), wire)
    return wire
