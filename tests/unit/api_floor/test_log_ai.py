from typing import Any

import msgspec
import pytest

from entresol.api_floor.ai_slots import AI_LOG_STATISTICS, AI_META, AI_PAYLOAD, AI_USAGE, AiMeta, AiPayload, AiUsage
from entresol.api_floor.log_ai import ai_member
from playbooks.harness import Gateway

META = AiMeta(plugin_id="p", provider="openai", response_model="m-1")


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        ({}, None),
        ({AI_META: META}, None),
        ({AI_LOG_STATISTICS: True, AI_USAGE: AiUsage(total_tokens=1)}, None),
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
                AI_USAGE: AiUsage(prompt_tokens=0, total_tokens=3, cost=0.5, time_to_first_token_ms=1.5),
            },
            {
                "meta": {
                    "plugin_id": "p",
                    "provider_name": "x",
                    "request_model": "m",
                    "llm_latency": 7,
                    "request_mode": "oneshot",
                },
                "usage": {"prompt_tokens": 0, "total_tokens": 3, "cost": 0.5, "time_to_first_token": 1.5},
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
