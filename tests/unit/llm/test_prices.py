from datetime import UTC, datetime
from typing import Any

import pytest

from entresol.llm.model_config import CacheWriteCost, ContextWindowFactor, ModelOptions, ServiceTierFactor
from entresol.llm.price_table import Model, Rates, Row, TableHead, Tier, price_table, table_of
from entresol.llm.prices import Charge, Prices, own_id, own_rates, rates_for
from entresol.llm.types import Usage
from entresol.llm.usage import cost_nanodollars

DAY = datetime(2026, 11, 22, tzinfo=UTC).timestamp()
EARLIER = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def tiers(rate: int) -> tuple[Tier, ...]:
    return (
        Tier(above=0, rates=Rates(input=rate, output=rate)),
        Tier(above=1000, rates=Rates(input=2 * rate, output=rate)),
    )


TABLE = table_of(
    TableHead(format=2, source="test", version="1", licence="MIT"),
    [
        (
            "openai",
            Model(
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
        ),
        ("openai", Model(id="big-2-mini", rows=(Row(tiers=tiers(7_000)),))),
        ("openai", Model(id="night", rows=(Row(minutes=(0, 30), tiers=tiers(1_000)), Row(tiers=tiers(3_000))))),
        ("openai", Model(id="prompt-only", rows=(Row(tiers=(Tier(above=0, rates=Rates(input=1_000)),)),))),
        ("anthropic", Model(id="other", rows=(Row(tiers=tiers(1_000)),))),
    ],
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
    assert prices.cost_of_any((None, "unknown", "big"), Usage(input=100), None, DAY).cost == 200
    assert prices.cost_of_any((None, "unknown"), Usage(input=100), None, DAY) == Charge(None)


def test_what_the_provider_says_it_charged_wins_over_the_list() -> None:
    prices = Prices(ModelOptions(), TABLE, "openai")
    usage = Usage(input=100, reported_cost=77)
    for names in (("big",), ("unknown",), (None,)):
        assert prices.cost_of_any(names, usage, None, DAY) == Charge(77, "reported", "openai")
    free = Usage(input=100, reported_cost=0)
    assert prices.cost_of_any(("big",), free, None, DAY) == Charge(0, "reported", "openai")


def test_the_operators_own_prices_win_over_what_the_provider_says() -> None:
    usage = Usage(input=100, reported_cost=77)
    configured = Prices(ModelOptions(input_cost=1.0, output_cost=1.0), TABLE, "openai")
    assert configured.cost_of_any(("big",), usage, None, DAY).cost == 100_000
    head = TableHead(format=2, source="overrides", version="0", licence="")
    own = table_of(head, [("openai", Model(id="mine", rows=(Row(tiers=tiers(5_000)),)))])
    overridden = Prices(ModelOptions(), TABLE.overridden(own), "openai")
    assert overridden.cost_of_any(("big", "mine"), usage, None, DAY).cost == 500
    assert overridden.cost_of_any(("big", "other"), usage, None, DAY).cost == 77


def test_the_operators_factors_do_not_apply_to_what_the_provider_says() -> None:
    factors = (ServiceTierFactor(tier="priority", factor=2.0),)
    prices = Prices(ModelOptions(service_tier_factor=factors), TABLE, "openai")
    assert prices.cost_of_any(("big",), Usage(input=100, reported_cost=77), "priority", DAY).cost == 77


def charge(model: str, tier: str | None = None, usage: Usage | None = None, **options: object) -> Charge:
    prices = Prices(ModelOptions(**options), TABLE, "openai")  # type: ignore[arg-type]
    return prices.charge(model, usage or Usage(input=100), tier, DAY)


def test_a_charge_names_the_price_it_is_by() -> None:
    found = charge("BIG-alias", "flex")
    assert found.price_id is not None
    assert found.price_id.startswith("openai/big@2026-06-01#flex:")
    assert found.price_version == "test 1"
    row = TABLE.row_named(found.price_id)
    assert row is not None
    assert cost_nanodollars(Usage(input=100), rates_for(100, row.tiers[::-1])) == found.cost


def test_no_price_no_id() -> None:
    assert charge("unknown") == Charge(None, None, None)
    assert charge("prompt-only", None, Usage(input=1, output=1)) == Charge(None)
    assert charge("prompt-only").cost == 100


def test_the_operators_own_prices_have_an_id_that_changes_with_them() -> None:
    found = charge("big", None, None, input_cost=1.0, output_cost=2.0)
    own = own_rates(ModelOptions(input_cost=1.0, output_cost=2.0))
    assert own is not None
    assert found == Charge(100_000, own_id(own), "config")
    assert found.price_id is not None
    assert found.price_id.startswith("config:")
    assert charge("big", None, None, input_cost=1.0, output_cost=2.5).price_id != found.price_id


def test_factors_show_in_the_id() -> None:
    tier = (ServiceTierFactor(tier="priority", factor=2.0),)
    plain, factored = charge("big"), charge("big", None, None, service_tier_factor=tier)
    assert plain.price_id is not None
    assert factored.price_id is not None
    assert factored.price_id.startswith(f"{plain.price_id}+config:")


def test_a_price_of_the_night_ends_with_it() -> None:
    prices = Prices(ModelOptions(), TABLE, "openai")
    costs = [prices.cost("night", Usage(input=100), None, DAY + minute * 60) for minute in (0, 14, 15, 29, 30, 45, 0)]
    assert costs == [100, 100, 100, 100, 300, 300, 100]


def test_many_made_up_names_are_not_all_remembered() -> None:
    prices = Prices(ModelOptions(), TABLE, "openai")
    for number in range(2_500):
        assert prices.cost(f"made-up-{number}", Usage(input=1), None, DAY) is None
    assert prices.cost("big", Usage(input=100), None, DAY) == 200


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
