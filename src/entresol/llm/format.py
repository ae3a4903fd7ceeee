"""The seam of wire formats: hub and spoke, pure, one format a file, registered under `entresol.formats`.

Two layers, because most traffic needs only the first:

- `Format` reads just enough of a call to route, check, edit and bill it. When client and provider speak the same
  format, the rest passes as bytes: unknown fields survive because nobody looks at them.
- `TranslatableFormat` adds translation to and from the canonical types of its operation, for pairs that differ;
  `ChatFormat` is that of chat, with streams.

The promise of translation: every field of a request is mapped, dropped and reported (`Encoded.dropped`, which becomes
the header `x-entresol-dropped`), or refused (`ClientError` `unsupported_by_provider`). `Losses` is how encoders keep
it: it knows every canonical field, so one that an encoder forgets shows up as dropped, never as silence.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar, Final, Generic, Literal, Protocol, TypeVar

import msgspec

from entresol.core.http import HeaderPairs
from entresol.llm.call_facts import CallFacts, OpenChoices
from entresol.llm.events import ChatEvent, ErrorDetail
from entresol.llm.json_fields import (
    Fields,
    bad_field,
    bad_request,
    bad_response,
    decode_json,
    decode_request_as,
    decode_response_as,
    encode_json,
    raw_json,
    read_field,
    read_fields,
)
from entresol.llm.losses import Losses, Unsupported
from entresol.llm.opened import Framing, Opened, opened_fields
from entresol.llm.profile import NO_OPTIONS, Options, Profile
from entresol.llm.types import ChatRequest, ChatResponse, Native, Part

__all__ = [
    "NO_OPTIONS",
    "CallFacts",
    "ChatFormat",
    "Encoded",
    "Fields",
    "Format",
    "Framing",
    "Losses",
    "OpenChoices",
    "Opened",
    "Operation",
    "Options",
    "Profile",
    "StreamDecoder",
    "StreamEncoder",
    "StreamShape",
    "TranslatableFormat",
    "Unsupported",
    "bad_field",
    "bad_request",
    "bad_response",
    "decode_json",
    "decode_request_as",
    "decode_response_as",
    "encode_json",
    "note_loss",
    "note_losses",
    "raw_json",
    "read_field",
    "read_fields",
]

Q = TypeVar("Q")
A = TypeVar("A")

Operation = Literal[
    "chat",
    "embeddings",
    "rerank",
    "moderations",
    "count_tokens",
    "images",
    "image_edits",
    "speech",
    "transcriptions",
    "translations",
    "files",
    "batches",
    "realtime",
]
"""What a call does. Formats of one operation may be translated into each other; of two, never."""


class StreamShape(msgspec.Struct, frozen=True, kw_only=True):
    """What a stream encoder must know about the call."""

    model: str
    """Stands in until the provider names one."""
    include_usage: bool = True
    """False: the client did not ask for usage, in a format where it is asked for."""
    created: int = 0
    """Seconds since the epoch, for formats that say it, when the provider does not."""
    framing: Framing = "sse"
    request_id: str = ""
    """The gateway's own, for error events and for answers to which the provider gives no id."""


class Encoded(msgspec.Struct):
    """A body in a wire format, and what it could not say."""

    body: bytes
    dropped: list[str] = []
    """Paths in the source format's own words."""
    renamed: dict[str, str] = {}
    """Tools whose names the provider would refuse: the name that was sent, and the client's. Answers are named back."""


class StreamDecoder(Protocol):
    """A provider's stream as events, over any split of its bytes."""

    def feed(self, data: bytes) -> list[ChatEvent]:
        """The events that `data` completes. Raises UpstreamError `provider_bad_response` on garbage."""

    def finish(self) -> list[ChatEvent]:
        """The end of the body. Yields `Ended` here or earlier if, and only if, the stream was complete."""


class StreamEncoder(Protocol):
    """Events as a client's stream."""

    dropped: list[str]
    """What the format could not say so far, by name (`note_losses`)."""

    def encode(self, events: list[ChatEvent]) -> bytes:
        """The bytes for these events, possibly none. `Failed` becomes the format's error event."""


def note_loss(part: Part, dropped: list[str]) -> None:
    """Add the name of a part that an encoder leaves out of a stream, unless it is there."""
    note_losses([part.type if type(part) is Native else type(part).__name__.lower()], dropped)


def note_losses(names: Iterable[str], dropped: list[str]) -> None:
    """Add the names of what is left out of a stream, unless they are there."""
    for name in names:
        if name not in dropped and len(dropped) < _MAX_LOSSES:
            dropped.append(name)


_MAX_LOSSES: Final = 100
"""Names that are noted of one stream: they come from outside."""


