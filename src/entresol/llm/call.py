"""One call to a model, sans-IO: the client's bytes in, the provider's request out; the answer's bytes through.

    call = LLMCall(client format, provider, model, ...)
    outbound = call.request(opened, body, ...)        what to send
    answer = call.answer(head)                        when the response head is there
    for data in ...: client gets answer.feed(data, last)
    answer.facts                                      after the last byte: usage, finish reason, error

Whoever drives it (a plugin, the agent floor) does the I/O and says when it fails; `call.failure` is then the last
event of the client's stream.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import msgspec

from entresol.core.errors import ClientError, GatewayError, UpstreamError
from entresol.core.http import HeaderPairs, ResponseHead
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
from entresol.llm.format import NO_OPTIONS, ChatFormat, Format, Opened, Options, StreamShape, bad_response, unsupported
from entresol.llm.provider import Provider, Url

_JSON: Final = (b"content-type", b"application/json")
_IDENTITY: Final = (b"accept-encoding", b"identity")
_PASSED: Final = StreamShape(model="")
"""Stands in where nothing is encoded."""


class OutboundRequest(msgspec.Struct):
    """The call as it goes to the provider; credentials are the driver's business."""

    method: str
    url: Url
    headers: HeaderPairs
    body: bytes
    stream: bool
    dropped: list[str]
    """What the provider's format could not say, in the client's own words."""


class LLMCall:
    """One call. Same format at both ends: bytes pass. Different: everything goes through the canonical types."""

    def __init__(
        self,
        client: Format,
        provider: Provider,
        native: Format,
        model: str,
        *,
        options: Options = NO_OPTIONS,
        upstream: Url | None = None,
        request_id: str = "",
        now: int = 0,
    ) -> None:
        self.client = client
        self.provider = provider
        self.native = native
        self.model = model
        self.stream = False
        self._options = options
        self._upstream = upstream
        self._request_id = request_id
        self._now = now
        self._shape = _PASSED
        self._filter: Callable[[bytes, bool], bytes] | None = None
        self._answer: Answer | None = None

    @property
    def is_same_format(self) -> bool:
        """True when the answer passes as bytes."""
        return self.client is self.native

    def request(self, opened: Opened, stream: bool, body: bytes, path: str, query: str) -> OutboundRequest:
        """What to send. `opened` is `body`, read by the client's format; `stream` may differ from what it asks.

        `query` is the client's, without credentials; it goes along where both ends speak the same format.

        Raises ClientError.
        """
        self.stream = stream
        client_query = None
        dropped: list[str] = []
        if self.client is self.native:
            client_query = query if stream == opened.stream else None
            if stream:
                self._filter = self.client.stream_filter(opened)
                if opened.framing != "sse":
                    self._shape = StreamShape(model=self.model, framing=opened.framing)
            profile = self.provider.profile(self.model)
            out = self.client.close(opened, self.model, stream, self._options, profile)
        else:
            out, dropped = self._translate(opened, stream, body, path, query)
        url = self.provider.url(self.client.operation, self.model, stream, self._upstream, client_query)
        return OutboundRequest("POST", url, [_JSON, _IDENTITY], out, stream, dropped)

    def _translate(self, opened: Opened, stream: bool, body: bytes, path: str, query: str) -> tuple[bytes, list[str]]:
        client, native = self.client, self.native
        if not isinstance(client, ChatFormat) or not isinstance(native, ChatFormat):
            why = f"{client.operation} in the format {client.name} cannot be translated to {native.name}"
            raise unsupported(self.provider.name, client.operation, why)
        request = client.decode_request(body, path, query)
        request.model, request.stream = self.model, stream
        options = self._options
        for name in ("max_tokens", "temperature", "top_p", "top_k"):
            value = getattr(options, name)
            if value is not None:
                setattr(request, name, value)
        self._shape = StreamShape(
            model=self.model,
            include_usage=request.include_usage is True,
            created=self._now,
            framing=opened.framing,
            request_id=self._request_id,
        )
        encoded = native.encode_request(request, self.provider.profile(self.model))
        return encoded.body, [client.wire_names.get(name, name) for name in encoded.dropped]

    def answer(self, head: ResponseHead) -> Answer:
        """How to read the answer whose head this is.

        Raises UpstreamError `provider_bad_response` when the head already tells that it makes no sense.
        """
        content_type = (head.headers.get(b"content-type") or b"").lower()
        encoding = head.headers.get(b"content-encoding")
        is_encoded = encoding is not None and encoding != b"identity"
        self._answer = answer = self._select(head.status, content_type, is_encoded, head.content_length)
        return answer

    def _select(self, status: int, content_type: bytes, is_encoded: bool, size: int | None) -> Answer:
        if 300 <= status < 400:
            raise bad_response(f"it is a redirect (status {status}), which is not followed")
        if not 200 <= status < 300:
            return ErrorAnswer(self.native, self.client, status, self._request_id, is_encoded)
        if is_encoded:
            if self.is_same_format:
                return UnreadAnswer()
            raise bad_response("it is compressed, which was not asked for")
        is_stream = content_type.startswith(b"text/event-stream") or self._shape.framing != "sse"
        if self.stream and is_stream:
            return self._stream()
        if b"json" not in content_type:
            raise bad_response(f"its content type is {content_type.decode('latin-1') or 'missing'}, not JSON")
        if self.is_same_format:
            return PassedBody(self.client, size)
        assert isinstance(self.client, ChatFormat)  # _translate has seen to it
        assert isinstance(self.native, ChatFormat)
        encoder = self.client.stream_encoder(self._shape) if self.stream else None
        return TranslatedBody(self.native, self.client, self._now, encoder)

    def _stream(self) -> Answer:
        if self.is_same_format:
            return PassedStream(self.client, self._filter, self._shape.framing, self._request_id)
        assert isinstance(self.client, ChatFormat)  # _translate has seen to it
        assert isinstance(self.native, ChatFormat)
        decoder, encoder = self.native.stream_decoder(), self.client.stream_encoder(self._shape)
        return TranslatedStream(decoder, encoder, self.client, self._shape)

    def failure(self, error: GatewayError) -> bytes:
        """The end of a stream that failed from outside."""
        detail = ErrorDetail(status=error.status, message=error.message, code=error.code)
        if self._answer is not None:
            return self._answer.failure(detail)
        return self.client.stream_error(detail, self._request_id, self._shape.framing)


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
