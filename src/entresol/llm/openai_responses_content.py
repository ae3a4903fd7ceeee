"""The content of messages and tool results in OpenAI's Responses: words, pictures and files.

Source: OpenAI API reference, "Create a model response", `input`: input_text, input_image, input_file, output_text,
refusal.
"""

import base64
import hashlib
from collections.abc import Sequence
from typing import Final

from entresol.llm.format import Losses
from entresol.llm.media_types import PDF, is_http, split_data_url, type_of_name
from entresol.llm.openai_parts import image_url
from entresol.llm.reading import ObjectReader
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
)

_PATH: Final = "messages[].content[]"
_LONGEST_ID: Final = 64
_NO_URL: Final = "an image uploaded to another provider"

ContentPart = Text | Image | Audio | Document | Refusal | Native


# Reading.


def read_content(reader: ObjectReader, name: str) -> list[ContentPart]:
    """A string, a list of parts, or nothing."""
    content = reader.peek(name)
    if isinstance(content, str):
        reader.take(name)
        return [Text(text=content)] if content else []
    return [_read_part(part) for part in reader.readers(name) or []]


def _read_part(reader: ObjectReader) -> ContentPart:
    kind = reader.need_string("type")
    if kind == "refusal":
        return Refusal(text=reader.need_string("refusal"), extra=present(reader))
    cache = _read_cache(reader)
    part: Text | Image | Audio | Document
    if kind in ("input_text", "output_text", "text"):
        part = Text(text=reader.need_string("text"))
    elif kind == "input_image":
        part = _read_image(reader)
    elif kind == "input_file":
        part = _read_file(reader)
    elif kind == "input_audio":
        part = _read_audio(reader.need(kind, reader.reader(kind)))
    else:
        return Native(type=kind, value={"type": kind, **reader.rest()})
    part.cache = cache
    part.extra = present(reader)
    return part


def present(reader: ObjectReader) -> JsonObject:
    """What nobody asked for, without what is empty: the API writes every list it has."""
    rest = reader.rest()
    return {name: value for name, value in rest.items() if value is not None and value != []} if rest else rest


def item_rest(reader: ObjectReader) -> JsonObject:
    """What nobody asked for of an item. Its id, and that it is complete, mean something only to who keeps items."""
    extra = present(reader)
    if extra:
        extra.pop("id", None)
        if extra.get("status") == "completed":
            del extra["status"]
    return extra


def _read_cache(reader: ObjectReader) -> CacheMark | None:
    mark = reader.reader("prompt_cache_breakpoint")
    if mark is None:
        return None
    mark.take("mode")  # there is one
    return CacheMark(mark.string("ttl"))


def _read_image(reader: ObjectReader) -> Image:
    url, image = reader.string("image_url"), Image(detail=reader.string("detail"))
    if url is None:
        image.file_id = reader.string("file_id")  # beside a URL it would be one image too many
    inline = None if url is None else split_data_url(url)
    if inline is not None:
        image.media_type, image.data = inline
    elif url is not None:
        image.url = url
    elif image.file_id is None:
        raise reader.invalid("image_url", "either image_url or file_id is required")
    return image


def _read_audio(sound: ObjectReader) -> Audio:
    """Sound, which OpenAI has types for, but takes only in chat completions; other servers take it here."""
    media_type = f"audio/{sound.need_string('format')}"
    return Audio(data=sound.need_string("data"), media_type=media_type)


def _read_file(reader: ObjectReader) -> Document:
    document, data = Document(name=reader.string("filename")), reader.string("file_data")
    if data is not None:  # a second source beside it is left over, and reported
        inline = split_data_url(data)
        document.media_type, document.data = inline or (type_of_name(document.name or ""), data)
        return document
    document.url = reader.string("file_url")
    if document.url is not None:
        document.media_type = type_of_name(document.name or document.url) or PDF
        return document
    document.file_id = reader.string("file_id")
    if document.file_id is None:
        raise reader.invalid("file_data", "one of file_data, file_url and file_id is required")
    return document


# Writing.


