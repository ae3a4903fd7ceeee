"""Wire format `anthropic-messages`: `POST /v1/messages`.

Source: Anthropic API reference, "Create a message"; API versions 2023-06-01 and 2026-10-21 (which takes no
`temperature`, `top_p` and `top_k`: a provider's `Profile.unsupported` says so).
"""

import re
from typing import Final

from mypy_extensions import mypyc_attr

from entresol.core.errors import ClientError
from entresol.llm.anthropic_output import closed_schema
from entresol.llm.anthropic_parts import (
    answer_blocks,
    marked,
    plain_text,
    read_block,
    read_blocks,
    read_mark,
    write_block,
)
from entresol.llm.anthropic_plain import plain_blocks
from entresol.llm.anthropic_stream import AnthropicStreamDecoder, AnthropicStreamEncoder
from entresol.llm.anthropic_structs import UsageWire
from entresol.llm.anthropic_thinking import (
    is_off,
    limit_beside,
    read_thinking,
    write_foreign_thinking,
    write_own_thinking,
)
from entresol.llm.anthropic_usage import read_usage, service_tier, write_usage
from entresol.llm.anthropic_wire import STOP_REASONS, AnthropicFormat, finish_reason
from entresol.llm.conversation import leave_out, report_choice, report_format, system_first
from entresol.llm.format import (
    ChatFormat,
    Encoded,
    Fields,
    Losses,
    Opened,
    Options,
    Profile,
    StreamDecoder,
    StreamEncoder,
    StreamShape,
    bad_field,
    bad_request,
    decode_json,
    decode_request_as,
    decode_response_as,
    encode_json,
    raw_json,
    read_fields,
)
from entresol.llm.plain_names import is_plain_name
from entresol.llm.reading import ObjectReader
from entresol.llm.types import (
    ChatRequest,
    ChatResponse,
    Choice,
    JsonObject,
    Message,
    NativeTool,
    Part,
    Refusal,
    ResponseFormat,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Usage,
)
from entresol.llm.usage_faults import convert_usage

_CLAIMED: Final = frozenset(
    (
        "model",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "response_format",
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "stop",
        "reasoning",
        "service_tier",
        "user",
        "n",
        "modalities",
    )
)
_BINDING: Final = ("container", "mcp_servers")
_OTHER_CALL: Final = re.compile(r"/messages/(count_tokens|batches)(?:/|\Z)")
_LONGEST_NAME: Final = 128
_NO_ARGUMENTS: Final[JsonObject] = {"type": "object", "properties": {}}
_TIERS: Final = {"auto": "auto", "default": "standard_only", "priority": "auto"}


