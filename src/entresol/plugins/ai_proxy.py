"""ai-proxy: turns a route into the endpoint of one model at one provider. Kong's fields, defaults and messages.

Clients speak the format of `llm_format`, the provider its own; where the two are the same, bytes pass. What plugins
later in the path need (usage, cost, latency) stands in the slots of `api_floor.ai_slots`.
"""

from functools import partial
from typing import ClassVar, Final

from entresol.api_floor.ai_account import call_meta, call_usage, keep_payload, payload_text
from entresol.api_floor.ai_slots import AI_LOG_STATISTICS, AI_META, AI_PAYLOAD, AI_USAGE, AiPayload
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.json_body import JsonBody, json_body
from entresol.api_floor.plugin import BodyFilter, ErrorFormat, Plugin, PluginContext
from entresol.core.errors import ClientError, UpstreamError
from entresol.core.http import Origin, RequestHead, ResponseHead, TlsClient, UpstreamRequest
from entresol.core.slots import Slot
from entresol.llm.answers import ErrorAnswer
from entresol.llm.call import Ends, LLMCall, failure_of, field_value, wants_stream
from entresol.llm.credentials import Credential, Hider
from entresol.llm.opened import Opened, opened_chat
from entresol.llm.price_table import price_table
from entresol.llm.prices import Prices
from entresol.llm.prompt_rules import check_prompt, choose_model
from entresol.llm.provider import check_model_name
from entresol.llm.registry import format_named, provider_named
from entresol.llm.target import ModelTarget
from entresol.llm.templates import Lookup
from entresol.plugins.schemas.ai_proxy import OPERATIONS, AiProxyConfig
from entresol.policy.request_fields import query_values

_CLIENT_FORMATS: Final = {"anthropic": "anthropic-messages", "gemini": "gemini"}
_NO_LOOKUP: Final[Lookup] = lambda source, key: None  # noqa: E731  # for targets that look nothing up
_REFUSED: Final = (401, 403)
_LOSSES: Final = "Streams that held what the client's format cannot say."
_LOSS_LABELS: Final = ("ai_provider", "ai_model")
_JSON: Final = (b"content-type", b"application/json")


class _Way:
    """How calls for one model go: what is the same for all of them. Never changed."""

    def __init__(
        self,
        model: str,
        stream: bool,
        service_tls: TlsClient | None,
        origin: Origin,
        target: str,
        model_field: tuple[bytes, bytes],
    ) -> None:
        self.model = model
        self.stream = stream
        self.service_tls = service_tls
        self.origin = origin
        self.target = target
        self.model_field = model_field


class _Call(LLMCall):
    """One request's call, and what has to be kept of it from phase to phase."""

    payload: AiPayload | None = None
    hider: Hider | None = None
    """Keeps the credential out of the payload."""
    first_byte: float = 0.0
    head: ResponseHead | None = None
    """The client's, where the answer is held until it is whole."""

    def __init__(self, plugin: "AiProxy", way: _Way, exchange: Exchange) -> None:
        super().__init__(plugin.ends, way.model, exchange.request_id, exchange.started_at)
        self.plugin = plugin
        self.way = way

    def piece(self, data: bytes, last: bool) -> bytes:
        """A body filter: read along, or translate."""
        if not self.first_byte and data:
            self.first_byte = self.plugin.monotonic()
        answer, credential = self.reading, self.plugin.credential
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

    def _keep(self, payload: AiPayload, data: bytes) -> None:
        """Remember a piece for the log."""
        hider = self.hider
        if hider is None:
            hider = self.hider = self.plugin.credential.hider()
        keep_payload(payload, hider.feed(data))

    def keep_rest(self) -> None:
        """Remember for the log what waited for more to come."""
        if self.payload is not None and self.hider is not None:
            keep_payload(self.payload, self.hider.rest())

    def whole(self, data: bytes, last: bool) -> bytes:
        """A body filter for an answer that was held until it was whole."""
        self.first_byte = self.plugin.monotonic()
        answer, head, credential = self.reading, self.head, self.plugin.credential
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
        if self.payload is not None:
            self._keep(self.payload, out)
        return out


