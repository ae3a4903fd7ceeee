"""Wire format `openai-chat`: `POST /v1/chat/completions`, the lingua franca.

Source: OpenAI API reference, "Create chat completion". Beside it the forms that compatible servers and gateways agreed
on, where OpenAI has none: `reasoning_content` (reasoning text), `message.images` (generated images) and
`tool_calls[].extra_content.google.thought_signature` (as Gemini's own compatible endpoint writes it).
"""

from typing import Final

from mypy_extensions import mypyc_attr

from entresol.llm.format import (
    ChatFormat,
    Encoded,
    Losses,
    Opened,
    Options,
    Profile,
    StreamDecoder,
    StreamEncoder,
    StreamShape,
    bad_request,
    decode_json,
    decode_request_as,
    encode_json,
)
from entresol.llm.openai_answers import read_answer, read_bias, read_stream_options, said, write_answer
from entresol.llm.openai_facts import finish_reason
from entresol.llm.openai_parts import (
    read_assistant_parts,
    read_parts,
    write_assistant,
    write_message,
    write_parts,
    write_tool_results,
)
from entresol.llm.openai_plain import plain_messages, plain_tools
from entresol.llm.openai_stream import OpenAIStreamDecoder, OpenAIStreamEncoder
from entresol.llm.openai_wire import OpenAIFormat
from entresol.llm.reading import ObjectReader
from entresol.llm.types import (
    ChatRequest,
    ChatResponse,
    Choice,
    FinishReason,
    JsonObject,
    Message,
    Native,
    NativeTool,
    Reasoning,
    ResponseFormat,
    Role,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from entresol.llm.usage_chunk import ask_for_usage

_ROLES: Final[dict[str, Role]] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
_WIRE_REASONS: Final[dict[FinishReason, str]] = {
    "stop": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "pause": "stop",
    "error": "content_filter",  # the only word of a failure that clients know
}
_BINDING: Final = ("audio", "moderation")
_PLAIN: Final = (
    "temperature",
    "top_p",
    "top_k",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "n",
    "parallel_tool_calls",
    "logprobs",
    "top_logprobs",
    "service_tier",
    "user",
)
_CLAIMED: Final = frozenset(
    (
        "model",
        "tools",
        "tool_choice",
        "response_format",
        "max_tokens",
        "logit_bias",
        "stop",
        "reasoning",
        "modalities",
        "metadata",
        *_PLAIN,
    )
)


@mypyc_attr(native_class=False)
class OpenAIChat(OpenAIFormat, ChatFormat):
    """OpenAI chat completions."""

    name = "openai-chat"
    id_prefix = "chatcmpl-"
    prompt_field = "messages"
    option_fields = {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k"}
    wire_names = {
        "reasoning": "reasoning_effort",
        "reasoning.effort": "reasoning_effort",
        "tools[].strict": "tools[].function.strict",
        "messages[].content[].thinking": "messages[].reasoning_content",
        "messages[].content[].cache_control": "messages[].content[].prompt_cache_breakpoint",
        "messages[].tool_results[].content[].cache_control": "messages[].content[].prompt_cache_breakpoint",
        "messages[].tool_results[]": "messages[]",
    }

    def close(self, opened: Opened, model: str, stream: bool, options: Options, profile: Profile) -> bytes:
        if options.max_tokens is not None:
            opened.fields.pop("max_tokens", None)
            opened.fields.pop("max_completion_tokens", None)
            opened.put(profile.max_tokens_field, options.max_tokens)
        if stream and profile.takes_stream_options:
            ask_for_usage(opened)
        return super().close(opened, model, stream, options, profile)

    def decode_request(self, body: bytes, path: str = "", query: str = "") -> ChatRequest:
        reader = ObjectReader(decode_request_as(decode_json, body), "", bad_request)
        request = ChatRequest(origin=self.name, messages=_merge_results(_read_messages(reader)))
        request.model = reader.string("model") or ""
        request.stream = reader.boolean("stream") or False
        _read_tools(reader, request)
        _read_sampling(reader, request)
        if reader.has_more:
            _read_settings(reader, request)
            request.extra |= reader.rest()
            request.binding = [name for name in _BINDING if request.extra.get(name) is not None]
        request.unread = reader.unread()
        return request

    def encode_request(self, request: ChatRequest, profile: Profile) -> Encoded:
        losses = Losses(request, self.name, _CLAIMED, profile)
        wire: JsonObject = {"model": request.model, "messages": _write_messages(request.messages, losses, profile)}
        if request.stream:
            wire["stream"] = True
            if profile.takes_stream_options:
                wire["stream_options"] = {"include_usage": True}
        for name in _PLAIN:
            value = getattr(request, name)
            if value is not None and losses.takes(name):
                wire[name] = value
        for name in ("logit_bias", "stop", "modalities", "metadata"):
            value = getattr(request, name)
            if value and losses.takes(name):
                wire[name] = value
        if request.max_tokens is not None and losses.takes("max_tokens"):
            wire[profile.max_tokens_field] = request.max_tokens
        _write_tools(request, wire, losses)
        if request.response_format is not None and losses.takes("response_format"):
            wire["response_format"] = _write_response_format(request.response_format)
        _write_reasoning(request.reasoning, wire, losses)
        _write_extra(losses.own(request.extra), wire)
        return Encoded(encode_json(wire), losses.finish())

    def decode_response(self, body: bytes) -> ChatResponse:
        return read_answer(self.name, body, _read_choice)

    def encode_response(self, response: ChatResponse) -> Encoded:
        is_own = response.origin == self.name
        dropped: list[str] = []
        choices = [_write_choice(choice, dropped, is_own) for choice in response.choices]
        return write_answer(response, "chat.completion", choices, is_own, dropped)

    def stream_decoder(self) -> StreamDecoder:
        return OpenAIStreamDecoder()

    def stream_encoder(self, shape: StreamShape) -> StreamEncoder:
        return OpenAIStreamEncoder(shape, _WIRE_REASONS, self)


# Requests: reading.


def _read_messages(reader: ObjectReader) -> list[Message]:
    plain = plain_messages(reader.peek("messages"))
    if plain is not None:
        reader.take("messages")
        return plain
    return [_read_message(each) for each in reader.need("messages", reader.readers("messages"))]


def _read_message(reader: ObjectReader) -> Message:
    wire_role = reader.need_string("role")
    if wire_role == "function":
        return Message(
            role="tool", parts=[Native(type="function message", value={"role": "function", **reader.rest()})]
        )
    role = _ROLES.get(wire_role)
    if role is None:
        raise reader.invalid("role", f"unknown role {wire_role!r}")
    if role == "tool":
        result = ToolResult(call_id=reader.need_string("tool_call_id"))
        result.parts += read_parts(reader, "content")
        message = Message(role=role, parts=[result])
        result.extra = reader.rest()
        return message
    message = Message(role=role, name=reader.string("name"))
    message.parts += read_assistant_parts(reader) if role == "assistant" else read_parts(reader, "content")
    message.extra = reader.rest()
    return message


def _merge_results(messages: list[Message]) -> list[Message]:
    merged: list[Message] = []
    for message in messages:
        if message.role == "tool" and merged and merged[-1].role == "tool":
            merged[-1].parts += message.parts
        else:
            merged.append(message)
    return merged


def _read_sampling(reader: ObjectReader, request: ChatRequest) -> None:
    new_name, old_name = reader.integer("max_completion_tokens"), reader.integer("max_tokens")
    request.max_tokens = old_name if new_name is None else new_name
    if old_name is not None and new_name is not None:
        request.extra["max_tokens"] = old_name
    request.temperature = reader.number("temperature")
    request.top_p = reader.number("top_p")


def _read_settings(reader: ObjectReader, request: ChatRequest) -> None:
    """What most requests do not say."""
    request.top_k = reader.integer("top_k")
    request.frequency_penalty = reader.number("frequency_penalty")
    request.presence_penalty = reader.number("presence_penalty")
    request.seed = reader.integer("seed")
    if request.seed is None:
        request.seed = reader.integer("random_seed")  # Mistral's clients
    request.n = reader.integer("n")
    request.stop = reader.string_or_strings("stop") or []
    request.logprobs = reader.boolean("logprobs")
    request.top_logprobs = reader.integer("top_logprobs")
    request.modalities = reader.strings("modalities") or []
    request.service_tier = reader.string("service_tier")
    request.user = reader.string("user")
    if request.user is None:
        request.user = reader.string("safety_identifier")  # the same thing under its new name
    metadata = reader.reader("metadata")
    if metadata is not None:
        request.metadata = {name: metadata.need_string(name) for name in list(metadata.rest())}
    read_bias(reader, request)
    read_stream_options(reader, request)
    request.response_format = _read_response_format(reader.reader("response_format"))
    effort = reader.string("reasoning_effort")
    request.reasoning = None if effort is None else Reasoning(effort=effort)


def _read_tools(reader: ObjectReader, request: ChatRequest) -> None:
    plain = plain_tools(reader.peek("tools"))
    if plain is not None:
        reader.take("tools")
        request.tools += plain
    for tool in reader.readers("tools") or []:
        request.tools.append(_read_tool(tool))
    if reader.peek("web_search_options") is not None:
        request.tools.append(NativeTool(type="web_search_options", value=reader.mapping("web_search_options") or {}))
    if reader.peek("functions") is not None:
        functions = {"functions": reader.take("functions"), "function_call": reader.take("function_call")}
        request.tools.append(NativeTool(type="functions", value=functions))
    request.parallel_tool_calls = reader.boolean("parallel_tool_calls")
    request.tool_choice = _read_tool_choice(reader)


def _read_tool(reader: ObjectReader) -> Tool | NativeTool:
    kind = reader.need_string("type")
    if kind == "function":
        function = reader.need("function", reader.reader("function"))
        tool = Tool(name=function.need_string("name"), description=function.string("description"))
        tool.parameters = function.mapping("parameters")
        tool.strict = function.boolean("strict")
        tool.extra = _extra_of(function.rest(), "function", reader)
        return tool
    if kind == "custom":
        custom = reader.need("custom", reader.reader("custom"))
        tool = Tool(name=custom.need_string("name"), description=custom.string("description"), is_custom=True)
        tool.extra = _extra_of(custom.rest(), "custom", reader)
        return tool
    return NativeTool(type=kind, value={"type": kind, **reader.rest()})


def _extra_of(inner: JsonObject, kind: str, outer: ObjectReader) -> JsonObject:
    return {**{f"{kind}.{name}": value for name, value in inner.items()}, **outer.rest()}


def _read_tool_choice(reader: ObjectReader) -> ToolChoice | None:
    choice = reader.peek("tool_choice")
    if choice is None:
        reader.take("tool_choice")
        return None
    if choice in ("auto", "none", "required"):
        reader.take("tool_choice")
        return ToolChoice(mode=choice)
    named = reader.need("tool_choice", reader.reader("tool_choice"))
    kind = named.need_string("type")
    if kind == "allowed_tools":
        allowed = named.need(kind, named.reader(kind))
        mode = allowed.need_string("mode")
        if mode not in ("auto", "required"):
            raise allowed.invalid("mode", f"unknown mode {mode!r}")
        names = [_allowed_name(tool) for tool in allowed.need("tools", allowed.readers("tools"))]
        return ToolChoice(mode="required" if mode == "required" else "auto", names=names)
    if kind not in ("function", "custom"):
        raise named.invalid("type", f"unknown kind of tool choice {kind!r}")
    tool = named.need(kind, named.reader(kind))
    return ToolChoice(mode="required", names=[tool.need_string("name")])


def _allowed_name(tool: ObjectReader) -> str:
    kind = tool.need_string("type")
    return tool.need(kind, tool.reader(kind)).need_string("name")


def _read_response_format(reader: ObjectReader | None) -> ResponseFormat | None:
    if reader is None:
        return None
    kind = reader.need_string("type")
    if kind == "text":
        return ResponseFormat(type="text")
    if kind == "json_object":
        return ResponseFormat(type="json_object")
    if kind != "json_schema":
        raise reader.invalid("type", f"unknown response format {kind!r}")
    schema = reader.need("json_schema", reader.reader("json_schema"))
    return ResponseFormat(
        type="json_schema",
        name=schema.string("name"),
        schema=schema.mapping("schema"),
        strict=schema.boolean("strict"),
        description=schema.string("description"),
    )


# Requests: writing.


def _write_messages(messages: list[Message], losses: Losses, profile: Profile) -> list[JsonObject]:
    wire: list[JsonObject] = []
    for message in messages:
        if message.role == "tool":
            wire += write_tool_results(message.parts, losses)
            continue
        if message.role == "assistant":
            written = write_assistant(message.parts, losses, profile)
        else:
            role = "system" if message.role == "developer" and not profile.has_developer_role else message.role
            written = {"role": role, "content": write_parts(message.parts, losses)}
        if message.name is not None:
            written["name"] = message.name
        wire.append(losses.with_own(written, message.extra))
    return wire


def _write_tools(request: ChatRequest, wire: JsonObject, losses: Losses) -> None:
    tools: list[JsonObject] = []
    for tool in request.tools:
        if type(tool) is Tool:
            tools.append(_write_tool(tool, losses))
        elif request.origin != OpenAIChat.name:
            raise losses.refuse("tools", f"a tool of type {tool.type!r} runs at another provider")
        elif tool.type == "functions":
            wire.update((name, value) for name, value in tool.value.items() if value is not None)
        elif tool.type == "web_search_options":
            wire[tool.type] = tool.value
        else:
            tools.append(tool.value)
    if tools:
        wire["tools"] = tools
    if request.tool_choice is not None and losses.takes("tool_choice"):
        wire["tool_choice"] = _write_tool_choice(request.tool_choice, request.tools)


def _write_tool(tool: Tool, losses: Losses) -> JsonObject:
    inner: JsonObject = {"name": tool.name}
    if tool.description is not None:
        inner["description"] = tool.description
    if tool.cache is not None:
        losses.drop("tools[].cache_control")
    if tool.parameters is not None:
        inner["parameters"] = tool.parameters
    if tool.strict is not None:
        inner["strict"] = tool.strict
    kind = "custom" if tool.is_custom else "function"
    wire: JsonObject = {"type": kind, kind: inner}
    _write_extra(losses.own(tool.extra), wire)
    return wire


def _write_tool_choice(choice: ToolChoice, tools: list[Tool | NativeTool]) -> object:
    if not choice.names or choice.mode == "none":
        return choice.mode
    custom = {tool.name for tool in tools if type(tool) is Tool and tool.is_custom}
    named: list[JsonObject] = []
    for name in choice.names:
        kind = "custom" if name in custom else "function"
        named.append({"type": kind, kind: {"name": name}})
    if choice.mode == "required" and len(named) == 1:
        return named[0]
    return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": named}}


def _write_response_format(response_format: ResponseFormat) -> JsonObject:
    if response_format.type != "json_schema":
        return {"type": response_format.type}
    schema: JsonObject = {"name": response_format.name or "answer"}
    for name in ("description", "schema", "strict"):
        value = getattr(response_format, name)
        if value is not None:
            schema[name] = value
    return {"type": "json_schema", "json_schema": schema}


def _write_reasoning(reasoning: Reasoning | None, wire: JsonObject, losses: Losses) -> None:
    if reasoning is None or not losses.takes("reasoning"):
        return
    effort = reasoning.effort
    if reasoning.is_enabled is False:
        if effort not in (None, "none"):
            losses.drop("reasoning.effort")
        effort = "none"
    elif effort is None and reasoning.budget_tokens is not None:
        effort = effort_of_budget(reasoning.budget_tokens)
    if effort is not None:
        wire["reasoning_effort"] = effort
        if reasoning.effort is not None and reasoning.budget_tokens is not None:
            losses.drop("reasoning.budget_tokens")
    elif reasoning.is_enabled:
        losses.drop("reasoning")  # there is no word for "as much as the model sees fit"
    if reasoning.include_thoughts:
        losses.drop("reasoning.include_thoughts")


def _write_extra(extra: JsonObject, wire: JsonObject) -> None:
    for name, value in extra.items():
        outer, _, inner = name.partition(".")
        options = wire.get(outer)
        if inner and isinstance(options, dict):
            options[inner] = value
        else:
            wire[name] = value


def effort_of_budget(tokens: int) -> str:
    """The effort that a thinking budget comes closest to. Bounds are those of Gemini's compatible endpoint."""
    if tokens == 0:
        return "none"
    return "low" if 0 < tokens <= 1024 else "medium" if 0 < tokens <= 8192 else "high"


# Responses.


def _read_choice(reader: ObjectReader, position: int) -> Choice:
    message = reader.need("message", reader.reader("message"))
    message.take("role")
    index = reader.integer("index")
    index = position if index is None else index
    choice = Choice(
        index=index,
        parts=read_assistant_parts(message, f"call_{index}_"),
        finish_reason=finish_reason(reader.string("finish_reason")),
        logprobs=reader.mapping("logprobs"),
    )
    if choice.finish_reason == "stop" and any(type(part) is ToolCall for part in choice.parts):
        choice.finish_reason = "tool_calls"  # it says stop where the request named the tool to call
    choice.extra = {f"message.{name}": value for name, value in said(message.rest()).items()} | said(reader.rest())
    return choice


def _write_choice(choice: Choice, dropped: list[str], is_own: bool) -> JsonObject:
    message = write_message(choice.parts, dropped)
    if not is_own:
        extras = [name for part in choice.parts if type(part) is not Native for name in part.extra]
        dropped += [name for name in dict.fromkeys(extras) if name not in dropped]
        dropped += ["stop_sequence"] if choice.stop_sequence is not None else []
    wire: JsonObject = {"index": choice.index, "message": message, "logprobs": choice.logprobs}
    for name, value in choice.extra.items():
        if not is_own:
            dropped.append(name)
        elif name.startswith("message."):
            message[name.removeprefix("message.")] = value
        else:
            wire[name] = value
    wire["finish_reason"] = _WIRE_REASONS[choice.finish_reason or "stop"]
    return wire
