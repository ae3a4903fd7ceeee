"""The content of OpenAI's messages: parts, tool calls, tool results, in both directions.

Source: OpenAI API reference, "Create chat completion", `messages`.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from entresol.llm.format import Losses, Profile, encode_json
from entresol.llm.media_types import PDF, split_data_url, text_of, type_of_name
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
    Thinking,
    ToolCall,
    ToolResult,
)

ContentPart = Text | Image | Audio | Document | Native

_AUDIO_TYPES: Final = {"wav": "audio/wav", "mp3": "audio/mp3"}
_AUDIO_FORMATS: Final = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/mp3": "mp3",
    "audio/mpeg": "mp3",
}
_LONGEST_ID: Final = 40
_EXTRA_CONTENT: Final = "extra_content"
_IN_NEXT_MESSAGE: Final = "The result is in the message that follows the tool results."


# Reading.


def read_parts(reader: ObjectReader, name: str) -> Sequence[ContentPart]:
    """The parts of a `content` field: a string, a list of parts, or nothing."""
    content = reader.peek(name)
    if isinstance(content, str):
        reader.take(name)
        return [Text(text=content)] if content else []
    return [_read_part(part) for part in reader.readers(name) or []]


def read_assistant_parts(reader: ObjectReader, call_ids: str | None = None) -> list[Part]:
    """An assistant message's parts, from a request or an answer, in their natural order.

    `call_ids` begins the ids of an answer's calls whose server gave them none; a request must have them.
    """
    parts: list[Part] = []
    reasoning = reader.string("reasoning_content")
    if reasoning is None and isinstance(reader.peek("reasoning"), str):
        reasoning = reader.string("reasoning")
    if reasoning:
        parts.append(Thinking(text=reasoning))
    parts += [_assistant_part(part) for part in read_parts(reader, "content")]
    refusal = reader.string("refusal")
    if refusal is not None:
        parts.append(Refusal(text=refusal))
    audio = reader.reader("audio")
    if audio is not None:
        parts.append(_read_spoken(audio))
    for image in reader.readers("images") or []:
        parts.append(_read_part(image))
    for position, call in enumerate(reader.readers("tool_calls") or []):
        parts.append(_read_call(call, None if call_ids is None else f"{call_ids}{position}"))
    call_of_old = reader.mapping("function_call")
    if call_of_old is not None:
        parts.append(Native(type="function_call", value=call_of_old))
    return parts


def _assistant_part(part: ContentPart) -> Part:
    """A refusal, or the reasoning that Mistral's models write among their words; any other part as it is."""
    if type(part) is not Native or part.value.keys() != {"type", part.type}:
        return part
    said = part.value[part.type]
    if part.type == "thinking" and isinstance(said, list):
        texts = [each.get("text") if isinstance(each, dict) else None for each in said]
        said = "".join(map(str, texts)) if None not in texts else None
    if not isinstance(said, str):
        return part
    return Refusal(text=said) if part.type == "refusal" else Thinking(text=said) if part.type == "thinking" else part


def _read_part(reader: ObjectReader) -> ContentPart:
    kind = reader.need_string("type")
    cache = _read_cache(reader)
    part: ContentPart
    if kind == "text":
        part = Text(text=reader.need_string("text"), cache=cache)
    elif kind == "refusal":
        return Native(type="refusal", value={"type": kind, **reader.rest()})
    elif kind == "image_url":
        bare = reader.string(kind) if isinstance(reader.peek(kind), str) else None  # as Mistral's client writes it
        part = _read_image(reader.need(kind, reader.reader(kind))) if bare is None else _image_at(bare, None)
        part.cache = cache
    elif kind == "input_audio":
        sound = reader.need(kind, reader.reader(kind))
        audio_format = sound.need_string("format")
        part = Audio(data=sound.need_string("data"), cache=cache)
        part.media_type = _AUDIO_TYPES.get(audio_format, f"audio/{audio_format}")
    elif kind == "file":
        part = _read_file(reader.need(kind, reader.reader(kind)))
        part.cache = cache
    elif kind == "document_url":  # Mistral's
        part = _document_at(reader.need_string(kind), reader.string("document_name"))
    else:
        return Native(type=kind, value={"type": kind, **reader.rest()})
    part.extra = reader.rest()
    return part


