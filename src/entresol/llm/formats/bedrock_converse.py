"""Wire format `bedrock-converse`: `POST /model/{modelId}/converse` and `/model/{modelId}/converse-stream`.

Source: Amazon Bedrock API reference, "Converse", "ConverseStream"; service model `bedrock-runtime` (2023-09-30). The
model and the way of answering stand in the path; streams are AWS's binary event streams.
"""

from typing import Final

import msgspec

from entresol.core.errors import ClientError
from entresol.llm.bedrock_blocks import BlockWriter, answer_blocks
from entresol.llm.bedrock_config import ADDITIONAL, read_settings, write_settings
from entresol.llm.bedrock_errors import read_error
from entresol.llm.bedrock_parts import read_blocks
from entresol.llm.bedrock_stream import BedrockStreamDecoder
from entresol.llm.bedrock_stream_encoder import BedrockStreamEncoder
from entresol.llm.bedrock_tools import read_tools, write_tools
from entresol.llm.bedrock_wire import (
    STOP_REASONS,
    TIERS,
    BedrockConverseFormat,
    UsageWire,
    finish_reason,
    model_and_action,
    read_usage,
    write_usage,
)
from entresol.llm.conversation import leave_out, system_first
from entresol.llm.format import (
    NO_OPTIONS,
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
)
from entresol.llm.json_fields import bad_response
from entresol.llm.reading import ObjectReader
from entresol.llm.tool_names import renamed_tools
from entresol.llm.types import (
    ChatRequest,
    ChatResponse,
    Choice,
    Document,
    JsonObject,
    Message,
    Part,
    Refusal,
    Text,
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
        "metadata",
        "n",
        "modalities",
    )
)
_BINDING: Final = ("guardrailConfig", "promptVariables")
_PASSED: Final = ("guardrailConfig", "performanceConfig", ADDITIONAL)
_OPTION_NAMES: Final = (("max_tokens", "maxTokens"), ("temperature", "temperature"), ("top_p", "topP"))
_NOTHING: Final = Text(text="")


