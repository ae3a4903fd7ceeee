"""The content of Converse's messages, written: blocks, of requests and answers.

Source: Amazon Bedrock API reference, "ContentBlock"; service model `bedrock-runtime` (2023-09-30).
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Final

import msgspec

from entresol.llm.bedrock_media import AUDIOS, DOCUMENTS, IMAGES, VIDEOS, document_name
from entresol.llm.bedrock_models import family, takes_cache_points
from entresol.llm.format import Losses, note_loss
from entresol.llm.media_types import PDF, is_text, text_of, type_of_name
from entresol.llm.signatures import ANTHROPIC, GEMINI, for_client, for_provider, signed_by
from entresol.llm.tool_names import wire_name
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
_RESULT: Final = "messages[].tool_results[]"
_LIFETIMES: Final = (None, "5m", "1h")
_WITH_STATUS: Final = ("anthropic", "nova")
CITATIONS: Final = "citationsContent.citations"
_decode_json: Final = msgspec.json.Decoder().decode


def cache_point(cache: CacheMark) -> JsonObject:
    """The block that says to cache what stands before it."""
    point: JsonObject = {"type": "default"}
    if cache.ttl is not None:
        point["ttl"] = cache.ttl
    return {"cachePoint": point}


class BlockWriter:
    """Writes the parts of one request, in which documents must not share a name."""

    def __init__(self, losses: Losses, model: str) -> None:
        self._losses = losses
        self._family = family(model)
        self._takes_marks = losses.is_own or takes_cache_points(model)
        self._names: dict[str, int] = {}

    def blocks(self, parts: Sequence[Part]) -> list[JsonObject]:
        """The blocks of a message or of the system's."""
        out: list[JsonObject] = []
        for part in parts:
            block = self._block(part)
            if block is not None:
                out.append(block)
            if (
                type(part) is not Thinking and type(part) is not Refusal and type(part) is not Native
            ) and part.cache is not None:
                if block is None:
                    self._losses.drop(f"{_PATH}.cache_control")
                else:
                    out += self.mark(part.cache, f"{_PATH}.cache_control")
        return out

    def mark(self, cache: CacheMark, path: str) -> list[JsonObject]:
        """A cache point, where the model takes one; `path` is what is lost elsewhere."""
        if not self._takes_marks:
            self._losses.drop(path)
            return []
        if cache.ttl not in _LIFETIMES and not self._losses.is_own:
            self._losses.drop(f"{path}.ttl")
            cache = CacheMark()
        return [cache_point(cache)]

    def _block(self, part: Part) -> JsonObject | None:
        """A part as a block; None where Bedrock would refuse it empty."""
        losses = self._losses
        if type(part) is Text:
            return self._text(part)
        if type(part) is ToolCall:
            return self._call(part)
        if type(part) is ToolResult:
            return self._result(part)
        if type(part) is Refusal:
            return {"text": part.text} if part.text.strip() else None
        if type(part) is Thinking:
            return self._thinking(part)
        if type(part) is not Native:
            return self._file(part)
        if losses.is_own:
            return part.value
        raise losses.refuse(_PATH, f"a part of type {part.type!r} has no counterpart")

    def _text(self, part: Text) -> JsonObject | None:
        losses = self._losses
        if part.signature is not None:
            losses.drop(f"{_PATH}.thoughtSignature")
        if losses.is_own:
            return text_block(part)
        return {"text": part.text} if part.text.strip() else None  # blank text is refused, and says nothing

    def _thinking(self, part: Thinking) -> JsonObject | None:
        losses = self._losses
        if losses.is_own:
            return answer_thinking(part)
        if self._family == "anthropic":
            redacted, signature = for_provider(part.redacted, ANTHROPIC), for_provider(part.signature, ANTHROPIC)
            if redacted is not None and _is_base64(redacted):
                return {"reasoningContent": {"redactedContent": redacted}}
            if signature is not None:
                return {"reasoningContent": {"reasoningText": {"text": part.text, "signature": signature}}}
        losses.drop(f"{_PATH}.thinking")  # models take back what they have signed, and nothing else
        return None

    def _call(self, call: ToolCall) -> JsonObject:
        losses = self._losses
        if call.is_custom:
            raise losses.refuse(_PATH, "it has no tools with free text as input")
        if call.signature is not None:
            losses.drop("messages[].tool_calls[].extra_content")
        arguments = arguments_object(call)
        if arguments is None:
            arguments = {"arguments": call.arguments}  # the model's own broken JSON: kept for it to see
        use: JsonObject = {"toolUseId": wire_name(call.id), "name": wire_name(call.name), "input": arguments}
        return {"toolUse": use | _inner("toolUse", losses.own(call.extra))}

    def _result(self, result: ToolResult) -> JsonObject:
        losses = self._losses
        content: list[JsonObject] = []
        for part in result.parts:
            if type(part) is Text:
                if part.text.strip() or losses.is_own:
                    content.append(_result_text(part.text, result.is_object))
            elif type(part) is Native:
                if not losses.is_own:
                    raise losses.refuse(f"{_RESULT}.content[]", f"a part of type {part.type!r} has no counterpart")
                content.append(part.value)
            elif type(part) is Audio:
                raise losses.refuse(f"{_RESULT}.content[]", "a tool result holds no audio")
            else:
                content.append(self._file(part))
            if type(part) is not Native and part.cache is not None:
                losses.drop(f"{_RESULT}.content[].cache_control")
        wire: JsonObject = {"toolUseId": wire_name(result.call_id), "content": content}
        if result.is_error and (losses.is_own or self._family in _WITH_STATUS):
            wire["status"] = "error"
        elif result.is_error:
            losses.drop(f"{_RESULT}.is_error")
        return {"toolResult": wire | _inner("toolResult", losses.own(result.extra))}

    def _file(self, part: Image | Audio | Document) -> JsonObject:
        if type(part) is Image:
            kind, wire = "image", self._image(part)
        elif type(part) is Audio:
            kind, wire = "audio", self._audio(part)
        elif part.media_type in VIDEOS:
            kind, wire = "video", {"format": VIDEOS[part.media_type], "source": self._source(part, "a video")}
        else:
            kind, wire = "document", self._document(part)
        return {kind: wire | _inner(kind, self._losses.own(part.extra))}

    def _image(self, image: Image) -> JsonObject:
        losses = self._losses
        if image.detail is not None:
            losses.drop(f"{_PATH}.image_url.detail")
        if image.signature is not None:
            losses.drop(f"{_PATH}.thoughtSignature")
        media_type = image.media_type or type_of_name(image.url or "") or "image/png"
        word = IMAGES.get(media_type)
        if word is None:
            raise losses.refuse(_PATH, f"an image of type {media_type} must be JPEG, PNG, GIF or WebP")
        return {"format": word, "source": self._source(image, "an image")}

    def _audio(self, audio: Audio) -> JsonObject:
        word = AUDIOS.get(audio.media_type or "")
        if word is None:
            raise self._losses.refuse(_PATH, f"audio of type {audio.media_type or 'unknown'}")
        return {"format": word, "source": self._source(audio, "audio")}

    def _document(self, document: Document) -> JsonObject:
        losses = self._losses
        if document.signature is not None:
            losses.drop(f"{_PATH}.thoughtSignature")
        media_type = document.media_type or type_of_name(document.name or document.url or "")
        if media_type is None and document.data is not None:
            media_type = PDF  # as clients that name no type mean it
        word = DOCUMENTS.get(media_type or "text/plain") or ("txt" if is_text(media_type) else None)
        if word is None:
            raise losses.refuse(_PATH, f"a document of type {media_type} must be PDF, an office document or text")
        is_named = losses.is_own and document.name is not None
        name = document.name if is_named else document_name(document.name, self._names)
        if document.text is not None and losses.is_own:
            return {"format": word, "name": name, "source": {"text": document.text}}
        text = text_of(document)
        if text is not None and not text.strip() and not losses.is_own:
            raise losses.refuse(_PATH, "a document must not be empty")
        if document.text is not None:
            document = Document(data=base64.b64encode(document.text.encode("utf-8", "surrogatepass")).decode())
        return {"format": word, "name": name, "source": self._source(document, "a document")}

    def _source(self, file: Image | Audio | Document, what: str) -> JsonObject:
        if file.data:
            return {"bytes": file.data}
        if file.url is not None and file.url.startswith("s3://"):
            return {"s3Location": {"uri": file.url}}
        raise self._losses.refuse(_PATH, f"{what} must be base64 or lie in S3")


