import msgspec
import pytest

from entresol.llm.price_table import (
    FORMAT,
    Model,
    PriceTable,
    ProviderPrices,
    Rates,
    Row,
    TableHead,
    Tier,
    price_table,
    read_table,
    row_id,
    table_of,
)

HEAD = TableHead(format=FORMAT, source="test", version="1", licence="MIT")
NOON = 1_795_348_800.0  # 2026-11-22, 12:00 UTC


def row(rate: int, **fields: object) -> Row:
    return Row(tiers=(Tier(above=0, rates=Rates(input=rate)),), **fields)  # type: ignore[arg-type]


ROWS = (row(1),)
BIG = Model(
    id="big", names=("Alias",), prefixes=("big-2",), suffixes=("-big",), parts=("a.big.v",), patterns=("^big-[a-z]$",),
    rows=ROWS,
)  # fmt: skip
EXACT = Model(id="big-2-mini", rows=ROWS)
TABLE = table_of(HEAD, [("openai", BIG), ("openai", EXACT)])


@pytest.mark.parametrize(
    ("provider", "name", "found"),
    [
        ("openai", "big", BIG), ("openai", "models/ALIAS", BIG), ("openai", "big-2-large", BIG),
        ("openai", "big-x", BIG), ("openai", "very-big", BIG), ("openai", "eu.a.big.v1:0", BIG),
        ("openai", "big-2-mini", EXACT), ("openai", "bigger", None), ("gemini", "big", None),
    ],
)  # fmt: skip
def test_a_model_is_looked_up_among_its_providers_an_exact_name_first(
    provider: str, name: str, found: Model | None
) -> None:
    assert TABLE.find(provider, name) == (None if found is None else (provider, found))


@pytest.mark.parametrize(
    "name",
    [
        "google/gemini-2.5-flash", "publishers/google/models/gemini-2.5-flash", "gemini-2.5-flash@default",
        "projects/p/locations/eu/publishers/google/models/gemini-2.5-flash-001", "GEMINI-2.5-FLASH-002",
    ],
)  # fmt: skip
def test_a_name_as_clouds_write_it_means_the_same_model(name: str) -> None:
    found, bare = price_table().find("vertex", name), price_table().find("vertex", "gemini-2.5-flash")
    assert found == bare is not None


@pytest.mark.parametrize("name", ["google/gemini", "publishers/x/models/", "@1", "x" * 100_000, "gpt-4o-001"])
def test_a_name_of_no_model_stays_one(name: str) -> None:
    assert price_table().find("vertex", name) is None
    assert price_table().find("openai", name) is None


def test_a_provider_serves_the_models_of_others_at_their_default_prices() -> None:
    theirs = Model(id="gpt", rows=(row(5, service_tier="flex"), row(10)))
    own = Model(id="own", rows=(row(7, service_tier="flex"), row(20)))
    table = PriceTable(
        HEAD,
        {"openai": ProviderPrices(models=(theirs,)), "azure": ProviderPrices(models=(own,), others=("openai", "none"))},
    )
    assert table.find("azure", "gpt") == ("openai", theirs)
    cases = (("azure", "gpt", 10), ("openai", "gpt", 5), ("azure", "own", 7))
    for provider, name, rate in cases:
        price = table.price(provider, name, "flex", NOON)
        assert price is not None
        assert price.tiers[0].rates.input == rate
    assert table.price("azure", "nothing", None, NOON) is None


@pytest.mark.parametrize(
    ("held", "day", "minute", "expected"),
    [
        (row(1), "2026-01-01", 0, True),
        (row(1, since="2026-01-01"), "2025-12-31", 0, False),
        (row(1, since="2026-01-01"), "2026-01-01", 0, True),
        (row(1, until="2026-01-01"), "2025-12-31", 1439, True),
        (row(1, until="2026-01-01"), "2026-01-01", 0, False),
        (row(1, minutes=(60, 120)), "2026-01-01", 59, False),
        (row(1, minutes=(60, 120)), "2026-01-01", 60, True),
        (row(1, minutes=(60, 120)), "2026-01-01", 120, False),
        (row(1, minutes=(1380, 60)), "2026-01-01", 1380, True),
        (row(1, minutes=(1380, 60)), "2026-01-01", 59, True),
        (row(1, minutes=(1380, 60)), "2026-01-01", 60, False),
    ],
)
def test_a_row_holds_in_its_days_and_hours(held: Row, day: str, minute: int, expected: bool) -> None:
    assert held.holds(day, minute) is expected