class Format:
    """A wire format of one operation, as far as a call that stays in it needs. Stateless; one instance serves all."""

    name: ClassVar[str]
    operation: ClassVar[Operation]
    prompt_field: ClassVar[str]
    """The top-level field with the prompt; a request without it is refused. Empty: any request will do."""
    option_fields: ClassVar[Mapping[str, str]] = {}
    """`Options` field to top-level wire name."""
    content_type: ClassVar[bytes] = b"application/json"
    stream_content_type: ClassVar[bytes] = b"text/event-stream"
    id_prefix: ClassVar[str] = ""
    """What the ids of this format's answers begin with."""
    passed_types: ClassVar[tuple[bytes, ...]] = ()
    """How content types of answers begin that are not JSON and pass unread, such as `audio/`."""

    # Requests.

    def open(self, body: bytes, path: str = "", query: str = "") -> Opened:
        """Read the top level of a body. Raises ClientError `bad_json` (no object, too deep, cut) or `bad_request`."""
        return self.inspect(read_fields(body), path, query)

    def inspect(self, fields: Fields, path: str = "", query: str = "") -> Opened:
        """What a top level that was read says about the call.

        `path` and `query` are the client's, for formats that say the model there. Raises ClientError `bad_request` for
        a field of the wrong type.
        """
        return opened_fields(fields)

    def close(self, opened: Opened, model: str, stream: bool, options: Options, profile: Profile) -> bytes:
        """The body for a provider that speaks this format: only what has to change is changed.

        Unless we wrote the body ourselves, its top level is written anew from what was read, so that a repeated key
        cannot mean one thing to us and another to the provider; values keep their bytes.
        """
        if opened.model != model:
            opened.put("model", model)
        if opened.stream != stream:
            opened.put("stream", stream)
        if options is not NO_OPTIONS:
            for name, wire_name in self.option_fields.items():
                value = getattr(options, name)
                if value is not None:
                    opened.put(wire_name, value)
        return encode_json(opened.fields) if opened.body is None else opened.body

    def stream_filter(self, opened: Opened) -> "Callable[[bytes, bool], bytes] | None":
        """Takes out of a stream that passes as bytes what only `close` asked for. Call it before `close`.

        None, the rule, if nothing has to be taken out. The filter gets each piece and whether it is the last.
        """
        return None

    # Answers in the client's own format.

    def passes(self, content_type: bytes) -> bool:
        """Whether an answer that is not JSON is one all the same."""
        return content_type.startswith(self.passed_types)

    def response_facts(self, body: bytes) -> CallFacts:
        """What a whole answer says. Raises UpstreamError `provider_bad_response` if it is not one."""
        raise NotImplementedError

    def fragment_facts(self, head: bytes, tail: bytes) -> CallFacts:
        """What can be read from the start and the end of an answer too large to be read whole."""
        raise NotImplementedError

    def stream_facts(self, head: bytes, tail: bytes | None) -> CallFacts:
        """What a stream said. `head` is its start; `tail` its end, None if `head` is all of it. Never raises."""
        raise NotImplementedError

    # Errors.

    def decode_error(self, status: int, body: bytes) -> ErrorDetail | None:
        """A provider's error answer; None if it is not in this format."""
        raise NotImplementedError

    def error_body(self, error: ErrorDetail, request_id: str) -> bytes:
        """An error answer: the format's own error object, beside it `message` and `request_id` as Kong writes them."""
        raise NotImplementedError

    def error_fields(self, status: int) -> HeaderPairs:
        """The header fields in which clients of this format look for the kind of an error, beside its body."""
        return []

    def stream_error(self, error: ErrorDetail, request_id: str, framing: Framing = "sse") -> bytes:
        """An error as the last event of a stream under way. No official client takes it for success."""
        raise NotImplementedError

    def answer_id(self, request_id: str) -> str:
        """The id of an answer whose provider gives it none: the request's, in this format's way."""
        return self.id_prefix + request_id

    def encode_error(self, status: int, code: str, message: str, request_id: str) -> tuple[bytes, bytes]:
        """Content type and body of one of our own errors (api_floor.plugin.ErrorFormat)."""
        error = ErrorDetail(status=status, code=code, message=message)
        return b"application/json; charset=utf-8", self.error_body(error, request_id)


class TranslatableFormat(Format, Generic[Q, A]):
    """A format that others of its operation can be translated to and from, by way of the canonical types `Q`, a
    request, and `A`, an answer."""

    option_names: ClassVar[tuple[str, ...]] = ()
    """Fields of `Options` that canonical requests of this operation have."""
    wire_names: ClassVar[Mapping[str, str]] = {}
    """Canonical path to this format's own, where they differ: how losses are reported to clients (`own_path`)."""

    def own_path(self, path: str) -> str:
        """A canonical path in this format's words: those of the longest part of it that has any."""
        known = self.wire_names.get(path)
        if known is not None:
            return known
        outer, dot, inner = path.rpartition(".")
        return f"{self.own_path(outer)}.{inner}" if dot else path

    def decode_request(self, body: bytes, path: str = "", query: str = "") -> Q:
        """Raises ClientError `bad_json` or `bad_request`, which names the field."""
        raise NotImplementedError

    def encode_request(self, request: Q, profile: Profile) -> Encoded:
        """Raises ClientError `unsupported_by_provider` for what cannot be left out without changing the meaning."""
        raise NotImplementedError

    def decode_response(self, body: bytes) -> A:
        """Raises UpstreamError `provider_bad_response`."""
        raise NotImplementedError

    def encode_response(self, response: A) -> Encoded:
        """The answer for a client. Raises UpstreamError `provider_bad_response` if it cannot be expressed at all."""
        raise NotImplementedError

    def relate(self, response: A, request: Q) -> None:
        """Tell an answer what it answers, where that decides how it is written. The rule: it does not."""


class ChatFormat(TranslatableFormat[ChatRequest, ChatResponse]):
    """A chat format that can be translated."""

    operation = "chat"
    option_names = ("max_tokens", "temperature", "top_p", "top_k")
    takes_objects_only: ClassVar[bool] = False
    """Clients of this format take streamed arguments that are cut for a smaller object: they must not get any."""

    def stream_decoder(self) -> StreamDecoder:
        """A fresh decoder of one stream, whatever its framing."""
        raise NotImplementedError

    def stream_encoder(self, shape: StreamShape) -> StreamEncoder:
        """A fresh encoder of one stream."""
        raise NotImplementedError