_CALL: Final[Slot[_Call]] = Slot("ai-proxy.call")


class AiProxy(Plugin[AiProxyConfig]):
    """See the module."""

    name = "ai-proxy"
    priority: ClassVar[int] = 770
    config_type = AiProxyConfig
    needs_body = True
    replaces_upstream = True

    def __init__(self, config: AiProxyConfig, context: PluginContext) -> None:
        super().__init__(config, context)
        operation, model = OPERATIONS[config.route_type], config.model
        provider = provider_named(model.provider)
        client = format_named(_CLIENT_FORMATS.get(config.llm_format, f"openai-{operation}"))
        native = format_named(provider.format_name(operation))
        self.ends = Ends(client, provider, native, model.options.for_calls(), model.options.anthropic_version or "")
        self._client = client
        self._passes_chat = self.ends.is_same_format and client.name == "openai-chat"
        self._prices = Prices(model.options, price_table(), model.provider)
        self._target = ModelTarget(model, provider)
        self._model_header = f"x-{context.brand.lower()}-llm-model".encode()
        self._ways: dict[tuple[str | None, bool, str], _Way] = {}
        self._keeps_payload = config.logging.log_payloads
        self.credential = Credential(config.auth, model.options.upstream_url)
        self.monotonic = context.clock.monotonic

    @property
    def body_limit(self) -> int | None:
        return self.config.max_request_body_size or None

    @property
    def error_format(self) -> ErrorFormat:
        return self._client

    # The request.

    def access(self, exchange: Exchange) -> None:
        """Check the request, translate it, and send it to the model instead of the service."""
        request, upstream, credential = exchange.request, exchange.upstream, self.credential
        assert upstream is not None  # replaces_upstream
        if credential.fault is not None:
            raise credential.fault
        headers = request.headers
        content_type = headers.get(b"content-type") or b""
        if content_type != _JSON[1] and b"json" not in content_type.lower() and _JSON not in headers.pairs:
            raise ClientError("bad_json", "content-type header does not match request body, or bad JSON formatting")
        known = json_body(exchange)
        opened = self._opened(known, request)
        query = upstream.target.partition("?")[2]
        way = self._ways.get((opened.model, opened.stream, query))
        if way is None or not (way.service_tls is upstream.origin.tls or way.service_tls == upstream.origin.tls):
            way = self._find_way(exchange, upstream, opened, query)
        call = exchange[_CALL] = _Call(self, way, exchange)
        if self._keeps_payload:
            call.payload = exchange[AI_PAYLOAD] = AiPayload(request=payload_text(known.body))
        body = call.request(opened, way.stream, known.body, request.path, query)
        exchange.body = credential.body(body)
        fields = self.ends.fields_beside(upstream.headers)
        upstream.headers.pairs = credential.header_fields(upstream.headers.pairs, fields, self.ends.is_same_format)
        upstream.origin, upstream.host, upstream.target = way.origin, way.origin.authority, way.target
        upstream.method, upstream.upgrade = "POST", None

    def _opened(self, known: JsonBody, request: RequestHead) -> Opened:
        """What the request says. Raises ClientError unless it holds a prompt, and one of the route's format."""
        chat = known.chat() if self._passes_chat else None
        if chat is not None and chat.turns:
            return opened_chat(chat)
        opened = self._client.inspect(known.fields, request.path, request.query)
        check_prompt(self._client, known.fields)
        if known.is_rewritten:
            opened.body = known.body
        return opened

    def _find_way(self, exchange: Exchange, upstream: UpstreamRequest, opened: Opened, query: str) -> _Way:
        """Work out where a call goes. The service, if there is one, has its say on TLS."""
        config, credential, tls = self.config, self.credential, upstream.origin.tls
        is_fixed = self._target.is_fixed
        lookup = _NO_LOOKUP if is_fixed else partial(_look_up, exchange)
        model = check_model_name(choose_model(opened, self._target.model(lookup), config.model.model_alias))
        stream = wants_stream(config.response_streaming, opened)
        url = self.ends.url(model, stream, opened, credential.client_query(query), self._target.url(lookup))
        origin = Origin(url.scheme, url.host, url.port, tls if url.scheme == "https" else None)
        whole_query = credential.query(url.query)
        target = f"{url.path or '/'}?{whole_query}" if whole_query else url.path or "/"
        name = field_value(f"{self.ends.provider.name}/{model}")
        way = _Way(model, stream, tls, origin, target, (self._model_header, name))
        if is_fixed and len(query) < 100:
            if len(self._ways) > 256:  # names come from clients where no model is configured
                self._ways.clear()
            self._ways[opened.model, opened.stream, query] = way
        return way

    # The answer.

    def header_filter(self, exchange: Exchange) -> None:
        """Decide how to read the answer, and make its head the client's."""
        call, head = exchange.get(_CALL), exchange.response
        if call is None or head is None or exchange.source != "service":
            return
        if head.status in _REFUSED and self._is_own_credential(exchange):
            message = f"the provider refused the gateway's credential, with status {head.status}"
            raise UpstreamError("provider_credential_refused", message)
        answer = call.answer(head)
        if self.config.model_name_header:
            head.headers.pairs.append(call.way.model_field)
        if call.dropped:
            head.headers.pairs.append((b"x-entresol-dropped", field_value(", ".join(call.dropped))))
        if answer.needs_whole:
            call.head = head
            exchange.buffer_response = True
        elif answer.is_stream:
            head.content_length = None
            exchange.render_stream_error = call.failure

    def _is_own_credential(self, exchange: Exchange) -> bool:
        """Whether the call went out with the gateway's credential: then a client can do nothing about a refusal."""
        upstream = exchange.upstream
        assert upstream is not None  # replaces_upstream
        return self.credential.is_in(upstream.headers.pairs, upstream.target.partition("?")[2], exchange.body)

    def body_filter(self, exchange: Exchange) -> BodyFilter | None:
        """Read along, or translate."""
        call = exchange.get(_CALL)
        if call is None or call.reading is None:
            return None
        return call.whole if call.reading.needs_whole else call.piece

    def log(self, exchange: Exchange) -> None:
        """Tell the log plugins what the call was, what it used and what it cost."""
        call = exchange.get(_CALL)
        if call is None:
            return
        call.keep_rest()
        exchange[AI_LOG_STATISTICS] = self.config.logging.log_statistics
        meta = exchange[AI_META] = call_meta(exchange, self.context.instance_id, self.ends.provider.name, call)
        answer = call.reading
        if answer is None:
            return
        if exchange.error is not None:
            answer.settle()
        if answer.dropped:
            meta.dropped = call.losses()
            if answer.is_stream:
                self._count_loss(call.model)
        facts = answer.facts
        meta.response_model = facts.model
        if facts.error is not None and exchange.error is None and exchange.upstream_status < 400:
            exchange.error = self.credential.hidden_in_error(failure_of(facts.error))
        if facts.usage is not None:
            names = (facts.model, call.model)
            cost = self._prices.cost_of_any(names, facts.usage, facts.service_tier, exchange.started_at)
            exchange[AI_USAGE] = call_usage(exchange, facts.usage, cost, call.first_byte)

    def _count_loss(self, model: str) -> None:
        """A stream held what its client cannot take, and the head, which says so of whole answers, had gone."""
        labels = (self.ends.provider.name, model)
        self.context.metrics.counter("entresol_ai_llm_stream_losses_total", _LOSSES, _LOSS_LABELS, labels).value += 1


def _look_up(exchange: Exchange, source: str, key: str) -> str | None:
    """The value of a template's placeholder."""
    if source == "headers":
        value = exchange.request.headers.get(key.lower().encode("ascii", "replace"))
        return None if value is None else value.decode("latin-1")
    if source == "query_params":
        return next(iter(query_values(exchange.request.query, key)), None)
    return None if exchange.match is None else exchange.match.captures.get(key)