@mypyc_attr(native_class=False)
class AnthropicMessages(AnthropicFormat, ChatFormat):
    """Anthropic Messages."""

    name = "anthropic-messages"
    takes_objects_only = True
    id_prefix = "msg_"
    prompt_field = "messages"
    option_fields = {"max_tokens": "max_tokens", "temperature": "temperature", "top_p": "top_p", "top_k": "top_k"}
    wire_names = {
        "stop": "stop_sequences",
        "reasoning": "thinking",
        "reasoning.effort": "output_config.effort",
        "reasoning.include_thoughts": "thinking.display",
        "messages[].tool_calls[]": "messages[].content[]",
        "messages[].tool_call_id": "messages[].content[].tool_use_id",
        "messages[].tool_results[]": "messages[].content[]",
        "response_format": "output_config.format",
        "user": "metadata.user_id",
        "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
    }

    def inspect(self, fields: Fields, path: str = "", query: str = "") -> Opened:
        other = _OTHER_CALL.search(path)
        if other is not None:  # a route for messages takes what lies below them, too
            raise ClientError("bad_request", f"{other[1]} is not supported: only messages are")
        return super().inspect(fields, path, query)

    def close(self, opened: Opened, model: str, stream: bool, options: Options, profile: Profile) -> bytes:
        body = super().close(opened, model, stream, options, profile)
        if profile.body_version is None:
            return body
        fields = read_fields(body)
        fields.pop("model", None)
        fields.setdefault("anthropic_version", raw_json(profile.body_version))
        return encode_json(fields)

    def decode_request(self, body: bytes, path: str = "", query: str = "") -> ChatRequest:
        reader = ObjectReader(decode_request_as(decode_json, body), "", bad_request)
        request = ChatRequest(origin=self.name, messages=[])
        system = read_blocks(reader, "system")
        if system:
            request.messages.append(Message(role="system", parts=system))
        for message in reader.need("messages", reader.readers("messages")):
            request.messages += _read_message(message)
        request.model = reader.string("model") or ""
        request.stream = reader.boolean("stream") or False
        request.max_tokens = reader.integer("max_tokens")
        request.temperature = reader.number("temperature")
        request.top_p = reader.number("top_p")
        request.top_k = reader.integer("top_k")
        request.stop = reader.strings("stop_sequences") or []
        tier = reader.string("service_tier")
        request.service_tier = "default" if tier == "standard_only" else tier
        _read_tools(reader, request)
        _read_output(reader, request)
        metadata = reader.reader("metadata")
        if metadata is not None:
            request.user = metadata.string("user_id")
            request.extra.update((f"metadata.{name}", value) for name, value in metadata.rest().items())
        request.extra |= {name: value for name, value in reader.rest().items() if value is not None}
        request.binding = [name for name in _BINDING if name in request.extra]
        request.unread = reader.unread()
        return request

    def encode_request(self, request: ChatRequest, profile: Profile) -> Encoded:
        losses = Losses(request, self.name, _CLAIMED, profile)
        wire: JsonObject = {"model": request.model} if profile.has_model_in_body else {}
        if profile.body_version is not None:
            wire["anthropic_version"] = profile.body_version
        wire["max_tokens"] = profile.default_max_tokens if request.max_tokens is None else request.max_tokens
        system, messages = _write_messages(request.messages, losses)
        if system:
            wire["system"] = system
        wire["messages"] = messages
        if request.stream:
            wire["stream"] = True
        _write_tools(request, wire, losses)
        _write_thinking(request, wire, losses, profile)
        _write_sampling(request, wire, losses)
        _write_format(request.response_format, wire, losses)
        if request.user is not None and losses.takes("user"):
            wire["metadata"] = {"user_id": request.user}
        _write_tier(request.service_tier, wire, losses)
        _refuse_impossible(request, losses)
        _write_extra(losses.own(request.extra), wire)
        return Encoded(encode_json(wire), losses.finish())

    def decode_response(self, body: bytes) -> ChatResponse:
        reader = ObjectReader(decode_response_as(decode_json, body), "", bad_field)
        reader.take("type")
        reader.take("role")
        choice = Choice(parts=_read_answer(reader))
        choice.finish_reason = finish_reason(reader.string("stop_reason"))
        choice.stop_sequence = reader.string("stop_sequence")
        details = reader.mapping("stop_details")
        if details is not None:
            choice.extra["stop_details"] = details
            if isinstance(details.get("explanation"), str):
                choice.parts.append(Refusal(text=str(details["explanation"])))
        response = ChatResponse(origin=self.name, id=reader.string("id") or "", model=reader.string("model") or "")
        response.choices = [choice]
        wire = convert_usage(reader.take("usage"), UsageWire)
        if wire is not None:
            response.usage, response.service_tier = read_usage(wire), service_tier(wire)
        response.extra = {name: value for name, value in reader.rest().items() if value is not None}
        return response

    def encode_response(self, response: ChatResponse) -> Encoded:
        is_own = response.origin == self.name
        if not response.choices:
            raise bad_field("choices", "the provider gave no answer")
        choice = response.choices[0]
        dropped = [] if len(response.choices) == 1 else ["choices[1:]"]
        parts = choice.parts
        if "stop_details" in choice.extra and is_own:
            parts = [part for part in parts if not isinstance(part, Refusal)]
        reason = STOP_REASONS[choice.finish_reason or "stop"]
        if reason == "end_turn" and any(isinstance(part, Refusal) for part in parts):
            reason = "refusal"
        wire: JsonObject = {
            "id": response.id,
            "type": "message",
            "role": "assistant",
            "model": response.model,
            "content": answer_blocks(parts, is_own, dropped),
            "stop_reason": reason,
            "stop_sequence": choice.stop_sequence,
            "usage": write_usage(response.usage or Usage(), response.service_tier),
        }
        if choice.logprobs is not None:
            dropped.append("logprobs")
        for extra in (choice.extra, response.extra):
            if is_own:
                wire.update(extra)
            else:
                dropped += extra
        return Encoded(encode_json(wire), dropped)

    def stream_decoder(self) -> StreamDecoder:
        return AnthropicStreamDecoder()

    def stream_encoder(self, shape: StreamShape) -> StreamEncoder:
        return AnthropicStreamEncoder(shape, self)


