"""Cohere's messages in requests, in both directions.

Source: Cohere API reference, version 2, "Chat", `messages`. What the model said before it called tools is `tool_plan`;
it stands for text before the calls elsewhere.
"""

from collections.abc import Sequence
from typing import Final

from entresol.llm.cohere_documents import read_document, write_document
from entresol.llm.conversation import leave_out
from entresol.llm.format import Losses, encode_json
from entresol.llm.media_types import is_http, split_data_url, text_of
from entresol.llm.reading import ObjectReader
from entresol.llm.types import (
    Audio,
    Document,
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
    arguments_object,
)

CONTENT: Final = "messages[].content[]"
_CALLS: Final = "messages[].tool_calls[]"
_RESULTS: Final = "messages[].tool_results[]"
_ROLES: Final[dict[str, Role]] = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool"}
_DETAILS: Final = ("auto", "low", "high")


# Reading.


def read_messages(readers: list[ObjectReader]) -> list[Message]:
    """The conversation; tool results that follow each other become one message."""
    messages: list[Message] = []
    for reader in readers:
        message = _read_message(reader)
        if message.role == "tool" and messages and messages[-1].role == "tool":
            messages[-1].parts += message.parts
        else:
            messages.append(message)
    return messages


def _read_message(reader: ObjectReader) -> Message:
    name = reader.need_string("role")
    role = _ROLES.get(name)
    if role is None:
        raise reader.invalid("role", f"unknown role {name!r}")
    if role == "tool":
        return Message(role="tool", parts=[_read_result(reader)])
    if role == "assistant":
        return Message(role="assistant", parts=read_assistant(reader), extra=_rest(reader))
    return Message(role=role, parts=[*read_content(reader)], extra=_rest(reader))


def read_assistant(reader: ObjectReader) -> list[Part]:
    """What the model said, in the order in which it did: thoughts, plan, words, calls."""
    said = read_content(reader)
    parts: list[Part] = [part for part in said if isinstance(part, Thinking)]
    plan = reader.string("tool_plan")
    if plan:
        parts.append(Text(text=plan))
    parts += [part for part in said if not isinstance(part, Thinking)]
    parts += [_read_call(call) for call in reader.readers("tool_calls") or []]
    return parts


def read_content(reader: ObjectReader) -> Sequence[Text | Image | Document | Thinking | Native]:
    """The parts of a `content` field: a string, a list of parts, or nothing."""
    content = reader.peek("content")
    if isinstance(content, str):
        reader.take("content")
        return [Text(text=content)] if content else []
    return [_read_part(part) for part in reader.readers("content") or []]


def _read_part(reader: ObjectReader) -> Text | Image | Document | Thinking | Native:
    kind = reader.need_string("type")
    part: Text | Image | Document | Thinking
    if kind == "text":
        part = Text(text=reader.need_string("text"))
    elif kind == "thinking":
        part = Thinking(text=reader.need_string("thinking"))
    elif kind == "image_url":
        part = _read_image(reader.need(kind, reader.reader(kind)))
    elif kind == "document":
        part = read_document(reader.need(kind, reader.reader(kind)))
    else:
        return Native(type=kind, value={"type": kind, **reader.rest()})
    part.extra = part.extra | _rest(reader)
    return part


def _read_image(reader: ObjectReader) -> Image:
    url, detail = reader.need_string("url"), reader.string("detail")
    inline = split_data_url(url)
    if inline is None:
        return Image(url=url, detail=detail)
    return Image(media_type=inline[0], data=inline[1], detail=detail)


def _read_call(reader: ObjectReader) -> ToolCall:
    call_id = reader.need_id("id")
    reader.take("type")
    function = reader.need("function", reader.reader("function"))
    call = ToolCall(id=call_id, name=function.need_string("name"))
    if isinstance(function.peek("arguments"), dict):
        call.arguments = encode_json(function.mapping("arguments")).decode()
    else:
        call.arguments = function.string("arguments") or ""
    call.extra = {f"function.{name}": value for name, value in _rest(function).items()} | _rest(reader)
    return call


