import pytest

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
