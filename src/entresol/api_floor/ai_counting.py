"""Token counts for clients of a provider that counts none: the gateway's own estimate, in the client's wire.

Clients such as coding agents ask for counts whatever provider stands behind, and go blind without. No call is
made, so there is no cost and no usage; the answer and the log record say that it is an estimate.
"""

from typing import Final

from entresol.api_floor.ai_account import payload_text
from entresol.api_floor.ai_slots import AI_LOG_STATISTICS, AI_META, AI_PAYLOAD, AiMeta, AiPayload
from entresol.api_floor.exchange import Exchange
from entresol.core.decision import Answer
from entresol.core.errors import ConfigError
from entresol.core.http import HeaderPairs
from entresol.llm.call import field_value
from entresol.llm.counting import CountFormat, TokenCount
from entresol.llm.format import Encoded, Format, Unsupported
from entresol.llm.model_config import LoggingConfig
from entresol.llm.target import ModelTarget
from entresol.llm.token_estimate import TokenEstimator, family_of

ESTIMATED: Final = ("input_tokens",)
"""What of the answer is no provider's word."""


class TokenCounting:
    """What a route does about calls that count tokens."""

    def __init__(
        self, target: ModelTarget, provider: str, plugin_id: str, logging: LoggingConfig, is_beside_chat: bool
    ) -> None:
        self._target = target
        self._provider = provider
        self._plugin_id = plugin_id
        self._logging = logging
        self._is_beside_chat = is_beside_chat

    def estimate(self, exchange: Exchange, client: Format, model: str, body: bytes, head: HeaderPairs) -> Answer | None:
        """The answer to a call that no provider can answer, with `head` in it; None for all other calls.

        Raises ClientError `bad_json`, `bad_request` or `unsupported_by_provider`.
        """
        if not isinstance(client, CountFormat) or self._is_counted(client, model):
            return None
        encoded = self._estimated(client, model, body, exchange.request.path)
        meta = AiMeta(plugin_id=self._plugin_id, provider=self._provider, request_model=model, request_mode="oneshot")
        meta.estimated, meta.dropped = ESTIMATED, tuple(encoded.dropped)
        exchange[AI_META], exchange[AI_LOG_STATISTICS] = meta, self._logging.log_statistics
        if self._logging.log_payloads:
            exchange[AI_PAYLOAD] = AiPayload(request=payload_text(body), response=payload_text(encoded.body))
        fields = [
            (b"content-type", client.content_type),
            *head,
            (b"x-entresol-estimated", ", ".join(ESTIMATED).encode()),
        ]
        if encoded.dropped:
            fields.append((b"x-entresol-dropped", field_value(", ".join(encoded.dropped))))
        return Answer(200, encoded.body, tuple(fields))

    def _is_counted(self, client: Format, model: str) -> bool:
        """Whether the provider counts. An address that is used as it is was given for the route's chat calls."""
        if self._is_beside_chat and self._target.is_one_address:
            return False
        try:
            self._target.wire(client, model)
        except ConfigError:
            return False
        return True

    def _estimated(self, client: CountFormat, model: str, body: bytes, path: str) -> Encoded:
        """The answer's body, and what was not counted."""
        request = client.decode_request(body, path)
        for name in request.binding:
            raise Unsupported(self._provider, client.own_path(name), "only what a request holds can be counted here")
        tokens = TokenEstimator(family_of(self._provider, model)).of_request(request)
        uncounted = [client.own_path(name) for name in (*request.extra, *request.unread)]
        encoded = client.encode_response(TokenCount(origin=client.name, input_tokens=tokens, model=model))
        return Encoded(encoded.body, uncounted)
