"""The text of prompts, wherever a request to a model may hold it: for guards, which must overlook nothing.

It reads every wire format at once, because a guard that only looks where its configuration expects text can be walked
around: OpenAI (chat, completions, responses, embeddings, images, speech), Anthropic, Gemini, Bedrock, Cohere, Ollama
and Hugging Face. Text in parts, tool results, documents and inlined text files counts. What cannot be read (prompts as
token numbers) and what another parser might read differently (repeated keys) is refused.
"""

import json
import re
from base64 import b64decode
from binascii import Error as Base64Error
from contextlib import suppress
from typing import Any, Final

import msgspec

from entresol.core.errors import ClientError
from entresol.llm.format import decode_json, decode_request_as

USER: Final = "user"
ASSISTANT: Final = "assistant"
SYSTEM: Final = "system"
TOOL: Final = "tool"

_SYSTEM_FIELDS: Final = ("system", "systeminstruction", "system_instruction", "instructions", "preamble")
_USER_FIELDS: Final = (
    "chat_history", "messages", "contents", "content", "message", "prompt", "input", "inputs", "inputtext", "texts",
    "suffix", "query", "requests", "template", "context", "documents",
)  # fmt: skip
_PLACES: Final = dict.fromkeys(_SYSTEM_FIELDS, SYSTEM) | dict.fromkeys(_USER_FIELDS, USER) | {"prediction": ASSISTANT}
"""Top-level fields that hold text, and whose it is unless a turn says otherwise; lower case."""
_WHOLE: Final = ("generatecontentrequest", "generate_content_request")
"""A request within one of Gemini's that counts its tokens."""
_TEXT_KEYS: Final = frozenset(
    ("content", "text", "parts", "message", "refusal", "output", "summary", "thinking", "title", "context", "source",
     "document", "documents", "file", "search_result", "toolresult", "tool_result", "functionresponse",
     "function_response", "functioncall", "function_call", "function", "tool_calls", "tooluse", "tool_use",
     "executablecode", "executable_code", "codeexecutionresult", "code_execution_result", "code", "inlinedata",
     "inline_data", "guardcontent", "name", "query", "data", "bytes", "file_data", "snippet", "instruction", "custom",
     "reasoning_content", "reasoning", "audio", "transcript", "citations", "cited_text", "filename", "displayname",
     "display_name", "image_url", "tool_name", "tool_plan")
)  # fmt: skip
"""Keys below a turn whose values hold text or lead to it; lower case."""
_FREE_KEYS: Final = frozenset(("response", "args", "arguments", "input", "json", "variables", "result"))
"""Keys whose values have any shape: every string below them is text."""
_ROLES: Final = {"model": ASSISTANT, "chatbot": ASSISTANT, "function": TOOL, "developer": SYSTEM}
_ROLES_BY_TYPE: Final = {"function_call": ASSISTANT, "reasoning": ASSISTANT, "function_call_output": TOOL}

_QUOTED: Final = {name: b'"%b"' % name.encode("ascii") for name in (*_PLACES, *_TEXT_KEYS, "role")}
ESCAPED_LETTER: Final = re.compile(rb"\\u00(?:[46][1-9a-fA-F]|[57][0-9aA]|5[fF])")
"""An ASCII letter (or `_`) in its longer spelling: a key may be hidden behind one."""
_NO_TEXT: Final = ("image/", "audio/", "video/", "font/", "application/pdf")
"""Media types of what is not read; any other file is, if it is text."""
_DATA_URL: Final = re.compile(r"data:([^,;]*)[^,]*;base64,", re.IGNORECASE)
_DOCUMENT_KEYS: Final = frozenset(("data", "id"))
"""All that Cohere's documents have: their data are words."""
_TEXT_DOCUMENTS: Final = frozenset(("txt", "csv", "html", "md"))


class Prompt(msgspec.Struct):
    """What one turn says, in its parts."""

    role: str
    """`user`, `assistant`, `system`, `tool`, or what the request calls it."""
    texts: list[str]
    place: str = ""
    """The top-level field it is in. A request may have several, of which a provider reads one."""


def read_prompts(body: bytes) -> list[Prompt]:
    """Every turn of a request, oldest to newest in each field. Turns without text are in it too.

    Raises ClientError `bad_json`, `prompt_not_found` (no field that holds prompts), `prompt_not_readable` (token
    numbers) or `repeated_json_key`.
    """
    fields = decode_request_as(decode_json, body)
    if not isinstance(fields, dict):
        raise ClientError("prompt_not_found", "the request body is not a JSON object with a prompt")
    reader = _Reader()
    try:
        _read_fields(fields, reader)
        if not reader.place:
            raise ClientError("prompt_not_found", "the request body has no field with a prompt")
        if reader.may_repeat_keys(body):
            refuse_repeated_keys(body)
    except RecursionError as error:
        raise ClientError("bad_json", "the request body is nested too deeply") from error
    return reader.prompts


