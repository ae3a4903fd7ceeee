"""Ollama's messages, in both directions.

Source: Ollama API reference, "Generate a chat completion"; `Message` and `ToolCall` of `api/types.go`. A message has
one text, images beside it, and tool calls whose arguments are objects. Ids of calls are new and optional there.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from entresol.llm.format import Losses, encode_json
from entresol.llm.media_types import split_data_url, text_of
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
    tool_names,
)

MADE_ID: Final = "ocall_"
"""Starts the ids that stand in for those that Ollama leaves out. They are never sent to Ollama."""
_PATH: Final = "messages[].content[]"
_ROLES: Final[dict[str, Role]] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
_MAGIC: Final = (
    ("/9j/", "image/jpeg"),
    ("iVBORw0KGgo", "image/png"),
    ("R0lGOD", "image/gif"),
    ("UklGR", "image/webp"),
)
"""How files begin in base64."""


class CallIds:
    """Ids for calls and results that have none: from the place in the conversation, so that they stay the same."""

    def __init__(self) -> None:
        self._open: list[ToolCall] = []
        self._count = 0

    def of_call(self, call: ToolCall) -> None:
        """Name a call, and remember it until its result comes."""
        self._count += 1
        call.id = call.id or f"{MADE_ID}{self._count}"
        self._open.append(call)

    def of_result(self, call_id: str | None, name: str | None) -> str:
        """The id of the call that a result is for: the oldest one without a result, of that name if it says one."""
        for call in self._open:
            if call_id == call.id or (call_id is None and name in (None, call.name)):
                self._open.remove(call)
                return call.id
        return call_id or f"{MADE_ID}0"


def made_id(seed: str, index: int, name: str, arguments: str) -> str:
    """An id for a call in an answer: unique in a conversation, the same each time the answer is read."""
    text = f"{seed}\0{index}\0{name}\0{arguments}"
    return MADE_ID + hashlib.blake2s(text.encode(), digest_size=12).hexdigest()


# Reading.


def read_messages(readers: list[ObjectReader]) -> list[Message]:
    """The conversation; tool results that follow each other become one message."""
    ids = CallIds()
    messages: list[Message] = []
    for reader in readers:
        message = _read_message(reader, ids)
        if message.role == "tool" and messages and messages[-1].role == "tool":
            messages[-1].parts += message.parts
        else:
            messages.append(message)
    return messages


def _read_message(reader: ObjectReader, ids: CallIds) -> Message:
    name = reader.need_string("role")
    role = _ROLES.get(name.lower())
    if role is None:
        raise reader.invalid("role", f"unknown role {name!r}")
    if role == "tool":
        return Message(role="tool", parts=[_read_result(reader, ids)])
    parts: list[Part] = []
    if role == "assistant":
        parts += read_thinking(reader)
    parts += read_words(reader, "content")
    if role == "assistant":
        for call in reader.readers("tool_calls") or []:
            read = read_call(call)
            ids.of_call(read)
            parts.append(read)
    return Message(role=role, parts=parts, extra=_rest(reader))


def read_thinking(reader: ObjectReader) -> list[Thinking]:
    """The reasoning of an answer."""
    thinking = reader.string("thinking")
    return [Thinking(text=thinking)] if thinking else []


def read_words(reader: ObjectReader, name: str) -> list[Text | Image]:
    """Images, and the text in the field `name`, which Ollama shows after them."""
    images = [read_image(data) for data in reader.strings("images") or []]
    text = reader.string(name)
    return [*images, Text(text=text)] if text else [*images]


def read_image(data: str) -> Image:
    """An image, whose type Ollama leaves to its first bytes."""
    split = split_data_url(data)
    if split is not None:
        return Image(media_type=split[0], data=split[1])
    media_type = next((name for magic, name in _MAGIC if data.startswith(magic)), None)
    return Image(data=data, media_type=media_type)


def read_call(reader: ObjectReader) -> ToolCall:
    """A tool call, which may lack an id."""
    call_id = reader.string("id") or ""
    reader.take("type")
    function = reader.need("function", reader.reader("function"))
    function.take("index")  # the place in the list
    call = ToolCall(id=call_id, name=function.need_string("name"))
    arguments = function.peek("arguments")
    if isinstance(arguments, str):
        call.arguments = object_text(function.need_string("arguments"))
    else:
        call.arguments = encode_json(function.mapping("arguments") or {}).decode()
    call.extra = {f"function.{name}": value for name, value in _rest(function).items()} | _rest(reader)
    return call


def object_text(arguments: str) -> str:
    """Arguments that a server wrote as text, although Ollama has them as an object: the object that they are, or one
    around them."""
    call = ToolCall(id="", name="", arguments=arguments)
    return arguments if arguments_object(call) is not None else encode_json({"arguments": arguments}).decode()


def _read_result(reader: ObjectReader, ids: CallIds) -> ToolResult:
    name = reader.string("tool_name")
    call_id = ids.of_result(reader.string("tool_call_id"), name)
    return ToolResult(call_id=call_id, name=name, parts=[*read_words(reader, "content")], extra=_rest(reader))


def _rest(reader: ObjectReader) -> JsonObject:
    return {name: value for name, value in reader.rest().items() if value is not None}


# Writing, requests.


def write_messages(messages: list[Message], losses: Losses) -> list[JsonObject]:
    """The conversation. Raises ClientError `unsupported_by_provider`, also for an empty one: it only loads a model."""
    if not messages and not losses.is_own:
        raise losses.refuse("messages", "at least one message is needed")
    names = tool_names(messages)
    wire: list[JsonObject] = []
    for message in messages:
        if message.name is not None:
            losses.drop("messages[].name")
        if message.role == "tool":
            wire += [_write_result(part, names, losses) for part in message.parts]
            continue
        if message.role == "assistant":
            written = [_write_assistant(message.parts, losses)]
        else:
            role = message.role if losses.is_own or message.role != "developer" else "system"
            written = _write_words(role, message.parts, losses)
        written[0].update(losses.own(message.extra))
        wire += written
    return wire


def _write_words(role: str, parts: Sequence[Part], losses: Losses) -> list[JsonObject]:
    """Words and images. Ollama shows a message's images before its words: other orders become several messages."""
    turns: list[tuple[list[str], list[str]]] = [([], [])]
    for part in parts:
        texts, images = turns[-1]
        if type(part) is Image:
            if texts:
                texts, images = [], []
                turns.append((texts, images))
            images.append(image_data(part, losses))
        else:
            texts.append(_words_of(part, losses))
    return [_message(role, "\n".join(texts), images) for texts, images in turns]


