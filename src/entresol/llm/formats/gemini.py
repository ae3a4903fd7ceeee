"""Wire format `gemini`: `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent`.

Source: Gemini API reference (v1beta), "models.generateContent"; types of google-genai 3.4. The model and the way of
answering stand in the path; field names may be spelled in camelCase or snake_case.
"""

import re
from typing import Final
from urllib.parse import unquote

import msgspec
from mypy_extensions import mypyc_attr

from entresol.core.errors import ClientError
from entresol.llm.conversation import leave_out, report_choice, system_first
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
    bad_response,
    decode_json,
    decode_request_as,
    decode_response_as,
    encode_json,
    raw_json,
)
from entresol.llm.gemini_config import MEDIA_TYPE, read_config, write_config
from entresol.llm.gemini_logprobs import read_logprobs, write_logprobs
from entresol.llm.gemini_parts import ANY_SIGNATURE, CallIds, answer_parts, made_id, named, read_part, write_parts
from entresol.llm.gemini_schema import json_schema
from entresol.llm.gemini_stream import GeminiStreamDecoder, GeminiStreamEncoder
from entresol.llm.gemini_structs import UsageWire
from entresol.llm.gemini_usage import read_usage, write_usage
from entresol.llm.gemini_wire import WIRE_REASONS, GeminiFormat, finish_reason
from entresol.llm.logprob_losses import lost_logprobs
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
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    tool_names,
)
from entresol.llm.usage_faults import convert_usage

_MODEL_PATH: Final = re.compile(r"/(?:models/|(?=tunedModels/))(.+):(\w+)$")
_ALT_SSE: Final = re.compile(r"(?:^|&)(?:%24|\$)?alt=sse(?:&|$)")
_BINDING: Final = ("cachedContent", MEDIA_TYPE, "generationConfig.responseFormat")
_CLAIMED: Final = frozenset(
    (
        "model",
        "tools",
        "tool_choice",
        "response_format",
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "frequency_penalty",
        "presence_penalty",
        "seed",
        "n",
        "stop",
        "logprobs",
        "top_logprobs",
        "reasoning",
        "modalities",
        "service_tier",
    )
)
_OPTION_NAMES: Final = (
    ("max_tokens", "maxOutputTokens"),
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("top_k", "topK"),
)
_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")
_TIERS: Final = {"default": "standard", "flex": "flex", "priority": "priority"}
_CANONICAL_TIERS: Final = {"standard": "default"}
_SIGNED_MODELS: Final = re.compile(r"gemini-(?:[3-9]|\d\d)")
_NOTHING: Final = Text(text="")


