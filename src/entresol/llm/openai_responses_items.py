"""The conversation in OpenAI's Responses: a list of items, which are messages, calls, results and reasoning.

Items of the model's that follow each other are one turn: other formats have its reasoning, words and calls in one
message. A second `message` item begins another, so that its `id` and `phase` are kept apart.

Source: OpenAI API reference, "Create a model response", `input`.
"""

from collections.abc import Sequence
from typing import Final

from entresol.llm.format import Losses, encode_json
from entresol.llm.openai_responses_content import item_rest, read_content, wire_id, write_input
from entresol.llm.openai_responses_reasoning import read_reasoning, reasoning_item, write_reasoning
from entresol.llm.openai_responses_tools import read_tool
from entresol.llm.reading import ObjectReader
from entresol.llm.signatures import GEMINI, signed_by
from entresol.llm.types import (
    Audio,
    ChatRequest,
    Image,
    JsonObject,
    Message,
    Native,
    Part,
    Refusal,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

_ROLES: Final[dict[str, Role]] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
}
_RESULTS: Final = ("function_call_output", "custom_tool_call_output")
_ITEM: Final = " item"
"""Ends the type of a native part that is an item of its own, not a part of a message."""
_RESULT_PATH: Final = "messages[].tool_results[].content[]"


# Reading.


def read_items(items: list[ObjectReader], request: ChatRequest) -> None:
    """Add the items to the request's messages, and the tools among them to its tools."""
    for item in items:
        kind = item.string("type")
        if kind is None:
            kind = "item_reference" if item.peek("role") is None else "message"
        if kind == "message":
            _read_message(item, request.messages)
        elif kind in _RESULTS:
            _turn("tool", request.messages).parts.append(_read_result(item))
        elif kind == "additional_tools":
            item.take("role")
            request.tools += [read_tool(tool) for tool in item.need("tools", item.readers("tools"))]
        elif kind in ("function_call", "custom_tool_call"):
            _turn("assistant", request.messages).parts.append(read_call(item, kind == "custom_tool_call"))
        elif kind == "reasoning":
            thought = read_reasoning(item)
            if thought is not None:
                _turn("assistant", request.messages).parts.append(thought)
        elif kind == "image_generation_call" and isinstance(item.peek("result"), str):
            _turn("assistant", request.messages).parts.append(read_drawn(item))
        else:
            native = Native(type=kind + _ITEM, value={"type": kind, **item.rest()})
            request.messages.append(Message(role="user", parts=[native]))


def _turn(role: Role, messages: list[Message]) -> Message:
    if not messages or messages[-1].role != role:
        messages.append(Message(role=role))
    return messages[-1]


def _read_message(item: ObjectReader, messages: list[Message]) -> None:
    wire_role = item.need_string("role")
    role = _ROLES.get(wire_role)
    if role is None:
        raise item.invalid("role", f"unknown role {wire_role!r}")
    parts = read_content(item, "content")
    extra = item_rest(item)
    if role == "assistant" and messages and messages[-1].role == role and not _has_words(messages[-1]):
        messages[-1].parts += parts
        messages[-1].extra = extra
    else:
        messages.append(Message(role=role, parts=list(parts), extra=extra))


def _has_words(message: Message) -> bool:
    return bool(message.extra) or any(
        (type(part) is Text or type(part) is Refusal or type(part) is Native) for part in message.parts
    )


def read_call(item: ObjectReader, is_custom: bool) -> ToolCall:
    """A call, from a request or an answer."""
    call = ToolCall(id=item.need_id("call_id"), name=item.need_string("name"), is_custom=is_custom)
    if isinstance(item.peek("arguments"), dict):  # some servers write the object itself
        call.arguments = encode_json(item.take("arguments")).decode()
    else:
        call.arguments = item.string("input" if is_custom else "arguments") or ""
    call.extra = item_rest(item)
    return call


def read_drawn(item: ObjectReader) -> Image:
    """A picture that the model had drawn."""
    image = Image(data=item.string("result"))
    image.media_type = f"image/{item.string('output_format') or 'png'}"
    image.extra = item_rest(item)
    return image


def _read_result(item: ObjectReader) -> ToolResult:
    result = ToolResult(call_id=item.need_string("call_id"), name=item.string("name"))
    for part in read_content(item, "output"):
        if type(part) is Refusal:
            raise item.invalid("output", "a tool's output is text, images and files")
        result.parts.append(part)
    result.extra = item_rest(item)
    return result


# Writing.


