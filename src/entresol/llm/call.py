"""One call to a model, sans-IO: the client's bytes in, the provider's request out; the answer's bytes through.

    ends = Ends(client format, provider, native format, ...)     once, for many calls
    call = LLMCall(ends, model, ...)
    body = call.request(opened, ...)          what to send, to ends.url(...)
    answer = call.answer(head)                when the response head is there
    for data in ...: client gets answer.feed(data, last)
    answer.facts                              after the last byte: usage, finish reason, error

Whoever drives it (a plugin, the agent floor) does the I/O and says when it fails; `call.failure` is then the last
event of the client's stream.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from entresol.core.errors import ClientError, GatewayError, UpstreamError
from entresol.core.http import Headers, ResponseHead
from entresol.llm.answers import (
    Answer,
    ErrorAnswer,
    PassedBody,
    PassedStream,
    TranslatedBody,
    TranslatedStream,
    UnreadAnswer,
)
from entresol.llm.events import ErrorDetail
from entresol.llm.format import (
    NO_OPTIONS,
    ChatFormat,
    Format,
    Options,
    Profile,
    StreamShape,
    TranslatableFormat,
    Unsupported,
    encode_json,
    read_fields,
)
from entresol.llm.json_fields import bad_response, too_deep
from entresol.llm.model_adaptation import adapt
from entresol.llm.model_profiles import NO_FACTS, ModelFacts, profile_of, refined
from entresol.llm.opened import Opened
from entresol.llm.provider import Provider, Url
from entresol.llm.retry_after import WAITING, seconds_said
from entresol.llm.types import CallRequest, ChatRequest

CALL_FIELDS: Final = ((b"content-type", b"application/json"), (b"accept-encoding", b"identity"))
_PASSED: Final = StreamShape(model="")
"""Stands in where nothing is encoded."""
_NO_NAMES: Final[dict[str, str]] = {}


class Ends:
    """The two ends of calls, which many calls have in common. `version` is the API's, where the provider has several.

    Same format at both: bytes pass. Different: everything goes through the canonical types.
    """

    __slots__ = (
        "_client_version",
        "_profile",
        "_profile_of",
        "client",
        "facts",
        "fields",
        "has_options",
        "is_same_format",
        "native",
        "options",
        "own_facts",
        "provider",
        "version",
    )  # fmt: skip

    def __init__(
        self,
        client: Format,
        provider: Provider,
        native: Format,
        options: Options = NO_OPTIONS,
        version: str = "",
        own_facts: ModelFacts = NO_FACTS,
    ) -> None:
        self.client = client
        self.provider = provider
        self.native = native
        self.options = options
        self.version = version
        self.is_same_format = client is native
        """True when answers pass as bytes."""
        self.has_options = options is not NO_OPTIONS or provider.sets_fields
        self.fields: tuple[tuple[bytes, bytes], ...] = CALL_FIELDS
        """The header fields of every call; credentials are the driver's business."""
        self._client_version: bytes | None = None
        self._profile = provider.profile("", version)
        self._profile_of = ""
        self.facts = self.own_facts = own_facts
        self.fields += provider.fields_of(native.name)
        version_header = provider.version_headers.get(native.name)
        if version_header is not None:
            name, default = version_header
            self.fields += ((name, (version or default).encode()),)
            self._client_version = name if self.is_same_format else None

    def fields_beside(self, client: Headers) -> tuple[tuple[bytes, bytes], ...]:
        """`fields`, without the version of the API where the client, who speaks it, names its own."""
        name = self._client_version
        if name is None or name not in client:
            return self.fields
        return tuple([field for field in self.fields if field[0] != name])

    def profile(self, model: str) -> Profile:
        """Facts about a model here. The last one is remembered: most calls are for one model."""
        if model != self._profile_of:
            facts = self.facts = profile_of(self.provider.name, model, self.version).with_facts(self.own_facts)
            self._profile, self._profile_of = refined(self.provider.profile(model, self.version), facts), model
        return self._profile

    def completed(self, body: bytes, model: str) -> bytes:
        """The body, with what the operator's options say of every call of this provider. Raises ClientError."""
        if not self.provider.sets_fields:
            return body
        fields = read_fields(body)
        self.provider.set_fields(self.native.name, model, fields)
        return encode_json(fields)

    def url(self, model: str, stream: bool, opened: Opened, query: str, override: Url | None) -> Url:
        """Where a call goes, which may be streamed although the client did not ask for it, or the other way round.

        `query` is the client's, without credentials; it goes along where both ends speak the same format.
        """
        along = query if self.is_same_format and stream == opened.stream else None
        return self.provider.url(self.native.name, model, stream, override, along)


