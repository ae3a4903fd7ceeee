"""ai-proxy: turns a route into the endpoint of one model at one provider. Kong's fields, defaults and messages.

Clients speak the format of `llm_format`, the provider its own; where the two are the same, bytes pass. What plugins
later in the path need (usage, cost, latency) stands in the slots of `api_floor.ai_slots`.
"""

from functools import partial
from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta

from entresol.api_floor.ai_account import PAYLOAD_BYTES, call_meta, call_usage, keep_payload
from entresol.api_floor.ai_slots import AI_LOG_STATISTICS, AI_META, AI_PAYLOAD, AI_USAGE, AiPayload
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.json_body import json_body
from entresol.api_floor.plugin import BodyFilter, ErrorFormat, Plugin, PluginConfig, PluginContext
from entresol.core.errors import ClientError
from entresol.core.http import HOP_BY_HOP, Headers, Origin, Timeouts, UpstreamRequest
from entresol.core.slots import Slot
from entresol.llm.answers import Answer, ErrorAnswer
from entresol.llm.call import LLMCall, OutboundRequest, failure_of, field_value, wants_stream
from entresol.llm.credentials import Credential
from entresol.llm.format import Operation
from entresol.llm.model_config import AuthConfig, LoggingConfig, ModelConfig
from entresol.llm.prices import Prices, price_table
from entresol.llm.prompt_rules import check_prompt, choose_model
from entresol.llm.provider import Url, check_model_name, parse_url
from entresol.llm.registry import format_named, provider_named
from entresol.llm.target import ModelTarget
from entresol.llm.templates import Lookup, Template
from entresol.policy.request_fields import query_values

_OPERATIONS: Final[dict[str, Operation]] = {
    "llm/v1/chat": "chat",
    "llm/v1/completions": "completions",
    "llm/v1/embeddings": "embeddings",
}
_CLIENT_FORMATS: Final = {"anthropic": "anthropic-messages", "gemini": "gemini"}
_NO_LOOKUP: Final[Lookup] = lambda source, key: None  # noqa: E731  # for targets that look nothing up
_NOT_FORWARDED: Final = HOP_BY_HOP | {b"host", b"content-length", b"expect"}


class AiProxyConfig(PluginConfig, frozen=True, kw_only=True):
    """Kong's fields."""

    route_type: Annotated[
        Literal["llm/v1/chat", "llm/v1/completions", "llm/v1/embeddings"],
        Meta(
            description="What the route does.",
            extra={
                "not_yet": (
                    "llm/v1/responses", "llm/v1/assistants", "llm/v1/files", "llm/v1/batches",
                    "audio/v1/audio/speech", "audio/v1/audio/transcriptions", "audio/v1/audio/translations",
                    "image/v1/images/generations", "image/v1/images/edits", "video/v1/videos/generations",
                    "realtime/v1/realtime", "preserve",
                )
            },
        ),
    ]  # fmt: skip
    model: ModelConfig
    auth: AuthConfig = AuthConfig()
    logging: LoggingConfig = LoggingConfig()
    llm_format: Annotated[
        Literal["openai", "anthropic", "gemini"],
        Meta(description="The format clients speak.", extra={"not_yet": ("bedrock", "cohere", "huggingface")}),
    ] = "openai"
    response_streaming: Annotated[
        Literal["allow", "always", "deny"], Meta(description="Whether answers may, must or must not be streamed.")
    ] = "allow"
    max_request_body_size: Annotated[int, Meta(ge=0, description="Bytes; 0 is no limit. Larger requests: 413.")] = (
        1_048_576
    )
    model_name_header: Annotated[bool, Meta(description="Name the model in a response header.")] = True
    genai_category: Annotated[
        Literal["text/generation", "text/embeddings"],
        Meta(extra={"not_yet": ("audio/speech", "audio/transcription", "image/generation", "video/generation",
                                "realtime/generation")}),
    ] = "text/generation"  # fmt: skip

    def violations(self) -> list[tuple[str, str]]:
        """Kong's rules, and what a provider cannot do."""
        found = []
        provider, name = provider_named(self.model.provider), self.model.provider
        if _OPERATIONS[self.route_type] not in provider.formats:
            found.append(("route_type", f"{name} does not support route_type {self.route_type}"))
        if self.llm_format != "openai" and self.route_type != "llm/v1/chat":
            found.append(("llm_format", f"{self.llm_format} is only supported with route_type llm/v1/chat"))
        if name == "gemini" and self.auth.allow_override:
            found.append(("auth.allow_override", "bedrock and gemini only support auth.allow_override = false"))
        if name == "gemini" and self.auth.gcp_use_service_account:
            found.append(("auth.gcp_use_service_account", "not supported yet: use an API key"))
        url = self.model.options.upstream_url
        if url is not None and Template(url).is_constant:
            try:
                parse_url(url)
            except ValueError as error:
                found.append(("model.options.upstream_url", f"invalid url: {error}"))
        return found


