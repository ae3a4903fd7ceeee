import msgspec
import pytest

from entresol.api_floor.ai_slots import AI_LOG_STATISTICS, AI_PAYLOAD, AI_USAGE, AiMeta, AiPayload, AiUsage
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.log_calls import call_member, meta_json, payload_json, usage_json
from playbooks.harness import Gateway

META = AiMeta(plugin_id="p", provider="openai", request_model='m"', llm_latency_ms=12, request_mode="stream")


@pytest.fixture
def exchange() -> Exchange:
    return Gateway().call().exchange


def test_meta_has_kongs_keys_and_leaves_out_what_is_unknown() -> None:
    assert meta_json(META) == (
        r'{"plugin_id":"p","provider_name":"openai","request_model":"m\"","llm_latency":12,"request_mode":"stream"}'
    )
    used = AiMeta(plugin_id="p", provider="openai", response_model="m-1")
    assert meta_json(used) == '{"plugin_id":"p","provider_name":"openai","response_model":"m-1"}'


def test_usage_shows_a_zero_but_not_an_unknown() -> None:
    usage = AiUsage(prompt_tokens=0, total_tokens=3, time_to_first_token_ms=1.5, time_per_token_ms=0.5)
    assert usage_json(usage) == '{"prompt_tokens":0,"total_tokens":3,"time_to_first_token":1.5,"time_per_token":0.5}'
    assert usage_json(AiUsage()) == "{}"


def test_usage_has_its_details_and_cost() -> None:
    usage = AiUsage(
        completion_tokens=2, prompt_tokens_details={"cached_tokens": 1}, completion_tokens_details={"a": 2}, cost=1e-9
    )
    assert msgspec.json.decode(usage_json(usage)) == {
        "completion_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 1},
        "completion_tokens_details": {"a": 2},
        "cost": 1e-9,
    }


def test_payloads_are_text() -> None:
    assert payload_json(AiPayload()) == "{}"
    assert payload_json(AiPayload(response="b")) == '{"response":"b"}'
    assert payload_json(AiPayload(request='{"a"}', response="b\n")) == r'{"request":"{\"a\"}","response":"b\n"}'


def test_statistics_and_payloads_are_shown_only_when_asked_for(exchange: Exchange) -> None:
    exchange[AI_USAGE] = AiUsage(total_tokens=1)
    assert call_member(exchange, META) == ""
    exchange[AI_PAYLOAD] = AiPayload(request="{}")
    assert call_member(exchange, META) == ',"ai":{"proxy":{"payload":{"request":"{}"}}}'
    exchange[AI_LOG_STATISTICS] = True
    shown = msgspec.json.decode("{" + call_member(exchange, META)[1:] + "}")["ai"]["proxy"]
    assert list(shown) == ["meta", "usage", "payload"]
    assert shown["usage"] == {"total_tokens": 1}