def _write_assistant(parts: Sequence[Part], losses: Losses) -> JsonObject:
    texts: list[str] = []
    thoughts: list[str] = []
    images: list[str] = []
    calls: list[JsonObject] = []
    for part in parts:
        if type(part) is Thinking:
            thoughts.append(part.text)
            if part.signature is not None or part.redacted is not None:
                losses.drop(f"{_PATH}.signature")
        elif type(part) is ToolCall:
            calls.append(_write_call(part, losses))
        elif type(part) is Image:
            images.append(image_data(part, losses))
        else:
            texts.append(_words_of(part, losses))
    wire = _message("assistant", "".join(texts), images)
    if any(thoughts):
        wire["thinking"] = "".join(thoughts)
    if calls:
        wire["tool_calls"] = calls
    return wire


def _message(role: str, content: str, images: list[str]) -> JsonObject:
    wire: JsonObject = {"role": role, "content": content}
    return wire | {"images": images} if images else wire


def image_data(image: Image, losses: Losses) -> str:
    """An image's base64. Raises ClientError `unsupported_by_provider` for one that is elsewhere."""
    if image.data is None:
        raise losses.refuse(_PATH, "an image must be base64: Ollama fetches none")
    if image.detail is not None:
        losses.drop(f"{_PATH}.image_url.detail")
    _report_marks(image, losses)
    return image.data


def _words_of(part: Part, losses: Losses, path: str = _PATH) -> str:
    """The text of a part that is text, or can be. Raises ClientError `unsupported_by_provider` for others."""
    if type(part) is Refusal:
        return part.text
    if type(part) is Text:
        _report_marks(part, losses)
        return part.text
    if type(part) is Document:
        text = text_of(part)
        if text is None:
            raise losses.refuse(_PATH, "a document must be text, and part of the request")
        if part.name is not None:
            losses.drop(f"{path}.title")
        _report_marks(part, losses)
        return text
    if type(part) is Audio:
        raise losses.refuse(_PATH, "it takes no audio")
    kind = part.type if type(part) is Native else type(part).__name__.lower()
    raise losses.refuse(_PATH, f"a part of type {kind!r} has no counterpart")


def _report_marks(part: Text | Image | Document, losses: Losses) -> None:
    if part.cache is not None:
        losses.drop(f"{_PATH}.cache_control")
    if part.signature is not None:
        losses.drop(f"{_PATH}.signature")


def _write_call(call: ToolCall, losses: Losses) -> JsonObject:
    if call.is_custom:
        raise losses.refuse("messages[].tool_calls[]", "it has no tools with free text as input")
    if call.signature is not None:
        losses.drop("messages[].tool_calls[].extra_content")
    if call.cache is not None:
        losses.drop("messages[].tool_calls[].cache_control")
    own = losses.own(call.extra)
    function = _function(call) | {name[9:]: value for name, value in own.items() if name.startswith("function.")}
    wire: JsonObject = {"function": function}
    if call.id and not call.id.startswith(MADE_ID):
        wire = {"id": call.id} | wire
    return wire | {name: value for name, value in own.items() if not name.startswith("function.")}


def _function(call: ToolCall) -> JsonObject:
    arguments = arguments_object(call)
    return {"name": call.name, "arguments": {"arguments": call.arguments} if arguments is None else arguments}


def _write_result(result: Part, names: dict[str, str], losses: Losses) -> JsonObject:
    if type(result) is not ToolResult:
        raise losses.refuse(_PATH, "a tool message holds only tool results")
    texts: list[str] = []
    images: list[str] = []
    for part in result.parts:
        if type(part) is Image:
            images.append(image_data(part, losses))
        elif type(part) is Native:
            texts.append(encode_json(part.value).decode())
        else:
            texts.append(_words_of(part, losses, "messages[].tool_results[].content[]"))
    if result.is_error and not result.is_object:  # an object says so itself
        losses.drop("messages[].tool_results[].is_error")
    if result.cache is not None:
        losses.drop("messages[].tool_results[].cache_control")
    wire = _message("tool", "\n".join(texts), images)
    name = result.name or names.get(result.call_id)
    if name is not None:
        wire["tool_name"] = name
    if result.call_id and not result.call_id.startswith(MADE_ID):
        wire["tool_call_id"] = result.call_id
    return wire | losses.own(result.extra)


# Writing, answers.


def answer_call(call: ToolCall, index: int) -> JsonObject:
    """A tool call of an answer."""
    wire: JsonObject = {"function": {"index": index} | _function(call)}
    return {"id": call.id} | wire if call.id and not call.id.startswith(MADE_ID) else wire