class _Call:
    """What one request keeps from phase to phase."""

    __slots__ = ("answer", "dropped", "first_byte", "llm", "payload")

    def __init__(self, llm: LLMCall, dropped: list[str]) -> None:
        self.llm = llm
        self.dropped = dropped
        self.answer: Answer | None = None
        self.first_byte = 0.0
        self.payload = b""


_CALL: Final[Slot[_Call]] = Slot("ai-proxy.call")


class AiProxy(Plugin[AiProxyConfig]):
    """See the module."""

    name = "ai-proxy"
    priority: ClassVar[int] = 770
    config_type = AiProxyConfig
    needs_body = True

    def __init__(self, config: AiProxyConfig, context: PluginContext) -> None:
        super().__init__(config, context)
        operation, model = _OPERATIONS[config.route_type], config.model
        self._provider = provider_named(model.provider)
        self._native = format_named(self._provider.format_name(operation))
        self._client = format_named(_CLIENT_FORMATS.get(config.llm_format, f"openai-{operation}"))
        self._credential = Credential(config.auth)
        self._options = model.options.for_calls()
        self._prices = Prices(model.options, price_table(), model.provider)
        self._target = ModelTarget(model, self._provider)
        version = self._provider.version_header
        self._version = None
        if version is not None:
            self._version = version[0], (model.options.anthropic_version or version[1]).encode()
        self._model_header = f"x-{context.brand.lower()}-llm-model".encode()
        self._origins: dict[tuple[str, str, int, object], tuple[Origin, str]] = {}

    @property
    def body_limit(self) -> int | None:
        return self.config.max_request_body_size or None

    @property
    def error_format(self) -> ErrorFormat:
        return self._client

    # The request.

    def access(self, exchange: Exchange) -> None:
        """Check the request, translate it, and send it to the model instead of the service."""
        request = exchange.request
        if self._credential.fault is not None:
            raise self._credential.fault
        lookup = _NO_LOOKUP if self._target.is_fixed else partial(_look_up, exchange)
        configured = self._target.model(lookup)
        content_type = request.headers.get(b"content-type") or b""
        if b"json" not in content_type:
            raise ClientError("bad_json", "content-type header does not match request body, or bad JSON formatting")
        opened = self._client.inspect(json_body(exchange).fields, request.path, request.query)
        check_prompt(self._client, opened.fields)
        model = check_model_name(choose_model(opened, configured, self.config.model.model_alias))
        stream = wants_stream(self.config.response_streaming, opened)
        call = LLMCall(
            self._client,
            self._provider,
            self._native,
            model,
            options=self._options,
            upstream=self._target.url(lookup),
            request_id=exchange.request_id,
            now=int(exchange.started_at),
        )
        query = request.query if exchange.upstream is None else exchange.upstream.target.partition("?")[2]
        client_query = self._credential.client_query(query) if query else ""
        outbound = call.request(opened, stream, exchange.body, request.path, client_query)
        state = exchange[_CALL] = _Call(call, outbound.dropped)
        if self.config.logging.log_payloads:
            state.payload = exchange.body
        self._send(exchange, outbound, call.is_same_format)

    def _send(self, exchange: Exchange, outbound: OutboundRequest, is_same_format: bool) -> None:
        """Point the request at the provider. The service, if there is one, keeps its say on clocks and TLS."""
        upstream, url, credential = exchange.upstream, outbound.url, self._credential
        if upstream is None:
            kept = [pair for pair in exchange.request.headers.pairs if pair[0] not in _NOT_FORWARDED]
            placeholder = Origin(url.scheme, url.host, url.port)
            upstream = UpstreamRequest(placeholder, "POST", "/", Headers(kept), "", Timeouts())
            exchange.upstream = upstream
        upstream.origin, upstream.host = self._origin(url, upstream.origin)
        own = outbound.headers
        if self._version is not None and not (is_same_format and upstream.headers.get(self._version[0])):
            own.append(self._version)
        upstream.headers.pairs = credential.header_fields(upstream.headers.pairs, own, is_same_format)
        query = credential.query(url.query)
        upstream.method, upstream.upgrade = "POST", None
        upstream.target = f"{url.path or '/'}?{query}" if query else url.path or "/"
        exchange.body = credential.body(outbound.body)

    def _origin(self, url: Url, service: Origin) -> tuple[Origin, str]:
        tls = service.tls if url.scheme == "https" else None
        key = (url.scheme, url.host, url.port, tls)
        found = self._origins.get(key)
        if found is None:
            if len(self._origins) > 100:  # addresses may come from templates
                self._origins.clear()
            origin = Origin(url.scheme, url.host, url.port, tls)
            found = self._origins[key] = origin, origin.authority
        return found

    # The answer.

    def header_filter(self, exchange: Exchange) -> None:
        """Decide how to read the answer, and make its head the client's."""
        call, head = exchange.get(_CALL), exchange.response
        if call is None or head is None or exchange.source != "service":
            return
        headers = head.headers
        call.answer = answer = call.llm.answer(head)
        headers.remove(b"set-cookie")
        if answer.content_type is not None:
            headers.set(b"content-type", answer.content_type)
            headers.remove(b"content-encoding")
        if self.config.model_name_header:
            headers.pairs.append((self._model_header, field_value(f"{self._provider.name}/{call.llm.model}")))
        if call.dropped:
            headers.pairs.append((b"x-entresol-dropped", field_value(", ".join(call.dropped))))
        if answer.needs_whole:
            exchange.buffer_response = True
        elif answer.is_stream:
            head.content_length = None
            exchange.render_stream_error = call.llm.failure

    def body_filter(self, exchange: Exchange) -> BodyFilter | None:
        """Read along, or translate."""
        call = exchange.get(_CALL)
        if call is None or call.answer is None:
            return None
        if call.answer.needs_whole:
            return partial(self._whole, exchange, call, call.answer)
        feed, monotonic = call.answer.feed, self.context.clock.monotonic

        def pass_on(data: bytes, last: bool) -> bytes:
            if not call.first_byte and data:
                call.first_byte = monotonic()
            return feed(data, last)

        return partial(keep_payload, exchange, pass_on) if self.config.logging.log_payloads else pass_on

    def _whole(self, exchange: Exchange, call: _Call, answer: Answer, data: bytes, last: bool) -> bytes:
        call.first_byte = self.context.clock.monotonic()
        out = answer.feed(data, last)
        head = exchange.response
        if answer.dropped and head is not None:
            names = [*call.dropped, *(f"response.{name}" for name in answer.dropped)]
            head.headers.set(b"x-entresol-dropped", field_value(", ".join(names)))
        if isinstance(answer, ErrorAnswer):
            out = self._credential.hidden_in(out)
            if head is not None:
                head.headers.set(b"x-entresol-error", b"provider_error")
        if self.config.logging.log_payloads:
            keep_payload(exchange, lambda whole, last: whole, out, last)
        return out

    def log(self, exchange: Exchange) -> None:
        """Tell the log plugins what the call was, what it used and what it cost."""
        call = exchange.get(_CALL)
        if call is None:
            return
        config, answer = self.config, call.answer
        exchange[AI_LOG_STATISTICS] = config.logging.log_statistics
        exchange[AI_META] = meta = call_meta(exchange, self.context.instance_id, self._provider.name, call.llm)
        if config.logging.log_payloads:
            kept = exchange.get(AI_PAYLOAD) or AiPayload()
            kept.request = call.payload[:PAYLOAD_BYTES].decode("utf-8", "replace")
            exchange[AI_PAYLOAD] = kept
        if answer is None:
            return
        if exchange.error is not None:
            answer.settle()
        facts = answer.facts
        meta.response_model = facts.model
        if facts.error is not None and exchange.error is None and exchange.upstream_status < 400:
            exchange.error = failure_of(facts.error)
        if facts.usage is not None:
            names = (facts.model, call.llm.model)
            cost = self._prices.cost_of_any(names, facts.usage, facts.service_tier, exchange.started_at)
            exchange[AI_USAGE] = call_usage(exchange, facts.usage, cost, call.first_byte)


def _look_up(exchange: Exchange, source: str, key: str) -> str | None:
    """The value of a template's placeholder."""
    if source == "headers":
        value = exchange.request.headers.get(key.lower().encode("ascii", "replace"))
        return None if value is None else value.decode("latin-1")
    if source == "query_params":
        return next(iter(query_values(exchange.request.query, key)), None)
    return None if exchange.match is None else exchange.match.captures.get(key)
