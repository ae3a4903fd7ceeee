"""Realtime sessions at a model provider: a WebSocket that is read along, billed as it goes, and may be cut.

The handshake goes on as the client sent it, but for the credential, the model, and extensions: without those, frames
can be read.
"""

import asyncio
import secrets
from dataclasses import replace
from typing import Final
from urllib.parse import quote, unquote_plus

from entresol.api_floor.ai_account import call_usage
from entresol.api_floor.ai_call import AI_CALL, AiCall
from entresol.api_floor.ai_slots import AI_USAGE, AiMeta, AiUsage
from entresol.api_floor.ai_uploads import FORMS, STORES, CallLimits, CallMaker, Uploads
from entresol.api_floor.exchange import Exchange
from entresol.core.errors import ClientError, GatewayError, UpstreamError
from entresol.core.http import HeaderPairs, ResponseHead, UpstreamRequest
from entresol.core.ports import Clock
from entresol.core.slots import Slot
from entresol.llm.credentials import Credential
from entresol.llm.format import Format
from entresol.llm.model_config import ModelOptions
from entresol.llm.price_table import PriceTable
from entresol.llm.prices import Charge, Prices
from entresol.llm.provider import Provider
from entresol.llm.realtime import RealtimeTap
from entresol.llm.realtime_events import summed
from entresol.llm.types import Usage

_INSECURE_KEY: Final = b"openai-insecure-api-key."
_PROTOCOL: Final = b"sec-websocket-protocol"
_EXTENSIONS: Final = b"sec-websocket-extensions"
_SWITCHING: Final = 101


