"""The content of Converse's messages, read: blocks, of requests and answers.

Source: Amazon Bedrock API reference, "ContentBlock"; service model `bedrock-runtime` (2023-09-30). A block is a union:
an object whose one key says what it is. A cache point is a block of its own and marks what stands before it.
"""

import base64
import binascii
from collections.abc import Callable
from typing import Final

from entresol.llm.bedrock_media import media_type_of
from entresol.llm.format import encode_json
from entresol.llm.reading import ObjectReader
from entresol.llm.signatures import ANTHROPIC, signed_by
from entresol.llm.types import (
    Audio,
    CacheMark,
    Document,
    Image,
    JsonObject,
    Native,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

_Marked = Text | Image | Audio | Document | ToolCall | ToolResult
CACHE_POINT: Final = "cachePoint"


def read_blocks(readers: list[ObjectReader]) -> list[Part]:
    """The parts of a `content` or `system`."""
    parts: list[Part] = []
    for reader in readers:
        if reader.peek(CACHE_POINT) is None:
            parts.append(read_block(reader))
            continue
        before = parts[-1] if parts else None
        if isinstance(before, _Marked) and before.cache is None:
            before.cache = read_mark(reader)
        else:
            parts.append(Native(type=CACHE_POINT, value=dict(reader.rest())))
    return parts


def read_mark(reader: ObjectReader) -> CacheMark:
    """A block that is a cache point."""
    point = reader.need(CACHE_POINT, reader.reader(CACHE_POINT))
    point.take("type")  # there is one
    return CacheMark(point.string("ttl"))


def read_block(reader: ObjectReader) -> Part:
    """One block."""
    for kind, read in _READERS:
        if reader.peek(kind) is None:
            continue
        if _is_native(reader, kind):
            return Native(type=kind, value=dict(reader.rest()))
        part = read(reader)
        part.extra |= {name: value for name, value in reader.rest().items() if value is not None}
        return part
    value = dict(reader.rest())
    return Native(type=next(iter(value), "empty block"), value=value)


def _is_native(reader: ObjectReader, kind: str) -> bool:
    """Whether a block of a kind that others know holds what only Bedrock does: files in S3, tools of its own."""
    inner = reader.peek(kind)
    if not isinstance(inner, dict):
        return False
    if kind in _FILES:
        source = inner.get("source")
        return isinstance(source, dict) and "bytes" not in source and "text" not in source
    if kind == "guardContent":
        return "text" not in inner
    return kind in ("toolUse", "toolResult") and inner.get("type") is not None


def _read_text(reader: ObjectReader) -> Text:
    return Text(text=reader.need_string("text"))


def _read_guarded(reader: ObjectReader) -> Text:
    """Text that a guardrail looks at; which guardrail and how, no other provider knows."""
    guarded = reader.need("guardContent", reader.reader("guardContent"))
    inner = guarded.need("text", guarded.reader("text"))
    text = Text(text=inner.need_string("text"))
    text.extra["guardContent"] = {"qualifiers": inner.strings("qualifiers") or []}
    return text


def _read_cited(reader: ObjectReader) -> Text:
    """Text with its sources."""
    cited = reader.need("citationsContent", reader.reader("citationsContent"))
    text = Text(text="".join(piece.string("text") or "" for piece in cited.readers("content") or []))
    text.extra["citationsContent.citations"] = cited.take("citations") or []
    return text


def _read_reasoning(reader: ObjectReader) -> Thinking:
    """Reasoning. Models of Anthropic's sign it, and the signature holds wherever they are served."""
    reasoning = reader.need("reasoningContent", reader.reader("reasoningContent"))
    redacted = reasoning.string("redactedContent")
    if redacted is not None:
        return Thinking(redacted=read_redacted(redacted))
    inner = reasoning.need("reasoningText", reasoning.reader("reasoningText"))
    return Thinking(text=inner.string("text") or "", signature=signed_by(inner.string("signature"), ANTHROPIC))


def read_redacted(blob: str) -> str | None:
    """Encrypted reasoning; another provider's has its maker's name inside the base64 (`bedrock_blocks`)."""
    try:
        named = base64.b64decode(blob, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return signed_by(blob, ANTHROPIC)
    return named if signed_by(named, ANTHROPIC) == named else signed_by(blob, ANTHROPIC)


def _read_call(reader: ObjectReader) -> ToolCall:
    use = reader.need("toolUse", reader.reader("toolUse"))
    call = ToolCall(id=use.need_id("toolUseId"), name=use.need_string("name"))
    arguments = use.take("input")
    call.arguments = "{}" if arguments is None else encode_json(arguments).decode()
    _keep("toolUse", use, call.extra)
    return call


def _read_result(reader: ObjectReader) -> ToolResult:
    wire = reader.need("toolResult", reader.reader("toolResult"))
    result = ToolResult(call_id=wire.need_string("toolUseId"), is_error=wire.string("status") == "error")
    blocks = wire.readers("content") or []
    for block in blocks:
        value = block.take("json") if block.peek("text") is None else None
        if value is not None:
            result.parts.append(Text(text=encode_json(value).decode()))
            result.is_object = len(blocks) == 1 and isinstance(value, dict)
            continue
        part = read_block(block)
        if isinstance(part, Text | Image | Audio | Document | Native):
            result.parts.append(part)
        else:
            raise wire.invalid("content", "a tool result holds text, JSON, images, documents and videos")
    _keep("toolResult", wire, result.extra)
    return result


def _read_image(reader: ObjectReader) -> Image:
    wire = reader.need("image", reader.reader("image"))
    image = Image(media_type=media_type_of("image", wire.need_string("format")))
    image.data = _bytes(wire)
    _keep("image", wire, image.extra)
    return image


def _read_audio(reader: ObjectReader) -> Audio:
    wire = reader.need("audio", reader.reader("audio"))
    audio = Audio(media_type=media_type_of("audio", wire.need_string("format")))
    audio.data = _bytes(wire)
    _keep("audio", wire, audio.extra)
    return audio


def _read_video(reader: ObjectReader) -> Document:
    wire = reader.need("video", reader.reader("video"))
    video = Document(media_type=media_type_of("video", wire.need_string("format")))
    video.data = _bytes(wire)
    _keep("video", wire, video.extra)
    return video


def _read_document(reader: ObjectReader) -> Document:
    wire = reader.need("document", reader.reader("document"))
    document = Document(name=wire.string("name"), media_type=media_type_of("document", wire.string("format") or "txt"))
    source = wire.need("source", wire.reader("source"))
    document.text = source.string("text")
    if document.text is None:
        document.data = source.need_string("bytes")
    _keep("document", wire, document.extra)
    return document


def _bytes(wire: ObjectReader) -> str:
    source = wire.need("source", wire.reader("source"))
    return source.need_string("bytes")


def _keep(kind: str, wire: ObjectReader, extra: JsonObject) -> None:
    extra.update((f"{kind}.{name}", value) for name, value in wire.rest().items() if value is not None)


_FILES: Final = ("image", "document", "video", "audio")
_Known = Text | Thinking | ToolCall | ToolResult | Image | Audio | Document
_READERS: Final[tuple[tuple[str, Callable[[ObjectReader], _Known]], ...]] = (
    ("text", _read_text),
    ("toolUse", _read_call),
    ("toolResult", _read_result),
    ("reasoningContent", _read_reasoning),
    ("image", _read_image),
    ("document", _read_document),
    ("guardContent", _read_guarded),
    ("citationsContent", _read_cited),
    ("video", _read_video),
    ("audio", _read_audio),
)
