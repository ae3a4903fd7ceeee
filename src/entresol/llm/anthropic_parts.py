"""The content of Anthropic's messages: blocks, in both directions.

Source: Anthropic API reference, "Create a message", `messages` and `content`; types of anthropic 2.12.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

import msgspec

from entresol.llm.anthropic_plain import plain_blocks
from entresol.llm.format import Losses, encode_json
from entresol.llm.media_types import PDF, is_http, is_text, text_of
from entresol.llm.plain_names import is_plain_name
from entresol.llm.reading import ObjectReader
from entresol.llm.signatures import ANTHROPIC, GEMINI, for_client, for_provider, signed_by
from entresol.llm.types import (
    Audio,
    CacheMark,
    Document,
    Image,
    JsonObject,
    Native,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    arguments_object,
)

_PATH: Final = "messages[].content[]"
_LIFETIMES: Final = (None, "5m", "1h")
_IMAGE_TYPES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp")
_BAD_ID: Final = re.compile(r"[^a-zA-Z0-9_-]")


# Reading.


def read_blocks(reader: ObjectReader, name: str) -> list[Part]:
    """The parts of a `content` or `system` field: a string, a list of blocks, or nothing."""
    content = reader.peek(name)
    if isinstance(content, str):
        reader.take(name)
        return [Text(text=content)] if content else []
    plain = plain_blocks(content)
    if plain is not None:
        reader.take(name)
        return plain
    return [read_block(block) for block in reader.readers(name) or []]


def read_block(reader: ObjectReader) -> Part:
    """One block, of a request or an answer."""
    kind = reader.need_string("type")
    if kind == "tool_result":
        return _read_result(reader)
    if kind == "document":
        return _read_document(reader)
    part: Part
    if kind == "text":
        part = Text(text=reader.need_string("text"), cache=_read_cache(reader))
    elif kind == "image":
        image = _read_image(reader)
        if type(image) is Native:
            return image
        part = image
    elif kind == "tool_use":
        call = ToolCall(id=reader.need_id("id"), name=reader.need_string("name"), cache=_read_cache(reader))
        call.arguments = encode_json(reader.mapping("input") or {}).decode()
        part = call
    elif kind == "thinking":
        part = Thinking(text=reader.string("thinking") or "")
        part.signature = signed_by(reader.string("signature"), ANTHROPIC)
    elif kind == "redacted_thinking":
        part = Thinking(redacted=signed_by(reader.need_string("data"), ANTHROPIC))
    else:
        return Native(type=kind, value={"type": kind, **reader.rest()})
    part.extra = {name: value for name, value in reader.rest().items() if value is not None}
    return part


def _read_cache(reader: ObjectReader) -> CacheMark | None:
    return read_mark(reader.reader("cache_control"))


def read_mark(mark: ObjectReader | None) -> CacheMark | None:
    """A `cache_control`."""
    if mark is None:
        return None
    mark.take("type")  # there is one
    return CacheMark(mark.string("ttl"))


def _read_image(reader: ObjectReader) -> Image | Native:
    source = reader.need("source", reader.reader("source"))
    kind = source.need_string("type")
    image = Image(cache=_read_cache(reader))
    if kind == "base64":
        image.data, image.media_type = source.need_string("data"), source.need_string("media_type")
    elif kind == "url":
        image.url = source.need_string("url")
    elif kind == "file":
        image.file_id = source.need_string("file_id")
    else:
        return Native(type="image", value={"type": "image", "source": {"type": kind, **source.rest()}, **reader.rest()})
    return image


def _read_document(reader: ObjectReader) -> Part:
    source = reader.need("source", reader.reader("source"))
    kind = source.need_string("type")
    document = Document(name=reader.string("title"), cache=_read_cache(reader))
    if kind == "base64":
        document.data, document.media_type = source.need_string("data"), source.need_string("media_type")
    elif kind == "text":
        document.text, document.media_type = source.need_string("data"), source.string("media_type")
    elif kind == "url":
        document.url, document.media_type = source.need_string("url"), PDF  # it fetches no other
    elif kind == "file":
        document.file_id = source.need_string("file_id")
    else:
        value: JsonObject = {"type": "document", "source": {"type": kind, **source.rest()}, **reader.rest()}
        return Native(type=f"document of {kind}", value=value)
    document.extra = {name: value for name, value in reader.rest().items() if value is not None}
    return document


def _read_result(reader: ObjectReader) -> ToolResult:
    result = ToolResult(call_id=reader.need_string("tool_use_id"), cache=_read_cache(reader))
    result.is_error = reader.boolean("is_error") or False
    for part in read_blocks(reader, "content"):
        if isinstance(part, Text | Image | Audio | Document | Native):
            result.parts.append(part)
        else:
            raise reader.invalid("content", "a tool result holds text, images and documents")
    result.extra = {name: value for name, value in reader.rest().items() if value is not None}
    return result


# Writing, requests.


def write_content(parts: Sequence[Part], losses: Losses) -> str | list[JsonObject]:
    """The `content` of a user or system message: a string where that says it all."""
    only = parts[0] if len(parts) == 1 else None
    if type(only) is Text and only.cache is None and not losses.own(only.extra) and only.signature is None:
        return only.text
    return [block for part in parts for block in write_block(part, losses)]


def write_block(part: Part, losses: Losses) -> list[JsonObject]:
    """A part of a request as blocks: one, or none where Anthropic refuses it empty."""
    if type(part) is Text:
        return _write_text(part, losses)
    if type(part) is Refusal:
        return [{"type": "text", "text": part.text}] if part.text.strip() else []
    if type(part) is Thinking:
        return _write_thinking(part, losses)
    if type(part) is not Native:
        return [_write_object(part, losses)]
    if losses.is_own:
        return [part.value]
    raise losses.refuse(_PATH, f"a part of type {part.type!r} has no counterpart")


def _write_object(part: Image | Audio | Document | ToolCall | ToolResult, losses: Losses) -> JsonObject:
    if type(part) is Image:
        wire: JsonObject = {"type": "image", "source": _image_source(part, losses)}
    elif type(part) is Document:
        wire = {"type": "document", "source": _document_source(part, losses)}
        if part.name is not None:
            wire["title"] = part.name
    elif type(part) is ToolCall:
        wire = _write_call(part, losses)
    elif type(part) is ToolResult:
        wire = _write_result(part, losses)
    else:
        raise losses.refuse(_PATH, "it takes no audio")
    return losses.with_own(marked(wire, part.cache, losses), part.extra)


def marked(wire: JsonObject, cache: CacheMark | None, losses: Losses) -> JsonObject:
    """`wire` with a `cache_control`, if there is a mark."""
    if cache is not None:
        takes = losses.is_own or cache.ttl in _LIFETIMES
        if not takes:
            losses.drop(f"{_PATH}.prompt_cache_breakpoint.ttl")
        wire["cache_control"] = {"type": "ephemeral"} | ({"ttl": cache.ttl} if takes and cache.ttl is not None else {})
    return wire


def _write_text(part: Text, losses: Losses) -> list[JsonObject]:
    if part.signature is not None:
        losses.drop(f"{_PATH}.thoughtSignature")
    if not part.text.strip() and not losses.is_own:
        if part.cache is not None:
            losses.drop(f"{_PATH}.prompt_cache_breakpoint")
        return []  # Anthropic refuses blank text, and there is nothing else to lose
    return [losses.with_own(marked({"type": "text", "text": part.text}, part.cache, losses), part.extra)]


def _write_thinking(part: Thinking, losses: Losses) -> list[JsonObject]:
    signature, redacted = for_provider(part.signature, ANTHROPIC), for_provider(part.redacted, ANTHROPIC)
    if redacted is not None:
        return [{"type": "redacted_thinking", "data": redacted}]
    if signature is not None:
        return [{"type": "thinking", "thinking": part.text, "signature": signature} | losses.own(part.extra)]
    losses.drop(f"{_PATH}.thinking")  # Anthropic takes no reasoning that it has not signed
    return []


def _image_source(image: Image, losses: Losses) -> JsonObject:
    if image.detail is not None:
        losses.drop(f"{_PATH}.image_url.detail")
    if image.signature is not None:
        losses.drop(f"{_PATH}.thoughtSignature")
    if image.data is not None:
        media_type = image.media_type or "image/png"
        if media_type not in _IMAGE_TYPES and not losses.is_own:
            raise losses.refuse(_PATH, f"an image of type {media_type} must be JPEG, PNG, GIF or WebP")
        return {"type": "base64", "media_type": media_type, "data": image.data}
    if is_http(image.url):
        return {"type": "url", "url": image.url}
    if image.file_id is not None and losses.is_own:
        return {"type": "file", "file_id": image.file_id}
    raise losses.refuse(_PATH, "an image must be base64 or an http URL")


def _document_source(document: Document, losses: Losses) -> JsonObject:
    if document.signature is not None:
        losses.drop(f"{_PATH}.thoughtSignature")
    text, media_type = text_of(document), document.media_type
    if text is not None:
        return {"type": "text", "media_type": "text/plain", "data": text}
    if is_text(media_type) and document.data is not None:
        raise losses.refuse(_PATH, "a text document that is not UTF-8 in base64")
    if document.data is not None and media_type in (None, PDF):
        return {"type": "base64", "media_type": PDF, "data": document.data}
    if is_http(document.url) and media_type == PDF:
        return {"type": "url", "url": document.url}
    if document.file_id is not None and losses.is_own:
        return {"type": "file", "file_id": document.file_id}
    kind = media_type or "unknown"
    raise losses.refuse(_PATH, f"a document of type {kind} must be PDF or text, and part of the request or a URL")


def plain_text(blocks: list[JsonObject]) -> object:
    """The blocks, or the string that says as much as the only one."""
    return blocks[0]["text"] if len(blocks) == 1 and len(blocks[0]) == 2 and "text" in blocks[0] else blocks


def wire_id(call_id: str) -> str:
    """A call id that Anthropic takes: letters, digits, `_` and `-`. Others are replaced, and stay distinct."""
    if is_plain_name(call_id, len(call_id)):
        return call_id
    cleaned = _BAD_ID.sub("_", call_id)
    return f"{cleaned}_{hashlib.blake2s(call_id.encode(), digest_size=4).hexdigest()}"


def _write_call(call: ToolCall, losses: Losses) -> JsonObject:
    if call.is_custom:
        raise losses.refuse(_PATH, "it has no tools with free text as input")
    if call.signature is not None:
        losses.drop("messages[].tool_calls[].extra_content")
    arguments = arguments_object(call)
    if arguments is None:
        arguments = {"arguments": call.arguments}  # the model's own broken JSON: kept for it to see
    return {"type": "tool_use", "id": wire_id(call.id), "name": call.name, "input": arguments}


def _write_result(result: ToolResult, losses: Losses) -> JsonObject:
    wire: JsonObject = {"type": "tool_result", "tool_use_id": wire_id(result.call_id)}
    if result.parts:
        wire["content"] = write_content(result.parts, losses)
    if result.is_error:
        wire["is_error"] = True
    return wire


# Writing, answers.


def answer_blocks(parts: Sequence[Part], is_own: bool, dropped: list[str]) -> list[JsonObject]:
    """The `content` of an answer; what Anthropic's clients do not know is dropped by name."""
    blocks: list[JsonObject] = []
    for part in parts:
        if type(part) is Thinking:
            blocks.append(answer_thinking(part))
        elif type(part) is Text:
            blocks.append({"type": "text", "text": part.text, "citations": None} | (part.extra if is_own else {}))
            dropped += [] if part.signature is None else ["thoughtSignature"]
        elif type(part) is Refusal:
            blocks.append({"type": "text", "text": part.text, "citations": None})
        elif type(part) is ToolCall:
            if part.signature is not None:
                blocks.append(signature_block(part.signature))
            arguments = arguments_object(part)
            wire: JsonObject = {"type": "tool_use", "id": part.id, "name": part.name}
            wire["input"] = {"arguments": part.arguments} if arguments is None else arguments
            blocks.append(wire | (part.extra if is_own else {}))
        elif type(part) is Native and is_own:
            blocks.append(part.value)
        else:
            dropped.append(part.type if type(part) is Native else type(part).__name__.lower())
        if not is_own and type(part) is not Native:
            dropped += part.extra
    return blocks


def answer_thinking(part: Thinking) -> JsonObject:
    """A thinking block. Another provider's signature keeps its maker's name, so that it can be told when it returns."""
    if part.redacted is not None:
        return {"type": "redacted_thinking", "data": for_client(part.redacted, ANTHROPIC)}
    return {"type": "thinking", "thinking": part.text, "signature": for_client(part.signature, ANTHROPIC) or ""}


def signature_block(signature: str) -> JsonObject:
    """Gemini's signature of a tool call, in the one place from which Anthropic's clients send it back."""
    return {"type": "thinking", "thinking": "", "signature": signed_by(signature, GEMINI)}


def decode_input(text: str) -> object:
    """Streamed tool input, decoded; its text when it is not JSON."""
    try:
        return msgspec.json.decode(text) if text else {}
    except (msgspec.DecodeError, RecursionError):
        return text