class BedrockConverse(BedrockConverseFormat, ChatFormat):
    """Amazon Bedrock Converse."""

    name = "bedrock-converse"
    prompt_field = "messages"
    wire_names = {
        "max_tokens": "inferenceConfig.maxTokens",
        "temperature": "inferenceConfig.temperature",
        "top_p": "inferenceConfig.topP",
        "stop": "inferenceConfig.stopSequences",
        "top_k": f"{ADDITIONAL}.top_k",
        "reasoning": f"{ADDITIONAL}.thinking",
        "reasoning.effort": "outputConfig.effort",
        "reasoning.include_thoughts": f"{ADDITIONAL}.thinking.display",
        "parallel_tool_calls": f"{ADDITIONAL}.tool_choice.disable_parallel_tool_use",
        "tool_choice": "toolConfig.toolChoice",
        "tools": "toolConfig.tools",
        "tools[]": "toolConfig.tools[]",
        "tools[].strict": "toolConfig.tools[].toolSpec.strict",
        "tools[].cache_control": "toolConfig.tools[].cachePoint",
        "messages[].content[].cache_control": "messages[].content[].cachePoint",
        "messages[].content[].prompt_cache_breakpoint": "messages[].content[].cachePoint",
        "messages[].content[].thinking": "messages[].content[].reasoningContent",
        "messages[].content[].signature": "messages[].content[].reasoningContent.reasoningText.signature",
        "messages[].content[].title": "messages[].content[].document.name",
        "messages[].tool_calls[]": "messages[].content[]",
        "messages[].tool_call_id": "messages[].content[].toolResult.toolUseId",
        "messages[].tool_calls[].cache_control": "messages[].content[].cachePoint",
        "messages[].tool_results[]": "messages[].content[]",
        "messages[].tool_results[].is_error": "messages[].content[].toolResult.status",
        "messages[].tool_results[].cache_control": "messages[].content[].cachePoint",
        "messages[].tool_results[].content[]": "messages[].content[].toolResult.content[]",
        "messages[].tool_results[].content[].title": "messages[].content[].toolResult.content[].document.name",
        "response_format": "outputConfig.textFormat",
        "response_format.json_schema": "outputConfig.textFormat.structure.jsonSchema",
        "service_tier": "serviceTier",
        "metadata": "requestMetadata",
    }

    def inspect(self, fields: Fields, path: str = "", query: str = "") -> Opened:
        model, stream = _model_and_stream(path)
        return Opened(fields, model, stream, "aws")

    def close(self, opened: Opened, model: str, stream: bool, options: Options, profile: Profile) -> bytes:
        if options is not NO_OPTIONS:
            for name, wire_names in (("inferenceConfig", _OPTION_NAMES), (ADDITIONAL, (("top_k", "top_k"),))):
                _put_options(opened, name, wire_names, options)
        return encode_json(opened.fields) if opened.body is None else opened.body

    def decode_request(self, body: bytes, path: str = "", query: str = "") -> ChatRequest:
        reader = ObjectReader(decode_request_as(decode_json, body), "", bad_request)
        request = ChatRequest(origin=self.name, messages=[])
        model, request.stream = _model_and_stream(path)
        request.model = model or ""
        reader.take("modelId")  # it stands in the path
        system = reader.readers("system")
        if system:
            request.messages.append(Message(role="system", parts=read_blocks(system)))
        for message in reader.need("messages", reader.readers("messages")):
            request.messages += _read_message(message)
        read_settings(reader, request)
        read_tools(reader, request)
        request.extra |= {name: value for name, value in reader.rest().items() if value is not None}
        request.binding = [name for name in _BINDING if name in request.extra]
        request.unread = reader.unread()
        return request

    def encode_request(self, request: ChatRequest, profile: Profile) -> Encoded:
        request, passed = _apart(request, self.name)
        losses = Losses(request, self.name, _CLAIMED, profile)
        writer = BlockWriter(losses, request.model)
        wire: JsonObject = {}
        system, messages = _write_messages(request.messages, losses, writer)
        if system:
            wire["system"] = system
        wire["messages"] = messages
        write_settings(request, wire, losses)
        write_tools(request, wire, losses, writer)
        _refuse_impossible(request, losses)
        for path, value in (losses.own(request.extra) | passed).items():
            _put(wire, path, value)
        renamed = {} if losses.is_own else renamed_tools(request)
        return Encoded(encode_json(wire), losses.finish(), renamed)

    def decode_response(self, body: bytes) -> ChatResponse:
        reader = ObjectReader(decode_response_as(decode_json, body), "", bad_field)
        output = reader.reader("output")
        if output is None:
            error = read_error(502, body)
            raise bad_field("output", "is required") if error is None else bad_response(error.message)
        message = output.need("message", output.reader("message"))
        message.take("role")
        choice = Choice(parts=read_blocks(message.need("content", message.readers("content"))))
        choice.extra = {name: value for name, value in message.rest().items() if value is not None}
        choice.finish_reason = finish_reason(reader.string("stopReason"))
        response = ChatResponse(origin=self.name, choices=[choice])
        usage = convert_usage(reader.take("usage"), UsageWire)
        response.usage = None if usage is None else read_usage(usage)
        tier = reader.mapping("serviceTier")
        response.service_tier = None if tier is None else str(tier.get("type"))
        _read_additional(reader, choice)
        response.extra = {name: value for name, value in reader.rest().items() if value is not None}
        response.model = _routed(response.extra.get("trace"))
        return response

    def encode_response(self, response: ChatResponse) -> Encoded:
        is_own = response.origin == self.name
        if not response.choices:
            raise bad_field("choices", "the provider gave no answer")
        choice = response.choices[0]
        dropped = [] if len(response.choices) == 1 else ["choices[1:]"]
        content = answer_blocks(choice.parts, is_own, dropped)
        reason = choice.finish_reason or "stop"
        if reason == "stop" and any(type(part) is Refusal for part in choice.parts):
            reason = "refusal"
        wire: JsonObject = {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": STOP_REASONS[reason],
            "usage": write_usage(response.usage or Usage()),
            "metrics": {"latencyMs": 0},  # clients read it; nothing here knows it
        }
        if choice.stop_sequence is not None:
            wire["additionalModelResponseFields"] = {"stop_sequence": choice.stop_sequence}
        if response.service_tier in TIERS or (is_own and response.service_tier is not None):
            wire["serviceTier"] = {"type": response.service_tier}
        elif response.service_tier is not None:
            dropped.append("service_tier")
        if choice.logprobs is not None:
            dropped.append("logprobs")
        if is_own:
            wire |= choice.extra | response.extra
        else:
            dropped += [*choice.extra, *response.extra]
        return Encoded(encode_json(wire), dropped)

    def stream_decoder(self) -> StreamDecoder:
        return BedrockStreamDecoder()

    def stream_encoder(self, shape: StreamShape) -> StreamEncoder:
        return BedrockStreamEncoder(shape, self)


def _apart(request: ChatRequest, own: str) -> tuple[ChatRequest, JsonObject]:
    """A request of another format without Bedrock's own settings in it, and those, by their paths.

    Kong's clients send them beside OpenAI's fields. A guardrail above all must not get lost.
    """
    found = [name for name in _PASSED if isinstance(request.extra.get(name), dict)]
    if request.origin == own or not found:
        return request, {}
    rest, passed = dict(request.extra), dict[str, object]()
    for name in found:
        value = rest.pop(name)
        if name == ADDITIONAL and isinstance(value, dict):
            passed |= {f"{name}.{inner}": each for inner, each in value.items()}
        else:
            passed[name] = value
    return msgspec.structs.replace(request, extra=rest), passed


def _model_and_stream(path: str) -> tuple[str | None, bool]:
    """The model that a client's path names, and whether it asks for a stream.

    Raises ClientError `bad_request` for an operation that is not Converse.
    """
    model, action = model_and_action(path)
    if model is None:
        return None, False
    if action not in ("converse", "converse-stream"):
        raise ClientError("bad_request", f"{action} is not supported: only converse and converse-stream are")
    return model, action == "converse-stream"


