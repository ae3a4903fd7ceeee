"""prometheus: counts requests, latencies, bytes and what model calls use, for Prometheus to scrape.

As in Kong, everything is off until a flag asks for it. Cells are looked up once per route, status and consumer;
after that a request costs additions. What is counted here is shown under our name and under Kong's.
"""

from typing import ClassVar, Final

from entresol.api_floor.ai_slots import AI_META, AI_USAGE, AiMeta, AiUsage
from entresol.api_floor.entities import Consumer
from entresol.api_floor.exchange import Exchange, Times
from entresol.api_floor.plugin import Plugin, PluginContext
from entresol.core.cells import CounterCell, HistogramCell
from entresol.core.ports import Metrics
from entresol.plugins.schemas.prometheus import PrometheusConfig

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
_TOKEN_LABELS: Final = (*_AI_LABELS[:6], "token_type", *_AI_LABELS[6:])
_GATEWAY_BUCKETS: Final[tuple[float, ...]] = (
    1.0, 2.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 50.0, 75.0, 100.0, 200.0, 500.0, 750.0, 1000.0, 3000.0, 6000.0,
)  # fmt: skip
_UPSTREAM_BUCKETS: Final[tuple[float, ...]] = (
    25.0, 50.0, 80.0, 100.0, 250.0, 400.0, 700.0, 1000.0, 2000.0, 5000.0, 10000.0, 30000.0, 60000.0,
)  # fmt: skip
_AI_BUCKETS: Final[tuple[float, ...]] = (
    250.0, 500.0, 1000.0, 1500.0, 2000.0, 2500.0, 3000.0, 3500.0, 4000.0, 4500.0, 5000.0, 10000.0, 30000.0, 60000.0,
)  # fmt: skip
_FIRST_TOKEN_BUCKETS: Final[tuple[float, ...]] = (
    25.0, 50.0, 100.0, 200.0, 300.0, 500.0, 750.0, 1000.0, 1500.0, 2000.0, 3000.0, 5000.0, 10000.0, 30000.0,
)  # fmt: skip


class _Cells:
    """The cells of requests that agree in route, status, source and consumer; None where no flag asks for them."""

    __slots__ = ("bandwidth", "latencies", "requests")

    def __init__(
        self,
        requests: CounterCell | None,
        bandwidth: tuple[CounterCell, CounterCell] | None,
        latencies: tuple[HistogramCell, HistogramCell, HistogramCell] | None,
    ) -> None:
        self.requests = requests
        self.bandwidth = bandwidth
        """Of ingress and egress."""
        self.latencies = latencies
        """Of whole, own and upstream time."""


class _ModelCells:
    """The cells of one model and mode, for one consumer."""

    __slots__ = (
        "completion_tokens", "cost", "first_token", "latency", "prompt_tokens", "requests", "total_tokens", "unpriced",
    )  # fmt: skip

    def __init__(self, metrics: Metrics, labels: tuple[str, ...]) -> None:
        self.requests = metrics.counter("entresol_ai_llm_requests_total", "Calls to models.", _AI_LABELS, labels)
        self.cost = metrics.counter(
            "entresol_ai_llm_cost_total", "Cost of calls to models, in the currency of the prices.", _AI_LABELS, labels
        )
        self.unpriced = metrics.counter(
            "entresol_ai_llm_unpriced_total", "Calls to models whose price is not known.", _AI_LABELS, labels
        )
        self.prompt_tokens = _tokens(metrics, labels, "prompt_tokens")
        self.completion_tokens = _tokens(metrics, labels, "completion_tokens")
        self.total_tokens = _tokens(metrics, labels, "total_tokens")
        self.latency = metrics.histogram(
            "entresol_ai_llm_provider_latency_ms", "Time a model took, in ms.", _AI_LABELS, labels, _AI_BUCKETS
        )
        self.first_token = metrics.histogram(
            "entresol_ai_llm_time_to_first_token_ms", "Time to a stream's first token, in ms.", _AI_LABELS, labels,
            _FIRST_TOKEN_BUCKETS,
        )  # fmt: skip


def _tokens(metrics: Metrics, labels: tuple[str, ...], kind: str) -> CounterCell:
    values = (*labels[:6], kind, *labels[6:])
    return metrics.counter("entresol_ai_llm_tokens_total", "Tokens of calls to models.", _TOKEN_LABELS, values)


