from typing import Any

import pytest

from entresol.core.schema import Violations
from entresol.llm.price_overrides import read_overrides
from entresol.llm.price_table import PriceTable, Rates

NOON = 1_795_348_800.0  # 2026-11-22, 12:00 UTC
DAY = 86_400.0


def table(*prices: dict[str, Any]) -> PriceTable:
    found = read_overrides({"prices": [{"provider": "openai", "model": "big", **price} for price in prices]})
    assert isinstance(found, PriceTable)
    return found


def rates(found: PriceTable, model: str = "big", tier: str | None = None, now: float = NOON) -> list[tuple[int, Rates]]:
    """The steps of the price in force, the largest first."""
    price = found.price("openai", model, tier, now)
    return [] if price is None else [(step.above, step.rates) for step in price.tiers]


def test_amounts_are_dollars_per_million_tokens_and_per_thousand_calls() -> None:
    found = table({"input": 0.1, "output": 2, "cache_read": 0.0625, "reasoning": 0, "request": 5})
    expected = Rates(input=100_000, output=2_000_000, cache_read=62_500, reasoning=0, request=5_000_000_000)
    assert rates(found) == [(0, expected)]


def test_a_price_holds_from_its_first_day_to_the_day_before_its_end() -> None:
    found = table(
        {"input": 1}, {"input": 2, "since": "2026-11-22"}, {"input": 3, "since": "2026-11-22", "until": "2026-11-24"}
    )
    inputs = [rates(found, now=NOON + day * DAY)[0][1].input for day in (-1, 0, 1, 2)]
    assert inputs == [1_000_000, 3_000_000, 3_000_000, 2_000_000]


def test_before_the_first_price_there_is_none() -> None:
    assert rates(table({"input": 1, "since": "2026-11-23"})) == []


def test_tiers_and_steps() -> None:
    found = table(
        {"input": 1, "steps": [{"above": 500, "input": 5}, {"above": 100, "input": 2}]},
        {"input": 0.5, "service_tier": "flex"},
    )
    assert [(above, each.input) for above, each in rates(found)] == [
        (500, 5_000_000), (100, 2_000_000), (0, 1_000_000)
    ]  # fmt: skip
    assert [each.input for _, each in rates(found, tier="flex")] == [500_000]


def test_names_win_over_starts_and_longer_starts_over_shorter() -> None:
    found = table(
        {"model": "big*", "input": 1}, {"model": "Big-2*", "input": 2}, {"model": "big-2-mini", "input": 3},
    )  # fmt: skip
    inputs = [rates(found, model)[0][1].input for model in ("big", "big-1", "BIG-2-x", "big-2-mini")]
    assert inputs == [1_000_000, 1_000_000, 2_000_000, 3_000_000]


def test_the_version_changes_with_the_prices_only() -> None:
    assert table({"input": 1}).version == table({"input": 1.0}).version != table({"input": 2}).version
    assert table({"input": 1}).version.startswith("overrides ")


@pytest.mark.parametrize(
    ("price", "path"),
    [
        ({}, "prices[0].input"),
        ({"input": -1}, "prices[0].input"),
        ({"input": "1"}, "prices[0].input"),
        ({"input": 1, "since": "yesterday"}, "prices[0].since"),
        ({"input": 1, "since": "2026-02-01", "until": "2026-02-01"}, "prices[0].until"),
        ({"input": 1, "inputs": 1}, "prices[0].inputs"),
        ({"input": 1, "steps": [{"above": 0, "input": 1}]}, "prices[0].steps[0].above"),
        ({"input": 1, "steps": [{"above": 1, "input": 1}, {"above": 1, "input": 1}]}, "prices[0].steps"),
        ({"input": 1, "model": ""}, "prices[0].model"),
    ],
)
def test_what_is_wrong_is_said_with_its_path(price: dict[str, Any], path: str) -> None:
    found: PriceTable | Violations = read_overrides({"prices": [{"provider": "openai", "model": "big", **price}]})
    assert isinstance(found, list)
    assert [violation.path for violation in found] == [path]


def test_a_file_without_prices_has_none() -> None:
    found = read_overrides({})
    assert isinstance(found, PriceTable)
    assert found.providers == ()


@pytest.mark.parametrize(
    ("prices", "message"),
    [
        ([{"input": 1, "since": "2026-13-01"}], "prices[0].since: is no day"),
        ([{"input": 1, "model": "a*b"}], "prices[0].model: a `*` may only stand at the end"),
        ([{"input": float("nan")}], "prices[0].input: expected a number"),
        ([{"input": 1}, {"input": 2}], "prices[1]: another entry is for the same model, time and tier"),
        ([{"input": 1}, {"input": 2, "model": "BIG"}], "prices[1]: another entry is for the same model, time and tier"),
    ],
)
def test_what_has_no_clear_meaning_is_refused(prices: list[dict[str, Any]], message: str) -> None:
    found = read_overrides({"prices": [{"provider": "openai", "model": "big", **price} for price in prices]})
    assert isinstance(found, list)
    assert [str(violation) for violation in found] == [message]


def test_providers_and_models_may_be_written_in_capitals() -> None:
    found = read_overrides({"prices": [{"provider": "OpenAI", "model": "Big", "input": 1}]})
    assert isinstance(found, PriceTable)
    assert len(rates(found)) == 1
