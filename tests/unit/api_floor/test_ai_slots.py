import msgspec

from entresol.api_floor.ai_slots import AiMeta, AiPayload, AiUsage


def test_meta_encodes_under_kongs_log_keys_and_leaves_out_what_is_unknown() -> None:
    meta = AiMeta(plugin_id="p", provider="openai", request_model="m", llm_latency_ms=12, request_mode="stream")
    assert msgspec.to_builtins(meta) == {
        "plugin_id": "p",
        "provider_name": "openai",
        "request_model": "m",
        "llm_latency": 12,
        "request_mode": "stream",
    }


def test_usage_shows_a_zero_but_not_an_unknown() -> None:
    usage = AiUsage(prompt_tokens=0, total_tokens=3, time_to_first_token_ms=1.5, time_per_token_ms=0.5)
    assert msgspec.to_builtins(usage) == {
        "prompt_tokens": 0,
        "total_tokens": 3,
        "time_to_first_token": 1.5,
        "time_per_token": 0.5,
    }


def test_an_empty_payload_encodes_to_nothing() -> None:
    assert msgspec.json.encode(AiPayload()) == b"{}"