@pytest.mark.parametrize("steps", [(), (1,), (0, 0), (0, 5, 3)])
def test_the_steps_of_a_row_begin_at_zero_and_rise(steps: tuple[int, ...]) -> None:
    tiers = [{"above": above, "rates": {"input": 1}} for above in steps]
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"tiers": tiers}, Row)


def test_the_operators_rows_come_first_while_they_hold() -> None:
    theirs = table_of(
        TableHead(format=FORMAT, source="overrides", version="x", licence=""),
        [("openai", Model(id="big", rows=(row(99, since="2026-11-22", until="2026-11-23"),)))],
    )
    table = TABLE.overridden(theirs)
    for now, rate, version in ((NOON, 99, "overrides x"), (NOON - 86_400, 1, "test 1"), (NOON + 86_400, 1, "test 1")):
        price = table.price("openai", "big", "flex", now)
        assert price is not None
        assert (price.tiers[0].rates.input, price.version) == (rate, version)
        named = table.row_named(price.id)
        assert named is not None
        assert named.tiers[0].rates.input == rate


def test_a_rows_id_tells_what_it_is_and_changes_with_its_prices() -> None:
    one = row(1, since="2026-01-01", minutes=(60, 120), service_tier="flex")
    two = row(2, since="2026-01-01", minutes=(60, 120), service_tier="flex")
    start = "openai/big@2026-01-01~60-120#flex:"
    assert row_id("openai", "big", one).startswith(start)
    assert row_id("openai", "big", two).startswith(start)
    assert row_id("openai", "big", one) != row_id("openai", "big", two)
    assert row_id("openai", "big", row(1)).startswith("openai/big:")
    assert row_id("openai", "big", msgspec.json.decode(msgspec.json.encode(one), type=Row)) == row_id(
        "openai", "big", one
    )


def test_no_two_rows_of_the_table_have_the_same_id_and_each_is_found_by_its_own() -> None:
    table = price_table()
    ids = [
        row_id(provider, model.id, each)
        for provider in table.providers
        for model in table.models(provider)
        for each in model.rows
    ]
    assert len(set(ids)) == len(ids)
    assert all(table.row_named(each) is not None for each in ids[::50])
    assert table.row_named("openai/gpt-4o:00000000") is None
    assert table.row_named("nobody/gpt-4o:00000000") is None


def test_rates_are_scaled_by_direction() -> None:
    scaled = Rates(input=100, output=200, cache_read=10, request=7).scaled(2.0, 1.5)
    assert scaled == Rates(input=200, output=300, cache_read=20, request=7)


def test_the_table_says_where_it_is_from() -> None:
    table = price_table()
    assert (table.head.format, table.head.source, table.head.licence) == (FORMAT, "genai-prices", "MIT")
    assert table.version == f"genai-prices {table.head.version}"
    known = {
        "openai", "azure", "anthropic", "gemini", "vertex", "bedrock", "mistral", "cohere", "huggingface", "groq",
        "xai", "deepseek", "cerebras", "databricks", "openrouter", "together", "fireworks", "perplexity", "moonshot",
    }  # fmt: skip
    assert known <= set(table.providers)
    assert sum(len(table.models(provider)) for provider in table.providers) > 2000


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b'{"format":1,"source":"","version":"","licence":"","models":[]}',
        b'{"format":2,"source":"","version":"","licence":""}',
    ],
)  # fmt: skip
def test_what_is_no_price_table_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="price table"):
        read_table(data)
