"""Our price table against the package it is built from: the same cost, whichever is asked."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from entresol.llm.model_config import ModelOptions
from entresol.llm.price_table import PriceTable, price_table
from entresol.llm.prices import Prices
from entresol.llm.types import Usage

genai_prices = pytest.importorskip("genai_prices", reason="genai-prices is not installed (make prices)")

THEIR_NAMES = {"gemini": "google", "vertex": "google", "bedrock": "aws", "xai": "x-ai", "moonshot": "moonshotai"}
USAGES = (
    Usage(input=1000, output=100),
    Usage(input=12_345, cache_read=6_789, output=321),
    Usage(input=250_001, cache_read=10, output=50_000),
    Usage(input=7, cache_write=1_000_003, output=1),
    Usage(cache_write_1h=77_777, cache_read=1, output=2),
)
MOMENTS = (
    datetime(2025, 1, 1, 12, tzinfo=UTC),
    datetime(2026, 8, 20, 2, 30, tzinfo=UTC),
    datetime(2026, 11, 22, 0, 0, tzinfo=UTC),
    datetime(2026, 11, 22, 7, 15, tzinfo=UTC),
)
PROVIDERS = tuple(sorted(set(price_table().providers) - {"huggingface"}))


def theirs(provider: str, model: str, tier: str | None, usage: Usage, moment: datetime) -> Decimal:
    written = usage.cache_write + usage.cache_write_1h
    counts: dict[str, Any] = {
        "input_tokens": usage.total_input, "output_tokens": usage.total_output, "cache_read_tokens": usage.cache_read,
        "cache_write_tokens": written, "cache_write_1h_tokens": usage.cache_write_1h,
    }  # fmt: skip
    key = "processing" if tier == "batch" else "speed" if provider == "anthropic" else "service_tier"
    context = None if tier is None else {key: tier}
    price = genai_prices.calc_price(
        genai_prices.Usage(**{name: count for name, count in counts.items() if count}),
        model,
        provider_id=THEIR_NAMES.get(provider, provider),
        genai_request_timestamp=moment,
        price_context=context,
    ).total_price
    assert isinstance(price, Decimal)
    return price


def tiers_of(table: PriceTable, provider: str) -> list[tuple[str, str | None]]:
    """Each model with each tier it has prices for."""
    return [
        (model.id, tier)
        for model in table.models(provider)
        for tier in dict.fromkeys([None, *[row.service_tier for row in model.rows]])
    ]


@pytest.mark.filterwarnings("ignore")  # theirs: of usage that a model has no price for
@pytest.mark.parametrize("provider", PROVIDERS)
def test_costs_agree_with_the_source(provider: str) -> None:
    prices = Prices(ModelOptions(), price_table(), provider)
    number, wrong = 0, []
    for model, tier in tiers_of(price_table(), provider)[:: 1 if provider != "openrouter" else 5]:
        for place, usage in enumerate(USAGES):
            if usage.cache_write_1h and "claude" in model and provider != "anthropic":
                continue  # which the source does not know of every cloud
            moment = MOMENTS[(number + place) % len(MOMENTS)]
            try:
                expected = theirs(provider, model, tier, usage, moment)
            except (LookupError, ValueError):  # the id is no name; the source finds no price for this usage
                continue
            charge = prices.charge(model, usage, tier, moment.timestamp())
            if charge.cost is None and not usage_has_price(provider, model):
                continue
            # one rounding up of ours; rates that are quotients differ by 1 in 100,000 at most
            if charge.cost is None or abs(charge.cost - expected * 10**9) > 1 + expected * 10**4:
                wrong.append((model, tier, place, moment, charge, expected))
        number += 1
    assert wrong == []


def usage_has_price(provider: str, model: str) -> bool:
    """False for models of which only the input is priced: there ours has no cost where theirs has a part of it."""
    found = price_table().find(provider, model)
    assert found is not None
    return all(tier.rates.output is not None for row in found[1].rows for tier in row.tiers)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o-2024-08-06"), ("openai", "gpt-5-mini-2025-08-07"), ("azure", "gpt-4o"),
        ("azure", "gpt-4.1-2025-04-14"), ("anthropic", "claude-opus-4-20250514"), ("gemini", "gemini-2.5-flash"),
        ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"), ("bedrock", "eu.amazon.nova-pro-v1:0"),
        ("vertex", "claude-sonnet-4-5@20250929"), ("vertex", "gemini-2.5-pro"), ("mistral", "mistral-large-latest"),
        ("groq", "llama-3.3-70b-versatile"), ("xai", "grok-4-0709"), ("cohere", "command-r-plus-08-2024"),
        ("deepseek", "deepseek-chat"), ("openrouter", "anthropic/claude-sonnet-4.5"),
        ("databricks", "databricks-gpt-5"), ("moonshot", "kimi-k2-0905-preview"),
        ("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
    ],
)  # fmt: skip
def test_names_as_providers_use_them_find_the_same_price(provider: str, model: str) -> None:
    moment = MOMENTS[-1]
    cost = Prices(ModelOptions(), price_table(), provider).cost(model, USAGES[0], None, moment.timestamp())
    try:
        expected = theirs(provider, model, None, USAGES[0], moment)
    except LookupError:
        assert cost is None
        return
    assert cost is not None
    assert abs(cost - expected * 10**9) <= 1


@pytest.mark.parametrize(
    ("provider", "model"), [("vertex", "claude-opus-4-1@20250805"), ("openrouter", "anthropic/claude-opus-4.5")]
)
def test_claudes_cache_writes_for_an_hour_cost_twice_the_input_in_every_cloud(provider: str, model: str) -> None:
    prices = Prices(ModelOptions(), price_table(), provider)
    usages, now = (Usage(input=100), Usage(cache_write_1h=100)), MOMENTS[-1].timestamp()
    plain, written = (prices.cost(model, usage, None, now) for usage in usages)
    assert plain is not None
    assert written == 2 * plain
