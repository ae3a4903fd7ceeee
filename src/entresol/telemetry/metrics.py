"""Metric cells of one worker, and snapshots of them that can be sent elsewhere and summed.

A snapshot is what leaves the worker (a status page, the supervisor); `merge` sums those of all workers.
"""

from collections.abc import Callable, Iterable
from typing import Final, Generic, Literal, TypeVar

import msgspec

from entresol.core.cells import CounterCell, HistogramCell
from entresol.core.ports import Metrics

Kind = Literal["counter", "gauge", "histogram"]
Values = tuple[str, ...]

MAX_SERIES: Final = 5_000
"""Label combinations a family may have; what comes after shares one series, so that memory stays bounded."""
OVERFLOW: Final = "(other)"
"""Every label's value in the series that takes what exceeds `MAX_SERIES`."""


class Series(msgspec.Struct, array_like=True):
    """One series in a snapshot: `value` of a counter or gauge; `counts` and `value` (the sum) of a histogram."""

    labels: Values
    value: float
    counts: list[int] = []


class Family(msgspec.Struct, array_like=True):
    """All series of one name in a snapshot."""

    name: str
    help_text: str
    kind: Kind
    label_names: tuple[str, ...]
    bounds: tuple[float, ...]
    series: list[Series]


Snapshot = list[Family]
"""Every family of a worker, or of many. Encodes to JSON or MessagePack as it is."""

C = TypeVar("C", CounterCell, HistogramCell)


class _Cells(Generic[C]):
    """The live cells of one family."""

    def __init__(self, family: Family, make: Callable[[], C]) -> None:
        self.family = family
        self.by_labels: dict[Values, C] = {}
        self._make: Callable[[], C] = make

    def cell(self, values: Values, max_series: int) -> C:
        """The cell of a label combination, or the shared one when there are too many."""
        cell = self.by_labels.get(values)
        if cell is None:
            if len(values) != len(self.family.label_names):
                raise ValueError(f"{self.family.name} has labels {self.family.label_names}, got {values}")
            if len(self.by_labels) >= max_series and values:
                values = (OVERFLOW,) * len(values)
                cell = self.by_labels.get(values)
            if cell is None:
                cell = self.by_labels[values] = self._make()
        return cell


class WorkerMetrics(Metrics):
    """The `Metrics` port. Asking for the same name and labels again gives the same cell, also after a reload."""

    def __init__(self, max_series: int = MAX_SERIES) -> None:
        self._max_series = max_series
        self._numbers: dict[str, _Cells[CounterCell]] = {}
        self._histograms: dict[str, _Cells[HistogramCell]] = {}

    def counter(self, name: str, help_text: str, labels: tuple[str, ...], values: Values) -> CounterCell:
        """See the port: a series that only grows."""
        return self._number(Family(name, help_text, "counter", labels, (), []), values)

    def gauge(self, name: str, help_text: str, labels: tuple[str, ...], values: Values) -> CounterCell:
        """A series that goes up and down. Workers' values are summed."""
        return self._number(Family(name, help_text, "gauge", labels, (), []), values)

    def histogram(
        self, name: str, help_text: str, labels: tuple[str, ...], values: Values, buckets: tuple[float, ...]
    ) -> HistogramCell:
        """See the port. `buckets` are upper bounds in ascending order, without infinity."""
        cells = self._histograms.get(name)
        if cells is None:
            family = Family(name, help_text, "histogram", labels, buckets, [])
            cells = self._histograms[name] = _Cells(family, lambda: HistogramCell(buckets))
        _agree(cells.family, "histogram", labels, buckets)
        return cells.cell(values, self._max_series)

    def snapshot(self) -> Snapshot:
        """The values of now, by family name."""
        families = [
            with_series(c.family, [Series(v, n.value) for v, n in c.by_labels.items()]) for c in self._numbers.values()
        ]
        families += [
            with_series(c.family, [Series(v, h.sum, list(h.counts)) for v, h in c.by_labels.items()])
            for c in self._histograms.values()
        ]
        return sorted(families, key=lambda family: family.name)

    def _number(self, family: Family, values: Values) -> CounterCell:
        cells = self._numbers.get(family.name)
        if cells is None:
            cells = self._numbers[family.name] = _Cells(family, CounterCell)
        _agree(cells.family, family.kind, family.label_names, ())
        return cells.cell(values, self._max_series)


def merge(snapshots: Iterable[Snapshot]) -> Snapshot:
    """The sum of the workers' snapshots, series by series.

    A family that two workers describe differently (one still runs older code) keeps the first description; the
    other's series are left out rather than mixed in.
    """
    merged: dict[str, Family] = {}
    sums: dict[str, dict[Values, Series]] = {}
    for snapshot in snapshots:
        for family in snapshot:
            known = merged.setdefault(family.name, with_series(family, []))
            if (known.kind, known.label_names, known.bounds) == (family.kind, family.label_names, family.bounds):
                _add(sums.setdefault(family.name, {}), family.series)
    return [with_series(merged[name], list(sums.get(name, {}).values())) for name in sorted(merged)]


def _add(sums: dict[Values, Series], more: list[Series]) -> None:
    for series in more:
        known = sums.get(series.labels)
        if known is None:
            sums[series.labels] = Series(series.labels, series.value, list(series.counts))
        else:
            known.value += series.value
            known.counts = [a + b for a, b in zip(known.counts, series.counts, strict=True)]


def with_series(family: Family, series: list[Series]) -> Family:
    """A family with other series."""
    return Family(family.name, family.help_text, family.kind, family.label_names, family.bounds, series)


def _agree(family: Family, kind: Kind, labels: tuple[str, ...], bounds: tuple[float, ...]) -> None:
    if (family.kind, family.label_names, family.bounds) != (kind, labels, bounds):
        raise ValueError(f"metric {family.name} is already registered with another kind, labels or buckets")
