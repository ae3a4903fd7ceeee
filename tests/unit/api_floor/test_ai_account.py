import pytest

from entresol.api_floor.ai_account import PAYLOAD_BYTES, call_meta, call_usage, keep_payload, payload_text
from entresol.api_floor.ai_slots import AiMeta, AiPayload, AiUsage
from entresol.api_floor.exchange import Exchange
from entresol.llm.call import Ends, LLMCall
from entresol.llm.prices import Charge
from entresol.llm.registry import format_named, provider_named
from entresol.llm.types import Usage
from playbooks.harness import Gateway


@pytest.fixture
def exchange() -> Exchange:
    made = Gateway().call().exchange
    made.times.upstream_sent, made.times.finished = 10.0, 12.5
    return made


def test_the_meta_of_a_call(exchange: Exchange) -> None:
    openai = format_named("openai-chat")
    call = LLMCall(Ends(openai, provider_named("openai"), openai), "gpt-4o")
    expected = AiMeta(
        plugin_id="p", provider="openai", request_model="gpt-4o", llm_latency_ms=2500, request_mode="oneshot"
    )
    assert call_meta(exchange, "p", "openai", call) == expected
    call.dropped = ["logit_bias"]
    assert call_meta(exchange, "p", "openai", call).dropped == ["logit_bias"]


def test_the_usage_of_a_call(exchange: Exchange) -> None:
    usage = Usage(input=5, cache_read=2, output=4, reasoning=1)
    assert call_usage(exchange, usage, Charge(1_500_000, "openai/gpt-4o:1", "test 1"), 10.5) == AiUsage(
        prompt_tokens=7,
        completion_tokens=5,
        total_tokens=12,
        prompt_tokens_details={"cached_tokens": 2, "cache_write_tokens": 0, "audio_tokens": 0},
        completion_tokens_details={"reasoning_tokens": 1, "audio_tokens": 0, "image_tokens": 0},
        cost=0.0015,
        time_to_first_token_ms=500.0,
        time_per_token_ms=400.0,
        price_id="openai/gpt-4o:1",
        price_version="test 1",
    )


def test_what_is_not_known_is_left_out(exchange: Exchange) -> None:
    account = call_usage(exchange, Usage(input=5), Charge(None), 0.0)
    assert (account.cost, account.price_id, account.price_version) == (None, None, None)
    assert (account.cost, account.time_to_first_token_ms, account.time_per_token_ms) == (None, None, None)


def test_a_payload_is_kept_up_to_a_limit() -> None:
    payload = AiPayload()
    for data in (b"x" * (PAYLOAD_BYTES - 1), b"abc", b"d"):
        keep_payload(payload, data)
    assert payload.response == "x" * (PAYLOAD_BYTES - 1) + "a"
    assert payload_text(b"\xff" + b"x" * PAYLOAD_BYTES) == "\ufffd" + "x" * (PAYLOAD_BYTES - 1)
