import pytest

from entresol.llm.price_table import Model, PriceTable, Rates, Row, Tier, price_table

ROWS = (Row(tiers=(Tier(above=0, rates=Rates(input=1)),)),)
BIG = Model(provider="openai", id="big", names=("alias",), prefixes=("big-2",), patterns=("^big-[a-z]$",), rows=ROWS)
EXACT = Model(provider="openai", id="big-2-mini", rows=ROWS)
TABLE = PriceTable(format=1, source="test", version="1", licence="MIT", models=(BIG, EXACT))


@pytest.mark.parametrize(
    ("provider", "name", "found"),
    [
        ("openai", "big", BIG), ("openai", "models/ALIAS", BIG), ("openai", "big-2-large", BIG),
        ("openai", "big-x", BIG),
        ("openai", "big-2-mini", EXACT), ("openai", "bigger", None), ("gemini", "big", None),
    ],
)  # fmt: skip
def test_a_model_is_looked_up_among_its_providers_an_exact_name_first(
    provider: str, name: str, found: Model | None
) -> None:
    assert TABLE.find(provider, name) is found


def test_rates_are_scaled_by_direction() -> None:
    scaled = Rates(input=100, output=200, cache_read=10).scaled(2.0, 1.5)
    assert scaled == Rates(input=200, output=300, cache_read=20)


def test_the_table_says_where_it_is_from() -> None:
    table = price_table()
    assert (table.format, table.source, table.licence) == (1, "genai-prices", "MIT")
    assert {model.provider for model in table.models} == {"openai", "anthropic", "gemini"}
    assert len(table.models) > 150