class RealtimeSession:
    """One session, from its handshake to its end."""

    def __init__(self, request_id: str, limits: CallLimits, other_prices: Prices) -> None:
        """`other_prices`: of the model that transcribes, which is not the route's."""
        self.tap = RealtimeTap(secrets.token_bytes(4), request_id, limits.max_tokens)
        self._max_session_s = limits.max_session_s
        self._other_prices = other_prices
        self._timer: asyncio.TimerHandle | None = None
        self._last_words: tuple[bytes, bytes] | None = None

    def begin(self, exchange: Exchange, head: ResponseHead) -> None:
        """The provider has switched protocols. Raises UpstreamError for an extension that nobody offered."""
        if _EXTENSIONS in head.headers:
            raise UpstreamError(
                "provider_bad_response", "websocket: the provider uses an extension that was not offered"
            )
        head.headers.remove(b"set-cookie")
        exchange.render_stream_error = self._to_client
        exchange.take_leave = self._to_provider
        if self._max_session_s is not None and exchange.fail is not None:
            message = f"the session has lasted {self._max_session_s:g} s, and may last no longer"
            error = ClientError("realtime_limit_reached", message, status=429)
            self._timer = asyncio.get_running_loop().call_later(self._max_session_s, exchange.fail, error)

    def usage(self) -> Usage | None:
        """All tokens of the session, of transcriptions too; None if the provider told of none."""
        facts = self.tap.facts
        if facts.transcription is None:
            return facts.usage
        return summed(facts.usage, facts.transcription)

    def account(self, exchange: Exchange, meta: AiMeta, prices: Prices, call: AiCall) -> None:
        """Tell the log what the session used and cost. It is over: nothing is left to be cut."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        meta.request_mode, meta.response_model = "realtime", self.tap.facts.model
        usage = self.usage()
        if usage is not None:
            charge = self.charge(prices, call.model, exchange.started_at)
            exchange[AI_USAGE] = call_usage(exchange, usage, charge, 0.0)
        elif self.tap.facts.responses or self.tap.facts.transcribed_s:
            exchange[AI_USAGE] = AiUsage()  # it used something, and nobody told what

    def charge(self, prices: Prices, model: str, now: float) -> Charge:
        """What the session costs."""
        facts = self.tap.facts
        charge = Charge(0)
        if facts.usage is not None:
            charge = prices.cost_of_any((facts.model, model), facts.usage, None, now)
        if facts.transcription is not None:
            own = facts.usage is None and facts.transcription_model in (None, facts.model, model)
            names = (facts.transcription_model, facts.model, model) if own else (facts.transcription_model,)
            extra = (prices if own else self._other_prices).cost_of_any(names, facts.transcription, None, now)
            if charge.cost is None or extra.cost is None:
                return Charge(None)
            price_id, version = charge.price_id or extra.price_id, charge.price_version or extra.price_version
            charge = Charge(charge.cost + extra.cost, price_id, version)
        if facts.transcribed_s:
            charge = Charge(None)  # by the minute: no table has such prices
        return charge

    def _to_client(self, error: GatewayError) -> bytes:
        return self._words(error)[0]

    def _to_provider(self, error: GatewayError) -> bytes:
        return self._words(error)[1]

    def _words(self, error: GatewayError) -> tuple[bytes, bytes]:
        if self._last_words is None:
            self._last_words = self.tap.cut(error)
        return self._last_words


class RealtimeSessions:
    """The sessions of one route."""

    def __init__(
        self, client: Format, credential: Credential, clock: Clock, limits: CallLimits, other_prices: Prices
    ) -> None:
        """`other_prices`: of models that transcribe, which are not the route's."""
        self._client = client
        self._credential = credential
        self._clock = clock
        self._limits = limits
        self._prices = other_prices

    def access(self, exchange: Exchange, upstream: UpstreamRequest, maker: CallMaker) -> None:
        """Send the handshake to the provider. Raises ClientError."""
        request = exchange.request
        if not request.upgrade or (request.headers.get(b"upgrade") or b"").lower() != b"websocket":
            field = ((b"upgrade", b"websocket"),)
            raise ClientError(
                "websocket_required", "this route takes WebSocket sessions only", status=426, headers=field
            )
        said, rest = _without_model(upstream.target.partition("?")[2])
        model = maker.chosen_model(said, maker.configured_model(exchange))
        query = "&".join([f"model={quote(model, safe='')}", *rest])
        way = maker.way_to(exchange, upstream, self._client, model, False, query)
        upstream.origin, upstream.host, upstream.target = way.origin, way.origin.authority, way.target
        upstream.method, upstream.upgrade = "GET", b"websocket"
        upstream.timeouts = replace(upstream.timeouts, idle_s=0.0)  # people pause; `limits.tunnel_idle_s` holds
        call = exchange[AI_CALL] = AiCall(way, self._credential, self._clock, exchange)
        upstream.headers.pairs = self._fields(upstream.headers.pairs, call)
        session = exchange[REALTIME] = RealtimeSession(exchange.request_id, self._limits, self._prices)
        exchange.filter_request = session.tap.from_client

    def _fields(self, client: HeaderPairs, call: AiCall) -> HeaderPairs:
        pairs: HeaderPairs = []
        for name, value in client:
            if name == _PROTOCOL and self._credential.is_set:
                value = _without_key(value)
            if value and name != _EXTENSIONS:
                pairs.append((name, value))
        own = [field for field in call.way.ends.fields if field[0] not in (b"content-type", b"accept-encoding")]
        return self._credential.header_fields(pairs, own, call.way.ends.is_same_format)


def _without_key(protocols: bytes) -> bytes:
    """Subprotocols without the one that holds a key: it is the gateway's, and the provider gets another."""
    names = [name.strip() for name in protocols.split(b",")]
    return b", ".join([name for name in names if not name.startswith(_INSECURE_KEY)])


def _without_model(query: str) -> tuple[str | None, list[str]]:
    """The model that a query names, and the rest of it. Raises ClientError for two models."""
    said: str | None = None
    rest = []
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        if unquote_plus(name) != "model":
            rest.append(pair)
        elif said is not None:
            raise ClientError("bad_request", "model: the query names two")
        else:
            said = unquote_plus(value)
    return said, rest


def calls_that_pass(
    client: Format, provider: Provider, credential: Credential, clock: Clock, limits: CallLimits, table: PriceTable
) -> Uploads | RealtimeSessions | None:
    """For an operation whose requests are not held: sound, images and files, and sessions."""
    if client.operation == "realtime":
        return RealtimeSessions(client, credential, clock, limits, Prices(ModelOptions(), table, provider.name))
    if client.operation in FORMS or client.operation in STORES:
        return Uploads(client, credential, clock, limits, "{model}" in provider.paths.get(client.name, ""))
    return None


REALTIME: Final[Slot[RealtimeSession]] = Slot("ai-proxy.realtime")
