"""What a price table from a file may not be, beyond the types of its fields: it is to bill by, and may be hostile."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from json import loads
from typing import Final

from entresol.llm.price_table import Model, PriceTable, Row

_LONGEST_PATTERN: Final = 500
_NESTED: Final = re.compile(r"[+*}]\??\)+[+*{]")
"""A repetition of a repetition, on which a name could be matched for hours."""


def check_names(data: bytes) -> None:
    """Raises ValueError for an object that has a member twice: whichever is meant, half of the readers take the other.

    `data` is JSON that has been decoded before.
    """
    loads(data, object_pairs_hook=_without_repeats)


def faults(table: PriceTable) -> Iterator[str]:
    """Everything that is wrong. Raises ValueError for what cannot be read at all."""
    if not any(table.models(provider) for provider in table.providers):
        yield "it has no prices"
    for provider in table.providers:
        counts = Counter(model.id.lower() for model in table.models(provider))
        yield from (f"{provider}/{name} is there {count} times" for name, count in counts.items() if count > 1)
        for model in table.models(provider):
            yield from (f"{provider}/{model.id}: {fault}" for fault in _faults_of(model))


def _faults_of(model: Model) -> Iterator[str]:
    for pattern in model.patterns:
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            yield f"pattern {pattern[:80]!r}: {error}"
        if len(pattern) > _LONGEST_PATTERN or _NESTED.search(pattern) is not None:
            yield f"pattern {pattern[:80]!r}: may take for ever"
    if "" in (model.id, *model.names, *model.prefixes, *model.suffixes, *model.parts, *model.patterns):
        yield "an empty name is that of every model"
    if not model.rows:
        yield "it has no rows"
    for row in model.rows:
        yield from _faults_in(row)
    counts = Counter((row.since, row.until, row.minutes, row.service_tier) for row in model.rows)
    yield from (f"{count} rows of the same time and tier" for count in counts.values() if count > 1)


def _faults_in(row: Row) -> Iterator[str]:
    for day in (row.since, row.until):
        try:
            date.fromisoformat(day or "2000-01-01")
        except ValueError:
            yield f"{day} is no day"
    if row.until and row.until <= row.since:
        yield f"until {row.until} is not after since {row.since}"
    if row.minutes is not None and row.minutes[0] == row.minutes[1]:
        yield "minutes end where they begin"


def _without_repeats(pairs: list[tuple[str, object]]) -> None:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        raise ValueError(f"{twice[:80]!r} is there twice in one object")
