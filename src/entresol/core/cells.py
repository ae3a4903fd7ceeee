"""Metric cells: plain objects with numbers. One thread, the event loop's, owns a cell: adding to it takes no lock."""

from bisect import bisect_left


class CounterCell:
    """One time series of a counter or gauge."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0


class HistogramCell:
    """One time series of a histogram. `counts` are per bucket, not cumulative; the last is above all bounds."""

    __slots__ = ("_bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one observation; a bucket's bound belongs to it."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.sum += value
