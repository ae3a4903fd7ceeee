"""Build src/entresol/llm/data/prices.json from the genai-prices package (MIT licence).

Run `python scripts/build_prices.py`. Integers only: pico-dollars per token. What the table cannot say exactly (prices
per request, per time of day, of batches) is left out. A model without an input price is left out too: unknown is not
free.
"""

import re
import sys
from collections.abc import Iterator
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path

import msgspec
from genai_prices import types as source
from genai_prices.data import providers

from entresol.llm.price_table import Model, PriceTable, Rates, Row, Tier
from entresol.llm.usage import PICO_PER_DOLLAR_PER_MILLION

TARGET = Path(__file__).parent.parent / "src/entresol/llm/data/prices.json"
PROVIDERS = {"openai": "openai", "anthropic": "anthropic", "google": "gemini"}
BUCKETS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "input_audio": "input_audio_mtok",
    "output_audio": "output_audio_mtok",
    "output_image": "output_image_mtok",
}


def main() -> None:
    """Write the file and say what is in it."""
    models = [model for provider in providers if provider.id in PROVIDERS for model in models_of(provider)]
    table = PriceTable(
        format=1, source="genai-prices", version=version("genai-prices"), licence="MIT", models=tuple(models)
    )
    head = msgspec.json.encode(msgspec.structs.replace(table, models=())).removesuffix(b"]}")
    lines = b",\n".join([msgspec.json.encode(model) for model in models])  # one model a line: readable diffs
    TARGET.write_bytes(head + b"\n" + lines + b"\n]}\n")
    sys.stdout.write(f"{len(models)} models from {table.source} {table.version}: {TARGET.stat().st_size} bytes\n")


def models_of(provider: source.Provider) -> Iterator[Model]:
    for info in provider.models:
        names: list[str] = []
        prefixes: list[str] = []
        patterns: list[str] = []
        for clause in clauses(info.match):
            if isinstance(clause, source.ClauseEquals):
                names.append(clause.equals)
            elif isinstance(clause, source.ClauseStartsWith):
                prefixes.append(clause.starts_with)
            elif isinstance(clause, source.ClauseRegex):
                patterns.append(clause.regex)
            else:
                patterns.append(pattern_of(clause))
        rows = tuple(rows_of(info))
        if rows:
            yield Model(
                provider=PROVIDERS[provider.id],
                id=info.id,
                names=tuple(names),
                prefixes=tuple(prefixes),
                patterns=tuple(patterns),
                rows=rows,
            )


def pattern_of(clause: object) -> str:
    """A clause as a regular expression that is searched for."""
    if isinstance(clause, source.ClauseEquals):
        return f"^{re.escape(clause.equals)}$"
    if isinstance(clause, source.ClauseStartsWith):
        return f"^{re.escape(clause.starts_with)}"
    if isinstance(clause, source.ClauseEndsWith):
        return f"{re.escape(clause.ends_with)}$"
    if isinstance(clause, source.ClauseContains):
        return re.escape(clause.contains)
    if isinstance(clause, source.ClauseRegex):
        return clause.regex
    if isinstance(clause, source.ClauseAnd):
        return "^" + "".join([f"(?=.*(?:{pattern_of(each)}))" for each in clause.and_])
    raise SystemExit(f"a clause this script does not know: {clause}")


def clauses(match: object) -> Iterator[object]:
    if isinstance(match, source.ClauseOr):
        for each in match.or_:
            yield from clauses(each)
    else:
        yield match


def rows_of(info: source.ModelInfo) -> Iterator[Row]:
    """Newest first, so that the first row that has begun is the one."""
    prices = info.prices if isinstance(info.prices, list) else [source.ConditionalPrice(prices=info.prices)]
    rows: list[Row] = []
    for each in prices:
        if each.constraint is None or isinstance(each.constraint, source.StartDateConstraint):
            rows += rows_for(each.prices, since(each.constraint), None)
    base = prices[-1].prices
    for variant in info.price_variants or []:
        tier = variant.when.get("service_tier")
        if tier is not None and len(variant.when) == 1:
            merged = {**fields(base), **fields(variant.prices)}
            rows += rows_for(source.ModelPrice(**merged), since(variant.constraint), tier)
    yield from sorted(rows, key=lambda row: row.since, reverse=True)


def since(constraint: object) -> str:
    return constraint.start_date.isoformat() if isinstance(constraint, source.StartDateConstraint) else ""


def fields(price: source.ModelPrice) -> dict[str, Decimal | source.TieredPrices]:
    return {name: getattr(price, name) for name in BUCKETS.values() if getattr(price, name, None) is not None}


def rows_for(price: source.ModelPrice, first_day: str, service_tier: str | None) -> list[Row]:
    if price.input_mtok is None:
        return []
    starts = {0}
    for value in fields(price).values():
        if isinstance(value, source.TieredPrices):
            starts |= {tier.start for tier in value.tiers}
    tiers = tuple(Tier(above=start, rates=rates_at(price, start)) for start in sorted(starts))
    return [Row(since=first_day, service_tier=service_tier, tiers=tiers)]


def rates_at(price: source.ModelPrice, start: int) -> Rates:
    rates: dict[str, int] = {}
    for bucket, field in BUCKETS.items():
        value = getattr(price, field, None)
        if isinstance(value, source.TieredPrices):
            dollars = value.base
            for tier in sorted(value.tiers, key=lambda tier: tier.start):
                if tier.start <= start:
                    dollars = tier.price
            value = dollars
        if value is not None:
            rates[bucket] = exact(value)
    return Rates(**rates)


def exact(dollars_per_million: Decimal) -> int:
    pico = dollars_per_million * PICO_PER_DOLLAR_PER_MILLION
    if pico != pico.to_integral_value():
        raise SystemExit(f"{dollars_per_million} is not a whole number of pico-dollars per token")
    return int(pico)


if __name__ == "__main__":
    main()
