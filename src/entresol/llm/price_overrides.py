"""The operator's own prices, with dates: a small file that people write, as rows of a price table.

Amounts are in dollars per million tokens, as providers publish them; `request` is dollars per thousand calls.
"""

from datetime import date
from typing import Annotated, Final, Literal
from zlib import crc32

import msgspec
from msgspec import Meta

from entresol.core.schema import Violations, parse
from entresol.llm.price_table import FORMAT, Model, PriceTable, Rates, Row, TableHead, Tier, table_of
from entresol.llm.usage import rate_of

SOURCE: Final = "overrides"

Amount = Annotated[float, Meta(ge=0, le=1_000_000)]
Name = Annotated[str, Meta(min_length=1, max_length=256)]
Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$", extra={"message": "expected a date, YYYY-MM-DD"})]

_FEE: Final = "request"


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """Dollars per million tokens of each bucket."""

    input: Amount
    output: Amount | None = None
    cache_read: Amount | None = None
    cache_read_audio: Amount | None = None
    cache_write: Amount | None = None
    cache_write_1h: Amount | None = None
    input_audio: Amount | None = None
    input_image: Amount | None = None
    output_audio: Amount | None = None
    output_image: Amount | None = None
    reasoning: Amount | None = None
    request: Annotated[float, Meta(ge=0, le=1_000_000, description="Dollars per thousand calls.")] | None = None

    def rates(self) -> Rates:
        """The same in pico-dollars per token, and per call."""
        fields: dict[str, int] = {}
        for name in Rates.__struct_fields__:
            amount = getattr(self, name)
            if amount is not None:
                fields[name] = round(amount * 1_000_000_000) if name == _FEE else rate_of(amount)
        return Rates(**fields)


class Step(Amounts, frozen=True, kw_only=True):
    """What every token costs in calls with more than `above` input tokens."""

    above: Annotated[int, Meta(ge=1)]


class OwnPrice(Amounts, frozen=True, kw_only=True):
    """The price of a model in a period and tier."""

    provider: Name
    model: Annotated[str, Meta(min_length=1, max_length=256, description="A name, or the start of names with a `*`.")]
    since: Day | None = None
    until: Day | None = None
    """First day that it does not hold any more."""
    service_tier: Name | None = None
    steps: tuple[Step, ...] = ()

    def violations(self) -> list[tuple[str, str]]:
        """Rules across fields."""
        found = []
        if self.since is not None and self.until is not None and self.until <= self.since:
            found.append(("until", "must be after 'since'"))
        found += [(name, "is no day") for name in ("since", "until") if not _is_day(getattr(self, name))]
        if "*" in self.model[:-1]:
            found.append(("model", "a `*` may only stand at the end"))
        if len({step.above for step in self.steps}) < len(self.steps):
            found.append(("steps", "two steps begin at the same number of tokens"))
        return found

    def row(self) -> Row:
        """As a row of a table."""
        steps = sorted(self.steps, key=lambda step: step.above)
        tiers = (Tier(above=0, rates=self.rates()), *[Tier(above=step.above, rates=step.rates()) for step in steps])
        return Row(since=self.since or "", until=self.until or "", service_tier=self.service_tier, tiers=tiers)


class OverridesFile(msgspec.Struct, frozen=True, kw_only=True):
    """The file."""

    format: Literal[1] = 1
    prices: tuple[OwnPrice, ...] = ()

    def violations(self) -> list[tuple[str, str]]:
        """Rules across entries."""
        seen: set[tuple[str | None, ...]] = set()
        found = []
        for place, price in enumerate(self.prices):
            key = (price.provider.lower(), price.model.lower(), price.since, price.until, price.service_tier)
            if key in seen:
                found.append((f"prices[{place}]", "another entry is for the same model, time and tier"))
            seen.add(key)
        return found


def read_overrides(raw: object) -> PriceTable | Violations:
    """The file's rows as a table, or everything that is wrong with it. `raw` is what YAML or JSON decode to."""
    file = parse(OverridesFile, raw)
    if isinstance(file, list):
        return file
    rows: dict[tuple[str, str], list[Row]] = {}
    for price in file.prices:
        rows.setdefault((price.provider.lower(), price.model.lower()), []).append(price.row())
    # Exact names first, then the longest start.
    named = sorted(rows, key=lambda key: (key[1].endswith("*"), -len(key[1])))
    models = [(provider, _model(model, rows[provider, model])) for provider, model in named]
    version = f"{crc32(msgspec.json.encode(file)):08x}"
    return table_of(TableHead(format=FORMAT, source=SOURCE, version=version, licence=""), models)


def _is_day(text: str | None) -> bool:
    try:
        return text is None or date.fromisoformat(text) is not None
    except ValueError:
        return False


def _model(name: str, rows: list[Row]) -> Model:
    """The rows that begin later win; of two that begin on the same day the one that ends."""
    ordered = sorted(rows, key=lambda row: (row.since, row.until != ""), reverse=True)
    start = name.removesuffix("*")
    return Model(id=name, prefixes=(start,) if start != name else (), rows=tuple(ordered))
