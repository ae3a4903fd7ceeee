"""Counting tokens: how many a chat request would read. The canonical answer, and what formats of this operation share.

A request to count is a chat request, so the chat format of the same vendor reads and writes it (`CountFormat`). What
decides only how an answer is made (sampling, limits, tiers) is not counted: it is left out and reported.
"""

from typing import ClassVar, Final, NamedTuple

import msgspec

from entresol.llm.call_facts import CallFacts
from entresol.llm.embeddings import left_over
from entresol.llm.format import (
    ChatFormat,
    Encoded,
    Fields,
    Opened,
    Profile,
    TranslatableFormat,
    Unsupported,
    bad_field,
    decode_json,
    decode_response_as,
    encode_json,
    read_fields,
)
from entresol.llm.opened import opened_fields
from entresol.llm.reading import ObjectReader
from entresol.llm.types import CallResponse, ChatRequest, JsonObject

_decode_fields: Final = msgspec.json.Decoder(Fields).decode
_decode_count: Final = msgspec.json.Decoder(int).decode
_ALWAYS: Final = frozenset(("binding", "extra", "include_usage", "messages", "model", "origin", "stream", "unread"))
_DEFAULTS: Final[dict[str, object]] = {
    field.name: field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    for field in msgspec.structs.fields(ChatRequest)
    if not field.required and field.name not in _ALWAYS
}
"""Canonical settings that a counting call may lack, and what they are when nobody sets them."""
COUNTED: Final = frozenset(("tools", "tool_choice", "parallel_tool_calls", "response_format", "reasoning"))
"""Those that become a part of what the model reads, or decide it."""


class TokenCount(CallResponse, kw_only=True):
    """How many tokens a request is."""

    input_tokens: int


class Countable(NamedTuple):
    """What a counting endpoint takes of its vendor's chat requests."""

    settings: frozenset[str]
    """Canonical fields beside the model and the messages."""
    fields: frozenset[str]
    """The top level on the wire."""


class CountFormat(TranslatableFormat[ChatRequest, TokenCount]):
    """A format that asks how many tokens a chat request is. It never streams, costs nothing, and uses nothing."""

    operation = "count_tokens"
    prompt_field = ""
    chat: ClassVar[ChatFormat]
    """The chat format whose requests it counts."""
    count_field: ClassVar[str]
    """Where an answer has the count."""
    answer_marks: ClassVar[JsonObject] = {}
    """What else each answer says."""

    def inspect(self, fields: Fields, path: str = "", query: str = "") -> Opened:
        opened = opened_fields(fields)
        opened.stream = False
        return opened

    def own_path(self, path: str) -> str:
        return self.chat.own_path(path)

    def response_facts(self, body: bytes) -> CallFacts:
        fields = decode_response_as(_decode_fields, body)
        raw = fields.get(self.count_field)
        if raw is None or "error" in fields:
            error = self.decode_error(502, body)
            if error is not None:
                return CallFacts(error=error, is_complete=True)
        if raw is None:
            raise bad_field(self.count_field, "is required")
        if decode_response_as(_decode_count, bytes(raw)) < 0:
            raise bad_field(self.count_field, "is less than nothing")
        return CallFacts(is_complete=True)

    def decode_response(self, body: bytes) -> TokenCount:
        reader = ObjectReader(decode_response_as(decode_json, body), "", bad_field)
        count = reader.need(self.count_field, reader.integer(self.count_field))
        for name in self.answer_marks:
            reader.take(name)
        extra = {name: value for name, value in reader.rest().items() if value is not None}
        return TokenCount(origin=self.name, input_tokens=count, extra=extra)

    def encode_response(self, response: TokenCount) -> Encoded:
        is_own = response.origin == self.name
        wire: JsonObject = {**self.answer_marks, self.count_field: response.input_tokens}
        if is_own:
            wire |= response.extra
        return Encoded(encode_json(wire), left_over(response.extra, is_own))


def countable_body(
    chat: ChatFormat, request: ChatRequest, profile: Profile, taken: Countable | None
) -> tuple[Fields, list[str]]:
    """The top level of a request in a chat format, with only what is counted, and what was left out. None: all of it.

    Raises ClientError `unsupported_by_provider` for what must not be left out.
    """
    if taken is None:
        encoded = chat.encode_request(request, profile)
        unread = request.unread if request.origin == chat.name else []
        return read_fields(encoded.body), [*encoded.dropped, *unread]
    left_out = {
        name: type(default)() if isinstance(default, list | dict) else default
        for name, default in _DEFAULTS.items()
        if name not in taken.settings and getattr(request, name) != default
    }
    encoded = chat.encode_request(msgspec.structs.replace(request, **left_out), profile)
    dropped = [*left_out, *encoded.dropped]
    if request.origin == chat.name:  # then all of `extra` was written, and nothing said; of other formats' it was told
        dropped += request.unread
        for path in request.extra:
            name = path.partition(".")[0]
            if name not in taken.fields:
                if path in request.binding:
                    raise Unsupported(profile.provider, path, "leaving it out would change the count")
                dropped.append(path)
    fields = {name: raw for name, raw in read_fields(encoded.body).items() if name in taken.fields}
    return fields, list(dict.fromkeys(dropped))
