"""What a request to Cohere's chat says beside its messages, in both directions.

Source: Cohere API reference, version 2, "Chat".
"""

from typing import Final

from entresol.llm.conversation import report_choice, report_format
from entresol.llm.format import Losses
from entresol.llm.reading import ObjectReader
from entresol.llm.types import ChatRequest, JsonObject, NativeTool, Reasoning, ResponseFormat, Tool, ToolChoice

SETTINGS: Final = frozenset(
    (
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "frequency_penalty",
        "presence_penalty",
        "seed",
        "stop",
        "logprobs",
        "response_format",
        "reasoning",
        "tools",
        "tool_choice",
        "n",
        "modalities",
    )
)
"""Canonical fields that are written here."""

SETTING_NAMES: Final = {
    "top_p": "p",
    "top_k": "k",
    "stop": "stop_sequences",
    "reasoning": "thinking",
    "reasoning.budget_tokens": "thinking.token_budget",
    "tools[].strict": "strict_tools",
    "response_format.json_schema": "response_format.json_schema",
}
_NUMBERS: Final = (
    ("temperature", "temperature"),
    ("top_p", "p"),
    ("frequency_penalty", "frequency_penalty"),
    ("presence_penalty", "presence_penalty"),
)
_RANGES: Final = {
    "top_p": (0.01, 0.99),
    "top_k": (0, 500),
    "frequency_penalty": (0.0, 1.0),
    "presence_penalty": (0.0, 1.0),
}
"""What Cohere takes; OpenAI takes more."""
_MOST_STOPS: Final = 5
_CHOICES: Final = {"REQUIRED": "required", "NONE": "none"}
_NO_ARGUMENTS: Final[JsonObject] = {"type": "object", "properties": {}}
_THOUGHTLESS: Final = (
    "command-r",
    "command-a-03-",
    "command-a-vision",
    "command-a-translate",
    "command-light",
    "c4ai-",
)
"""How names of models begin that refuse `thinking`."""


def can_think(model: str) -> bool:
    """Whether a model may take `thinking`; one that is not known may."""
    return not model.startswith(_THOUGHTLESS) and model not in ("command", "command-a")


# Reading.


def read_settings(reader: ObjectReader, request: ChatRequest) -> None:
    """Everything but messages, tools and documents."""
    for name, wire_name in _NUMBERS:
        setattr(request, name, reader.number(wire_name))
    request.max_tokens = reader.integer("max_tokens")
    request.top_k = reader.integer("k")
    request.seed = reader.integer("seed")
    request.stop = reader.strings("stop_sequences") or []
    request.logprobs = reader.boolean("logprobs")
    _read_format(reader, request)
    thinking = reader.reader("thinking")
    if thinking is not None:
        kind = thinking.need_string("type")
        if kind not in ("enabled", "disabled"):
            raise thinking.invalid("type", f"expected enabled or disabled, got {kind!r}")
        request.reasoning = Reasoning(is_enabled=kind == "enabled", budget_tokens=thinking.integer("token_budget"))
        request.reasoning.extra = {name: value for name, value in thinking.rest().items() if value is not None}


def _read_format(reader: ObjectReader, request: ChatRequest) -> None:
    wanted = reader.reader("response_format")
    if wanted is None:
        return
    kind = wanted.need_string("type")
    schema = wanted.mapping("json_schema") or wanted.mapping("schema")  # its name in older clients
    if kind == "text":
        request.response_format = ResponseFormat(type="text")
    elif kind == "json_object":
        request.response_format = ResponseFormat(type="json_object" if schema is None else "json_schema", schema=schema)
    else:
        raise wanted.invalid("type", f"expected text or json_object, got {kind!r}")


def read_tools(reader: ObjectReader, request: ChatRequest) -> None:
    """`tools`, `strict_tools` and `tool_choice`."""
    strict = reader.boolean("strict_tools")
    for wire in reader.readers("tools") or []:
        kind = wire.string("type") or "function"
        if kind != "function":
            request.tools.append(NativeTool(type=kind, value={"type": kind, **wire.rest()}))
            continue
        function = wire.need("function", wire.reader("function"))
        tool = Tool(name=function.need_string("name"), description=function.string("description"), strict=strict)
        tool.parameters = function.mapping("parameters")
        tool.extra = {f"function.{name}": value for name, value in function.rest().items() if value is not None}
        tool.extra |= {name: value for name, value in wire.rest().items() if value is not None}
        request.tools.append(tool)
    if strict is not None and not any(isinstance(tool, Tool) for tool in request.tools):
        request.extra["strict_tools"] = strict
    choice = reader.string("tool_choice")
    if choice is not None:
        if choice not in _CHOICES:
            raise reader.invalid("tool_choice", f"expected REQUIRED or NONE, got {choice!r}")
        request.tool_choice = ToolChoice(mode="required" if choice == "REQUIRED" else "none")


# Writing.


