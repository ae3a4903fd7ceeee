import pytest

from entresol.api_floor.ai_account import PAYLOAD_BYTES, account_of, call_meta, call_usage, keep_payload, payload_text
from entresol.api_floor.ai_slots import AiMeta, AiPayload, AiUsage
from entresol.api_floor.exchange import Exchange
from entresol.core.http import Headers, ResponseHead
from entresol.llm.answers import UnreadAnswer
from entresol.llm.call import Ends, LLMCall
from entresol.llm.call_facts import CallFacts
from entresol.llm.events import ErrorDetail
from entresol.llm.model_config import ModelOptions
from entresol.llm.price_table import price_table
from entresol.llm.prices import Charge, Prices
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


def account(
    exchange: Exchange, facts: CallFacts, client: str = "openai-chat", model: str = "gpt-4o", is_stream: bool = False
) -> AiUsage | None:
    wire, provider = format_named(client), "gemini" if client == "gemini" else "openai"
    call = LLMCall(Ends(wire, provider_named(provider), wire), model)
    call.reading = answer = UnreadAnswer()
    answer.facts, answer.is_stream = facts, is_stream
    return account_of(exchange, call, Prices(ModelOptions(), price_table(), provider), 0.0)


def test_tokens_that_nobody_told_are_unknown_and_not_nothing(exchange: Exchange) -> None:
    exchange.upstream_status = 200
    assert account(exchange, CallFacts(is_complete=True)) == AiUsage()
    assert account(exchange, CallFacts(is_complete=True), "openai-speech", "tts-1") == AiUsage()
    exchange.upstream_status = 429
    assert account(exchange, CallFacts(is_complete=True)) is None


def test_usage_that_counts_nothing_is_unknown(exchange: Exchange) -> None:
    exchange.upstream_status = 200
    assert account(exchange, CallFacts(usage=Usage(), is_complete=True)) == AiUsage()
    told = account(exchange, CallFacts(usage=Usage(reported_cost=5_000_000), is_complete=True))
    assert told is not None
    assert (told.cost, told.price_id) == (0.005, "reported")


@pytest.mark.parametrize(("field", "tier"), [(b"flex", "#flex"), (b"standard", ""), (b"", "")])
def test_gemini_tells_the_tier_in_a_field_of_the_head(exchange: Exchange, field: bytes, tier: str) -> None:
    exchange.upstream_status, exchange.started_at = 200, 1_795_348_800.0
    facts = CallFacts(usage=Usage(input=1_000_000), is_complete=True)
    exchange.response = ResponseHead(200, Headers([(b"x-gemini-service-tier", field)] if field else []))
    found = account(exchange, facts, "gemini", "gemini-3.8-flash-tts")
    assert found is not None
    name = (found.price_id or "").rpartition(":")[0]
    assert name.endswith(tier) if tier else "#" not in name


def test_an_answer_that_broke_off_is_told_as_partial(exchange: Exchange) -> None:
    exchange.upstream_status = 200
    assert account(exchange, CallFacts(), is_stream=True) == AiUsage(is_partial=True)
    begun = account(exchange, CallFacts(usage=Usage(input=100, output=1)), is_stream=True)
    assert begun is not None
    assert (begun.is_partial, begun.prompt_tokens) == (True, 100)
    assert begun.cost is not None
    whole = account(exchange, CallFacts(usage=Usage(input=100), is_complete=True), is_stream=True)
    assert whole is not None
    assert not whole.is_partial


def test_a_refusal_that_was_answered_with_200_costs_nothing_but_a_stream_that_failed_may(exchange: Exchange) -> None:
    exchange.upstream_status = 200
    failed = CallFacts(is_complete=True, error=ErrorDetail(status=429, message="no"))
    assert account(exchange, failed) is None
    assert account(exchange, failed, is_stream=True) == AiUsage()


@pytest.mark.parametrize("client", ["openai-files", "anthropic-count-tokens"])
def test_what_calls_no_model_has_no_account(exchange: Exchange, client: str) -> None:
    exchange.upstream_status = 200
    assert account(exchange, CallFacts(is_complete=True), client) is None


@pytest.mark.parametrize(
    ("method", "path", "is_billed"),
    [("POST", "/v1/batches", True), ("POST", "/v1/batches/b1/cancel", False), ("GET", "/v1/batches/b1", False)],
)
def test_a_batch_costs_something_unknown_once(method: str, path: str, is_billed: bool) -> None:
    exchange = Gateway().call(method, path).exchange
    exchange.upstream_status = 200
    assert account(exchange, CallFacts(is_complete=True), "openai-batches") == (AiUsage() if is_billed else None)


def test_a_model_that_is_free_costs_nothing_however_little_was_told(exchange: Exchange) -> None:
    exchange.upstream_status = 200
    free = account(exchange, CallFacts(is_complete=True), "openai-moderations", "omni-moderation-latest")
    assert free is not None
    assert (free.cost, free.price_version) == (0.0, price_table().version)
    assert (free.price_id or "").startswith("openai/omni-moderation")
