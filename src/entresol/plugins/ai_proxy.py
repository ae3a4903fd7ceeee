"""ai-proxy: turns a route into the endpoint of one model at one provider. Kong's fields, defaults and messages.

Clients speak the format of `llm_format`, the provider its own; where the two are the same, bytes pass. What plugins
later in the path need (usage, cost, latency) stands in the slots of `api_floor.ai_slots`.
"""

from collections.abc import Awaitable
from functools import partial
from typing import ClassVar, Final

from entresol.api_floor.ai_account import account_of, call_meta, payload_text
from entresol.api_floor.ai_call import AI_CALL, AiCall, Way
from entresol.api_floor.ai_counting import TokenCounting
from entresol.api_floor.ai_realtime import REALTIME, calls_that_pass
from entresol.api_floor.ai_slots import AI_LOG_STATISTICS, AI_META, AI_PAYLOAD, AI_USAGE, AiPayload
from entresol.api_floor.ai_template import look_up
from entresol.api_floor.ai_uploads import CallLimits
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.json_body import JsonBody, json_body
from entresol.api_floor.plugin import BodyFilter, ErrorFormat, Plugin, PluginContext
from entresol.core.decision import Outcome
from entresol.core.errors import ClientError, ConfigError, UpstreamError
from entresol.core.http import Origin, RequestHead, UpstreamRequest
from entresol.llm.call import Ends, failure_of, field_value, wants_stream
from entresol.llm.cloud_credentials import CloudCredential, CredentialSource
from entresol.llm.credentials import Credential
from entresol.llm.format import Format
from entresol.llm.model_profiles import NO_FACTS
from entresol.llm.opened import Opened, opened_chat
from entresol.llm.price_table import price_table
from entresol.llm.prices import Prices
from entresol.llm.prompt_rules import check_prompt, choose_model
from entresol.llm.provider import Provider, check_model_name
from entresol.llm.registry import format_named, provider_named
from entresol.llm.target import ModelTarget
from entresol.llm.templates import Lookup
from entresol.plugins.schemas.ai_proxy import CLIENT_WIRES, AiProxyConfig, formats_beside

_NO_LOOKUP: Final[Lookup] = lambda source, key: None  # noqa: E731  # for targets that look nothing up
_UNREAD: Final = Opened({}, None, False)
_REFUSED: Final = (401, 403)
_LOSSES: Final = "Streams that held what the client's format cannot say."
_LOSS_LABELS: Final = ("ai_provider", "ai_model")
_JSON: Final = (b"content-type", b"application/json")