@mypyc_attr(native_class=False)
class Gemini(GeminiFormat, ChatFormat):
    """Gemini generateContent."""

    name = "gemini"
    prompt_field = "contents"
    wire_names = {
        "messages": "contents",
        "max_tokens": "generationConfig.maxOutputTokens",
        "temperature": "generationConfig.temperature",
        "top_p": "generationConfig.topP",
        "top_k": "generationConfig.topK",
        "frequency_penalty": "generationConfig.frequencyPenalty",
        "presence_penalty": "generationConfig.presencePenalty",
        "seed": "generationConfig.seed",
        "n": "generationConfig.candidateCount",
        "stop": "generationConfig.stopSequences",
        "logprobs": "generationConfig.responseLogprobs",
        "top_logprobs": "generationConfig.logprobs",
        "reasoning": "generationConfig.thinkingConfig",
        "reasoning.effort": "generationConfig.thinkingConfig.thinkingLevel",
        "reasoning.budget_tokens": "generationConfig.thinkingConfig.thinkingBudget",
        "reasoning.include_thoughts": "generationConfig.thinkingConfig.includeThoughts",
        "tools[]": "tools[].functionDeclarations[]",
        "messages[]": "contents[]",
        "messages[].content": "contents[].parts",
        "messages[].content[]": "contents[].parts[]",
        "messages[].content[].thinking": "contents[].parts[].thought",
        "messages[].content[].signature": "contents[].parts[].thoughtSignature",
        "messages[].content[].title": "contents[].parts[].inlineData.displayName",
        "messages[].tool_calls[]": "contents[].parts[]",
        "messages[].tool_calls[].extra_content": "contents[].parts[].thoughtSignature",
        "messages[].tool_results[]": "contents[].parts[]",
        "messages[].tool_results[].content[]": "contents[].parts[].functionResponse.parts[]",
        "modalities": "generationConfig.responseModalities",
        "response_format": MEDIA_TYPE,  # what asks for JSON, with or without a schema
        "tool_choice": "toolConfig.functionCallingConfig",
        "service_tier": "serviceTier",
        "metadata": "labels",
    }

    def inspect(self, fields: Fields, path: str = "", query: str = "") -> Opened:
        model, stream = model_and_method(path)
        framing = "json-array" if stream and not _ALT_SSE.search(query) else "sse"
        return Opened(fields, model, stream, "json-array" if framing == "json-array" else "sse")

    def close(self, opened: Opened, model: str, stream: bool, options: Options, profile: Profile) -> bytes:
        fields = opened.fields
        if options is not NO_OPTIONS:
            name = "generation_config" if "generation_config" in fields else "generationConfig"
            raw = fields.get(name)
            config = {} if raw is None or bytes(raw) == b"null" else _config_fields(raw, name)
            for option, wire_name in _OPTION_NAMES:
                value = getattr(options, option)
                if value is not None:
                    config.pop(_snake(wire_name), None)
                    config[wire_name] = raw_json(value)
            if config:
                opened.put(name, config)
        return encode_json(fields) if opened.body is None else opened.body

    def decode_request(self, body: bytes, path: str = "", query: str = "") -> ChatRequest:
        reader = ObjectReader(decode_request_as(decode_json, body), "", bad_request)
        request = ChatRequest(origin=self.name, messages=[])
        model, request.stream = model_and_method(path)
        request.model = model or ""
        reader.take("model")
        ids = CallIds()
        system = reader.reader(named(reader, "systemInstruction"))
        if system is not None:
            system.take("role")  # it says nothing: Google's client writes `user`
            parts = [read_part(part, ids) for part in system.reader_or_readers("parts") or []]
            request.messages.append(Message(role="system", parts=parts))
        for content in reader.need("contents", reader.reader_or_readers("contents")):
            request.messages += _read_content(content, ids)
        _read_tools(reader, request)
        read_config(reader.reader(named(reader, "generationConfig")), request)
        tier = reader.string(named(reader, "serviceTier"))
        request.service_tier = None if tier in (None, "unspecified") else _CANONICAL_TIERS.get(str(tier), tier)
        labels = reader.reader("labels")
        if labels is not None:
            request.metadata = {name: labels.need_string(name) for name in list(labels.rest())}
        for name in ("safetySettings", "cachedContent"):
            value = reader.take(named(reader, name))
            if value is not None:
                request.extra[name] = value
        request.extra |= {name: value for name, value in reader.rest().items() if value is not None}
        request.binding = [name for name in _BINDING if name in request.extra]
        request.unread = reader.unread()
        return request

    def encode_request(self, request: ChatRequest, profile: Profile) -> Encoded:
        claimed = _CLAIMED | {"metadata"} if request.origin == self.name else _CLAIMED
        losses = Losses(request, self.name, claimed, profile)
        system, contents = _write_messages(request, losses)
        wire: JsonObject = {"contents": contents}
        if system:
            wire["systemInstruction"] = {"parts": system}
        _write_tools(request, wire, losses)
        config = write_config(request, losses)
        if config:
            wire["generationConfig"] = config
        if request.service_tier is not None and losses.takes("service_tier"):
            tier = _TIERS.get(request.service_tier)
            if tier is None and request.service_tier != "auto":
                losses.drop("service_tier")
            elif tier is not None:
                wire["serviceTier"] = tier
        if request.metadata and losses.is_own:
            wire["labels"] = request.metadata
        for name, value in losses.own(request.extra).items():
            _put(wire, name, value)
        return Encoded(encode_json(wire), losses.finish())

    def decode_response(self, body: bytes) -> ChatResponse:
        reader = ObjectReader(decode_response_as(decode_json, body), "", bad_field)
        response = ChatResponse(
            origin=self.name, id=reader.string("responseId") or "", model=reader.string("modelVersion") or ""
        )
        candidates = reader.readers("candidates") or []
        for position, candidate in enumerate(candidates):
            response.choices.append(_read_candidate(candidate, position, response.id))
        usage = convert_usage(reader.take("usageMetadata"), UsageWire)
        response.usage = None if usage is None else read_usage(usage)
        feedback = reader.peek("promptFeedback")
        if not candidates:
            if feedback is None:
                raise bad_response("it has neither candidates nor promptFeedback")
            response.choices = [Choice(finish_reason="content_filter")]
        response.extra = {name: value for name, value in reader.rest().items() if value is not None}
        return response

    def encode_response(self, response: ChatResponse) -> Encoded:
        is_own = response.origin == self.name
        dropped: list[str] = []
        wire: JsonObject = {
            "candidates": [_write_candidate(choice, is_own, dropped) for choice in response.choices],
            "modelVersion": response.model,
        }
        if response.usage is not None:
            wire["usageMetadata"] = write_usage(response.usage)
        if response.id:
            wire["responseId"] = response.id
        if is_own:
            wire.update(response.extra)
        else:
            dropped += ["service_tier"] if response.service_tier not in (None, "default") else []
            dropped += response.extra
        return Encoded(encode_json(wire), dropped)

    def stream_decoder(self) -> StreamDecoder:
        return GeminiStreamDecoder()

    def stream_encoder(self, shape: StreamShape) -> StreamEncoder:
        return GeminiStreamEncoder(shape, self)


