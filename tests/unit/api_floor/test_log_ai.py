from typing import Any

import msgspec
import pytest

from entresol.api_floor.ai_account import call_usage
from entresol.api_floor.ai_slots import AI_LOG_STATISTICS, AI_META, AI_PAYLOAD, AI_USAGE, AiMeta, AiPayload, AiUsage
from entresol.api_floor.log_ai import ai_member
from entresol.llm.model_config import ModelOptions
from entresol.llm.price_table import price_table
from entresol.llm.prices import Prices, rates_for
from entresol.llm.types import Usage
from entresol.llm.usage import cost_nanodollars
from playbooks.harness import Gateway

META = AiMeta(plugin_id="p", provider="openai", response_model="m-1")


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        ({}, None),
        ({AI_META: META}, None),
        ({AI_LOG_STATISTICS: True, AI_USAGE: AiUsage(total_tokens=1)}, None),
        (
            {AI_META: AiMeta(plugin_id="p", provider="x", estimated=("input_tokens",)), AI_LOG_STATISTICS: True},
            {"meta": {"plugin_id": "p", "provider_name": "x", "estimated": ["input_tokens"]}},
        ),
        (
            {AI_META: META, AI_LOG_STATISTICS: True},
            {"meta": {"plugin_id": "p", "provider_name": "openai", "response_model": "m-1"}},
        ),
        (
            {
                AI_META: AiMeta(
                    plugin_id="p", provider="x", request_model="m", llm_latency_ms=7, request_mode="oneshot"
                ),
                AI_LOG_STATISTICS: True,
                AI_USAGE: AiUsage(
                    prompt_tokens=0,
                    total_tokens=3,
                    cost=0.5,
                    price_id="p",
                    price_version="v",
                    time_to_first_token_ms=1.5,
                ),
            },
            {
                "meta": {
                    "plugin_id": "p",
                    "provider_name": "x",
                    "request_model": "m",
                    "llm_latency": 7,
                    "request_mode": "oneshot",
                },
                "usage": {
                    "prompt_tokens": 0,
                    "total_tokens": 3,
                    "cost": 0.5,
                    "price_id": "p",
                    "price_version": "v",
                    "time_to_first_token": 1.5,
                },
            },
        ),
        (
            {
                AI_META: META,
                AI_LOG_STATISTICS: True,
                AI_USAGE: AiUsage(
                    completion_tokens=4,
                    prompt_tokens_details={"cached_tokens": 1},
                    completion_tokens_details={"reasoning_tokens": 2},
                    time_per_token_ms=0.25,
                ),
            },
            {
                "meta": {"plugin_id": "p", "provider_name": "openai", "response_model": "m-1"},
                "usage": {
                    "completion_tokens": 4,
                    "prompt_tokens_details": {"cached_tokens": 1},
                    "completion_tokens_details": {"reasoning_tokens": 2},
                    "cost": None,
                    "price_id": None,
                    "time_per_token": 0.25,
                },
            },
        ),
        ({AI_META: META, AI_PAYLOAD: AiPayload(request='{"a":1}')}, {"payload": {"request": '{"a":1}'}}),
        ({AI_META: META, AI_PAYLOAD: AiPayload(response="no")}, {"payload": {"response": "no"}}),
    ],
)
def test_what_is_known_of_a_call_is_shown_in_order_and_nothing_else(slots: dict[Any, Any], expected: Any) -> None:
    exchange = Gateway().call().exchange
    for slot, value in slots.items():
        exchange[slot] = value
    member = ai_member(exchange)
    if expected is None:
        assert member == b""
    else:
        assert member == b',"ai":' + msgspec.json.encode({"proxy": expected})


def usage_of(record: dict[str, Any]) -> Usage:
    """The buckets, as anyone can work them out from a log record."""
    prompt, completion = record.get("prompt_tokens_details", {}), record.get("completion_tokens_details", {})
    hour, spoken = prompt.get("cache_write_1h_tokens", 0), prompt.get("cached_audio_tokens", 0)
    usage = Usage(
        cache_read=prompt.get("cached_tokens", 0) - spoken,
        cache_read_audio=spoken,
        cache_write=prompt.get("cache_write_tokens", 0) - hour,
        cache_write_1h=hour,
        input_audio=prompt.get("audio_tokens", 0),
        input_image=prompt.get("image_tokens", 0),
        reasoning=completion.get("reasoning_tokens", 0),
        output_audio=completion.get("audio_tokens", 0),
        output_image=completion.get("image_tokens", 0),
    )
    usage.input = record["prompt_tokens"] - usage.total_input
    usage.output = record["completion_tokens"] - usage.total_output
    return usage


@pytest.mark.parametrize(
    ("provider", "model", "tier", "usage"),
    [
        ("openai", "gpt-4o", None, Usage(input=1234, output=57)),
        ("openai", "gpt-5", "flex", Usage(input=10, cache_read=4096, output=7, reasoning=640)),
        ("openai", "gpt-4o-audio-preview", None, Usage(input=10, input_audio=99, output=7, output_audio=640)),
        ("gemini", "gemini-2.5-flash", None, Usage(input=5, input_audio=7, cache_read=9, cache_read_audio=11)),
        ("openai", "gpt-image-1", None, Usage(input=5, input_image=300, output_image=4000)),
        ("openai", "gpt-realtime", None, Usage(input=5, input_image=3, cache_read_audio=40, output_audio=9)),
        ("anthropic", "claude-sonnet-4-5", None, Usage(input=250_000, output=7)),
        ("anthropic", "claude-sonnet-4-6", "batch",
         Usage(input=3, cache_read=10, cache_write=1000, cache_write_1h=77, output=1)),
        ("gemini", "gemini-2.5-pro", None, Usage(input=200_001, output=3, reasoning=4, output_image=5)),
        ("perplexity", "sonar-pro", None, Usage(input=100, output=50)),
        ("deepseek", "deepseek-chat", None, Usage(input=100, output=50)),
    ],
)  # fmt: skip
def test_a_cost_can_be_computed_again_from_the_record_and_the_table(
    provider: str, model: str, tier: str | None, usage: Usage
) -> None:
    exchange = Gateway().call().exchange
    charge = Prices(ModelOptions(), price_table(), provider).cost_of_any((model,), usage, tier, 1_795_348_800.0)
    exchange[AI_META], exchange[AI_LOG_STATISTICS] = META, True
    exchange[AI_USAGE] = call_usage(exchange, usage, charge, 0.0)
    record = msgspec.json.decode(b'{"x":0' + ai_member(exchange) + b"}")["ai"]["proxy"]["usage"]
    assert record["price_version"] == price_table().version
    row = price_table().row_named(record["price_id"])
    assert row is not None
    again = usage_of(record)
    assert again == usage
    assert cost_nanodollars(again, rates_for(again.total_input, row.tiers[::-1])) == round(record["cost"] * 10**9) > 0


def test_usage_that_nobody_told_and_usage_that_broke_off_are_told_as_such() -> None:
    exchange = Gateway().call().exchange
    exchange[AI_META], exchange[AI_LOG_STATISTICS] = META, True
    exchange[AI_USAGE] = AiUsage(is_partial=True)
    record = msgspec.json.decode(b'{"x":0' + ai_member(exchange) + b"}")["ai"]["proxy"]["usage"]
    assert record == {"cost": None, "price_id": None, "partial": True}
