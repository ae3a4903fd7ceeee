import hashlib

import pytest
from prometheus_client.parser import text_string_to_metric_families

from entresol.api_floor.ai_slots import AI_META, AI_USAGE, AiMeta, AiUsage
from entresol.api_floor.entities import Consumer, KeyAuthCredential
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.plugin import Plugin, PluginConfig
from entresol.core.errors import ClientError
from entresol.plugins.key_auth import KeyAuth
from entresol.plugins.prometheus import Prometheus
from entresol.telemetry.prometheus_text import render
from playbooks.harness import Gateway

ALICE = Consumer(id="00000000-0000-4000-8000-0000000000a1", username='a"li\\ce')
KEY = KeyAuthCredential(
    id="00000000-0000-4000-8000-0000000000c1", consumer=ALICE.id, key_sha256=hashlib.sha256(b"k").hexdigest()
)


def samples(gate: Gateway) -> dict[str, dict[tuple[str, ...], float]]:
    """Values by sample name and label values, as Prometheus reads them."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(render(gate.metrics.snapshot()).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def test_nothing_is_counted_until_a_flag_asks_for_it() -> None:
    gate = Gateway((Prometheus, {}))
    gate.call()
    assert samples(gate) == {}


def test_requests_are_counted_by_route_status_and_source_under_both_names() -> None:
    gate = Gateway((KeyAuth, {}), (Prometheus, {"status_code_metrics": True}), consumers=[ALICE], credentials=[KEY])
    for key in (b"k", b"k", b"bad"):
        gate.call(headers=[(b"apikey", key)])
    gate.has_route = False
    gate.call()
    expected = {
        ("upstream", "all", "200", "service", "default", ""): 2,
        ("upstream", "all", "401", "exit", "default", ""): 1,
        ("", "", "404", "exit", "default", ""): 1,
    }
    found = samples(gate)
    assert found["entresol_http_requests_total"] == expected
    kong = {
        tuple("kong" if value == "exit" else value for value in labels): number for labels, number in expected.items()
    }
    assert found["kong_http_requests_total"] == kong


def test_the_consumer_is_named_when_asked_for_and_its_name_is_escaped() -> None:
    config = {"status_code_metrics": True, "bandwidth_metrics": True, "per_consumer": True}
    gate = Gateway((KeyAuth, {}), (Prometheus, config), consumers=[ALICE], credentials=[KEY])
    gate.call("POST", "/", [(b"apikey", b"k")], b"12345")
    found = samples(gate)
    assert found["kong_http_requests_total"] == {("upstream", "all", "200", "service", "default", 'a"li\\ce'): 1}
    assert found["entresol_bandwidth_bytes_total"] == {
        ("upstream", "all", "ingress", "default", 'a"li\\ce'): 5,
        ("upstream", "all", "egress", "default", 'a"li\\ce'): 11,
    }


def test_a_client_that_went_away_counts_as_499() -> None:
    gate = Gateway((Prometheus, {"status_code_metrics": True}))
    exchange = gate.call().exchange
    exchange.response = None
    exchange.error = ClientError("client_closed_request", "the client closed the connection", status=499)
    gate.plugins[0].log(exchange)
    assert [labels[2] for labels in samples(gate)["kong_http_requests_total"]] == ["200", "499"]


class Slow(Plugin[PluginConfig]):
    """30 ms in access, 200 ms until the upstream's head, 50 ms for its body."""

    name = "slow"
    priority = 20
    config_type = PluginConfig

    def header_filter(self, exchange: Exchange) -> None:
        times = exchange.times
        times.started -= 0.280
        times.upstream_sent -= 0.250
        times.response_head -= 0.050


def test_latencies_are_split_as_in_the_log_record() -> None:
    gate = Gateway((Slow, {}), (Prometheus, {"latency_metrics": True}))
    gate.call()
    found = samples(gate)
    sums = {
        name: found[f"{name}_sum"][("upstream", "all", "default")]
        for name in ("kong_request_latency_ms", "kong_kong_latency_ms", "kong_upstream_latency_ms")
    }
    assert sums == {
        "kong_request_latency_ms": pytest.approx(280),
        "kong_kong_latency_ms": pytest.approx(30),
        "kong_upstream_latency_ms": pytest.approx(200),
    }
    assert found["entresol_gateway_latency_ms_bucket"][("upstream", "all", "default", "50")] == 1
    assert found["entresol_gateway_latency_ms_bucket"][("upstream", "all", "default", "20")] == 0


