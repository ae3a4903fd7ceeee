import hashlib
from typing import Any

import msgspec
import pytest

from entresol.api_floor.ai_counting import TokenCounting
from entresol.api_floor.ai_slots import AI_META, AI_PAYLOAD, AI_USAGE
from entresol.api_floor.entities import Consumer, KeyAuthCredential
from entresol.core.http import HeaderPairs, UpstreamRequest
from entresol.llm.model_config import LoggingConfig, ModelConfig, ModelOptions
from entresol.llm.registry import format_named, provider_named
from entresol.llm.target import ModelTarget
from entresol.plugins.ai_proxy import AiProxy
from entresol.plugins.file_log import FileLog
from entresol.plugins.key_auth import KeyAuth
from entresol.plugins.prometheus import Prometheus
from entresol.plugins.rate_limiting import RateLimiting
from entresol.telemetry.prometheus_text import render
from playbooks.harness import Gateway, Reply

MESSAGES: Any = {"model": "some-model", "messages": [{"role": "user", "content": "How many tokens is this?"}]}
CONTENTS: Any = {"contents": [{"role": "user", "parts": [{"text": "How many tokens is this?"}]}]}
INPUT: Any = {"model": "some-model", "input": "How many tokens is this?"}
CONVERSE: Any = {
    "input": {"converse": {"messages": [{"role": "user", "content": [{"text": "How many tokens is this?"}]}]}}
}
CLIENTS: list[tuple[str, str, str, Any, str]] = [
    ("anthropic", "llm/v1/chat", "/v1/messages/count_tokens", MESSAGES, "input_tokens"),
    ("gemini", "llm/v1/chat", "/v1beta/models/some-model:countTokens", CONTENTS, "totalTokens"),
    ("openai", "llm/v1/responses", "/v1/responses/input_tokens", INPUT, "input_tokens"),
    ("bedrock", "llm/v1/chat", "/model/some-model/count-tokens", CONVERSE, "inputTokens"),
]

every_client = pytest.mark.parametrize(("client", "route_type", "path", "body", "field"), CLIENTS)


def config(client: str = "anthropic", provider: str = "mistral", **changes: Any) -> dict[str, Any]:
    options = {"upstream_url": "http://mock.test:9", "mistral_format": "openai"} | changes.pop("options", {})
    model = {"provider": provider, "options": options}
    model |= changes.pop("model", {})
    return {"route_type": "llm/v1/chat", "llm_format": client, "model": model, **changes}


def nobody(request: UpstreamRequest, body: bytes) -> tuple[int, HeaderPairs, bytes]:
    raise AssertionError(f"the provider was called: {request.target}")


def counted(raw: dict[str, Any], path: str = "/v1/messages/count_tokens", body: Any = MESSAGES) -> Reply:
    return Gateway((AiProxy, raw), upstream=nobody).chat(body, path)


@every_client
@pytest.mark.parametrize("provider", ["mistral", "ollama", "groq", "openai-compatible", "cohere"])
def test_where_no_provider_counts_the_gateway_estimates(
    client: str, route_type: str, path: str, body: Any, field: str, provider: str
) -> None:
    for kind in (route_type, "llm/v1/count_tokens"):
        reply = counted(config(client, provider, route_type=kind), path, body)
        assert reply.status == 200
        assert 5 <= reply.json[field] <= 30
        assert reply.header("x-entresol-estimated") == "input_tokens"
        assert reply.header("content-type") == "application/json"
        assert reply.header("x-entresol-llm-model") == f"{provider}/some-model"
        assert reply.sent is None


def test_longer_requests_are_more_tokens() -> None:
    longer = {
        **MESSAGES,
        "system": "Be brief and polite. " * 100,
        "tools": [{"name": "f", "input_schema": {"x": "y" * 999}}],
    }
    short, long = counted(config()), counted(config(), body=longer)
    assert long.json["input_tokens"] > short.json["input_tokens"] + 600


def test_the_tokenizer_is_that_of_the_model_that_is_called() -> None:
    body = {"messages": [{"role": "user", "content": "Guten Morgen, wie geht es Ihnen heute? " * 50}]}
    counts = [
        counted(config(provider="openai-compatible", model={"name": name}), body=body).json["input_tokens"]
        for name in ("gpt-5.5", "claude-sonnet-5-5")
    ]
    assert counts[0] < counts[1]


def test_the_log_record_tells_an_estimate_and_no_cost() -> None:
    raw = config(logging={"log_statistics": True, "log_payloads": True})
    gate = Gateway((AiProxy, raw), (FileLog, {"path": "/x"}), (Prometheus, {"ai_metrics": True}), upstream=nobody)
    reply = gate.chat(MESSAGES, "/v1/messages/count_tokens")
    [record] = gate.records()
    assert record["source"] == "exit"
    assert record["ai"]["proxy"]["meta"] == {
        "plugin_id": "00000000-0000-4000-8000-000000000000", "provider_name": "mistral",
        "request_model": "some-model", "request_mode": "oneshot", "estimated": ["input_tokens"],
    }  # fmt: skip
    assert "usage" not in record["ai"]["proxy"]
    assert msgspec.json.decode(record["ai"]["proxy"]["payload"]["response"]) == reply.json
    assert AI_USAGE not in reply.exchange
    assert reply.exchange[AI_META].estimated == ("input_tokens",)