class LLMCall:
    """One call."""

    # Defaults stand in the class: most calls never change them, and making a call is on the hot path.
    stream: bool = False
    dropped: Sequence[str] = ()
    """What the provider's format could not say of the request, in the client's own words."""
    reading: Answer | None = None
    """The answer, once its head is there."""
    _asked: CallRequest | None = None
    _renamed_tools: dict[str, str] = _NO_NAMES
    _shape: StreamShape = _PASSED
    _filter: Callable[[bytes, bool], bytes] | None = None

    def __init__(self, ends: Ends, model: str, request_id: str = "", now: float = 0.0) -> None:
        self.ends = ends
        self.model = model
        self._request_id = request_id
        self._now = now

    def losses(self) -> list[str]:
        """What got lost of the request, by its path, and of the answer so far, as `response.NAME`."""
        answer = self.reading
        return [*self.dropped, *([] if answer is None else [f"response.{name}" for name in answer.dropped])]

    def request(self, opened: Opened, stream: bool, body: bytes, path: str, query: str) -> bytes:
        """The body to send. `opened` is `body`, read by the client's format; `stream` may differ from what it asks.

        Raises ClientError.
        """
        ends = self.ends
        if not ends.is_same_format:
            self.stream = stream
            return self._translate(opened, stream, body, path, query)
        if stream:
            self.stream = True
            self._filter = ends.client.stream_filter(opened)
            if opened.framing != "sse":
                self._shape = StreamShape(model=self.model, framing=opened.framing)
        elif opened.body is not None and opened.model == self.model and not opened.stream and not ends.has_options:
            return opened.body  # as `close` would find, after many more questions
        options, profile = ends.options, ends.profile(self.model)
        if options is not NO_OPTIONS and profile.unsupported:
            options = self._fitting(options, profile)
        body = ends.client.close(opened, self.model, stream, options, profile)
        return ends.completed(body, self.model) if ends.has_options else body

    def _fitting(self, options: Options, profile: Profile) -> Options:
        """The operator's options without those that the provider or the model refuses: calls would only fail."""
        refused = [
            name
            for name in options.__struct_fields__
            if name in profile.unsupported and getattr(options, name) is not None
        ]
        if not refused:
            return options
        self.dropped = refused
        kept = msgspec.structs.replace(options, **dict.fromkeys(refused))
        return NO_OPTIONS if kept == NO_OPTIONS else kept

    def _translate(self, opened: Opened, stream: bool, body: bytes, path: str, query: str) -> bytes:
        ends, client, native = self.ends, self.ends.client, self.ends.native
        if not isinstance(client, TranslatableFormat) or not isinstance(native, TranslatableFormat):
            why = f"{client.operation} in the format {client.name} cannot be translated to {native.name}"
            raise Unsupported(ends.provider.name, client.operation, why)
        request = client.decode_request(body, path, query)
        request.model, request.stream = self.model, stream
        options = ends.options
        if options is not NO_OPTIONS:
            for name in client.option_names:
                value = getattr(options, name)
                if value is not None:
                    setattr(request, name, value)
        self._shape = StreamShape(
            model=self.model,
            include_usage=stream and request.include_usage is True,
            created=int(self._now),
            framing=opened.framing,
            request_id=self._request_id,
        )
        profile = ends.profile(self.model)
        left_out: tuple[str, ...] = ()
        if isinstance(request, ChatRequest):
            adapted = adapt(request, ends.facts)
            request, left_out = adapted.request, adapted.dropped
        try:
            encoded = native.encode_request(request, profile)
        except Unsupported as refusal:
            raise refusal.in_words_of(client.own_path) from None
        except RecursionError:  # just below the depth at which reading it fails
            raise too_deep() from None
        self._asked = request
        if encoded.renamed:
            self._renamed_tools = encoded.renamed
        if encoded.dropped or left_out:
            self.dropped = list(dict.fromkeys([client.own_path(path) for path in (*left_out, *encoded.dropped)]))
        return ends.completed(encoded.body, self.model) if ends.has_options else encoded.body

    def answer(self, head: ResponseHead) -> Answer:
        """How to read the answer whose head this is. The head becomes the client's: without the provider's cookies.

        Raises UpstreamError `provider_bad_response` when the head already tells that it makes no sense.
        """
        headers = head.headers
        content_type, is_encoded, has_cookie = b"", False, False
        for name, value in headers.pairs:
            if name == b"content-type":
                content_type = value.lower()
            elif name == b"content-encoding":
                is_encoded = value != b"identity"
            elif name == b"set-cookie":
                has_cookie = True
        self.reading = answer = self._select(head.status, content_type, is_encoded, head.content_length)
        if type(answer) is ErrorAnswer:
            self._make_own(head, answer)
        if has_cookie:
            headers.remove(b"set-cookie")
        if answer.content_type is not None:
            headers.set(b"content-type", answer.content_type)
            headers.remove(b"content-encoding")
        return answer

    def _make_own(self, head: ResponseHead, answer: ErrorAnswer) -> None:
        """Put the provider's words on when to try again, in any form, into seconds; status and kind into the client's.

        Words without sense are left out: clients would wait for ever, or not at all.
        """
        headers = head.headers
        if head.status in WAITING or b"retry-after" in headers:
            wait = seconds_said(headers, self._now)
            headers.remove(b"retry-after")
            if wait is not None:
                headers.add(b"retry-after", b"%d" % wait)
        head.status = status = answer.status
        client, native = self.ends.client, self.ends.native
        if client is not native:
            for name, _ in native.error_fields(status):
                headers.remove(name)
        headers.pairs += [field for field in client.error_fields(status) if field[0] not in headers]

    def _select(self, status: int, content_type: bytes, is_encoded: bool, size: int | None) -> Answer:
        ends = self.ends
        if not 200 <= status < 300:
            if 300 <= status < 400:
                raise bad_response(f"it is a redirect (status {status}), which is not followed")
            return ErrorAnswer(ends.native, ends.client, status, self._request_id, is_encoded)
        if is_encoded:
            if ends.is_same_format:
                return UnreadAnswer()
            raise bad_response("it is compressed, which was not asked for")
        if self.stream and (
            content_type.startswith(ends.native.stream_content_type)
            or (self._shape.framing == "json-array" and ends.is_same_format and content_type.find(b"json") >= 0)
        ):
            return self._stream()
        if content_type.find(b"json") < 0:  # `in` costs five times as much: it tries its operand as a number first
            if ends.is_same_format and ends.client.passes(content_type):
                return UnreadAnswer()
            raise bad_response(f"its content type is {content_type.decode('latin-1') or 'missing'}, not JSON")
        if ends.is_same_format:
            return PassedBody(ends.client, size)
        assert isinstance(ends.client, TranslatableFormat)  # _translate has seen to it
        assert isinstance(ends.native, TranslatableFormat)
        encoder = (
            ends.client.stream_encoder(self._shape) if self.stream and isinstance(ends.client, ChatFormat) else None
        )
        return TranslatedBody(ends.native, ends.client, self._shape, encoder, self._asked, self._renamed_tools)

    def _stream(self) -> Answer:
        ends = self.ends
        if ends.is_same_format:
            return PassedStream(ends.client, self._filter, self._shape.framing, self._request_id)
        assert isinstance(ends.client, ChatFormat)  # _translate has seen to it
        assert isinstance(ends.native, ChatFormat)
        decoder, encoder = ends.native.stream_decoder(), ends.client.stream_encoder(self._shape)
        return TranslatedStream(decoder, encoder, ends.client, self._shape, self._renamed_tools)

    def failure(self, error: GatewayError) -> bytes:
        """The end of a stream that failed from outside."""
        detail = ErrorDetail(status=error.status, message=error.message, code=error.code)
        if self.reading is not None:
            return self.reading.failure(detail)
        return self.ends.client.stream_error(detail, self._request_id, self._shape.framing)


def wants_stream(mode: str, opened: Opened) -> bool:
    """Whether to stream, by the operator's `allow`, `always` or `deny`. Raises ClientError for a stream denied."""
    if mode == "always":
        return True
    if opened.stream and mode == "deny":
        raise ClientError("streaming_denied", "response streaming is not enabled for this LLM")
    return opened.stream


def failure_of(error: ErrorDetail) -> UpstreamError:
    """An error event of a stream, or inside an answer of status 200, as the fault it is."""
    return UpstreamError("provider_error", error.message)


@lru_cache(maxsize=256)
def field_value(text: str) -> bytes:
    """Text from outside, safe as a header's value: printable ASCII, at most 2,000 characters."""
    return "".join([character if " " <= character <= "~" else "?" for character in text[:2000]]).encode("ascii")