def _read_cache(reader: ObjectReader) -> CacheMark | None:
    mark = reader.reader("prompt_cache_breakpoint")
    if mark is None:
        return None
    mark.take("mode")  # there is one
    return CacheMark(mark.string("ttl"))


def _read_image(reader: ObjectReader) -> Image:
    return _image_at(reader.need_string("url"), reader.string("detail"))


def _image_at(url: str, detail: str | None) -> Image:
    inline = split_data_url(url)
    if inline is None:
        return Image(url=url, detail=detail)
    return Image(media_type=inline[0], data=inline[1], detail=detail)


def _read_file(reader: ObjectReader) -> Document:
    document, data = Document(name=reader.string("filename")), reader.string("file_data")
    if data is None:
        document.file_id = reader.string("file_id")  # beside data it would be one file too many
    if data is not None:
        inline = split_data_url(data)
        document.media_type, document.data = inline or (type_of_name(document.name or ""), data)
    elif document.file_id is None:
        raise reader.invalid("file_data", "either file_data or file_id is required")
    return document


def _document_at(url: str, name: str | None) -> Document:
    inline = split_data_url(url)
    if inline is None:
        return Document(url=url, name=name)
    return Document(media_type=inline[0], data=inline[1], name=name)


def _read_spoken(reader: ObjectReader) -> Audio:
    audio = Audio(file_id=reader.string("id"), data=reader.string("data"), transcript=reader.string("transcript"))
    audio.extra = reader.rest()
    return audio


def _read_call(reader: ObjectReader, own_id: str | None) -> ToolCall:
    kind = reader.string("type") or "function"
    inner = reader.need(kind, reader.reader(kind)) if kind in ("function", "custom") else None
    if inner is None:
        raise reader.invalid("type", f"unknown kind of tool call {kind!r}")
    is_custom = kind == "custom"
    extra_content = reader.take("extra_content")
    call = ToolCall(
        id=reader.need("id", reader.string("id") or own_id),
        name=inner.need_string("name"),
        arguments=(inner.string("input") or "") if is_custom else _read_arguments(inner),
        is_custom=is_custom,
        signature=read_signature(extra_content),
    )
    reader.take("index")
    call.extra = {**inner.rest(), **reader.rest()}
    beside = extra_content if call.signature is None else _unsigned(extra_content)
    if beside is not None:
        call.extra[_EXTRA_CONTENT] = beside
    return call


def _read_arguments(reader: ObjectReader) -> str:
    """JSON text; some servers, and clients that repeat what these said, write the object itself."""
    if isinstance(reader.peek("arguments"), dict):
        return encode_json(reader.take("arguments")).decode()
    return reader.string("arguments") or ""


def _unsigned(extra_content: object) -> JsonObject | None:
    """What stands beside a thought signature; None for nothing."""
    outer = dict(extra_content) if isinstance(extra_content, dict) else {}
    google = outer.pop("google", None)
    inner = {name: value for name, value in google.items() if name != "thought_signature"} if google else {}
    beside = outer | {"google": inner} if inner else outer
    return beside or None


def read_signature(extra_content: object) -> str | None:
    """Gemini's thought signature, where its compatible endpoint puts it."""
    google = extra_content.get("google") if isinstance(extra_content, dict) else None
    signature = google.get("thought_signature") if isinstance(google, dict) else None
    return signature if isinstance(signature, str) else None


# Writing.


def write_parts(parts: Sequence[Part], losses: Losses) -> str | list[JsonObject]:
    """The `content` of a system or user message: a string where that says it all."""
    if not parts:
        return ""
    only = parts[0]
    if len(parts) == 1 and type(only) is Text and only.cache is None and not losses.own(only.extra):
        if only.signature is not None:
            losses.drop("messages[].content[].signature")
        return only.text
    return [_write_part(part, losses) for part in parts]


