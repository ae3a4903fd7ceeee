from datetime import UTC, datetime
from typing import Any

import pytest

from entresol.llm.model_config import CacheWriteCost, ContextWindowFactor, ModelOptions, ServiceTierFactor
from entresol.llm.price_table import Model, PriceTable, Rates, Row, Tier, price_table
from entresol.llm.prices import Prices
from entresol.llm.types import Usage

DAY = datetime(2026, 11, 22, tzinfo=UTC).timestamp()
EARLIER = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def tiers(rate: int) -> tuple[Tier, ...]:
    return (
        Tier(above=0, rates=Rates(input=rate, output=rate)),
        Tier(above=1000, rates=Rates(input=2 * rate, output=rate)),
    )


TABLE = PriceTable(
    format=1,
    source="test",
    version="1",
    licence="MIT",
    models=(
        Model(
            provider="openai",
            id="big",
            names=("big-alias",),
            prefixes=("big-2",),
            patterns=("^big-[a-z]$",),
            rows=(
                Row(since="2026-06-01", tiers=tiers(2_000)),
                Row(since="2026-06-01", service_tier="flex", tiers=tiers(1_000)),
                Row(tiers=tiers(4_000)),
            ),
        ),
        Model(provider="openai", id="big-2-mini", rows=(Row(tiers=tiers(7_000)),)),
        Model(provider="anthropic", id="other", rows=(Row(tiers=tiers(1_000)),)),
    ),
)


def cost(model: str, usage: Usage, tier: str | None = None, now: float = DAY, **options: object) -> int | None:
    return Prices(ModelOptions(**options), TABLE, "openai").cost(model, usage, tier, now)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("big", 200),
        ("BIG", 200),
        ("models/big", 200),
        ("big-alias", 200),
        ("big-2026", 200),
        ("big-x", 200),
        ("big-2-mini", 700),
    ],
)
def test_a_model_is_found_by_name_prefix_and_pattern_the_exact_name_first(model: str, expected: int) -> None:
    assert cost(model, Usage(input=100)) == expected


@pytest.mark.parametrize("model", ["", "bigger", "other", "big-xy"])
def test_an_unknown_price_is_no_price_and_not_zero(model: str) -> None:
    assert cost(model, Usage(input=100)) is None


def test_prices_have_a_first_day() -> None:
    assert cost("big", Usage(input=100), now=EARLIER) == 400


def test_a_service_tier_has_its_own_prices_or_the_default_ones() -> None:
    assert cost("big", Usage(input=100), "flex") == 100
    assert cost("big", Usage(input=100), "default") == 200
    assert cost("big", Usage(input=100), "flex", now=EARLIER) == 400


def test_above_a_threshold_every_token_costs_more() -> None:
    assert cost("big", Usage(input=1000)) == 2_000
    assert cost("big", Usage(input=1001)) == 4_004


def test_the_operators_prices_win() -> None:
    usage = Usage(input=100, output=10, cache_read=10, cache_write=1, cache_write_1h=1)
    own: dict[str, Any] = {
        "input_cost": 1.0, "output_cost": 2.0, "cache_read_cost": 0.5, "cache_write_cost": 3.0,
        "cache_write_cost_list": (CacheWriteCost(ttl="1h", cost=4.0),),
    }  # fmt: skip
    assert cost("unknown", usage, **own) == 100_000 + 20_000 + 5_000 + 3_000 + 4_000


def test_one_price_alone_leaves_the_table_in_charge() -> None:
    assert cost("big", Usage(input=100), input_cost=1.0) == 200
    assert cost("unknown", Usage(input=100), input_cost=1.0) is None


def test_kongs_factors() -> None:
    context = (
        ContextWindowFactor(above="10", input_factor=2.0, output_factor=3.0),
        ContextWindowFactor(above="1000", input_factor=5.0, output_factor=5.0),
    )
    assert cost("big", Usage(input=100, output=10), context_window_factor=context) == 400 + 60
    tier = (ServiceTierFactor(tier="prio", factor=9.0), ServiceTierFactor(tier="priority", factor=2.0))
    assert cost("big", Usage(input=100), "Priority", service_tier_factor=tier) == 400
    assert cost("big", Usage(input=100), "fast", service_tier_factor=tier) == 400
    assert cost("big", Usage(input=100), None, service_tier_factor=tier) == 200


def test_the_first_name_with_a_price_counts() -> None:
    prices = Prices(ModelOptions(), TABLE, "openai")
    assert prices.cost_of_any((None, "unknown", "big"), Usage(input=100), None, DAY) == 200
    assert prices.cost_of_any((None, "unknown"), Usage(input=100), None, DAY) is None


@pytest.mark.parametrize(
    ("provider", "model", "usage", "dollars"),
    [
        ("openai", "gpt-4o", Usage(input=1000, output=100, cache_read=10), 0.0035125),
        ("openai", "gpt-5", Usage(input=1000, output=100, cache_read=10), 0.00225125),
        ("anthropic", "claude-sonnet-4-6", Usage(input=1000, output=100, cache_read=10), 0.004503),
        ("gemini", "gemini-2.5-pro", Usage(input=1000, output=100, cache_read=10), 0.00225125),
        ("openai", "text-embedding-3-small", Usage(input=1_000_000), 0.02),
    ],
)
def test_the_table_in_the_package_agrees_with_its_source(
    provider: str, model: str, usage: Usage, dollars: float
) -> None:
    found = Prices(ModelOptions(), price_table(), provider).cost(model, usage, None, DAY)
    assert found == round(dollars * 1_000_000_000)