def _read_fields(fields: dict[str, Any], reader: "_Reader") -> None:
    """The top level of a request, or of one within a request that counts its tokens."""
    for name, value in fields.items():
        key = name.lower()
        role = _PLACES.get(key)
        if role is not None:
            reader.begin(name)
            if key == "documents":
                reader.read_documents(value)
            else:
                reader.read_turns(value, role)
        if key in _WHOLE and isinstance(value, dict):
            reader.meet(name)
            _read_fields(value, reader)
        elif key == "input" and isinstance(value, dict):
            _read_input(value, reader)


def _read_input(given: dict[str, Any], reader: "_Reader") -> None:
    """What Bedrock counts: a Converse request, or the body of an InvokeModel request in base64."""
    for name, value in given.items():
        key = name.lower()
        if key not in ("converse", "invokemodel") or not isinstance(value, dict):
            continue
        reader.meet(name)
        if key == "converse":
            _read_fields(value, reader)
            continue
        for inner, coded in value.items():
            if inner.lower() == "body":
                reader.meet(inner)
                body: list[str] = []
                _encoded(coded, body)
                reader.prompts += [prompt for text in body for prompt in read_prompts(text.encode())]


def refuse_repeated_keys(body: bytes) -> None:
    """Raise ClientError `repeated_json_key` if an object of the (valid) JSON text has a key twice.

    Parsers differ in which one counts (RFC 8259 §4), so a provider might read what a guard has not.
    """
    json.loads(body, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ClientError("repeated_json_key", "the request body has a JSON object in which a key is repeated")


class _Reader:
    """Walks a decoded body. It counts the keys it meets: more of them in the bytes means that some were repeated."""

    __slots__ = ("is_free", "met", "place", "prompts")

    def __init__(self) -> None:
        self.prompts: list[Prompt] = []
        self.met: dict[str, int] = {}
        self.place = ""
        self.is_free = False

    def begin(self, place: str) -> None:
        """A top-level field that may hold prompts comes now."""
        self.meet(place)
        self.place = place

    def meet(self, key: str) -> None:
        """A key that leads to prompts."""
        self.met[key] = self.met.get(key, 0) + 1

    def may_repeat_keys(self, body: bytes) -> bool:
        """Whether a key may be repeated. May be wrong when it says so, never when it does not."""
        if self.is_free or ESCAPED_LETTER.search(body) is not None:
            return True
        for key, times in self.met.items():
            quoted = _QUOTED.get(key) or _quoted(key)
            if body.count(quoted) > times and len(re.findall(re.escape(quoted) + rb"\s*:", body)) > times:
                return True
        return False

    def read_turns(self, value: Any, role: str) -> None:
        """A prompt, a turn, or a list of them."""
        if isinstance(value, str):
            self.prompts.append(Prompt(role, [value], self.place))
        elif isinstance(value, dict):
            self._turn(value, role)
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, list):
                    raise _not_readable()
                self.read_turns(item, role)
        elif value is not None:
            raise _not_readable()

    def read_documents(self, value: Any) -> None:
        """Texts that go along with the user's words (Cohere), or that are to be ranked: together they are one turn."""
        texts: list[str] = []
        self._text(value, texts)
        self.prompts.append(Prompt(USER, texts, self.place))

    def _turn(self, turn: dict[str, Any], role: str) -> None:
        texts: list[str] = []
        content = turn.get("content")
        name = turn.get("role")
        if len(turn) == 2 and isinstance(name, str) and isinstance(content, str):  # nearly every turn there is
            texts.append(content)
            self.met["content"] = self.met.get("content", 0) + 1
        else:
            name = self._role_of(turn)
            self._object(turn, texts)
        if name is not None:
            self.met["role"] = self.met.get("role", 0) + 1
            if role != SYSTEM:  # an instruction stays one, whatever role it claims: Google's SDK says `user`
                name = name.lower()
                role = _ROLES.get(name, name)
        elif role != SYSTEM:
            kind = turn.get("type")
            role = _ROLES_BY_TYPE.get(kind, role) if isinstance(kind, str) else role
        self.prompts.append(Prompt(role, texts, self.place))

    def _role_of(self, turn: dict[str, Any]) -> str | None:
        """What a turn says its role is. Where it says so twice, or not with a word, it is checked as the user's."""
        said = [value for key, value in turn.items() if key.lower() == "role"]
        if not said:
            return None
        return said[0] if len(said) == 1 and isinstance(said[0], str) else USER

    def _text(self, value: Any, texts: list[str]) -> None:
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, list):
            for item in value:
                self._text(item, texts)
        elif isinstance(value, dict):
            self._object(value, texts)

    def _object(self, value: dict[str, Any], texts: list[str]) -> None:
        met = self.met
        for key, item in value.items():
            name = key.lower()
            if name in _TEXT_KEYS:
                met[key] = met.get(key, 0) + 1
                if name in _CODED:
                    self.is_free = self.is_free or (name in ("data", "document") and isinstance(item, dict))
                    _CODED[name](value, item, texts)
                else:
                    self._text(item, texts)
            elif name in _FREE_KEYS:
                self.is_free = self.is_free or not isinstance(item, str)
                _every_string(item, texts)


