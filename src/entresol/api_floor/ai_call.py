"""One request's call of a model, and what has to be kept of it from phase to phase."""

from typing import Final

from entresol.api_floor.ai_account import keep_payload
from entresol.api_floor.ai_slots import AiPayload
from entresol.api_floor.exchange import Exchange
from entresol.core.errors import GatewayError, UpstreamError
from entresol.core.http import Origin, ResponseHead, TlsClient
from entresol.core.ports import Clock
from entresol.core.slots import Slot
from entresol.llm.answers import ErrorAnswer
from entresol.llm.call import Ends, LLMCall, field_value
from entresol.llm.credentials import Credential, Hider


class Way:
    """How calls for one model go: what is the same for all of them. Never changed."""

    def __init__(
        self,
        ends: Ends,
        model: str,
        stream: bool,
        service_tls: TlsClient | None,
        origin: Origin,
        target: str,
        model_field: tuple[bytes, bytes],
    ) -> None:
        self.ends = ends
        self.model = model
        self.stream = stream
        self.service_tls = service_tls
        self.origin = origin
        self.target = target
        self.model_field = model_field


class AiCall(LLMCall):
    """See the module. `piece` and `whole` are body filters."""

    payload: AiPayload | None = None
    hider: Hider | None = None
    """Keeps the credential out of the payload."""
    first_byte: float = 0.0
    head: ResponseHead | None = None
    """The client's, where the answer is held until it is whole."""

    def __init__(self, way: Way, credential: Credential, clock: Clock, exchange: Exchange) -> None:
        super().__init__(way.ends, way.model, exchange.request_id, exchange.started_at)
        self.way = way
        self._credential = credential
        self._clock = clock

    def piece(self, data: bytes, last: bool) -> bytes:
        """A body filter: read along, or translate."""
        if not self.first_byte and data:
            self.first_byte = self._clock.monotonic()
        answer, credential = self.reading, self._credential
        assert answer is not None  # header_filter has set it
        try:
            out = answer.feed(data, last)
        except UpstreamError as error:
            raise credential.hidden_in_error(error) from None
        if answer.is_stream:  # another's length is announced, and it is no error
            out = credential.hidden_in(out)
        if self.payload is not None:
            self._keep(self.payload, out)
        return out

    def failure(self, error: GatewayError) -> bytes:
        """The end of a stream, with what came in one piece with the fault."""
        out = self._credential.hidden_in(super().failure(error))
        if self.payload is not None:
            self.keep_rest()  # these words do not go on with what came before
            self._keep(self.payload, out)
        return out

    def _keep(self, payload: AiPayload, data: bytes) -> None:
        """Remember a piece for the log."""
        hider = self.hider
        if hider is None:
            hider = self.hider = self._credential.hider()
        keep_payload(payload, hider.feed(data))

    def keep_rest(self) -> None:
        """Remember for the log what waited for more to come."""
        if self.payload is not None and self.hider is not None:
            keep_payload(self.payload, self.hider.rest())

    def whole(self, data: bytes, last: bool) -> bytes:
        """A body filter for an answer that was held until it was whole."""
        self.first_byte = self._clock.monotonic()
        answer, head, credential = self.reading, self.head, self._credential
        assert answer is not None  # header_filter has set both
        assert head is not None
        headers = head.headers
        try:
            out = answer.feed(data, last)
        except UpstreamError as error:
            raise credential.hidden_in_error(error) from None
        if answer.facts.error is not None:
            out = credential.hidden_in(out)
        if answer.dropped:
            headers.set(b"x-entresol-dropped", field_value(", ".join(self.losses())))
        if type(answer) is ErrorAnswer:
            headers.set(b"x-entresol-error", b"provider_error")
            if answer.retry_after is not None and b"retry-after" not in headers:
                headers.add(b"retry-after", b"%d" % answer.retry_after)
        if self.payload is not None:
            self._keep(self.payload, out)
        return out


AI_CALL: Final[Slot[AiCall]] = Slot("ai-proxy.call")