# Answers: reading.


def _read_answer(reader: ObjectReader) -> list[Part]:
    plain = plain_blocks(reader.peek("content"))
    if plain is None:
        return [read_block(block) for block in reader.need("content", reader.readers("content"))]
    reader.take("content")
    return plain


# Requests: reading.


def _read_message(reader: ObjectReader) -> list[Message]:
    """One wire message; tool results become messages of their own, in order."""
    role = reader.need_string("role")
    parts = read_blocks(reader, "content")
    extra = reader.rest()
    if role == "assistant":
        return [Message(role="assistant", parts=parts, extra=extra)]
    if role == "system":
        return [Message(role="system", parts=parts, extra=extra)]
    if role != "user":
        raise reader.invalid("role", f"unknown role {role!r}")
    messages: list[Message] = []
    for part in parts:
        kind = "tool" if isinstance(part, ToolResult) else "user"
        if not messages or messages[-1].role != kind:
            messages.append(Message(role="tool" if kind == "tool" else "user"))
        messages[-1].parts.append(part)
    messages = messages or [Message(role="user")]
    messages[0].extra = extra
    return messages


def _read_tools(reader: ObjectReader, request: ChatRequest) -> None:
    for tool in reader.readers("tools") or []:
        kind = tool.string("type")
        if kind not in (None, "custom"):
            request.tools.append(NativeTool(type=kind or "", value={"type": kind, **tool.rest()}))
            continue
        read = Tool(name=tool.need_string("name"), description=tool.string("description"))
        read.parameters, read.strict = tool.mapping("input_schema"), tool.boolean("strict")
        read.cache = read_mark(tool.reader("cache_control"))
        read.extra = {name: value for name, value in tool.rest().items() if value is not None}
        request.tools.append(read)
    choice = reader.reader("tool_choice")
    if choice is None:
        return
    kind = choice.need_string("type")
    alone = choice.boolean("disable_parallel_tool_use")
    request.parallel_tool_calls = None if alone is None else not alone
    if kind == "tool":
        request.tool_choice = ToolChoice(mode="required", names=[choice.need_string("name")])
    elif kind == "any":
        request.tool_choice = ToolChoice(mode="required")
    elif kind in ("auto", "none"):
        request.tool_choice = ToolChoice(mode="auto" if kind == "auto" else "none")
    else:
        raise choice.invalid("type", f"unknown kind of tool choice {kind!r}")


def _read_output(reader: ObjectReader, request: ChatRequest) -> None:
    wanted = reader.reader("output_format")  # its name in the beta
    output = reader.reader("output_config")
    effort = None
    if output is not None:
        effort = output.string("effort")
        wanted = output.reader("format") or wanted
        request.extra.update((f"output_config.{name}", value) for name, value in output.rest().items())
    if wanted is not None:
        kind = wanted.need_string("type")
        if kind != "json_schema":
            raise wanted.invalid("type", f"unknown format {kind!r}")
        request.response_format = ResponseFormat(type="json_schema", schema=wanted.mapping("schema"))
    thinking = reader.reader("thinking")
    if thinking is not None or effort is not None:
        request.reasoning = read_thinking(thinking, effort)


# Requests: writing.


