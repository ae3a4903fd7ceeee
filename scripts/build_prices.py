"""Build src/entresol/llm/data/prices.json from the genai-prices package (MIT licence).

Run `python scripts/build_prices.py [FILE]`. Integers only: pico-dollars per token. What the table cannot say exactly
(prices of searches, pages, seconds of sound) is left out. A model without a price for input tokens is left out too:
unknown is not free.
"""

import re
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib.metadata import distribution
from pathlib import Path

import msgspec
from genai_prices import types as source
from genai_prices.data import providers as source_providers

from entresol.llm.price_table import FORMAT, Model, ProviderPrices, Rates, Row, TableHead, Tier
from entresol.llm.usage import PICO_PER_DOLLAR_PER_MILLION

DATA = Path(__file__).parent.parent / "src/entresol/llm/data"
TARGET = DATA / "prices.json"
LICENCE = DATA / "LICENSE.genai-prices"
OUR_NAMES = {
    "google": "gemini",
    "aws": "bedrock",
    "x-ai": "xai",
    "moonshotai": "moonshot",
}
"""Providers that we call otherwise."""
LEFT_OUT = ("cursor", "github-copilot")
"""Subscriptions: what a seat pays is not what a call costs."""
OTHERS = {"vertex": ("gemini", "anthropic"), "azure": ("openai", "anthropic", "deepseek", "xai", "moonshot")}
"""Whose models a provider serves at their own prices, as genai-prices has it (`fallback_model_providers`)."""
ROUTER, ROUTED = "huggingface", "huggingface_"
"""Hugging Face's router names who serves a model after a colon; genai-prices has a provider for each of them."""
BUCKETS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_read_audio": "cache_audio_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "input_audio": "input_audio_mtok",
    "input_image": "input_image_mtok",
    "output_audio": "output_audio_mtok",
    "output_image": "output_image_mtok",
    "reasoning": "output_reasoning_mtok",
}
PER_THOUSAND_CALLS = "requests_kcount"
TIER_KEYS = {("service_tier", None): None, ("processing", "batch"): "batch", ("speed", "fast"): "fast"}
"""Conditions of a price that are a service tier to us; None: the tier is the condition's value."""
FREE = {"openai": ("omni-moderation", "text-moderation")}
"""Starts of the names of models that their makers say are free, which is not in genai-prices."""
START = datetime(1970, 1, 1, tzinfo=UTC)


def main() -> None:
    """Write the file and say what is in it."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    package = distribution("genai-prices")
    head = TableHead(format=FORMAT, source="genai-prices", version=package.version, licence="MIT")
    prices = {name: prices_of(name) for name in provider_names()}
    target.write_bytes(encoded(head, prices))
    licence = package.read_text("licenses/LICENSE")
    if licence is None:
        raise SystemExit("genai-prices comes without its licence")
    LICENCE.write_text(licence, encoding="utf-8")
    count = sum(len(each.models) for each in prices.values())
    sys.stdout.write(f"{count} models of {len(prices)} providers from {head.source} {head.version}: ")
    sys.stdout.write(f"{target.stat().st_size} bytes\n")


def encoded(head: TableHead, prices: dict[str, ProviderPrices]) -> bytes:
    """One model a line: readable diffs."""
    parts = [msgspec.json.encode(head).removesuffix(b"}"), b',"providers":{\n']
    for number, (name, each) in enumerate(prices.items()):
        start = msgspec.json.encode(msgspec.structs.replace(each, models=())).replace(b'"models":[]', b'"models":[\n')
        before, after = start.split(b"[\n", 1)
        models = b",\n".join([msgspec.json.encode(model) for model in each.models])
        parts += [b",\n" if number else b"", msgspec.json.encode(name), b":", before, b"[\n", models, b"]", after]
    return b"".join([*parts, b"\n}}\n"])


def provider_names() -> list[str]:
    """Ours, in order."""
    names = {OUR_NAMES.get(provider.id, provider.id) for provider in source_providers if provider.id not in LEFT_OUT}
    return sorted({name for name in names if not name.startswith(ROUTED)} | {ROUTER} | set(OTHERS))


def prices_of(name: str) -> ProviderPrices:
    models: list[Model] = []
    for provider in source_providers:
        if OUR_NAMES.get(provider.id, provider.id) == name:
            models += models_of(provider, "")
        elif name == ROUTER and provider.id.startswith(ROUTED):
            models += models_of(provider, ":" + provider.id.removeprefix(ROUTED))
    nothing = (Row(tiers=(Tier(above=0, rates=Rates(input=0, output=0)),)),)
    models += [Model(id=start, prefixes=(f"{start}-",), rows=nothing) for start in FREE.get(name, ())]
    return ProviderPrices(models=tuple(models), others=OTHERS.get(name, ()))


def models_of(provider: source.Provider, ending: str) -> Iterator[Model]:
    """A provider's models. `ending` comes after each name."""
    for info in provider.models:
        rows = tuple(rows_of(info))
        if not rows:
            continue
        names: dict[str, list[str]] = {kind: [] for kind in ("names", "prefixes", "suffixes", "parts", "patterns")}
        for clause in clauses(info.match):
            kind, text = kind_of(clause)
            names[kind].append(text)
        if ending:
            if any(names[kind] for kind in names if kind != "names"):
                raise SystemExit(f"{provider.id}/{info.id}: only exact names can have an ending")
            names["names"] = [each + ending for each in names["names"]]
        if "claude" in info.id.lower():
            rows = tuple(with_hourly_writes(row) for row in rows)
        own = info.id.lower() + ending
        names["names"] = [name for name in names["names"] if name != own]
        yield Model(id=own, rows=rows, **{kind: tuple(texts) for kind, texts in names.items()})