def test_without_logging_nothing_is_kept() -> None:
    reply = counted(config())
    assert AI_PAYLOAD not in reply.exchange


def test_an_estimate_is_no_call_of_a_model_in_the_metrics() -> None:
    gate = Gateway((AiProxy, config()), (Prometheus, {"ai_metrics": True}), upstream=nobody)
    assert gate.chat(MESSAGES, "/v1/messages/count_tokens").status == 200
    assert b"some-model" not in render(gate.metrics.snapshot())


def test_authentication_and_limits_come_first() -> None:
    alice = Consumer(id="00000000-0000-4000-8000-0000000000a1", username="alice")
    key = KeyAuthCredential(id="k", consumer=alice.id, key_sha256=hashlib.sha256(b"k").hexdigest())
    gate = Gateway(
        (KeyAuth, {"key_names": ["x-api-key"]}), (RateLimiting, {"minute": 1, "policy": "local"}), (AiProxy, config()),
        consumers=[alice], credentials=[key], upstream=nobody,
    )  # fmt: skip
    path = "/v1/messages/count_tokens"
    assert gate.chat(MESSAGES, path).status == 401
    statuses = [gate.chat(MESSAGES, path, [(b"x-api-key", b"k")]).status for _ in range(2)]
    assert statuses == [200, 429]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "bad_json"),
        ({"model": "m"}, "prompt_missing"),
        ({"model": "m", "messages": [{"role": "nobody", "content": "x"}]}, "bad_request"),
        ({**MESSAGES, "container": "c"}, "unsupported_by_provider"),
        ({"messages": MESSAGES["messages"]}, "model_missing"),
    ],
)
def test_what_cannot_be_counted_is_refused_in_the_clients_format(body: Any, code: str) -> None:
    reply = counted(config(), body=body)
    assert reply.status == 400
    assert reply.json["type"] == "error"
    assert reply.exchange.error is not None
    assert reply.exchange.error.code == code


def test_what_was_not_counted_is_named() -> None:
    reply = counted(config(), body={**MESSAGES, "unheard": 1})
    assert reply.header("x-entresol-dropped") == "unheard"


def test_a_model_of_the_route_is_kept_to() -> None:
    reply = counted(config(model={"name": "another"}))
    assert reply.status == 400
    assert reply.exchange.error is not None
    assert reply.exchange.error.code == "model_not_allowed"


def test_the_header_that_names_the_model_can_be_switched_off() -> None:
    reply = counted(config(model_name_header=False))
    assert reply.header("x-entresol-llm-model") is None


def test_a_forced_stream_forces_none_here() -> None:
    reply = counted(config(response_streaming="always"))
    assert reply.json["input_tokens"] > 0


@pytest.mark.parametrize(
    ("provider", "model", "is_estimated"),
    [
        ("anthropic", "claude-sonnet-5-5", False),
        ("openai", "gpt-5.5", False),
        ("gemini", "gemini-3.8-flash", False),
        ("bedrock", "eu.anthropic.claude-sonnet-4-5-v1:0", False),
        ("bedrock", "amazon.nova-pro-v1:0", True),
        ("azure", "claude-sonnet-5-5", False),
        ("azure", "gpt-5.5", True),
        ("vertex", "claude-sonnet-5-5", False),
        ("mistral", "mistral-large", True),
    ],
)
def test_only_what_no_provider_counts_is_estimated(provider: str, model: str, is_estimated: bool) -> None:
    options = ModelOptions(upstream_url="http://mock.test")
    target = ModelTarget(ModelConfig(provider=provider, options=options), provider_named(provider))
    counting = TokenCounting(target, provider, "p", LoggingConfig(), is_beside_chat=True)
    exchange = Gateway().call().exchange
    found = counting.estimate(
        exchange, format_named("anthropic-count-tokens"), model, msgspec.json.encode(MESSAGES), []
    )
    assert (found is not None) is is_estimated


@pytest.mark.parametrize(("route_type", "is_called"), [("llm/v1/chat", False), ("llm/v1/count_tokens", True)])
def test_an_address_that_is_used_as_it_is_counts_only_where_the_route_is_for_that(
    route_type: str, is_called: bool
) -> None:
    def count(request: UpstreamRequest, body: bytes) -> tuple[int, HeaderPairs, bytes]:
        return 200, [(b"content-type", b"application/json")], b'{"input_tokens":7777}'

    options = {"upstream_url": "http://mock.test/proxy/of/mine", "anthropic_version": "2023-06-01"}
    raw = config("anthropic", "anthropic", options=options, route_type=route_type)
    reply = Gateway((AiProxy, raw), upstream=count).chat(MESSAGES, "/v1/messages/count_tokens")
    assert (reply.json["input_tokens"] == 7777) is is_called
    assert (reply.sent is not None) is is_called