def _write_part(part: Part, losses: Losses) -> JsonObject:
    if type(part) is Text:
        wire: JsonObject = {"type": "text", "text": part.text}
    elif type(part) is Image:
        wire = {"type": "image_url", "image_url": _write_image(part, losses)}
    elif type(part) is Audio:
        wire = {"type": "input_audio", "input_audio": _write_audio(part, losses)}
    elif type(part) is Document:
        wire = _write_document(part, losses)
    elif type(part) is Native and losses.is_own:
        return part.value
    else:
        kind = part.type if type(part) is Native else type(part).__name__.lower()
        raise losses.refuse("messages[].content[]", f"a part of type {kind!r} has no counterpart")
    if part.cache is not None:
        _write_cache(part.cache, wire, losses)
    if type(part) is not Audio and part.signature is not None:
        losses.drop("messages[].content[].signature")
    return losses.with_own(wire, part.extra)


def _write_cache(cache: CacheMark, wire: JsonObject, losses: Losses) -> None:
    if not losses.takes_cache_marks:
        losses.drop("messages[].content[].cache_control")
        return
    wire["prompt_cache_breakpoint"] = mark = {"mode": "explicit"}
    if cache.ttl is not None and losses.is_own:
        mark["ttl"] = cache.ttl
    elif cache.ttl is not None:
        losses.drop("messages[].content[].cache_control.ttl")


def _write_image(image: Image, losses: Losses) -> JsonObject:
    url = image_url(image)
    if url is None:
        raise losses.refuse("messages[].content[]", "an image uploaded to another provider")
    wire: JsonObject = {"url": url}
    if image.detail is not None:
        wire["detail"] = image.detail
    return wire


def _write_audio(audio: Audio, losses: Losses) -> JsonObject:
    audio_format = _AUDIO_FORMATS.get(audio.media_type or "")
    if audio_format is None and losses.is_own and audio.media_type:
        audio_format = audio.media_type.removeprefix("audio/")
    if audio.data is None or audio_format is None:
        raise losses.refuse("messages[].content[]", "audio must be WAV or MP3 and part of the request")
    return {"data": audio.data, "format": audio_format}


def _write_document(document: Document, losses: Losses) -> JsonObject:
    """A file, or a text: files are PDF, and OpenAI wants the words of others as text ("File inputs")."""
    if losses.is_own and document.url is not None:
        return _write_address(document, document.url)
    text = None if losses.is_own else text_of(document)
    if losses.has_document_urls and text is None and document.media_type in (None, PDF) and not losses.is_own:
        inline = None if document.data is None else f"data:{PDF};base64,{document.data}"
        address = inline or document.url
        if address is not None:
            return _write_address(document, address)
    if text is None:
        return {"type": "file", "file": _write_file(document, losses)}
    if document.name is not None:
        losses.drop("messages[].content[].title")
    return {"type": "text", "text": text}


def _write_address(document: Document, url: str) -> JsonObject:
    named: JsonObject = {} if document.name is None else {"document_name": document.name}
    return {"type": "document_url", "document_url": url, **named}


def _write_file(document: Document, losses: Losses) -> JsonObject:
    wire: JsonObject = {} if document.name is None else {"filename": document.name}
    media_type = document.media_type
    if losses.is_own:
        if document.file_id is not None:
            wire["file_id"] = document.file_id
        if document.data is not None:
            wire["file_data"] = document.data if media_type is None else f"data:{media_type};base64,{document.data}"
        return wire
    if document.data is None or media_type not in (None, PDF):
        raise losses.refuse("messages[].content[]", "a document must be PDF or text, and part of the request")
    return {"filename": "document.pdf", **wire, "file_data": f"data:{PDF};base64,{document.data}"}


