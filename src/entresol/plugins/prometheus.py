"""prometheus: counts requests, latencies, bytes and what model calls use, for Prometheus to scrape.

As in Kong, everything is off until a flag asks for it. Cells are looked up once per route, status and consumer;
after that a request costs additions. What is counted here is shown under our name and under Kong's.
"""

from typing import Annotated, ClassVar, Final

from msgspec import Meta

from entresol.api_floor.ai_slots import AI_META, AI_USAGE, AiMeta
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.plugin import Plugin, PluginConfig, PluginContext
from entresol.core.ports import CounterCell, HistogramCell, Metrics

_WORKSPACE: Final = "default"
_MAX_MODELS: Final = 500
"""Model names that are shown; clients may choose them, so there must be an end."""
_OTHER: Final = "(other)"

_ROUTE_LABELS: Final = ("service", "route", "workspace")
_REQUEST_LABELS: Final = ("service", "route", "code", "source", "workspace", "consumer")
_BANDWIDTH_LABELS: Final = ("service", "route", "direction", "workspace", "consumer")
_AI_LABELS: Final = (
    "ai_provider",
    "ai_model",
    "cache_status",
    "vector_db",
    "embeddings_provider",
    "embeddings_model",
    "workspace",
    "consumer",
    "request_mode",
)
_GATEWAY_BUCKETS: Final = (1.0, 2.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 50.0, 75.0, 100.0, 200.0, 500.0, 750.0,
                           1000.0, 3000.0, 6000.0)  # fmt: skip
_UPSTREAM_BUCKETS: Final = (25.0, 50.0, 80.0, 100.0, 250.0, 400.0, 700.0, 1000.0, 2000.0, 5000.0, 10000.0, 30000.0,
                            60000.0)  # fmt: skip
_AI_BUCKETS: Final = (250.0, 500.0, 1000.0, 1500.0, 2000.0, 2500.0, 3000.0, 3500.0, 4000.0, 4500.0, 5000.0, 10000.0,
                      30000.0, 60000.0)  # fmt: skip
_FIRST_TOKEN_BUCKETS: Final = (25.0, 50.0, 100.0, 200.0, 300.0, 500.0, 750.0, 1000.0, 1500.0, 2000.0, 3000.0, 5000.0,
                               10000.0, 30000.0)  # fmt: skip
_TOKEN_TYPES: Final = ("prompt_tokens", "completion_tokens", "total_tokens")


class PrometheusConfig(PluginConfig, frozen=True, kw_only=True):
    """Kong's fields."""

    status_code_metrics: Annotated[bool, Meta(description="Count requests by status.")] = False
    latency_metrics: Annotated[bool, Meta(description="Histograms of whole, own and upstream time.")] = False
    bandwidth_metrics: Annotated[bool, Meta(description="Count body bytes both ways.")] = False
    ai_metrics: Annotated[bool, Meta(description="Count model calls, tokens and cost.")] = False
    per_consumer: Annotated[bool, Meta(description="Fill the `consumer` label; it is empty otherwise.")] = False
    upstream_health_metrics: Annotated[bool, Meta(description="Not supported yet: must be false.")] = False
    wasm_metrics: Annotated[bool, Meta(description="Not supported: must be false.")] = False

    def violations(self) -> list[tuple[str, str]]:
        """What there is nothing to count of."""
        found = []
        if self.upstream_health_metrics:
            message = "not supported yet: there are no upstream entities with health checks"
            found.append(("upstream_health_metrics", message))
        if self.wasm_metrics:
            found.append(("wasm_metrics", "not supported: there are no WebAssembly filters"))
        return found


class _RouteCells:
    """The cells of one route, by what varies from request to request."""

    __slots__ = ("bandwidth", "labels", "latencies", "requests")

    def __init__(self, service: str, route: str) -> None:
        self.labels = (service, route)
        self.requests: dict[tuple[int, str, str], CounterCell] = {}
        self.bandwidth: dict[str, tuple[CounterCell, CounterCell]] = {}
        self.latencies: tuple[HistogramCell, HistogramCell, HistogramCell] | None = None


class _ModelCells:
    """The cells of one model and mode, for one consumer."""

    __slots__ = ("cost", "first_token", "latency", "requests", "tokens")

    def __init__(self, metrics: Metrics, labels: tuple[str, ...]) -> None:
        self.requests = metrics.counter("entresol_ai_llm_requests_total", "Calls to models.", _AI_LABELS, labels)
        self.cost = metrics.counter(
            "entresol_ai_llm_cost_total", "Cost of calls to models, in the currency of the prices.", _AI_LABELS, labels
        )
        self.tokens = tuple(
            metrics.counter(
                "entresol_ai_llm_tokens_total",
                "Tokens of calls to models.",
                (*_AI_LABELS, "token_type"),
                (*labels, kind),
            )
            for kind in _TOKEN_TYPES
        )
        self.latency = metrics.histogram(
            "entresol_ai_llm_provider_latency_ms", "Time a model took, in ms.", _AI_LABELS, labels, _AI_BUCKETS
        )
        self.first_token = metrics.histogram(
            "entresol_ai_llm_time_to_first_token_ms", "Time to a stream's first token, in ms.", _AI_LABELS, labels,
            _FIRST_TOKEN_BUCKETS,
        )  # fmt: skip