def _read_result(reader: ObjectReader) -> ToolResult:
    result = ToolResult(call_id=reader.need_string("tool_call_id"))
    for part in read_content(reader):
        if isinstance(part, Thinking):
            raise reader.invalid("content", "a tool's result holds no thinking")
        result.parts.append(part)
    result.extra = _rest(reader)
    return result


def _rest(reader: ObjectReader) -> JsonObject:
    return {name: value for name, value in reader.rest().items() if value is not None}


# Writing.


class MessageWriter:
    """Writes one conversation. `documents` is what of it goes in the field of that name."""

    def __init__(self, losses: Losses, thinks: bool) -> None:
        self._losses = losses
        self._thinks = thinks
        self.documents: list[JsonObject] = []

    def write(self, messages: list[Message]) -> list[JsonObject]:
        """The messages; each stays where it stood. Raises ClientError `unsupported_by_provider`."""
        if not messages:
            raise self._losses.refuse("messages", "at least one message is needed")
        wire: list[JsonObject] = []
        for message in messages:
            if message.name is not None:
                self._losses.drop("messages[].name")
            if message.role == "tool":
                wire += [self._result(part) for part in message.parts]
            else:
                self._turn(message, wire)
        if not wire:
            raise self._losses.refuse("messages", "at least one message that is not empty is needed")
        return wire

    def _turn(self, message: Message, wire: list[JsonObject]) -> None:
        losses, parts = self._losses, message.parts
        only = parts[0] if len(parts) == 1 else None
        if isinstance(only, Text) and not only.extra:  # the rule
            _report_marks(only, losses)
            said: JsonObject = {"content": only.text}
        elif message.role == "assistant":
            said = self._assistant(parts)
        else:
            said = self._words(message)
        if not said and not losses.is_own:
            is_joined = bool(wire) and wire[-1]["role"] == message.role
            leave_out(message, is_joined or message.role != "user", losses)
            return
        role = "system" if message.role == "developer" else message.role
        wire.append({"role": role} | said | losses.own(message.extra))

    def _words(self, message: Message) -> JsonObject:
        """The content of a message that is the system's or the user's. A user's documents are set apart."""
        is_system = message.role != "user"
        has_words = any(not isinstance(part, Document) for part in message.parts)
        blocks: list[JsonObject] = []
        for part in message.parts:
            if isinstance(part, Document) and not is_system:
                document = write_document(part, self._losses, CONTENT)
                if has_words:
                    self.documents.append(document)
                else:  # a message must say something
                    blocks.append({"type": "text", "text": text_of(part)})
                    self._report_title(part)
            elif isinstance(part, Image) and not is_system:
                blocks.append(_image(part, self._losses))
            else:
                blocks.append(self._text(part))
        return _content(blocks)

    def _report_title(self, document: Document) -> None:
        if document.name is not None:
            self._losses.drop(f"{CONTENT}.title")

    def _text(self, part: Part) -> JsonObject:
        if isinstance(part, Text):
            _report_marks(part, self._losses)
            return {"type": "text", "text": part.text} | self._losses.own(part.extra)
        if isinstance(part, Native) and self._losses.is_own:
            return part.value
        if isinstance(part, Audio):
            raise self._losses.refuse(CONTENT, "it takes no audio")
        kind = part.type if isinstance(part, Native) else type(part).__name__.lower()
        raise self._losses.refuse(CONTENT, f"a part of type {kind!r} has no counterpart here")

    def _assistant(self, parts: Sequence[Part]) -> JsonObject:
        blocks: list[JsonObject] = []
        calls: list[JsonObject] = []
        for part in parts:
            if isinstance(part, ToolCall):
                calls.append(_call(part, self._losses))
            elif isinstance(part, Thinking):
                self._think(part, blocks)
            elif isinstance(part, Refusal):
                blocks.append({"type": "text", "text": part.text})
            else:
                blocks.append(self._text(part))
        if not calls:
            return _content(blocks)
        return _planned(blocks) | {"tool_calls": calls}

    def _think(self, part: Thinking, blocks: list[JsonObject]) -> None:
        losses = self._losses
        if part.signature is not None or part.redacted is not None:
            losses.drop(f"{CONTENT}.signature")
        if not part.text:
            return
        if self._thinks or losses.is_own:
            blocks.append({"type": "thinking", "thinking": part.text} | losses.own(part.extra))
        else:
            losses.drop(f"{CONTENT}.thinking")

    def _result(self, result: Part) -> JsonObject:
        losses = self._losses
        if not isinstance(result, ToolResult):
            raise losses.refuse(CONTENT, "a tool message holds only tool results")
        blocks: list[JsonObject] = []
        for part in result.parts:
            if isinstance(part, Document):
                document = write_document(part, losses, f"{_RESULTS}.content[]")
                blocks.append({"type": "document", "document": document})
            elif isinstance(part, Text):
                _report_marks(part, losses)
                blocks.append({"type": "text", "text": part.text} | losses.own(part.extra))
            elif isinstance(part, Native):
                text = encode_json(part.value).decode()
                blocks.append(part.value if losses.is_own else {"type": "text", "text": text})
            else:
                raise losses.refuse(f"{_RESULTS}.content[]", "a tool's result holds only text and documents")
        if result.is_error and not result.is_object:  # an object says so itself
            losses.drop(f"{_RESULTS}.is_error")
        if result.cache is not None:
            losses.drop(f"{_RESULTS}.cache_control")
        content = _content(blocks).get("content", "")
        return {"role": "tool", "tool_call_id": result.call_id, "content": content} | losses.own(result.extra)