def write_assistant(parts: Sequence[Part], losses: Losses, profile: Profile) -> JsonObject:
    """An assistant message of a request."""
    content: list[JsonObject] = []
    thoughts: list[str] = []
    calls: list[JsonObject] = []
    wire: JsonObject = {"role": "assistant"}
    for part in parts:
        if type(part) is Thinking:
            thoughts.append(part.text)
            _report_thinking(part, losses, profile)
        elif type(part) is ToolCall:
            calls.append(_write_call(part, losses))
        elif type(part) is Refusal:
            wire["refusal"] = f"{wire.get('refusal', '')}{part.text}"
        elif type(part) is Audio:
            wire["audio"] = _write_earlier_audio(part, losses)
        elif type(part) is Native and losses.is_own and part.type == "function_call":
            wire[part.type] = part.value
        else:
            content.append(_write_part(part, losses))
    is_plain = len(content) == 1 and len(content[0]) == 2 and "text" in content[0]
    wire["content"] = content[0]["text"] if is_plain else content or _no_content(wire, calls)
    if any(thoughts) and profile.takes_reasoning_content:
        wire["reasoning_content"] = "".join(thoughts)
    if calls:
        wire["tool_calls"] = calls
    return wire


def _no_content(wire: JsonObject, calls: list[JsonObject]) -> str | None:
    """OpenAI takes null only where something else is said."""
    return None if calls or wire.keys() > {"role"} else ""


def write_message(parts: Sequence[Part], dropped: list[str]) -> JsonObject:
    """The message of an answer; what OpenAI has no field for goes where compatible servers put it."""
    texts = [part.text for part in parts if type(part) is Text]
    wire: JsonObject = {"role": "assistant", "content": "".join(texts) if texts else None, "refusal": None}
    thoughts = "".join([part.text for part in parts if type(part) is Thinking])
    images = [_answer_image(part) for part in parts if type(part) is Image and (part.data or part.url)]
    calls = [_write_answer_call(part) for part in parts if type(part) is ToolCall]
    for name, value in (("reasoning_content", thoughts), ("images", images), ("tool_calls", calls)):
        if value:
            wire[name] = value
    dropped += _signatures(parts)
    refusals = [part.text for part in parts if type(part) is Refusal]
    if refusals:
        wire["refusal"] = "".join(refusals)
    for part in parts:
        if type(part) is Refusal:
            continue
        elif type(part) is Audio:
            wire["audio"] = _write_spoken(part)
        elif type(part) is Native and part.type == "function_call":
            wire[part.type] = part.value
        elif type(part) is Native:
            dropped.append(part.type)
        elif type(part) is Document or type(part) is ToolResult:
            dropped.append(type(part).__name__.lower())
    return wire


def _signatures(parts: Sequence[Part]) -> list[str]:
    """What a client of this format cannot send back, so that it cannot be given to it: by its makers' names."""
    lost: list[str] = []
    for part in parts:
        if type(part) is Thinking:
            lost += ["redacted_thinking"] if part.redacted is not None else []
            lost += ["signature"] if part.signature is not None else []
        elif (type(part) is Text or type(part) is Image or type(part) is Document) and part.signature is not None:
            lost.append("thoughtSignature")
    return list(dict.fromkeys(lost)) if lost else lost


def _answer_image(image: Image) -> JsonObject:
    return {"type": "image_url", "image_url": {"url": image_url(image)}}


def image_url(image: Image) -> str | None:
    """An image as a URL, its bytes as a `data:` URL; None when it is an upload."""
    return image.url if image.data is None else f"data:{image.media_type or 'image/png'};base64,{image.data}"


def _report_thinking(part: Thinking, losses: Losses, profile: Profile) -> None:
    if part.text and not profile.takes_reasoning_content:
        losses.drop("messages[].content[].thinking")
    if part.signature is not None or part.redacted is not None:
        losses.drop("messages[].content[].signature")


def _write_earlier_audio(audio: Audio, losses: Losses) -> JsonObject:
    if not losses.is_own or audio.file_id is None:
        raise losses.refuse("messages[].audio", "audio of an earlier answer belongs to the provider that made it")
    return {"id": audio.file_id} | audio.extra