def write_items(messages: list[Message], losses: Losses) -> list[JsonObject]:
    """`input`."""
    custom = {part.id for turn in messages for part in turn.parts if type(part) is ToolCall and part.is_custom}
    wire: list[JsonObject] = []
    for message in messages:
        if message.name is not None:
            losses.drop("messages[].name")
        if message.role == "tool":
            wire += [_write_result(part, custom, losses) for part in message.parts]
        elif message.role == "assistant":
            wire += _write_turn(message, losses)
        elif len(message.parts) == 1 and _is_item(message.parts[0], losses):
            wire += [part.value for part in message.parts if type(part) is Native]
        else:
            content = write_input(message.parts, losses)
            wire.append({"type": "message", "role": message.role, "content": content} | losses.own(message.extra))
    return wire


def _is_item(part: Part, losses: Losses) -> bool:
    return type(part) is Native and part.type.endswith(_ITEM) and losses.is_own


def _write_turn(message: Message, losses: Losses) -> list[JsonObject]:
    """The items of one turn of the model's."""
    wire: list[JsonObject] = []
    words: list[Part] = []
    for part in message.parts:
        if type(part) is Text or type(part) is Refusal or type(part) is Native:
            words.append(part)
            continue
        if words:
            wire.append(_write_words(words, message.extra, losses))
            words = []
        if type(part) is Thinking:
            wire += write_reasoning(part, losses)
        elif type(part) is ToolCall:
            wire.append(_write_call(part, losses))
        elif type(part) is Image and losses.is_own:
            wire.append(drawn_item(part.data, part.media_type) | part.extra)
        else:
            raise losses.refuse("messages[].content[]", f"the model's own {_name(part)} cannot be sent back")
    if words or not message.parts:
        wire.append(_write_words(words, message.extra, losses))
    return wire


def _name(part: Part) -> str:
    return "audio" if type(part) is Audio else type(part).__name__.lower()


def _write_words(words: list[Part], extra: JsonObject, losses: Losses) -> JsonObject:
    content: list[JsonObject] = []
    for part in words:
        if type(part) is Refusal:
            content.append({"type": "refusal", "refusal": part.text} | losses.own(part.extra))
        elif type(part) is Text:
            content.append({"type": "output_text", "text": part.text, "annotations": []} | losses.own(part.extra))
            if part.signature is not None:
                losses.drop("messages[].content[].signature")
            if part.cache is not None:
                losses.drop("messages[].content[].cache_control")
        elif type(part) is Native and losses.is_own:
            content.append(part.value)
        elif type(part) is Native:
            raise losses.refuse("messages[].content[]", f"a part of type {part.type!r} has no counterpart")
    return {"type": "message", "role": "assistant", "content": content or ""} | losses.own(extra)


def _write_call(call: ToolCall, losses: Losses) -> JsonObject:
    if call.signature is not None and not losses.is_own:
        losses.drop("messages[].tool_calls[].extra_content")
    if call.cache is not None:
        losses.drop("messages[].tool_calls[].cache_control")
    return call_item(call, wire_id(call.id, losses)) | losses.own(call.extra)


def call_item(call: ToolCall, call_id: str) -> JsonObject:
    """The item of a call, without an id of its own."""
    if call.is_custom:
        return {"type": "custom_tool_call", "call_id": call_id, "name": call.name, "input": call.arguments}
    return {"type": "function_call", "call_id": call_id, "name": call.name, "arguments": call.arguments or "{}"}


def drawn_item(data: str | None, media_type: str | None) -> JsonObject:
    """The item of a picture that the model made, without an id."""
    wire: JsonObject = {"type": "image_generation_call", "status": "completed", "result": data}
    kind = (media_type or "image/png").removeprefix("image/")
    return wire if kind == "png" else wire | {"output_format": kind}


def signature_item(signature: str) -> JsonObject:
    """Gemini's signature of a call, in the one place from which clients of Responses send it back: before the call."""
    return reasoning_item("", signed_by(signature, GEMINI))


def _write_result(result: Part, custom: set[str], losses: Losses) -> JsonObject:
    if type(result) is not ToolResult:
        raise losses.refuse("messages[].content[]", "a tool message holds only tool results")
    if result.is_error and not result.is_object:  # an object says so itself
        losses.drop("messages[].tool_results[].is_error")
    if result.cache is not None:
        losses.drop("messages[].tool_results[].cache_control")
    parts: Sequence[Part] = result.parts
    if not losses.is_own:
        parts = [Text(text=encode_json(part.value).decode()) if type(part) is Native else part for part in parts]
    kind = "custom_tool_call_output" if result.call_id in custom else "function_call_output"
    wire: JsonObject = {"type": kind, "call_id": wire_id(result.call_id, losses)}
    if result.name is not None and losses.is_own:
        wire["name"] = result.name
    wire["output"] = write_input(parts, losses, _RESULT_PATH)
    return wire | losses.own(result.extra)