def _result_text(text: str, is_object: bool) -> JsonObject:
    """A tool's answer: JSON where it came as an object, and text otherwise, JSON or not."""
    if is_object:
        try:
            return {"json": _decode_json(text)}
        except (msgspec.DecodeError, RecursionError):
            pass  # cut somewhere on its way: it is text now
    return {"text": text}


def _inner(kind: str, extra: JsonObject) -> JsonObject:
    """Fields of the object inside a block."""
    prefix = f"{kind}."
    return {name.removeprefix(prefix): value for name, value in extra.items() if name.startswith(prefix)}


def text_block(part: Text) -> JsonObject:
    """Text as Bedrock had it: guarded, cited or plain."""
    guard, citations = part.extra.get("guardContent"), part.extra.get(CITATIONS)
    if isinstance(guard, dict):
        return {"guardContent": {"text": {"text": part.text} | {name: value for name, value in guard.items() if value}}}
    if citations is not None:
        return {"citationsContent": {"content": [{"text": part.text}], "citations": citations}}
    return {"text": part.text}


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


# Answers.


def answer_blocks(parts: Sequence[Part], is_own: bool, dropped: list[str]) -> list[JsonObject]:
    """The `content` of an answer; what Bedrock's clients do not know is dropped by name."""
    blocks: list[JsonObject] = []
    for part in parts:
        if type(part) is Text:
            dropped += [] if part.signature is None else ["thoughtSignature"]
            blocks.append(text_block(part) if is_own else {"text": part.text})
        elif type(part) is Refusal:
            blocks.append({"text": part.text})
        elif type(part) is Thinking:
            blocks.append(answer_thinking(part))
        elif type(part) is ToolCall:
            blocks += _answer_call(part, is_own)
        elif type(part) is Native and is_own:
            blocks.append(part.value)
        elif type(part) is Image and part.data and part.media_type in IMAGES:
            dropped += [] if part.signature is None else ["thoughtSignature"]
            blocks.append({"image": {"format": IMAGES[part.media_type], "source": {"bytes": part.data}}})
        else:
            note_loss(part, dropped)
        if not is_own and type(part) is not Native:
            dropped += part.extra
    return blocks


