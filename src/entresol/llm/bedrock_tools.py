"""Converse's `toolConfig`, in both directions.

Source: Amazon Bedrock API reference, "ToolConfiguration"; service model `bedrock-runtime` (2023-09-30). It has no word
for "call none" nor for "one at a time": for models of Anthropic's, their own in `additionalModelRequestFields` say it.
"""

from typing import Final

from entresol.llm.bedrock_blocks import BlockWriter
from entresol.llm.bedrock_config import ADDITIONAL
from entresol.llm.bedrock_models import takes_own_tool_choice
from entresol.llm.bedrock_parts import CACHE_POINT, read_mark
from entresol.llm.conversation import report_choice
from entresol.llm.format import Losses
from entresol.llm.reading import ObjectReader
from entresol.llm.tool_names import wire_name
from entresol.llm.types import ChatRequest, JsonObject, NativeTool, Tool, ToolCall, ToolChoice

_NO_ARGUMENTS: Final[JsonObject] = {"type": "object", "properties": {}}
_MODES: Final = {"auto": "auto", "required": "any", "none": "none"}


def read_tools(reader: ObjectReader, request: ChatRequest) -> None:
    """`toolConfig`, and Anthropic's own choice of tools beside it."""
    config = reader.reader("toolConfig")
    if config is None:
        return
    for wire in config.readers("tools") or []:
        _read_tool(wire, request)
    choice = config.reader("toolChoice")
    if choice is not None:
        _read_choice(choice, request)
    request.extra.update((f"toolConfig.{name}", value) for name, value in config.rest().items() if value is not None)
    own = request.extra.get(f"{ADDITIONAL}.tool_choice")
    if choice is None and isinstance(own, dict) and _read_own_choice(own, request):
        del request.extra[f"{ADDITIONAL}.tool_choice"]


def _read_tool(wire: ObjectReader, request: ChatRequest) -> None:
    before = request.tools[-1] if request.tools else None
    spec = wire.reader("toolSpec")
    if spec is not None:
        tool = Tool(name=spec.need_string("name"), description=spec.string("description"))
        schema = spec.reader("inputSchema")
        tool.parameters = None if schema is None else schema.mapping("json")
        tool.strict = spec.boolean("strict")
        tool.extra = {f"toolSpec.{name}": value for name, value in spec.rest().items() if value is not None}
        tool.extra |= {name: value for name, value in wire.rest().items() if value is not None}
        request.tools.append(tool)
    elif wire.peek(CACHE_POINT) is not None and type(before) is Tool and before.cache is None:
        before.cache = read_mark(wire)
    else:
        value = dict(wire.rest())
        request.tools.append(NativeTool(type=next(iter(value), "empty tool"), value=value))


def _read_choice(choice: ObjectReader, request: ChatRequest) -> None:
    tool = choice.reader("tool")
    if tool is not None:
        request.tool_choice = ToolChoice(mode="required", names=[tool.need_string("name")])
    elif choice.reader("any") is not None:
        request.tool_choice = ToolChoice(mode="required")
    elif choice.reader("auto") is not None:
        request.tool_choice = ToolChoice(mode="auto")
    else:
        raise choice.invalid("auto", "one of auto, any and tool is required")
    request.extra.update(
        (f"toolConfig.toolChoice.{name}", value) for name, value in choice.rest().items() if value is not None
    )


def _read_own_choice(own: JsonObject, request: ChatRequest) -> bool:
    """Anthropic's choice of tools. False: it says more than is known here."""
    kind, name, alone = own.get("type"), own.get("name"), own.get("disable_parallel_tool_use")
    if not own.keys() <= {"type", "name", "disable_parallel_tool_use"} or not isinstance(alone, bool | None):
        return False
    if kind == "tool" and isinstance(name, str):
        request.tool_choice = ToolChoice(mode="required", names=[name])
    elif name is None and kind in ("auto", "any", "none"):
        mode = {"auto": "auto", "any": "required", "none": "none"}[str(kind)]
        request.tool_choice = ToolChoice(
            mode="required" if mode == "required" else "none" if mode == "none" else "auto"
        )
    else:
        return False
    request.parallel_tool_calls = None if alone is None else not alone
    return True