class AiProxy(Plugin[AiProxyConfig]):
    """See the module."""

    name = "ai-proxy"
    priority: ClassVar[int] = 770
    config_type = AiProxyConfig
    needs_body = True
    replaces_upstream = True

    def __init__(self, config: AiProxyConfig, context: PluginContext) -> None:
        super().__init__(config, context)
        model, clouds = config.model, context.credentials
        options = clouds.completed(config.auth, model.options, model.provider)
        provider = provider_named(model.provider).configured(options)
        self._target = target = ModelTarget(model, provider, options)
        if not target.is_complete:
            raise ConfigError("provider_options", f"must set {provider.needs}")
        self._source = clouds.source(config.auth, options, model.provider)
        self._client = client = format_named(CLIENT_WIRES[config.route_type][config.llm_format])
        self._others = formats_beside(client, provider)
        self._ends: dict[tuple[str, str, Provider], Ends] = {}
        self._unsaid_type = _JSON[1] if config.llm_format == "bedrock" else b""  # its clients leave it out of `invoke`
        self._passes_chat = client.name == "openai-chat" and target.wire(client, "") == client.name
        table = context.prices or price_table()
        self._prices = Prices(model.options, table, model.provider)
        self._model_header = f"x-{context.brand.lower()}-llm-model".encode()
        self._ways: dict[tuple[str, str | None, bool, str], Way] = {}
        beside = client.operation == "chat"
        self._counting = TokenCounting(target, model.provider, context.instance_id, config.logging, beside)
        self._keeps_payload = config.logging.log_payloads
        self._credential = Credential(config.auth, model.options.upstream_url, self._source is not None)
        self._clock = context.clock
        limits = CallLimits(config.max_request_body_size, config.response_streaming, *config.realtime.limits())
        self._passing = calls_that_pass(client, provider, self._credential, self._clock, limits, table)
        self.needs_body = self._passing is None

    @property
    def body_limit(self) -> int | None:
        return self.config.max_request_body_size or None

    @property
    def error_format(self) -> ErrorFormat:
        return self._client

    # The request.

    def access(self, exchange: Exchange) -> Outcome | Awaitable[Outcome | None] | None:
        """Check the request, translate it, and send it to the model instead of the service."""
        request, upstream, credential, client = exchange.request, exchange.upstream, self._credential, self._client
        assert upstream is not None  # replaces_upstream
        if credential.fault is not None:
            raise credential.fault
        if self._passing is not None:
            self._passing.access(exchange, upstream, self)
            return None if self._source is None else self._prove(self._source, exchange, upstream)
        headers = request.headers
        content_type = headers.get(b"content-type") or self._unsaid_type
        if content_type != _JSON[1] and b"json" not in content_type.lower() and _JSON not in headers.pairs:
            raise ClientError("bad_json", "content-type header does not match request body, or bad JSON formatting")
        known = json_body(exchange)
        if self._others:
            client = self._client_of(request.path)
        opened = self._opened(client, known, request)
        if client.operation == "count_tokens":
            estimate = self._estimate(exchange, client, opened, known.body)
            if estimate is not None:
                return estimate
        query = upstream.target.partition("?")[2]
        way = self._ways.get((client.name, opened.model, opened.stream, query))
        if way is None or not (way.service_tls is upstream.origin.tls or way.service_tls == upstream.origin.tls):
            way = self._find_way(exchange, upstream, client, opened, query)
        call = exchange[AI_CALL] = AiCall(way, credential, self._clock, exchange)
        if self._keeps_payload:
            call.payload = exchange[AI_PAYLOAD] = AiPayload(request=payload_text(known.body))
        body = call.request(opened, way.stream, known.body, request.path, query)
        exchange.body = credential.body(body)
        fields = way.ends.fields_beside(upstream.headers)
        upstream.headers.pairs = credential.header_fields(upstream.headers.pairs, fields, way.ends.is_same_format)
        upstream.origin, upstream.host, upstream.target = way.origin, way.origin.authority, way.target
        upstream.method, upstream.upgrade = "POST", None
        return None if self._source is None else self._prove(self._source, exchange, upstream)

    def _prove(
        self, source: CredentialSource, exchange: Exchange, upstream: UpstreamRequest
    ) -> Awaitable[Outcome | None] | None:
        """Put a cloud's credential into the call: at once, as a rule, or when it is there."""
        credential = source.current()
        if credential is None:
            return self._prove_later(source, exchange, upstream)
        self._sign(credential, exchange, upstream)
        return None

    async def _prove_later(
        self, source: CredentialSource, exchange: Exchange, upstream: UpstreamRequest
    ) -> Outcome | None:
        self._sign(await source.fetch(), exchange, upstream)
        return None

    def _sign(self, credential: CloudCredential, exchange: Exchange, upstream: UpstreamRequest) -> None:
        pairs, now = upstream.headers.pairs, self._clock.now()
        upstream.headers.pairs = credential.apply(
            upstream.method, upstream.host, upstream.target, pairs, exchange.body, now
        )
        self._credential.hide_also(credential.secrets)

    def _client_of(self, path: str) -> Format:
        """The format of a call on a route for chat, by its path. Raises ClientError where the provider has it not."""
        for ending, wire_format in self._others:
            if path.endswith(ending):
                if isinstance(wire_format, str):
                    raise ClientError("unsupported_by_provider", wire_format)
                return wire_format
        return self._client

    def _opened(self, client: Format, known: JsonBody, request: RequestHead) -> Opened:
        """What the request says. Raises ClientError unless it holds a prompt, and one of the client's format."""
        chat = known.chat() if self._passes_chat else None
        if chat is not None and chat.turns:
            return opened_chat(chat)
        opened = client.inspect(known.fields, request.path, request.query)
        check_prompt(client, known.fields)
        if known.is_rewritten:
            opened.body = known.body
        return opened

    def _estimate(self, exchange: Exchange, client: Format, opened: Opened, body: bytes) -> Outcome | None:
        model = self.chosen_model(opened.model, self.configured_model(exchange))
        head = [(self._model_header, self._model_name(model))] if self.config.model_name_header else []
        return self._counting.estimate(exchange, client, model, body, head)

    def _find_way(
        self, exchange: Exchange, upstream: UpstreamRequest, client: Format, opened: Opened, query: str
    ) -> Way:
        """Work out where a call goes. The service, if there is one, has its say on TLS."""
        model = self.chosen_model(opened.model, self.configured_model(exchange))
        stream = client.operation != "count_tokens" and wants_stream(self.config.response_streaming, opened)
        way = self.way_to(exchange, upstream, client, model, stream, query, opened)
        if self._target.is_fixed and len(query) < 100:
            if len(self._ways) > 256:  # names come from clients where no model is configured
                self._ways.clear()
            self._ways[client.name, opened.model, opened.stream, query] = way
        return way

    def configured_model(self, exchange: Exchange) -> str | None:
        """See `ai_uploads.CallMaker`, also for the two below."""
        return self._target.model(self._lookup(exchange))

    def chosen_model(self, said: str | None, configured: str | None) -> str:
        return check_model_name(choose_model(Opened({}, said, False), configured, self.config.model.model_alias))

    def _lookup(self, exchange: Exchange) -> Lookup:
        return _NO_LOOKUP if self._target.is_fixed else partial(look_up, exchange)

    def way_to(
        self, exchange: Exchange, upstream: UpstreamRequest, client: Format, model: str, stream: bool, query: str,
        opened: Opened = _UNREAD,
    ) -> Way:  # fmt: skip
        credential, tls, lookup = self._credential, upstream.origin.tls, self._lookup(exchange)
        ends = self._ends_of(client, model, self._target.provider(lookup))
        url = ends.url(model, stream, opened, credential.client_query(query), self._target.url(lookup))
        origin = Origin(url.scheme, url.host, url.port, tls if url.scheme == "https" else None)
        whole_query = credential.query(url.query)
        target = f"{url.path or '/'}?{whole_query}" if whole_query else url.path or "/"
        return Way(ends, model, stream, tls, origin, target, (self._model_header, self._model_name(model)))

    def _model_name(self, model: str) -> bytes:
        return field_value(f"{self.config.model.provider}/{model}")

    def _ends_of(self, client: Format, model: str, provider: Provider) -> Ends:
        """What calls of a model have in common. Which wire a provider speaks may depend on the model."""
        options, wire = self.config.model.options, self._target.wire(client, model)
        ends = self._ends.get((client.name, wire, provider))
        if ends is None:
            version = options.anthropic_version or ""
            own_facts = self.config.model.profile or NO_FACTS
            ends = Ends(client, provider, format_named(wire), options.for_calls(), version, own_facts)
            if len(self._ends) > 256:  # providers may depend on what clients say
                self._ends.clear()
            self._ends[client.name, wire, provider] = ends
        return ends

    # The answer.

    def header_filter(self, exchange: Exchange) -> None:
        """Decide how to read the answer, and make its head the client's."""
        call, head = exchange.get(AI_CALL), exchange.response
        if call is None or head is None or exchange.source != "service":
            return
        if head.status in _REFUSED and self._is_own_credential(exchange):
            message = f"the provider refused the gateway's credential, with status {head.status}"
            raise UpstreamError("provider_credential_refused", message)
        if head.status == 101 and REALTIME in exchange:
            exchange[REALTIME].begin(exchange, head)
            return
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
        return self._source is not None or self._credential.is_in(
            upstream.headers.pairs, upstream.target.partition("?")[2], exchange.body
        )

    def body_filter(self, exchange: Exchange) -> BodyFilter | None:
        """Read along, or translate."""
        call = exchange.get(AI_CALL)
        if call is None or call.reading is None:
            return exchange[REALTIME].tap.from_provider if REALTIME in exchange else None
        return call.whole if call.reading.needs_whole else call.piece

    def log(self, exchange: Exchange) -> None:
        """Tell the log plugins what the call was, what it used and what it cost."""
        call = exchange.get(AI_CALL)
        if call is None:
            return
        call.keep_rest()
        exchange[AI_LOG_STATISTICS] = self.config.logging.log_statistics
        meta = exchange[AI_META] = call_meta(exchange, self.context.instance_id, self.config.model.provider, call)
        answer = call.reading
        if answer is None:
            if REALTIME in exchange:
                exchange[REALTIME].account(exchange, meta, self._prices, call)
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
            exchange.error = self._credential.hidden_in_error(failure_of(facts.error))
        usage = account_of(exchange, call, self._prices, call.first_byte)
        if usage is not None:
            exchange[AI_USAGE] = usage

    def _count_loss(self, model: str) -> None:
        """A stream held what its client cannot take, and the head, which says so of whole answers, had gone."""
        labels = (self.config.model.provider, model)
        self.context.metrics.counter("entresol_ai_llm_stream_losses_total", _LOSSES, _LOSS_LABELS, labels).value += 1
