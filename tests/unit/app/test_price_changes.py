import pytest

from entresol.app.price_changes import Changes, changes, described, dollars, when
from entresol.llm.price_table import FORMAT, Model, PriceTable, Rates, Row, TableHead, Tier, table_of


def table(**rates: int) -> PriceTable:
    head = TableHead(format=FORMAT, source="test", version="1", licence="")
    rows = {name: (Row(tiers=(Tier(above=0, rates=Rates(input=rate)),)),) for name, rate in rates.items()}
    return table_of(head, [("p", Model(id=name, rows=each)) for name, each in rows.items()])


def test_models_are_added_removed_and_changed() -> None:
    found = changes(table(a=1, b=2, c=3), table(b=2, c=4, d=5))
    assert found == Changes(added=("p/d",), removed=("p/a",), changed=("p/c",))
    assert found.total == 3
    assert list(found.lines()) == ["+ p/d", "- p/a", "~ p/c"]


def test_a_table_does_not_differ_from_itself() -> None:
    assert changes(table(a=1), table(a=1)).total == 0


@pytest.mark.parametrize(
    ("pico", "unit", "text"),
    [(1_250_000, 10**6, "$1.25"), (10_000_000, 10**6, "$10"), (1, 10**6, "$0.000001"), (0, 10**6, "$0")],
)
def test_amounts_are_exact(pico: int, unit: int, text: str) -> None:
    assert dollars(pico, unit) == text


def test_rates_are_described_by_bucket() -> None:
    assert described(Rates(input=0, output=62_500)) == "input $0, output $0.0625 a million tokens"
    assert described(Rates(input=1_000_000, request=5_000_000_000)) == "input $1 a million tokens, $5 a thousand calls"


def test_a_rows_time_and_tier_are_said() -> None:
    tiers = (Tier(above=0, rates=Rates(input=1)),)
    assert when(Row(tiers=tiers)) == "always"
    row = Row(tiers=tiers, since="2026-01-01", until="2026-02-01", minutes=(30, 990), service_tier="flex")
    assert when(row) == "from 2026-01-01, until 2026-02-01, 00:30-16:30 UTC, tier flex"