def _put_options(opened: Opened, name: str, wire_names: tuple[tuple[str, str], ...], options: Options) -> None:
    values = {wire: value for option, wire in wire_names if (value := getattr(options, option)) is not None}
    if not values:
        return
    raw = opened.fields.get(name)
    try:
        config = {} if raw is None else msgspec.json.decode(raw, type=dict[str, msgspec.Raw] | None) or {}
    except msgspec.DecodeError as error:
        raise bad_request(name, "expected an object") from error
    opened.put(name, config | {wire: raw_json(value) for wire, value in values.items()})


def _put(wire: JsonObject, path: str, value: object) -> None:
    outer, _, inner = path.partition(".")
    nested = wire.setdefault(outer, {}) if inner else None
    if isinstance(nested, dict):
        nested[inner] = value
    else:
        wire[path] = value


# Requests.


def _read_message(reader: ObjectReader) -> list[Message]:
    """One wire message; tool results become messages of their own, in order."""
    role = reader.need_string("role")
    parts = read_blocks(reader.need("content", reader.readers("content")))
    extra = {name: value for name, value in reader.rest().items() if value is not None}
    if role == "assistant":
        return [Message(role="assistant", parts=parts, extra=extra)]
    if role == "system":
        return [Message(role="system", parts=parts, extra=extra)]
    if role != "user":
        raise reader.invalid("role", f"unknown role {role!r}")
    messages: list[Message] = []
    for part in parts:
        if part == _NOTHING:
            continue
        kind = "tool" if type(part) is ToolResult else "user"
        if not messages or messages[-1].role != kind:
            messages.append(Message(role="tool" if kind == "tool" else "user"))
        messages[-1].parts.append(part)
    messages = messages or [Message(role="user")]
    messages[0].extra = extra
    return messages


def _write_messages(
    messages: list[Message], losses: Losses, writer: BlockWriter
) -> tuple[list[JsonObject], list[JsonObject]]:
    """`system` and `messages`. Foreign system messages all go to the front, in their order: none is lost."""
    system, turns = system_first(messages, losses, keeps_place=losses.is_own)
    if any(type(part) is not Text for part in system) and not losses.is_own:
        raise losses.refuse("messages[].content[]", "a system message holds only text")
    wire: list[JsonObject] = []
    blocks = writer.blocks(system)
    for message in turns:
        _write_turn(message, wire, losses, writer)
    if wire and wire[0]["role"] == "assistant" and not losses.is_own:
        raise losses.refuse("messages", "the first message that is not the system's must be the user's")
    return blocks, wire


def _write_turn(message: Message, wire: list[JsonObject], losses: Losses, writer: BlockWriter) -> None:
    """One message; consecutive ones of one speaker are one turn."""
    role = "user" if message.role == "tool" else message.role
    blocks = writer.blocks(message.parts)
    before = wire[-1] if wire else None
    is_joined = before is not None and before["role"] == role and role != "system"
    if not blocks and not losses.is_own:
        leave_out(message, is_joined, losses)
        return
    if role == "user" and not losses.is_own:
        blocks += _words_beside(message.parts, blocks)
    content = before["content"] if before is not None and is_joined else None
    if isinstance(content, list):
        content += blocks
    else:
        wire.append({"role": role, "content": blocks} | losses.own(message.extra))


def _words_beside(parts: list[Part], blocks: list[JsonObject]) -> list[JsonObject]:
    """Bedrock refuses a document without words beside it: then its name, which it has anyway."""
    if not any(type(part) is Document for part in parts) or any("text" in block for block in blocks):
        return []
    documents = [block["document"] for block in blocks if "document" in block]
    names = [str(document["name"]) for document in documents if isinstance(document, dict)]
    return [{"text": ", ".join(names)}] if names else []


def _refuse_impossible(request: ChatRequest, losses: Losses) -> None:
    """What would change the answer beyond recognition if it were left out."""
    if request.n is not None and request.n != 1:
        raise losses.refuse("n", "it gives one answer a call")
    if any(modality != "text" for modality in request.modalities):
        raise losses.refuse("modalities", "it answers with text only")


# Answers.


def _read_additional(reader: ObjectReader, choice: Choice) -> None:
    """Which stop string it was, that models of Anthropic's tell; the rest is left to `extra`."""
    fields = reader.mapping("additionalModelResponseFields")
    if fields is None:
        return
    stop = fields.get("stop_sequence")
    if isinstance(stop, str) or (stop is None and "stop_sequence" in fields):
        choice.stop_sequence = stop
        fields = {name: value for name, value in fields.items() if name != "stop_sequence"}
    if fields:
        choice.extra["additionalModelResponseFields"] = fields


def _routed(trace: object) -> str:
    """The model that a prompt router chose; Bedrock names no other."""
    router = trace.get("promptRouter") if isinstance(trace, dict) else None
    model = router.get("invokedModelId") if isinstance(router, dict) else None
    return model if isinstance(model, str) else ""