def model_and_method(path: str) -> tuple[str | None, bool]:
    """The model that a client's path names, and whether it asks for a stream.

    Raises ClientError `bad_request` for a method that is not one of generating content.
    """
    match = _MODEL_PATH.search(path)
    if match is None:
        return None, False
    method = match.group(2)
    if method not in ("generateContent", "streamGenerateContent"):
        raise ClientError(
            "bad_request", f"{method} is not supported: only generateContent and streamGenerateContent are"
        )
    return unquote(match.group(1)), method == "streamGenerateContent"


def _config_fields(raw: msgspec.Raw, name: str) -> dict[str, msgspec.Raw]:
    try:
        return msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError as error:
        raise bad_request(name, "expected an object") from error


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _put(wire: JsonObject, path: str, value: object) -> None:
    outer, _, inner = path.partition(".")
    nested = wire.setdefault(outer, {}) if inner else None
    if isinstance(nested, dict):
        _put(nested, inner, value)
    else:
        wire[path] = value


# Requests: reading.


def _read_content(reader: ObjectReader, ids: CallIds) -> list[Message]:
    """One turn; function responses become a message of their own, before its words: others want them after the call."""
    role = reader.string("role") or "user"
    read = [read_part(part, ids) for part in reader.reader_or_readers("parts") or []]
    parts = _joined_thoughts([part for part in read if part != _NOTHING])
    if role == "model":
        return [Message(role="assistant", parts=parts, extra=reader.rest())]
    if role not in ("user", "function"):
        raise reader.invalid("role", f"unknown role {role!r}")
    results: list[Part] = [part for part in parts if type(part) is ToolResult]
    words: list[Part] = [part for part in parts if type(part) is not ToolResult]
    messages = [Message(role="tool", parts=results)] if results else []
    if words or not results:
        messages.append(Message(role="user", parts=words))
    messages[0].extra = reader.rest()
    return messages