def with_hourly_writes(row: Row) -> Row:
    """Cache writes for an hour cost twice the input wherever writes for five minutes cost 5/4 of it (Anthropic, "Prompt
    caching"), which genai-prices does not say of every cloud."""
    tiers = []
    for tier in row.tiers:
        rates = tier.rates
        if rates.cache_write_1h is None and rates.cache_write is not None and rates.cache_write * 4 == rates.input * 5:
            rates = msgspec.structs.replace(rates, cache_write_1h=2 * rates.input)
        tiers.append(msgspec.structs.replace(tier, rates=rates))
    return msgspec.structs.replace(row, tiers=tuple(tiers))


def kind_of(clause: object) -> tuple[str, str]:
    """Which field of a model a clause goes into, and as what. All but patterns are lower-case, as names are."""
    if isinstance(clause, source.ClauseEquals):
        return "names", clause.equals.lower()
    if isinstance(clause, source.ClauseStartsWith):
        return "prefixes", clause.starts_with.lower()
    if isinstance(clause, source.ClauseEndsWith):
        return "suffixes", clause.ends_with.lower()
    if isinstance(clause, source.ClauseContains):
        return "parts", clause.contains.lower()
    return "patterns", pattern_of(clause)


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
    """What the model costs, in every tier and period: those that win first. genai-prices itself works out each."""
    conditions: dict[str | None, dict[str, str]] = {None: {}}
    for variant in info.price_variants or []:
        tier = tier_of(variant.when)
        if tier is not None:
            conditions[tier] = variant.when
    normal = list(rows_in(info, None, {}))
    yield from normal
    for tier, context in list(conditions.items())[1:]:
        for row in rows_in(info, tier, context):
            if row.since or row.tiers != normal[-1].tiers:  # a tier without a price costs the default anyway
                yield row


def tier_of(when: dict[str, str]) -> str | None:
    """The service tier a condition means; None for one that is something else."""
    if len(when) != 1:
        return None
    ((key, value),) = when.items()
    return value if (key, None) in TIER_KEYS else TIER_KEYS.get((key, value))


def rows_in(info: source.ModelInfo, tier: str | None, context: dict[str, str]) -> Iterator[Row]:
    constraints = [price.constraint for price in info.prices] if isinstance(info.prices, list) else []
    constraints += [variant.constraint for variant in info.price_variants or [] if variant.when == context]
    dates = {each.start_date for each in constraints if isinstance(each, source.StartDateConstraint)}
    days: list[date | None] = [*sorted(dates, reverse=True), None]
    spans = {(each.start_time, each.end_time) for each in constraints if isinstance(each, source.TimeOfDateConstraint)}
    outside = free_time(spans)
    for number, day in enumerate(days):
        until = days[number - 1].isoformat() if number else ""  # type: ignore[union-attr]  # only the last is None
        first = START if day is None else datetime.combine(day, time(), UTC)
        since = "" if day is None else day.isoformat()
        base = rates_of(info.get_prices(first.replace(hour=outside // 60, minute=outside % 60), context or None))
        for start, end in sorted(spans):
            special = rates_of(info.get_prices(first.replace(hour=start.hour, minute=start.minute), context or None))
            if special and special != base:
                span = (minute_of(start), minute_of(end))
                yield Row(since=since, until=until, minutes=span, service_tier=tier, tiers=special)
        if base:
            yield Row(since=since, service_tier=tier, tiers=base)


def free_time(spans: set[tuple[time, time]]) -> int:
    """A minute of the day in which no special price holds."""
    taken = [(minute_of(start), minute_of(end)) for start, end in spans]
    for start, end in taken:
        if start > end or start % 15 or end % 15:
            raise SystemExit("only spans within a day, of quarters of an hour, are known here")
    return next(minute for minute in range(0, 1440, 15) if not any(a <= minute < b for a, b in taken))


def minute_of(moment: time) -> int:
    if moment.tzinfo is not None and moment.utcoffset():
        raise SystemExit("only times in UTC are known here")
    return moment.hour * 60 + moment.minute


def rates_of(price: source.ModelPrice) -> tuple[Tier, ...]:
    """The rates above each threshold; none where input has no price."""
    values = {bucket: getattr(price, field, None) for bucket, field in BUCKETS.items()}
    if values["input"] is None:
        return ()
    starts = {0}
    for value in values.values():
        if isinstance(value, source.TieredPrices):
            starts |= {tier.start for tier in value.tiers}
    fee = getattr(price, PER_THOUSAND_CALLS, None)
    return tuple(Tier(above=start, rates=rates_at(values, start, fee)) for start in sorted(starts))


def rates_at(values: dict[str, Decimal | source.TieredPrices | None], start: int, fee: Decimal | None) -> Rates:
    rates: dict[str, int] = {}
    for bucket, value in values.items():
        if isinstance(value, source.TieredPrices):
            dollars = value.base
            for tier in value.tiers:
                if tier.start <= start:
                    dollars = tier.price
            value = dollars
        if value is not None:
            rates[bucket] = exact(value * PICO_PER_DOLLAR_PER_MILLION)
    if fee is not None:
        rates["request"] = exact(fee * 1_000_000_000)
    return Rates(**rates)


def exact(pico: Decimal) -> int:
    """A whole number. Some of the source's are quotients, and are off by 1 in 100,000 at most."""
    whole = pico.to_integral_value()
    if abs(pico - whole) * 100_000 > pico:
        raise SystemExit(f"{pico} is not a whole number of pico-dollars")
    return int(whole)


if __name__ == "__main__":
    main()