def _content(blocks: list[JsonObject]) -> JsonObject:
    """`content`, as a string where that is all; nothing for no parts."""
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"} and blocks[0]["type"] == "text":
        return {"content": blocks[0]["text"]}
    return {"content": blocks} if blocks else {}


def _planned(blocks: list[JsonObject]) -> JsonObject:
    """What was said before tools were called: the first words are the plan."""
    for position, block in enumerate(blocks):
        if block.keys() == {"type", "text"}:
            return _listed(blocks[:position] + blocks[position + 1 :]) | {"tool_plan": block["text"]}
    return _listed(blocks)


def _listed(blocks: list[JsonObject]) -> JsonObject:
    return {"content": blocks} if blocks else {}


def _image(image: Image, losses: Losses) -> JsonObject:
    """An image that is inline, or that the provider can fetch. Raises ClientError `unsupported_by_provider`."""
    if image.data is not None:
        url = f"data:{image.media_type or 'image/png'};base64,{image.data}"
    elif is_http(image.url):
        url = image.url or ""
    else:
        raise losses.refuse(CONTENT, "an image must be base64, or at a URL")
    wire: JsonObject = {"url": url}
    if image.detail is not None and (losses.is_own or image.detail in _DETAILS):
        wire["detail"] = image.detail
    elif image.detail is not None:
        losses.drop(f"{CONTENT}.image_url.detail")
    _report_marks(image, losses)
    return {"type": "image_url", "image_url": wire} | losses.own(image.extra)


def _report_marks(part: Text | Image, losses: Losses) -> None:
    if part.cache is not None:
        losses.drop(f"{CONTENT}.cache_control")
    if part.signature is not None:
        losses.drop(f"{CONTENT}.signature")


def _call(call: ToolCall, losses: Losses) -> JsonObject:
    if call.is_custom:
        raise losses.refuse(_CALLS, "it has no tools with free text as input")
    if call.signature is not None:
        losses.drop(f"{_CALLS}.extra_content")
    if call.cache is not None:
        losses.drop(f"{_CALLS}.cache_control")
    arguments = call.arguments
    if not losses.is_own and arguments_object(call) is None:
        arguments = encode_json({"arguments": arguments}).decode()
    wire = call_object(call, arguments or "{}")
    function = wire["function"]
    for name, value in losses.own(call.extra).items():
        if name.startswith("function.") and isinstance(function, dict):
            function[name[9:]] = value
        else:
            wire[name] = value
    return wire


def call_object(call: ToolCall, arguments: str) -> JsonObject:
    """A tool call as it stands in messages and answers."""
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}