def write_input(parts: Sequence[Part], losses: Losses, path: str = _PATH) -> str | list[JsonObject]:
    """The content of a system or user message, or of a tool result: a string where that says it all."""
    if not parts:
        return ""
    only = parts[0]
    if len(parts) == 1 and type(only) is Text and only.cache is None and not losses.own(only.extra):
        if only.signature is not None:
            losses.drop(f"{path}.signature")
        return only.text
    return [_write_part(part, losses, path) for part in parts]


def _write_part(part: Part, losses: Losses, path: str) -> JsonObject:
    if type(part) is Text:
        wire: JsonObject = {"type": "input_text", "text": part.text}
    elif type(part) is Image:
        wire = _write_image(part, losses, path)
    elif type(part) is Document:
        wire = _write_document(part, losses, path)
    elif type(part) is Audio and losses.is_own:
        sound = {"data": part.data, "format": (part.media_type or "").removeprefix("audio/")}
        return {"type": "input_audio", "input_audio": sound} | part.extra
    elif type(part) is Native and losses.is_own:
        return part.value
    else:
        kind = part.type if type(part) is Native else type(part).__name__.lower()
        raise losses.refuse(path, f"a part of type {kind!r} has no counterpart")
    if part.cache is not None:
        _write_cache(part.cache, wire, losses)
    if part.signature is not None:
        losses.drop(f"{path}.signature")
    return wire | losses.own(part.extra)


def _write_cache(cache: CacheMark, wire: JsonObject, losses: Losses) -> None:
    if not losses.takes_cache_marks:
        losses.drop(f"{_PATH}.cache_control")
        return
    wire["prompt_cache_breakpoint"] = mark = {"mode": "explicit"}
    if cache.ttl is not None and losses.is_own:
        mark["ttl"] = cache.ttl
    elif cache.ttl is not None:
        losses.drop(f"{_PATH}.cache_control.ttl")


def _write_image(image: Image, losses: Losses, path: str) -> JsonObject:
    wire: JsonObject = {"type": "input_image", "detail": image.detail or "auto"}
    url = image_url(image)
    if url is not None:
        wire["image_url"] = url
    if image.file_id is not None:
        if not losses.is_own:
            raise losses.refuse(path, _NO_URL)
        wire["file_id"] = image.file_id
    return wire


def _write_document(document: Document, losses: Losses, path: str) -> JsonObject:
    """A file; words without a name are written as such, whatever they came in."""
    if document.text is not None and document.name is None:
        return {"type": "input_text", "text": document.text}
    wire: JsonObject = {"type": "input_file"}
    if document.name is not None:
        wire["filename"] = document.name
    data, media_type = document.data, document.media_type
    if document.text is not None:
        data, media_type = base64.b64encode(document.text.encode()).decode(), "text/plain"
    if data is not None:
        if (media_type or "").startswith(_NO_FILES):
            raise losses.refuse(path, f"a file of type {media_type} is no document")
        wire.setdefault("filename", f"document.{ending_of(media_type or PDF)}")
        wire["file_data"] = f"data:{media_type or PDF};base64,{data}"
    elif losses.is_own:
        wire |= {"file_id": document.file_id} if document.url is None else {"file_url": document.url}
    elif is_http(document.url):
        wire["file_url"] = document.url
    else:
        raise losses.refuse(path, "a document must be part of the request or an http URL")
    return wire


_NO_FILES: Final = ("video/", "audio/", "image/")
_ENDINGS: Final = {"text/plain": "txt", "text/markdown": "md"}


def ending_of(media_type: str) -> str:
    """What the name of a file of this type ends with: OpenAI goes by it."""
    return _ENDINGS.get(media_type) or media_type.rpartition("/")[2]


def wire_id(call_id: str, losses: Losses) -> str:
    """A call id that OpenAI takes here, at most 64 characters. Longer ones are cut, and stay distinct."""
    if losses.is_own or len(call_id) <= _LONGEST_ID:
        return call_id
    return f"{call_id[: _LONGEST_ID - 17]}_{hashlib.blake2s(call_id.encode(), digest_size=8).hexdigest()}"
