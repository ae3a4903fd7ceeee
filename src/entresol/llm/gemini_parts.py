"""The content of Gemini's turns: parts, in both directions.

Source: Gemini API reference (v1beta), "Content", "Part", "FunctionCall", "FunctionResponse"; "Thought signatures".
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from entresol.llm.format import Losses, encode_json
from entresol.llm.media_types import is_http, standard_base64, type_of_name
from entresol.llm.reading import ObjectReader
from entresol.llm.signatures import GEMINI, REDACTED, for_client, for_provider, signed_by
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
MADE_ID: Final = "gcall_"
"""Starts the ids that stand in for those that Gemini leaves out. They are never sent to Gemini."""
_FILES: Final = "https://generativelanguage.googleapis.com/"
ANY_SIGNATURE: Final = base64.b64encode(b"skip_thought_signature_validator").decode()
"""What Gemini takes in place of a signature for calls that another model made ("Thought signatures", FAQ)."""


class CallIds:
    """Ids for calls and results that have none: from the place in the conversation, so that they stay the same."""

    def __init__(self) -> None:
        self._open: list[ToolCall] = []
        self._count = 0

    def of_call(self, call: ToolCall) -> None:
        """Name a call, and remember it until its result comes."""
        self._count += 1
        if not call.id:
            call.id = f"{MADE_ID}{self._count}_{call.name}"
        self._open.append(call)

    def of_result(self, name: str) -> str:
        """The id of the oldest call of that name without a result."""
        for call in self._open:
            if call.name == name:
                self._open.remove(call)
                return call.id
        return f"{MADE_ID}0_{name}"

    def answered(self, call_id: str) -> None:
        """A result named its call."""
        self._open = [call for call in self._open if call.id != call_id]


def made_id(response_id: str, choice: int, position: int, name: str, arguments: str) -> str:
    """An id for a call in an answer: unique in a conversation, the same each time the answer is read."""
    seed = f"{response_id}\0{choice}\0{position}\0{name}\0{arguments}"
    return MADE_ID + hashlib.blake2s(seed.encode(), digest_size=12).hexdigest()


# Reading.


_SNAKE: Final[dict[str, str]] = {}
"""The other spelling of the fields that were asked for."""


def named(reader: ObjectReader, name: str) -> str:
    """The spelling of a field that is there: the API takes camelCase and snake_case alike."""
    snake = _SNAKE.get(name)
    if snake is None:
        snake = _SNAKE[name] = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return name if reader.peek(snake) is None else snake


def read_part(reader: ObjectReader, ids: CallIds | None) -> Part:
    """One part, of a request or (`ids` None) of an answer, whose calls then still lack their ids."""
    signature = reader.string(named(reader, "thoughtSignature"))
    part = _read_data(reader, ids)
    if type(part) is Native:
        if signature is not None:
            part.value["thoughtSignature"] = signature
        return part
    if type(part) is Thinking:
        said = _unwrapped(signature)
        if said is not None and said.startswith(REDACTED):
            part.redacted = said[len(REDACTED) :]
        else:
            part.signature = signed_by(said, GEMINI)
    elif signature is not None:
        if type(part) is Text or type(part) is ToolCall or type(part) is Image or type(part) is Document:
            part.signature = signature
        else:
            part.extra["thoughtSignature"] = signature
    for name, value in reader.rest().items():
        if value is not None:
            part.extra[name] = value
    return part


def _unwrapped(signature: str | None) -> str | None:
    """Another maker's signature inside what a Gemini client takes for bytes of Gemini's."""
    if signature is None:
        return None
    try:
        text = base64.b64decode(signature.translate({45: 43, 95: 47}), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return signature
    return text if signed_by(text.removeprefix(REDACTED), GEMINI) == text.removeprefix(REDACTED) else signature


def _read_data(reader: ObjectReader, ids: CallIds | None) -> Part:
    if reader.peek("text") is not None:
        text = reader.need_string("text")
        return Thinking(text=text) if reader.boolean("thought") else Text(text=text)
    call = reader.reader(named(reader, "functionCall"))
    if call is not None:
        return _read_call(call, ids)
    result = reader.reader(named(reader, "functionResponse"))
    if result is not None:
        return _read_result(result, ids)
    blob = reader.reader(named(reader, "inlineData"))
    if blob is not None:
        return _read_blob(blob)
    file = reader.reader(named(reader, "fileData"))
    if file is not None:
        return _read_file(file)
    if reader.boolean("thought"):
        return Thinking()
    fields = {name: value for name, value in reader.rest().items() if value is not None}
    for name in list(fields):
        reader.take(name)
    return Native(type=next(iter(fields), "empty part"), value=fields)


def _read_call(reader: ObjectReader, ids: CallIds | None) -> ToolCall:
    call = ToolCall(id=reader.string("id") or "", name=reader.need_string("name"))
    call.arguments = encode_json(reader.mapping("args") or {}).decode()
    call.extra = {f"functionCall.{name}": value for name, value in reader.rest().items() if value is not None}
    if ids is not None:
        ids.of_call(call)
    return call


def _read_result(reader: ObjectReader, ids: CallIds | None) -> ToolResult:
    name = reader.need_string("name")
    call_id = reader.string("id")
    if call_id is None:
        call_id = "" if ids is None else ids.of_result(name)
    elif ids is not None:
        ids.answered(call_id)
    response = reader.mapping("response") or {}
    result = ToolResult(call_id=call_id, name=name, is_object=True)
    result.is_error = response.keys() == {"error"}
    result.parts.append(Text(text=encode_json(response).decode()))
    for part in reader.readers("parts") or []:
        read = read_part(part, None)
        if not isinstance(read, Text | Image | Audio | Document | Native):
            raise reader.invalid("parts", "a function response holds text, media and files")
        result.parts.append(read)
    result.extra = {f"functionResponse.{key}": value for key, value in reader.rest().items() if value is not None}
    return result


def _read_blob(reader: ObjectReader) -> Image | Audio | Document:
    media_type = reader.need_string(named(reader, "mimeType"))
    data = standard_base64(reader.need_string("data"))
    name = reader.string(named(reader, "displayName"))
    if media_type.startswith("image/"):
        part: Image | Audio | Document = Image(data=data, media_type=media_type)
    elif media_type.startswith("audio/"):
        part = Audio(data=data, media_type=media_type)
    else:
        return Document(data=data, media_type=media_type, name=name)
    if name is not None:
        part.extra["inlineData.displayName"] = name
    return part


def _read_file(reader: ObjectReader) -> Image | Audio | Document:
    media_type = reader.string(named(reader, "mimeType"))
    uri = reader.need_string(named(reader, "fileUri"))
    media_type = media_type or type_of_name(uri)
    name = reader.string(named(reader, "displayName"))
    is_upload = uri.startswith((_FILES, "gs://"))
    file_id, url = (uri, None) if is_upload else (None, uri)
    kind = (media_type or "").partition("/")[0]
    if kind == "image":
        part: Image | Audio | Document = Image(url=url, file_id=file_id, media_type=media_type)
    elif kind == "audio":
        part = Audio(url=url, file_id=file_id, media_type=media_type)
    else:
        return Document(url=url, file_id=file_id, media_type=media_type, name=name)
    if name is not None:
        part.extra["fileData.displayName"] = name
    return part


# Writing, requests.


def write_parts(parts: Sequence[Part], names: dict[str, str], losses: Losses) -> list[JsonObject]:
    """The `parts` of one turn of a request. `names` finds the tool of a result."""
    wire: list[JsonObject] = []
    waiting: str | None = None
    for part in parts:
        if type(part) is Thinking:
            waiting = _write_thinking(part, wire, losses) or waiting
            continue
        written = _write_part(part, names, losses)
        if written is None:
            continue
        if waiting is not None:
            written.setdefault("thoughtSignature", waiting)
            waiting = None
        wire.append(written)
    if waiting is not None:
        losses.drop(f"{_PATH}.signature")
    return wire


def _write_thinking(part: Thinking, wire: list[JsonObject], losses: Losses) -> str | None:
    """Reasoning goes back only where it came from. Returns a signature that belongs to the next part."""
    signature = for_provider(part.signature, GEMINI)
    if signature is not None and not part.text:
        return signature
    if losses.is_own or signature is not None:
        written: JsonObject = losses.with_own({"text": part.text, "thought": True}, part.extra)
        wire.append(written if signature is None else written | {"thoughtSignature": signature})
    else:
        losses.drop(f"{_PATH}.thinking")
    return None


def _write_part(part: Part, names: dict[str, str], losses: Losses) -> JsonObject | None:
    if type(part) is Native:
        if not losses.is_own:
            raise losses.refuse(_PATH, f"a part of type {part.type!r} has no counterpart")
        return part.value
    if type(part) is Text or type(part) is Refusal:
        if not part.text:
            return None
        wire: JsonObject = {"text": part.text}
    elif type(part) is ToolCall:
        wire = {"functionCall": _write_call(part, losses)}
    elif type(part) is ToolResult:
        wire = {"functionResponse": _write_result(part, names, losses)}
    elif type(part) is Thinking:
        return None
    else:
        wire = write_media(part, losses)
    if type(part) is not Refusal:
        _report_cache(part.cache, losses)
        if type(part) is not Audio and type(part) is not ToolResult and part.signature is not None:
            wire["thoughtSignature"] = part.signature
    return _with_extra(wire, losses.own(part.extra))


def _with_extra(wire: JsonObject, extra: JsonObject) -> JsonObject:
    for name, value in extra.items():
        outer, _, inner = name.partition(".")
        nested = wire.get(outer)
        if inner and isinstance(nested, dict):
            nested[inner] = value
        else:
            wire[name] = value
    return wire


def _report_cache(cache: CacheMark | None, losses: Losses) -> None:
    if cache is not None:
        losses.drop(f"{_PATH}.cache_control")  # Gemini caches by itself, or by cachedContent


def _write_call(call: ToolCall, losses: Losses) -> JsonObject:
    if call.is_custom:
        raise losses.refuse(_PATH, "it has no tools with free text as input")
    arguments = arguments_object(call)
    wire: JsonObject = {"name": call.name, "args": {"arguments": call.arguments} if arguments is None else arguments}
    return wire if call.id.startswith(MADE_ID) or not call.id else {"id": call.id} | wire


def _write_result(result: ToolResult, names: dict[str, str], losses: Losses) -> JsonObject:
    name = result.name or names.get(result.call_id)
    if name is None:
        raise losses.refuse(
            "messages[].tool_call_id", f"no tool call with id {result.call_id!r} comes before its result"
        )
    texts = [
        part.text for part in result.parts if (type(part) is Text or type(part) is Document) and part.text is not None
    ]
    others = [part for part in result.parts if type(part) is not Text and type(part) is not Native]
    media = [part for part in others if not _is_text(part)]
    for part in result.parts:
        if type(part) is Native:
            if not losses.is_own:
                texts.append(encode_json(part.value).decode())
        else:
            _report_cache(part.cache, losses)
            if type(part) is Document and part.text is not None and part.name is not None:
                losses.drop("messages[].tool_results[].content[].title")
    wire: JsonObject = {"name": name, "response": _response(texts, result)}
    if media:
        wire["parts"] = [write_media(part, losses) for part in media]
    if result.call_id and not result.call_id.startswith(MADE_ID):
        wire["id"] = result.call_id
    return wire


def _is_text(part: Image | Audio | Document) -> bool:
    return type(part) is Document and part.text is not None


def _response(texts: list[str], result: ToolResult) -> object:
    """A result as the object that Gemini wants: as it is when it is one, else under `output`, or `error`."""
    text = "\n".join(texts)
    value: object = text
    if text.startswith("{"):
        try:
            value = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            value = text
    if result.is_object and isinstance(value, dict):
        return value
    if result.is_error:
        return {"error": value}
    return value if isinstance(value, dict) else {"output": value}


def write_media(part: Image | Audio | Document, losses: Losses | None) -> JsonObject:
    """A file as `inlineData` or `fileData`. Raises, where `losses` can, for what Gemini cannot reach."""
    if losses is not None and type(part) is Image and part.detail is not None:
        losses.drop(f"{_PATH}.image_url.detail")
    name: JsonObject = {"displayName": part.name} if type(part) is Document and part.name is not None else {}
    if type(part) is Document and part.text is not None:
        return {"inlineData": {"mimeType": "text/plain", "data": base64.b64encode(part.text.encode()).decode()} | name}
    if part.data is not None:
        return {"inlineData": {"mimeType": part.media_type or _default_type(part), "data": part.data} | name}
    uri = part.url if part.url is not None or (losses is not None and not losses.is_own) else part.file_id
    if losses is not None and not losses.is_own and not is_http(uri):
        why = "a file uploaded to another provider" if uri is None else "a file must be base64 or an http URL"
        raise losses.refuse(_PATH, why)
    media_type = part.media_type or type_of_name(uri or "")
    file: JsonObject = {"fileUri": uri} if media_type is None else {"mimeType": media_type, "fileUri": uri}
    return {"fileData": file | name}


def _default_type(part: Image | Audio | Document) -> str:
    if type(part) is Image:
        return "image/png"
    return "audio/wav" if type(part) is Audio else "application/pdf"


# Writing, answers.


def answer_parts(parts: Sequence[Part], is_own: bool, dropped: list[str]) -> list[JsonObject]:
    """The `parts` of an answer; what Gemini's clients do not know is dropped by name."""
    wire: list[JsonObject] = []
    for part in parts:
        if type(part) is Thinking:
            wire.append(answer_thinking(part.text, part.signature, part.redacted))
        elif type(part) is Text or type(part) is Refusal:
            text: JsonObject = {"text": part.text}
            if type(part) is Text and part.signature is not None:
                text["thoughtSignature"] = part.signature
            wire.append(text)
        elif type(part) is ToolCall:
            wire.append(answer_call(part))
        elif (type(part) is Image or type(part) is Audio or type(part) is Document) and (
            part.data is not None or part.url is not None
        ):
            wire.append(write_media(part, None))
        elif type(part) is Native and is_own:
            wire.append(part.value)
        else:
            dropped.append(part.type if type(part) is Native else type(part).__name__.lower())
            continue
        if is_own and type(part) is not Native:
            _with_extra(wire[-1], part.extra)
        elif type(part) is not Native:
            dropped += part.extra
            dropped += ["transcript"] if type(part) is Audio and part.transcript is not None else []
    return wire


def answer_thinking(text: str, signature: str | None, redacted: str | None) -> JsonObject:
    """A thought. What another maker signed or encrypted is wrapped: Gemini's clients take the field for base64."""
    wire: JsonObject = {"text": text, "thought": True}
    if signature is None and redacted is not None:
        signature = f"{REDACTED}{redacted}"
    if signature is not None:
        bare = for_provider(signature, GEMINI)
        wrapped = base64.b64encode((for_client(signature, GEMINI) or "").encode()).decode()
        wire["thoughtSignature"] = wrapped if bare is None else bare
    return wire


def answer_call(call: ToolCall) -> JsonObject:
    """A function call of an answer."""
    arguments = arguments_object(call)
    function: JsonObject = {"name": call.name}
    function["args"] = {"arguments": call.arguments} if arguments is None else arguments
    if call.id and not call.id.startswith(MADE_ID):
        function = {"id": call.id} | function
    wire: JsonObject = {"functionCall": function}
    return wire if call.signature is None else wire | {"thoughtSignature": call.signature}