def _joined_thoughts(parts: list[Part]) -> list[Part]:
    """Thoughts that a stream brought in pieces, as one again: a foreign signature is good for the whole text only."""
    joined: list[Part] = []
    for part in parts:
        before = joined[-1] if joined else None
        if (
            type(part) is Thinking
            and type(before) is Thinking
            and not (before.signature or before.redacted or part.redacted)
        ):
            joined[-1] = Thinking(
                text=before.text + part.text, signature=part.signature, extra=before.extra | part.extra
            )
        else:
            joined.append(part)
    return joined


def _read_tools(reader: ObjectReader, request: ChatRequest) -> None:
    for tool in reader.reader_or_readers("tools") or []:
        for declaration in tool.reader_or_readers(named(tool, "functionDeclarations")) or []:
            request.tools.append(_read_tool(declaration))
        for name, value in tool.rest().items():
            if value is not None:
                request.tools.append(NativeTool(type=name, value={name: value}))
    config = reader.reader(named(reader, "toolConfig"))
    if config is None:
        return
    calling = config.reader(named(config, "functionCallingConfig"))
    if calling is not None:
        _read_choice(calling, request)
    _keep(config, "toolConfig", request)


def _read_choice(calling: ObjectReader, request: ChatRequest) -> None:
    mode = calling.string("mode")
    names = calling.strings(named(calling, "allowedFunctionNames")) or []
    if mode in ("AUTO", "VALIDATED"):
        request.tool_choice = ToolChoice(mode="auto", names=names)
        if mode == "VALIDATED" and not names:
            request.extra["toolConfig.functionCallingConfig.mode"] = mode  # others do not keep to the schemas
    elif mode in ("ANY", "NONE"):
        request.tool_choice = ToolChoice(mode="required" if mode == "ANY" else "none", names=names)
    elif mode not in (None, "MODE_UNSPECIFIED"):
        raise calling.invalid("mode", f"unknown mode {mode!r}")
    elif names:  # they say nothing without a mode
        request.extra["toolConfig.functionCallingConfig.allowedFunctionNames"] = names
    _keep(calling, "toolConfig.functionCallingConfig", request)


def _keep(reader: ObjectReader, path: str, request: ChatRequest) -> None:
    request.extra.update((f"{path}.{name}", value) for name, value in reader.rest().items() if value is not None)


def _read_tool(reader: ObjectReader) -> Tool:
    tool = Tool(name=reader.need_string("name"), description=reader.string("description"))
    tool.parameters = reader.mapping(named(reader, "parametersJsonSchema"))
    if tool.parameters is None:
        schema = reader.mapping("parameters")
        tool.parameters = None if schema is None else json_schema(schema)
    tool.extra = {name: value for name, value in reader.rest().items() if value is not None}
    return tool


# Requests: writing.


def _write_messages(request: ChatRequest, losses: Losses) -> tuple[list[JsonObject], list[JsonObject]]:
    """System parts and turns. All system messages go to the front, in their order: none is lost."""
    names = tool_names(request.messages)
    system, turns = system_first(request.messages, losses)
    if any(type(part) is not Text for part in system) and not losses.is_own:
        raise losses.refuse("messages[].content[]", "a system message holds only text")
    contents: list[JsonObject] = []
    for message in turns:
        _write_turn(message, names, contents, losses)
    if not losses.is_own and _SIGNED_MODELS.search(request.model):
        _sign_calls(contents)
    return write_parts(system, names, losses), contents


def _write_turn(message: Message, names: dict[str, str], contents: list[JsonObject], losses: Losses) -> None:
    role = "model" if message.role == "assistant" else "user"
    parts = write_parts(message.parts, names, losses)
    before = contents[-1] if contents else None
    if not parts and not losses.is_own:
        leave_out(message, before is not None and before["role"] == role, losses)
        return
    if role == "model" and before is not None and before["role"] == role and isinstance(before["parts"], list):
        before["parts"] += parts  # Gemini refuses a call that does not follow the user's turn at once
    else:
        contents.append(losses.with_own({"role": role, "parts": parts}, message.extra))


