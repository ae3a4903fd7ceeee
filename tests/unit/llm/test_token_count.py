import math

import pytest

from entresol.llm.token_count import count


@pytest.mark.parametrize(
    ("written", "counted"),
    [
        (None, 0),
        (0, 0),
        (-3, 0),
        (12, 12),
        (12.0, 12),
        (12.9, 12),
        (1e300, 10**15),
        (10**30, 10**15),
        (math.inf, 10**15),
        (math.nan, 0),
    ],
)
def test_a_count_is_whole_and_can_be(written: float | None, counted: int) -> None:
    assert count(written) == counted