def _write_messages(messages: list[Message], losses: Losses) -> tuple[object, list[JsonObject]]:
    """`system` and `messages`. Foreign system messages all go to the front, in their order: none is lost."""
    system, turns = system_first(messages, losses, keeps_place=losses.is_own)
    wire: list[JsonObject] = []
    for message in turns:
        _write_turn(message, wire, losses)
    if wire and wire[0]["role"] == "assistant" and not losses.is_own:
        raise losses.refuse("messages", "the first message that is not the system's must be the user's")
    return _write_system(system, losses), wire


def _write_system(parts: list[Part], losses: Losses) -> object:
    if any(type(part) is not Text for part in parts):
        raise losses.refuse("messages[].content[]", "a system message holds only text")
    blocks = [block for part in parts for block in write_block(part, losses)]
    return plain_text(blocks)


def _write_turn(message: Message, wire: list[JsonObject], losses: Losses) -> None:
    """One message; a user's words after tool results join them in one turn."""
    role = "user" if message.role == "tool" else message.role
    blocks = [block for part in message.parts for block in write_block(part, losses)]
    before = wire[-1] if wire else None
    is_joined = before is not None and before["role"] == role and role != "system"
    if not blocks and not losses.is_own:
        leave_out(message, is_joined, losses)
        return
    if before is not None and is_joined:
        content = before["content"]
        before["content"] = (content if isinstance(content, list) else [{"type": "text", "text": content}]) + blocks
        return
    turn: JsonObject = {"role": role, "content": plain_text(blocks)}
    wire.append(losses.with_own(turn, message.extra))


def _write_tools(request: ChatRequest, wire: JsonObject, losses: Losses) -> None:
    choice = request.tool_choice
    allowed = choice.names if choice is not None and losses.takes("tool_choice") else []
    tools: list[JsonObject] = []
    for tool in request.tools:
        if type(tool) is NativeTool:
            if not losses.is_own:
                raise losses.refuse("tools", f"a tool of type {tool.type!r} runs at another provider")
            tools.append(tool.value)
        elif not allowed or tool.name in allowed or losses.is_own:
            tools.append(_write_tool(tool, losses))
    if not tools:
        report_choice(request, losses)
        return
    wire["tools"] = tools
    mode = "auto" if choice is None or not losses.takes("tool_choice") else choice.mode
    written: JsonObject = {"type": "any" if mode == "required" else mode}
    if mode == "required" and len(allowed) == 1:
        written = {"type": "tool", "name": allowed[0]}
    alone = request.parallel_tool_calls
    if alone is not None and mode != "none" and losses.takes("parallel_tool_calls") and (losses.is_own or not alone):
        written["disable_parallel_tool_use"] = not alone
    if choice is not None or "disable_parallel_tool_use" in written:
        wire["tool_choice"] = written


def _write_tool(tool: Tool, losses: Losses) -> JsonObject:
    if tool.is_custom:
        raise losses.refuse("tools", f"tool {tool.name!r} takes free text instead of a JSON object")
    name, description, parameters = tool.name, tool.description, tool.parameters
    if not is_plain_name(name, _LONGEST_NAME):
        raise losses.refuse("tools", f"tool name {name!r} has characters other than letters, digits, _ and -")
    wire: JsonObject = {"name": name}
    if description is not None:
        wire["description"] = description
    if parameters is None:
        parameters = _NO_ARGUMENTS
    wire["input_schema"] = parameters if "type" in parameters or losses.is_own else {"type": "object"} | parameters
    if tool.strict is not None:
        wire["strict"] = tool.strict
    return losses.with_own(marked(wire, tool.cache, losses), tool.extra)


