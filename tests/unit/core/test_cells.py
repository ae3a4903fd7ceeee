from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.cells import CounterCell, HistogramCell


def test_a_counter_starts_at_nothing() -> None:
    cell = CounterCell()
    cell.value += 2
    assert cell.value == 2.0


@pytest.mark.parametrize(
    ("value", "counts"), [(0.5, [1, 0, 0]), (1.0, [1, 0, 0]), (1.5, [0, 1, 0]), (2.0, [0, 1, 0]), (2.5, [0, 0, 1])]
)
def test_a_value_on_a_bound_belongs_to_that_bucket(value: float, counts: list[int]) -> None:
    cell = HistogramCell((1.0, 2.0))
    cell.observe(value)
    assert (cell.counts, cell.sum) == (counts, value)


BOUNDS = tuple(float(bound) for bound in (1, 2, 5, 10, 50, 75, 100))


@given(st.sampled_from(BOUNDS) | st.floats(-10, 200), st.integers(0, len(BOUNDS)))
def test_an_observation_is_counted_in_the_first_bucket_that_holds_it(value: float, buckets: int) -> None:
    cell = HistogramCell(BOUNDS[:buckets])
    cell.observe(value)
    assert cell.counts.index(1) == bisect_left(BOUNDS[:buckets], value)
    assert sum(cell.counts) == 1
