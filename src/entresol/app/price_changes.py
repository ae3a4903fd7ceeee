"""What differs between two price tables, and how prices are shown to people."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from entresol.llm.price_table import PriceTable, Rates, Row
from entresol.llm.usage import PICO_PER_DOLLAR_PER_MILLION

_CALL: Final = 1_000_000_000
"""One dollar per thousand calls, in pico-dollars per call."""


class Changes(NamedTuple):
    """Names of models, as `provider/model`, in order."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.added) + len(self.removed) + len(self.changed)

    def lines(self) -> Iterator[str]:
        """One a model, with a sign before it."""
        for sign, names in (("+", self.added), ("-", self.removed), ("~", self.changed)):
            for name in names:
                yield f"{sign} {name}"


def changes(old: PriceTable, new: PriceTable) -> Changes:
    """From one table to another."""
    before, after = _rows(old), _rows(new)
    return Changes(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(sorted(name for name in before.keys() & after.keys() if before[name] != after[name])),
    )


def described(rates: Rates) -> str:
    """`input $1.25, output $10, … a million tokens`."""
    parts = []
    for name in rates.__struct_fields__:
        rate = getattr(rates, name)
        if rate is not None and name != "request":
            parts.append(f"{name} {dollars(rate, PICO_PER_DOLLAR_PER_MILLION)}")
    text = ", ".join(parts) + " a million tokens"
    return text if rates.request is None else f"{text}, {dollars(rates.request, _CALL)} a thousand calls"


def when(row: Row) -> str:
    """In which period and tier a row holds."""
    parts = []
    if row.since:
        parts.append(f"from {row.since}")
    if row.until:
        parts.append(f"until {row.until}")
    if row.minutes is not None:
        parts.append("-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in row.minutes) + " UTC")
    if row.service_tier is not None:
        parts.append(f"tier {row.service_tier}")
    return ", ".join(parts) or "always"


def dollars(pico: int, unit: int) -> str:
    """An exact amount, without zeros at its end."""
    whole, rest = divmod(pico, unit)
    decimals = f"{rest:0{len(str(unit)) - 1}}".rstrip("0")
    return f"${whole}.{decimals}" if decimals else f"${whole}"


def _rows(table: PriceTable) -> dict[str, tuple[Row, ...]]:
    return {f"{provider}/{model.id}": model.rows for provider in table.providers for model in table.models(provider)}
