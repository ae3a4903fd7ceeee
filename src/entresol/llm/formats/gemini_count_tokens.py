"""Wire format `gemini-count-tokens`: `POST /v1beta/models/{model}:countTokens`, how many tokens a request would be.

Source: Gemini API reference (v1beta), "models.countTokens", which takes `contents` alone or a whole
`generateContentRequest`; Vertex AI reference, "CountTokensRequest", which takes parts of such a request beside each
other. A body of the one kind becomes one of the other where the provider needs that.
"""

import re
from typing import Final
from urllib.parse import unquote

from entresol.core.errors import ClientError
from entresol.llm.counting import Countable, CountFormat, countable_body
from entresol.llm.format import (
    Encoded,
    Fields,
    Opened,
    Options,
    Profile,
    Unsupported,
    bad_request,
    encode_json,
    raw_json,
    read_fields,
)
from entresol.llm.formats.gemini import Gemini
from entresol.llm.gemini_wire import GeminiFormat
from entresol.llm.types import ChatRequest

_PATH: Final = re.compile(r"/(?:models/|(?=tunedModels/))(.+):(\w+)$")
_WHOLE: Final = ("generateContentRequest", "generate_content_request")
_PARTS: Final = frozenset(("contents", "systemInstruction", "tools", "generationConfig"))
_TAKEN: Final = Countable(frozenset(("tools", "response_format", "reasoning", "modalities")), _PARTS)
"""At Vertex AI."""
_BOTH: Final = "contents and generateContentRequest exclude each other"


class GeminiCountTokens(CountFormat, GeminiFormat):
    """Gemini's token counting."""

    name = "gemini-count-tokens"
    chat = Gemini()
    count_field = "totalTokens"
    method = "countTokens"

    def inspect(self, fields: Fields, path: str = "", query: str = "") -> Opened:
        return Opened(fields, _model_in(path, self.method), False)

    def close(self, opened: Opened, model: str, stream: bool, options: Options, profile: Profile) -> bytes:
        fields = opened.fields
        whole = _whole(fields)
        if whole is None:
            if profile.counts_whole_requests and fields.keys() - {"contents"}:
                return encode_json({_WHOLE[0]: fields | {"model": raw_json(_full_name(model))}})
        elif profile.counts_whole_requests:
            named = whole | {"model": raw_json(_full_name(model))}
            if named != whole:
                opened.put(_WHOLE[0] if _WHOLE[0] in fields else _WHOLE[1], named)
        else:
            return encode_json(_parts(whole, profile.provider))
        return encode_json(fields) if opened.body is None else opened.body

    def decode_request(self, body: bytes, path: str = "", query: str = "") -> ChatRequest:
        fields = read_fields(body)
        whole = _whole(fields)
        request = self.chat.decode_request(body if whole is None else encode_json(whole))
        if whole is not None:
            request.unread += [name for name in fields if name not in _WHOLE]
        request.model = _model_in(path, self.method) or ""
        return request

    def encode_request(self, request: ChatRequest, profile: Profile) -> Encoded:
        if not profile.counts_whole_requests:
            fields, dropped = countable_body(self.chat, request, profile, _TAKEN)
            return Encoded(encode_json(fields), dropped)
        fields, dropped = countable_body(self.chat, request, profile, None)
        return Encoded(encode_json({_WHOLE[0]: {"model": _full_name(request.model), **fields}}), dropped)


def _model_in(path: str, method: str) -> str | None:
    """The model that a client's path names. Raises ClientError `bad_request` for another method."""
    match = _PATH.search(path)
    if match is None:
        return None
    if match[2] != method:
        raise ClientError("bad_request", f"{match[2]} is not supported: only {method} is")
    return unquote(match[1])


def _whole(fields: Fields) -> Fields | None:
    """The whole request within a body, if there is one. Raises ClientError `bad_request` for two requests in one."""
    found = [name for name in _WHOLE if name in fields and bytes(fields[name]) != b"null"]
    if not found:
        return None
    if len(found) > 1 or "contents" in fields:
        raise bad_request(found[0], _BOTH)
    try:
        return read_fields(bytes(fields[found[0]]))
    except ClientError as error:
        raise bad_request(found[0], "expected an object") from error


def _parts(whole: Fields, provider: str) -> Fields:
    """A whole request's parts. Raises ClientError `unsupported_by_provider` for what has no place among them."""
    parts = {name: raw for name, raw in whole.items() if name != "model"}
    for name in parts:
        if _camel(name) not in _PARTS:
            raise Unsupported(provider, f"{_WHOLE[0]}.{name}", f"it counts only {', '.join(sorted(_PARTS))}")
    return parts


def _full_name(model: str) -> str:
    return model if model.startswith(("models/", "tunedModels/")) else f"models/{model}"


def _camel(name: str) -> str:
    first, *more = name.split("_")
    return first + "".join(word.capitalize() for word in more)