def _quoted(key: str) -> bytes:
    return b'"%b"' % key.encode("utf-8", "replace")


def _every_string(value: Any, texts: list[str]) -> None:
    if isinstance(value, str):
        texts.append(value)
    elif isinstance(value, list):
        for item in value:
            _every_string(item, texts)
    elif isinstance(value, dict):
        for key, item in value.items():
            texts.append(key)
            _every_string(item, texts)


# Text files inside a request: read if they say that they are text.


def _data(holder: dict[str, Any], value: Any, texts: list[str]) -> None:
    """`data` of Anthropic's `source` (plain or base64), of Gemini's `inlineData` (base64), of Cohere's documents."""
    if holder.get("type") == "text" or isinstance(value, dict) or holder.keys() <= _DOCUMENT_KEYS:
        _every_string(value, texts)
        return
    for name in ("mimeType", "mime_type", "media_type"):
        kind = holder.get(name)
        if isinstance(kind, str):
            _file(kind, value, texts)


def _document(holder: dict[str, Any], value: Any, texts: list[str]) -> None:
    """Bedrock's document: `{"format": "txt", "name": …, "source": {"bytes": …}}`; elsewhere an object with text."""
    if isinstance(value, dict) and value.get("format") in _TEXT_DOCUMENTS and isinstance(value.get("source"), dict):
        _encoded(value["source"].get("bytes"), texts)
    _every_string(_without_bytes(value), texts)


def _file_data(holder: dict[str, Any], value: Any, texts: list[str]) -> None:
    """OpenAI's file: a data URL, or base64 alone."""
    if isinstance(value, str) and not _data_url(value, texts):
        _file("", value, texts)


def _image_url(holder: dict[str, Any], value: Any, texts: list[str]) -> None:
    """OpenAI's image: a URL, in chat inside an object. A data URL may hold any file."""
    url = value.get("url") if isinstance(value, dict) else value
    if isinstance(url, str):
        _data_url(url, texts)


def _data_url(url: str, texts: list[str]) -> bool:
    head = _DATA_URL.match(url)
    if head is not None:
        _file(head.group(1), url[head.end() :], texts)
    return head is not None


def _file(kind: str, value: Any, texts: list[str]) -> None:
    """A file as base64. One that says it is text must be; one that does not may be."""
    kind = kind.strip().lower()
    if kind.startswith("text/"):
        _encoded(value, texts)
    elif not kind.startswith(_NO_TEXT):
        with suppress(ClientError):
            _encoded(value, texts)


def _nothing(holder: dict[str, Any], value: Any, texts: list[str]) -> None:
    """Bytes whose kind nobody says."""


def _without_bytes(value: Any) -> Any:
    if isinstance(value, dict):
        is_document = value.keys() <= _DOCUMENT_KEYS
        return {
            key: _without_bytes(item)
            for key, item in value.items()
            if key != "bytes" and (key != "data" or is_document or isinstance(item, dict))
        }
    return value


def _encoded(value: Any, texts: list[str]) -> None:
    if not isinstance(value, str):
        return
    try:
        texts.append(b64decode(value + "==", altchars=b"-_" if "-" in value or "_" in value else None).decode())
    except (Base64Error, ValueError) as error:
        raise ClientError("prompt_not_readable", "a text file in the request body is not base64 of UTF-8") from error


_CODED: Final = {
    "data": _data, "document": _document, "file_data": _file_data, "image_url": _image_url, "bytes": _nothing
}  # fmt: skip


def _not_readable() -> ClientError:
    return ClientError("prompt_not_readable", "a prompt of token numbers cannot be checked: send it as text")