def _sign_calls(contents: list[JsonObject]) -> None:
    """The first call of each turn needs a signature; for calls of another model there is one that always holds."""
    for content in contents:
        parts = content["parts"]
        calls = [part for part in parts if "functionCall" in part] if isinstance(parts, list) else []
        if calls:
            calls[0].setdefault("thoughtSignature", ANY_SIGNATURE)


def _write_tools(request: ChatRequest, wire: JsonObject, losses: Losses) -> None:
    declarations: list[JsonObject] = []
    tools: list[JsonObject] = []
    for tool in request.tools:
        if type(tool) is Tool:
            declarations.append(_write_tool(tool, losses))
        elif losses.is_own:
            tools.append(tool.value)
        else:
            raise losses.refuse("tools", f"a tool of type {tool.type!r} runs at another provider")
    if declarations:
        tools.insert(0, {"functionDeclarations": declarations})
    if tools:
        wire["tools"] = tools
    choice = request.tool_choice
    if not declarations:
        report_choice(request, losses)
    if choice is None or not declarations or not losses.takes("tool_choice"):
        return
    mode = {"auto": "VALIDATED" if choice.names else "AUTO", "none": "NONE", "required": "ANY"}[choice.mode]
    calling: JsonObject = {"mode": mode}
    if choice.names and choice.mode != "none":
        calling["allowedFunctionNames"] = choice.names
    wire["toolConfig"] = {"functionCallingConfig": calling}


def _write_tool(tool: Tool, losses: Losses) -> JsonObject:
    if tool.is_custom:
        raise losses.refuse("tools", f"tool {tool.name!r} takes free text instead of a JSON object")
    if _NAME.fullmatch(tool.name) is None:
        raise losses.refuse("tools", f"tool name {tool.name!r} is not letters, digits, _ . : and - alone")
    if tool.strict:
        losses.drop("tools[].strict")
    if tool.cache is not None:
        losses.drop("tools[].cache_control")
    wire: JsonObject = {"name": tool.name}
    if tool.description is not None:
        wire["description"] = tool.description
    if tool.parameters is not None:
        wire["parametersJsonSchema"] = tool.parameters
    return losses.with_own(wire, tool.extra)


# Responses.


def _read_candidate(reader: ObjectReader, position: int, response_id: str) -> Choice:
    index = reader.integer("index")
    choice = Choice(index=position if index is None else index)
    content = reader.reader("content")
    if content is not None:
        choice.parts = [read_part(part, None) for part in content.readers("parts") or []]
    calls = [part for part in choice.parts if type(part) is ToolCall]
    for place, call in enumerate(calls):
        call.id = call.id or made_id(response_id, choice.index, place, call.name, call.arguments)
    choice.parts = [part for part in choice.parts if type(part) is not Text or part.text or part.signature]
    choice.finish_reason = finish_reason(reader.string("finishReason"), has_calls=bool(calls))
    logprobs = reader.mapping("logprobsResult")
    choice.logprobs = None if logprobs is None else read_logprobs(logprobs)
    choice.extra = {name: value for name, value in reader.rest().items() if value is not None}
    return choice


def _write_candidate(choice: Choice, is_own: bool, dropped: list[str]) -> JsonObject:
    parts = answer_parts(choice.parts, is_own, dropped)
    wire: JsonObject = {"content": {"role": "model", "parts": parts}} if parts else {}
    reason = choice.finish_reason or "stop"
    is_refusal = reason == "stop" and any(type(part) is Refusal for part in choice.parts)
    wire["finishReason"] = WIRE_REASONS["refusal" if is_refusal else reason]
    wire["index"] = choice.index
    if choice.logprobs is not None:
        wire["logprobsResult"] = write_logprobs(choice.logprobs)
    if is_own:
        return wire | choice.extra
    dropped += [] if choice.logprobs is None else lost_logprobs(choice.logprobs)
    dropped += ["stop_sequence"] if choice.stop_sequence is not None else []
    dropped += choice.extra
    return wire