def test_an_answer_of_our_own_has_no_upstream_latency() -> None:
    gate = Gateway((KeyAuth, {}), (Prometheus, {"latency_metrics": True}))
    gate.call()
    found = samples(gate)
    assert found["kong_kong_latency_ms_count"][("upstream", "all", "default")] == 1
    assert found["kong_upstream_latency_ms_count"][("upstream", "all", "default")] == 0


class Model(Plugin[PluginConfig]):
    """Tells what ai-proxy tells, about the model that the path names."""

    name = "model"
    priority = 770
    config_type = PluginConfig

    def access(self, exchange: Exchange) -> None:
        model = exchange.request.path[1:]
        exchange[AI_META] = AiMeta(
            plugin_id="p", provider="openai", request_model=model, request_mode="stream", llm_latency_ms=1200
        )
        exchange[AI_USAGE] = AiUsage(
            prompt_tokens=3, completion_tokens=4, total_tokens=7, cost=0.25, time_to_first_token_ms=80
        )


def test_model_calls_are_counted_with_tokens_cost_and_latency() -> None:
    gate = Gateway((Model, {}), (Prometheus, {"ai_metrics": True}))
    for _ in range(2):
        gate.call("GET", "/gpt")
    labels = ("openai", "gpt", "", "", "", "", "default", "", "stream")
    found = samples(gate)
    for prefix in ("entresol", "kong"):
        assert found[f"{prefix}_ai_llm_requests_total"] == {labels: 2}
        assert found[f"{prefix}_ai_llm_cost_total"] == {labels: 0.5}
        assert found[f"{prefix}_ai_llm_tokens_total"] == {
            (*labels[:6], "prompt_tokens", *labels[6:]): 6,
            (*labels[:6], "completion_tokens", *labels[6:]): 8,
            (*labels[:6], "total_tokens", *labels[6:]): 14,
        }
        assert found[f"{prefix}_ai_llm_provider_latency_ms_sum"] == {labels: 2400}
    assert found["entresol_ai_llm_time_to_first_token_ms_sum"] == {labels: 160}


def test_a_call_without_known_usage_counts_as_a_call() -> None:
    class Silent(Model):
        name = "silent"

        def access(self, exchange: Exchange) -> None:
            exchange[AI_META] = AiMeta(plugin_id="p", provider="openai")

    gate = Gateway((Silent, {}), (Prometheus, {"ai_metrics": True}))
    gate.call()
    found = samples(gate)
    assert list(found["kong_ai_llm_requests_total"].values()) == [1]
    assert set(found["kong_ai_llm_tokens_total"].values()) == {0}


def test_calls_without_a_known_price_are_counted_apart() -> None:
    class Unpriced(Model):
        name = "unpriced"

        def access(self, exchange: Exchange) -> None:
            super().access(exchange)
            exchange[AI_USAGE] = AiUsage(total_tokens=7, cost=0.0 if exchange.request.path == "/free" else None)

    gate = Gateway((Unpriced, {}), (Prometheus, {"ai_metrics": True}))
    for path in ("/new", "/free", "/new"):
        gate.call("GET", path)
    found = {labels[1]: value for labels, value in samples(gate)["entresol_ai_llm_unpriced_total"].items()}
    assert found == {"new": 2, "free": 0}


def test_model_names_that_clients_make_up_do_not_grow_without_end() -> None:
    gate = Gateway((Model, {}), (Prometheus, {"ai_metrics": True}))
    for number in range(600):
        gate.call("GET", f"/model-{number}")
    by_model = {labels[1]: count for labels, count in samples(gate)["kong_ai_llm_requests_total"].items()}
    assert len(by_model) == 501
    assert by_model["(other)"] == 100


def test_cells_go_on_counting_after_a_reload() -> None:
    gate = Gateway((Prometheus, {"status_code_metrics": True}))
    gate.call()
    again = gate.build(Prometheus, {"status_code_metrics": True}, "00000000-0000-4000-8000-000000000001")
    again.log(gate.call().exchange)
    assert list(samples(gate)["kong_http_requests_total"].values()) == [3]
