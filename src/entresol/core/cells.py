"""Metric cells: plain objects with numbers. One thread, the event loop's, owns a cell: adding to it takes no lock."""


class CounterCell:
    """One time series of a counter or gauge."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0


class HistogramCell:
    """One time series of a histogram. `counts` are per bucket, not cumulative; the last is above all bounds."""

    __slots__ = ("_bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = list(bounds)
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one observation; a bucket's bound belongs to it."""
        bounds = self._bounds
        low, high = 0, len(bounds)
        while low < high:  # as `bisect_left` does it, which compares objects, not numbers
            middle = (low + high) >> 1
            if bounds[middle] < value:
                low = middle + 1
            else:
                high = middle
        self.counts[low] += 1
        self.sum += value