def _write_spoken(audio: Audio) -> JsonObject:
    named = {"id": audio.file_id or "audio-0", "data": audio.data, "transcript": audio.transcript}
    return {name: value for name, value in named.items() if value is not None} | audio.extra


def _write_call(call: ToolCall, losses: Losses) -> JsonObject:
    if call.signature is not None and not losses.is_own:
        losses.drop("messages[].tool_calls[].extra_content")
    if call.cache is not None:
        losses.drop("messages[].tool_calls[].cache_control")
    return _call(call, wire_id(call.id, losses), losses.own(call.extra), losses.is_own)


def _write_answer_call(call: ToolCall) -> JsonObject:
    return _call(call, call.id, {}, True)


def wire_id(call_id: str, losses: Losses) -> str:
    """A call id that OpenAI takes, at most 40 characters. Longer ones of other providers are cut, and stay distinct."""
    if losses.is_own or len(call_id) <= _LONGEST_ID:
        return call_id
    return f"{call_id[: _LONGEST_ID - 17]}_{hashlib.blake2s(call_id.encode(), digest_size=8).hexdigest()}"


def _call(call: ToolCall, call_id: str, extra: JsonObject, is_signed: bool) -> JsonObject:
    kind, arguments = ("custom", "input") if call.is_custom else ("function", "arguments")
    said = call.arguments if call.is_custom else call.arguments or "{}"
    if not extra and call.signature is None:
        return {"id": call_id, "type": kind, kind: {"name": call.name, arguments: said}}
    beside = {name: value for name, value in extra.items() if name != _EXTRA_CONTENT}
    wire: JsonObject = {"id": call_id, "type": kind, kind: {"name": call.name, arguments: said} | beside}
    extra_content = extra.get(_EXTRA_CONTENT)
    if call.signature is not None and is_signed:
        outer = extra_content if isinstance(extra_content, dict) else {}
        google = outer.get("google")
        inner = google if isinstance(google, dict) else {}
        extra_content = outer | {"google": inner | {"thought_signature": call.signature}}
    return wire if extra_content is None else wire | {_EXTRA_CONTENT: extra_content}


def write_tool_results(results: Sequence[Part], losses: Losses) -> list[JsonObject]:
    """One message per result. What is not text goes into a user message after them: OpenAI's results are text only."""
    wire: list[JsonObject] = []
    shown: list[Part] = []
    for result in results:
        if type(result) is ToolResult:
            wire.append(_write_result(result, shown, losses))
        elif type(result) is Native and losses.is_own:
            wire.append(result.value)
        else:
            raise losses.refuse("messages[].content[]", "a tool message holds only tool results")
    if shown:
        wire.append({"role": "user", "content": write_parts(shown, losses)})
    return wire


def _write_result(result: ToolResult, shown: list[Part], losses: Losses) -> JsonObject:
    call_id = wire_id(result.call_id, losses)
    texts: list[Part] = [part for part in result.parts if type(part) is Text]
    others: list[Part] = []
    for part in result.parts:
        if type(part) is Document and part.text is not None:
            texts.append(Text(text=part.text, cache=part.cache))
            if part.name is not None:
                losses.drop("messages[].tool_results[].content[].title")
        elif type(part) is Native and not losses.is_own:
            texts.append(Text(text=encode_json(part.value).decode()))
        elif type(part) is not Text:
            others.append(part)
    if others:
        shown.append(Text(text=f"Result of tool call {call_id}:"))
        shown += others
        texts = texts or [Text(text=_IN_NEXT_MESSAGE)]
    if result.is_error and not result.is_object:  # an object says so itself
        losses.drop("messages[].tool_results[].is_error")
    if result.cache is not None:
        losses.drop("messages[].tool_results[].cache_control")
    message: JsonObject = {"role": "tool", "tool_call_id": call_id, "content": write_parts(texts, losses)}
    return losses.with_own(message, result.extra)