class Prometheus(Plugin[PrometheusConfig]):
    """See the module."""

    name = "prometheus"
    priority: ClassVar[int] = 13
    config_type = PrometheusConfig

    def __init__(self, config: PrometheusConfig, context: PluginContext) -> None:
        super().__init__(config, context)
        self._cells: dict[tuple[str, int, str, str], _Cells] = {}
        self._models: dict[tuple[str, str, str, str], _ModelCells] = {}
        self._model_names: set[str] = set()
        self._per_consumer, self._ai_metrics = config.per_consumer, config.ai_metrics

    def log(self, exchange: Exchange) -> None:
        """Count what the flags ask for."""
        name, match, response = "", exchange.match, exchange.response
        if self._per_consumer and exchange.consumer is not None:
            name = _name_of(exchange.consumer)
        if response is not None:
            status = response.status
        else:  # what the fault would have been answered with (499: the client went away)
            status = 0 if exchange.error is None else exchange.error.status
        key = ("" if match is None else match.route.id, status, exchange.source, name)
        cells = self._cells.get(key)
        if cells is None:
            cells = self._new_cells(key, exchange)
        requests, latencies, bandwidth = cells.requests, cells.latencies, cells.bandwidth
        if requests is not None:
            requests.value += 1
        if latencies is not None:
            _observe(latencies, exchange.times)
        if bandwidth is not None:
            bandwidth[0].value += exchange.request_bytes
            bandwidth[1].value += exchange.response_bytes
        if self._ai_metrics:
            meta = exchange.get(AI_META)
            if meta is not None and not meta.estimated:
                self._count_call(meta, exchange.get(AI_USAGE), name)

    def _count_call(self, meta: AiMeta, usage: AiUsage | None, consumer: str) -> None:
        key = (meta.provider, meta.request_model or meta.response_model or "", consumer, meta.request_mode or "")
        cells = self._models.get(key)
        if cells is None:
            cells = self._new_model(key)
        cells.requests.value += 1
        latency = meta.llm_latency_ms
        if latency is not None:
            cells.latency.observe(latency)
        if usage is not None:
            cost, first_token = usage.cost, usage.time_to_first_token_ms
            if cost is not None:
                cells.cost.value += cost
            else:
                cells.unpriced.value += 1
            if first_token is not None:
                cells.first_token.observe(first_token)
            cells.prompt_tokens.value += usage.prompt_tokens or 0
            cells.completion_tokens.value += usage.completion_tokens or 0
            cells.total_tokens.value += usage.total_tokens or 0

    # Cells that are needed for the first time. The port gives the same cell for the same labels.

    def _new_cells(self, key: tuple[str, int, str, str], exchange: Exchange) -> _Cells:
        config, (_, status, source, consumer) = self.config, key
        service, route = _labels(exchange)
        cells = self._cells[key] = _Cells(
            self._requests((service, route, str(status), source, _WORKSPACE, consumer))
            if config.status_code_metrics
            else None,
            self._bandwidth(service, route, consumer) if config.bandwidth_metrics else None,
            self._latencies((service, route, _WORKSPACE)) if config.latency_metrics else None,
        )
        return cells

    def _requests(self, values: tuple[str, ...]) -> CounterCell:
        return self.context.metrics.counter(
            "entresol_http_requests_total", "Requests by the status of their answer.", _REQUEST_LABELS, values
        )

    def _bandwidth(self, service: str, route: str, consumer: str) -> tuple[CounterCell, CounterCell]:
        ingress = self._bytes((service, route, "ingress", _WORKSPACE, consumer))
        return ingress, self._bytes((service, route, "egress", _WORKSPACE, consumer))

    def _bytes(self, values: tuple[str, ...]) -> CounterCell:
        return self.context.metrics.counter(
            "entresol_bandwidth_bytes_total", "Bytes of request (ingress) and response (egress) bodies.",
            _BANDWIDTH_LABELS, values,
        )  # fmt: skip

    def _latencies(self, values: tuple[str, ...]) -> tuple[HistogramCell, HistogramCell, HistogramCell]:
        histogram = self.context.metrics.histogram
        return (
            histogram("entresol_request_latency_ms", "Whole time of a request, in ms.", _ROUTE_LABELS, values,
                      _UPSTREAM_BUCKETS),
            histogram("entresol_gateway_latency_ms", "Time the gateway itself took, in ms.", _ROUTE_LABELS, values,
                      _GATEWAY_BUCKETS),
            histogram("entresol_upstream_latency_ms", "Time to the upstream's response head, in ms.", _ROUTE_LABELS,
                      values, _UPSTREAM_BUCKETS),
        )  # fmt: skip

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


def _name_of(consumer: Consumer) -> str:
    return consumer.username or consumer.custom_id or consumer.id


def _labels(exchange: Exchange) -> tuple[str, str]:
    """Names of service and route."""
    match = exchange.match
    if match is None:
        return "", ""
    route, service = match.route.entity, match.route.service
    return "" if service is None else service.entity.name or service.entity.host, route.name or route.id


def _observe(histograms: tuple[HistogramCell, HistogramCell, HistogramCell], times: Times) -> None:
    """Whole, own and upstream time."""
    whole, own, upstream = histograms
    finished, sent, head = times.finished, times.upstream_sent, times.response_head
    total = (finished - times.started) * 1000
    whole.observe(total)
    if sent:
        waited = ((head or finished) - sent) * 1000
        own.observe(total - waited - ((finished - head) * 1000 if head else 0.0))
        upstream.observe(waited)
    else:
        own.observe(total)