class Prometheus(Plugin[PrometheusConfig]):
    """See the module."""

    name = "prometheus"
    priority: ClassVar[int] = 13
    config_type = PrometheusConfig

    def __init__(self, config: PrometheusConfig, context: PluginContext) -> None:
        super().__init__(config, context)
        self._routes: dict[str, _RouteCells] = {}
        self._models: dict[tuple[str, str, str, str], _ModelCells] = {}
        self._model_names: set[str] = set()

    def log(self, exchange: Exchange) -> None:
        """Count what the flags ask for."""
        config = self.config
        consumer = self._consumer(exchange) if config.per_consumer else ""
        match = exchange.match
        cells = self._routes.get("" if match is None else match.route.entity.id)
        if cells is None:
            cells = self._new_route(exchange)
        if config.status_code_metrics:
            key = (_status(exchange), exchange.source, consumer)
            counter = cells.requests.get(key)
            if counter is None:
                counter = self._new_requests(cells, key)
            counter.value += 1
        if config.latency_metrics:
            self._observe_latencies(cells, exchange)
        if config.bandwidth_metrics:
            pair = cells.bandwidth.get(consumer)
            if pair is None:
                pair = self._new_bandwidth(cells, consumer)
            pair[0].value += exchange.request_bytes
            pair[1].value += exchange.response_bytes
        if config.ai_metrics:
            meta = exchange.get(AI_META)
            if meta is not None:
                self._count_call(exchange, meta, consumer)

    def _observe_latencies(self, cells: _RouteCells, exchange: Exchange) -> None:
        histograms = cells.latencies or self._new_latencies(cells)
        times = exchange.times
        total = (times.finished - times.started) * 1000
        histograms[0].observe(total)
        if times.upstream_sent:
            waited = ((times.response_head or times.finished) - times.upstream_sent) * 1000
            received = (times.finished - times.response_head) * 1000 if times.response_head else 0.0
            histograms[1].observe(total - waited - received)
            histograms[2].observe(waited)
        else:
            histograms[1].observe(total)

    def _count_call(self, exchange: Exchange, meta: AiMeta, consumer: str) -> None:
        model = meta.request_model or meta.response_model or ""
        key = (meta.provider, model, consumer, meta.request_mode or "")
        cells = self._models.get(key) or self._new_model(key)
        cells.requests.value += 1
        if meta.llm_latency_ms is not None:
            cells.latency.observe(meta.llm_latency_ms)
        usage = exchange.get(AI_USAGE)
        if usage is not None:
            if usage.cost is not None:
                cells.cost.value += usage.cost
            if usage.time_to_first_token_ms is not None:
                cells.first_token.observe(usage.time_to_first_token_ms)
            for cell, count in zip(
                cells.tokens, (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), strict=True
            ):
                cell.value += count or 0

    def _consumer(self, exchange: Exchange) -> str:
        consumer = exchange.consumer
        return "" if consumer is None else consumer.username or consumer.custom_id or consumer.id

    # Cells that are needed for the first time.

    def _new_route(self, exchange: Exchange) -> _RouteCells:
        match = exchange.match
        if match is None:
            cells = self._routes[""] = _RouteCells("", "")
            return cells
        route, service = match.route.entity, match.route.service
        service_name = "" if service is None else service.entity.name or service.entity.host
        cells = self._routes[route.id] = _RouteCells(service_name, route.name or route.id)
        return cells

    def _new_requests(self, cells: _RouteCells, key: tuple[int, str, str]) -> CounterCell:
        status, source, consumer = key
        values = (*cells.labels, str(status), source, _WORKSPACE, consumer)
        cell = cells.requests[key] = self.context.metrics.counter(
            "entresol_http_requests_total", "Requests by the status of their answer.", _REQUEST_LABELS, values
        )
        return cell

    def _new_bandwidth(self, cells: _RouteCells, consumer: str) -> tuple[CounterCell, CounterCell]:
        ingress, egress = (
            self.context.metrics.counter(
                "entresol_bandwidth_bytes_total", "Bytes of request (ingress) and response (egress) bodies.",
                _BANDWIDTH_LABELS, (*cells.labels, direction, _WORKSPACE, consumer),
            )
            for direction in ("ingress", "egress")
        )  # fmt: skip
        cells.bandwidth[consumer] = ingress, egress
        return ingress, egress

    def _new_latencies(self, cells: _RouteCells) -> tuple[HistogramCell, HistogramCell, HistogramCell]:
        values = (*cells.labels, _WORKSPACE)
        histogram = self.context.metrics.histogram
        cells.latencies = (
            histogram("entresol_request_latency_ms", "Whole time of a request, in ms.", _ROUTE_LABELS, values,
                      _UPSTREAM_BUCKETS),
            histogram("entresol_gateway_latency_ms", "Time the gateway itself took, in ms.", _ROUTE_LABELS, values,
                      _GATEWAY_BUCKETS),
            histogram("entresol_upstream_latency_ms", "Time to the upstream's response head, in ms.", _ROUTE_LABELS,
                      values, _UPSTREAM_BUCKETS),
        )  # fmt: skip
        return cells.latencies

    def _new_model(self, key: tuple[str, str, str, str]) -> _ModelCells:
        provider, model, consumer, mode = key
        if model not in self._model_names and len(self._model_names) >= _MAX_MODELS:
            model = _OTHER
            key = (provider, model, consumer, mode)
            known = self._models.get(key)
            if known is not None:
                return known
        self._model_names.add(model)
        labels = (provider, model, "", "", "", "", _WORKSPACE, consumer, mode)
        cells = self._models[key] = _ModelCells(self.context.metrics, labels)
        return cells


def _status(exchange: Exchange) -> int:
    """Of the answer; without one, what the fault would have been answered with (499: the client went away)."""
    if exchange.response is not None:
        return exchange.response.status
    return 0 if exchange.error is None else exchange.error.status