def _answer_call(call: ToolCall, is_own: bool) -> list[JsonObject]:
    arguments = arguments_object(call)
    use: JsonObject = {"toolUseId": call.id, "name": call.name}
    use["input"] = {"arguments": call.arguments} if arguments is None else arguments
    block: JsonObject = {"toolUse": use | _inner("toolUse", call.extra if is_own else {})}
    return [block] if call.signature is None else [signature_block(call.signature), block]


def answer_thinking(part: Thinking) -> JsonObject:
    """A reasoning block. Another provider's signature keeps its maker's name, so that it can be told on its return."""
    if part.redacted is not None:
        return {"reasoningContent": {"redactedContent": redacted_blob(part.redacted)}}
    text: JsonObject = {"text": part.text}
    if part.signature is not None:
        text["signature"] = for_client(part.signature, ANTHROPIC)
    return {"reasoningContent": {"reasoningText": text}}


def redacted_blob(redacted: str) -> str:
    """Encrypted reasoning as base64, which AWS's clients decode: another provider's with its maker's name inside."""
    bare = for_provider(redacted, ANTHROPIC)
    if bare is not None and _is_base64(bare):
        return bare
    return base64.b64encode(redacted.encode()).decode()


def signature_block(signature: str) -> JsonObject:
    """Gemini's signature of a tool call, in the one place from which Bedrock's clients send it back."""
    return {"reasoningContent": {"reasoningText": {"text": "", "signature": signed_by(signature, GEMINI)}}}