def write_settings(request: ChatRequest, wire: JsonObject, losses: Losses) -> None:
    """Everything but messages and tools. Raises ClientError `unsupported_by_provider`."""
    if request.n is not None and request.n != 1:
        raise losses.refuse("n", "it gives one answer a call")
    if any(modality != "text" for modality in request.modalities):
        raise losses.refuse("modalities", "it answers with text only")
    for name, wire_name in (("max_tokens", "max_tokens"), *_NUMBERS, ("top_k", "k")):
        value = getattr(request, name)
        if value is not None and losses.takes(name):
            wire[wire_name] = value if losses.is_own else _within(name, value, losses)
    if request.seed is not None and losses.takes("seed"):
        if request.seed < 0 and not losses.is_own:
            losses.drop("seed")
        else:
            wire["seed"] = request.seed
    if request.stop and losses.takes("stop"):
        if len(request.stop) > _MOST_STOPS and not losses.is_own:
            losses.drop("stop")
        wire["stop_sequences"] = request.stop if losses.is_own else request.stop[:_MOST_STOPS]
    if request.logprobs is not None and losses.takes("logprobs") and (request.logprobs or losses.is_own):
        wire["logprobs"] = request.logprobs
    _write_thinking(request, wire, losses)


def _within(name: str, value: float, losses: Losses) -> float:
    """The nearest value that Cohere takes; that it is another one is reported."""
    low, high = _RANGES.get(name, (value, value))
    nearest = min(max(value, low), high)
    if nearest != value:
        losses.drop(name)
    return nearest


def _write_thinking(request: ChatRequest, wire: JsonObject, losses: Losses) -> None:
    reasoning = request.reasoning
    if reasoning is None or not losses.takes("reasoning"):
        return
    is_off = reasoning.is_enabled is False or reasoning.effort == "none" or reasoning.budget_tokens == 0
    if not losses.is_own and not can_think(request.model):
        if not is_off:
            losses.drop("reasoning")
        return
    thinking: JsonObject = {"type": "disabled" if is_off and reasoning.is_enabled is not True else "enabled"}
    budget = reasoning.budget_tokens
    if budget is not None and (losses.is_own or budget > 0):
        thinking["token_budget"] = budget
    if reasoning.effort not in (None, "none"):
        losses.drop("reasoning.effort")
    if reasoning.include_thoughts is False and not is_off:
        losses.drop("reasoning.include_thoughts")
    wire["thinking"] = thinking | losses.own(reasoning.extra)


def write_format(request: ChatRequest, wire: JsonObject, losses: Losses) -> None:
    """`response_format`, which goes neither with tools nor with documents. Raises `unsupported_by_provider`."""
    wanted = request.response_format
    if wanted is None or not losses.takes("response_format"):
        return
    if wanted.type == "text":
        if losses.is_own:
            wire["response_format"] = {"type": "text"}
        return
    other = next((name for name in ("tools", "documents") if name in wire), None)
    if other is not None and not losses.is_own:
        if wanted.type == "json_schema":
            raise losses.refuse("response_format", f"it does not go together with {other}")
        losses.drop("response_format")
        return
    written: JsonObject = {"type": "json_object"}
    if wanted.type == "json_schema":
        report_format(wanted, losses)
        written["json_schema"] = wanted.schema or {"type": "object"}
    wire["response_format"] = written


def write_tools(request: ChatRequest, wire: JsonObject, losses: Losses) -> None:
    """`tools`, `strict_tools` and `tool_choice`. Raises ClientError `unsupported_by_provider`."""
    choice = request.tool_choice if losses.takes("tool_choice") else None
    allowed = [] if choice is None else choice.names
    written: list[Tool] = []
    tools: list[JsonObject] = []
    for tool in request.tools:
        if isinstance(tool, NativeTool):
            if not losses.is_own:
                raise losses.refuse("tools", f"a tool of type {tool.type!r} runs at another provider")
            tools.append(tool.value)
        elif not allowed or tool.name in allowed or losses.is_own:
            tools.append(_write_tool(tool, losses))
            written.append(tool)
    if tools:
        wire["tools"] = tools
        _write_strict(written, wire, losses)
    elif choice is not None and not losses.is_own:
        report_choice(request, losses)
        return
    if choice is not None and choice.mode != "auto":
        wire["tool_choice"] = "REQUIRED" if choice.mode == "required" else "NONE"


def _write_tool(tool: Tool, losses: Losses) -> JsonObject:
    if tool.is_custom:
        raise losses.refuse("tools", f"tool {tool.name!r} takes free text instead of a JSON object")
    function: JsonObject = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.parameters is not None:
        own = losses.is_own or "type" in tool.parameters
        function["parameters"] = tool.parameters if own else {"type": "object"} | tool.parameters
    elif not losses.is_own:
        function["parameters"] = _NO_ARGUMENTS
    if tool.cache is not None:
        losses.drop("tools[].cache_control")
    wire: JsonObject = {"type": "function", "function": function}
    for name, value in losses.own(tool.extra).items():
        if name.startswith("function."):
            function[name[9:]] = value
        else:
            wire[name] = value
    return wire


def _write_strict(tools: list[Tool], wire: JsonObject, losses: Losses) -> None:
    """`strict_tools` goes for all tools or none, and each of them must have an argument that is required."""
    wanted = {tool.strict for tool in tools}
    has_required = all(tool.parameters is not None and tool.parameters.get("required") for tool in tools)
    if len(wanted) == 1 and (has_required or losses.is_own or True not in wanted):
        strict = wanted.pop()
        if strict is not None and (strict or losses.is_own):
            wire["strict_tools"] = strict
    elif True in wanted:
        losses.drop("tools[].strict")