def _write_thinking(request: ChatRequest, wire: JsonObject, losses: Losses, profile: Profile) -> None:
    reasoning = request.reasoning
    if reasoning is None or not losses.takes("reasoning"):
        return
    if losses.is_own:
        own = write_own_thinking(reasoning)
        if own is not None:
            wire["thinking"] = own
        if reasoning.effort is not None:
            wire["output_config"] = {"effort": reasoning.effort}
        return
    written = write_foreign_thinking(reasoning, request.model, request.max_tokens)
    if written is None or (not is_off(reasoning) and _forbids_thinking(request)):
        losses.drop("reasoning")
        return
    thinking, effort = written
    if reasoning.effort not in (None, "none") and effort is None and (is_off(reasoning) or reasoning.budget_tokens):
        losses.drop("reasoning.effort")
    elif effort is not None and reasoning.effort is not None and reasoning.budget_tokens is not None:
        losses.drop("reasoning.budget_tokens")
    wire["thinking"] = thinking
    if request.max_tokens is None:
        wire["max_tokens"] = limit_beside(reasoning, profile.default_max_tokens)
    if effort is not None:
        wire["output_config"] = {"effort": effort}


def _forbids_thinking(request: ChatRequest) -> bool:
    """Anthropic does not think when a tool is forced, nor in a tool loop whose thinking the client cannot give back."""
    choice = request.tool_choice
    if choice is not None and choice.mode == "required":
        return True
    for message in reversed(request.messages):
        if message.role == "user":
            return False
        if message.role == "assistant" and any(isinstance(part, ToolCall) for part in message.parts):
            return not any(isinstance(part, Thinking) and part.signature for part in message.parts)
    return False


def _write_sampling(request: ChatRequest, wire: JsonObject, losses: Losses) -> None:
    values = {name: getattr(request, name) for name in ("temperature", "top_p", "top_k")}
    if not losses.is_own:
        thinking = wire.get("thinking")
        thinks = isinstance(thinking, dict) and thinking["type"] != "disabled"
        if thinks:
            values = _dropping(values, ("temperature", "top_p", "top_k"), losses)
        elif values["temperature"] is not None:
            values = _dropping(values, ("top_p",), losses)  # current models take one of the two
            if (request.temperature or 0) > 1:
                values["temperature"] = 1.0
                losses.drop("temperature")
    for name, value in values.items():
        if value is not None and losses.takes(name):
            wire[name] = value
    stop = request.stop if losses.is_own else [text for text in request.stop if text.strip()]
    if len(stop) != len(request.stop):
        losses.drop("stop")
    if stop and losses.takes("stop"):
        wire["stop_sequences"] = stop


def _dropping(values: dict[str, float | None], names: tuple[str, ...], losses: Losses) -> dict[str, float | None]:
    for name in names:
        if values[name] is not None:
            losses.drop(name)
    return {name: None if name in names else value for name, value in values.items()}


def _write_format(wanted: ResponseFormat | None, wire: JsonObject, losses: Losses) -> None:
    if wanted is None or wanted.type == "text" or not losses.takes("response_format"):
        return
    if wanted.type == "json_object":
        losses.drop("response_format")  # no counterpart; the prompt has to ask for JSON, as OpenAI demands anyway
        return
    report_format(wanted, losses)
    output = wire.setdefault("output_config", {})
    if isinstance(output, dict):
        schema = wanted.schema or {"type": "object"}
        output["format"] = {"type": "json_schema", "schema": schema if losses.is_own else closed_schema(schema)}


def _write_tier(tier: str | None, wire: JsonObject, losses: Losses) -> None:
    if tier is None or not losses.takes("service_tier"):
        return
    written = _TIERS.get(tier)
    if written is None:
        losses.drop("service_tier")
    else:
        wire["service_tier"] = written


def _refuse_impossible(request: ChatRequest, losses: Losses) -> None:
    """What would change the answer beyond recognition if it were left out."""
    if request.n is not None and request.n != 1:
        raise losses.refuse("n", "it gives one answer a call")
    if any(modality != "text" for modality in request.modalities):
        raise losses.refuse("modalities", "it answers with text only")


def _write_extra(extra: JsonObject, wire: JsonObject) -> None:
    for name, value in extra.items():
        outer, _, inner = name.partition(".")
        if inner:
            nested = wire.setdefault(outer, {})
            if isinstance(nested, dict):
                nested[inner] = value
        else:
            wire[name] = value