def write_tools(request: ChatRequest, wire: JsonObject, losses: Losses, writer: BlockWriter) -> None:
    """`toolConfig`. A conversation with calls in it needs one, even if there are no more tools: then that of its calls.

    Raises ClientError `unsupported_by_provider`.
    """
    choice = request.tool_choice if losses.takes("tool_choice") else None
    called = [] if losses.is_own else _called(request)
    tools = _write_each(request, choice, losses, writer)
    if not tools:
        report_choice(request, losses)
        if called:
            wire["toolConfig"] = {"tools": [_spec(name, None, _NO_ARGUMENTS) for name in called]}
        return
    if choice is not None and choice.mode == "none" and not losses.is_own:
        if called and not takes_own_tool_choice(request.model):
            raise losses.refuse("tool_choice", "it cannot forbid tools in a conversation that has used them")
        if not takes_own_tool_choice(request.model):
            return  # what is not offered is not called
    config: JsonObject = {"tools": tools}
    wire["toolConfig"] = config
    own = _own_choice(request, choice, losses)
    if own is not None:
        additional = wire.setdefault(ADDITIONAL, {})
        if isinstance(additional, dict):
            additional["tool_choice"] = own
    elif choice is not None and (losses.is_own or choice.mode != "auto"):  # the rule, that some models refuse to hear
        config["toolChoice"] = _write_choice(choice)


def _called(request: ChatRequest) -> list[str]:
    """The tools that the conversation has called."""
    parts = [part for message in request.messages for part in message.parts]
    return list(dict.fromkeys(wire_name(part.name) for part in parts if type(part) is ToolCall))


def _write_each(
    request: ChatRequest, choice: ToolChoice | None, losses: Losses, writer: BlockWriter
) -> list[JsonObject]:
    names = [tool.name for tool in request.tools if type(tool) is Tool]
    if choice is not None and choice.names and not losses.is_own and not set(choice.names) & set(names):
        return []
    is_sayable = choice is None or choice.mode == "none" or (choice.mode == "required" and len(choice.names) == 1)
    allowed = [] if choice is None or is_sayable else choice.names
    tools: list[JsonObject] = []
    for tool in request.tools:
        if type(tool) is NativeTool:
            if not losses.is_own:
                raise losses.refuse("tools", f"a tool of type {tool.type!r} runs at another provider")
            tools.append(tool.value)
        elif not allowed or tool.name in allowed or losses.is_own:
            tools.append(_write_tool(tool, losses))
            if tool.cache is not None:
                tools += writer.mark(tool.cache, "tools[].cache_control")
    return tools


def _write_tool(tool: Tool, losses: Losses) -> JsonObject:
    if tool.is_custom:
        raise losses.refuse("tools", f"tool {tool.name!r} takes free text instead of a JSON object")
    parameters = _NO_ARGUMENTS if tool.parameters is None else tool.parameters
    if "type" not in parameters and not losses.is_own:
        parameters = {"type": "object"} | parameters
    wire = _spec(wire_name(tool.name), tool.description, parameters)
    spec = wire["toolSpec"]
    if isinstance(spec, dict) and tool.strict is not None:
        spec["strict"] = tool.strict
    for name, value in losses.own(tool.extra).items():
        outer, _, inner = name.partition(".")
        if inner and isinstance(spec, dict):
            spec[inner] = value
        else:
            wire[outer] = value
    return wire


def _spec(name: str, description: str | None, parameters: JsonObject) -> JsonObject:
    spec: JsonObject = {"name": name, "inputSchema": {"json": parameters}}
    if description:  # an empty one is refused, and says nothing
        spec["description"] = description
    return {"toolSpec": spec}


def _own_choice(request: ChatRequest, choice: ToolChoice | None, losses: Losses) -> JsonObject | None:
    """Anthropic's choice of tools, where Converse's cannot say it."""
    alone = request.parallel_tool_calls
    is_needed = (alone is not None and (losses.is_own or not alone)) or (choice is not None and choice.mode == "none")
    if not is_needed:
        return None
    if not losses.takes("parallel_tool_calls"):
        alone = None
    if not takes_own_tool_choice(request.model) and not losses.is_own:
        losses.drop("parallel_tool_calls")
        return None
    own: JsonObject = {"type": "auto" if choice is None else _MODES[choice.mode]}
    if choice is not None and choice.mode == "required" and len(choice.names) == 1:
        own = {"type": "tool", "name": wire_name(choice.names[0])}
    if alone is not None and own["type"] != "none":
        own["disable_parallel_tool_use"] = not alone
    return own


def _write_choice(choice: ToolChoice) -> JsonObject:
    if choice.mode == "required" and len(choice.names) == 1:
        return {"tool": {"name": wire_name(choice.names[0])}}
    return {"any": {}} if choice.mode == "required" else {"auto": {}}
