import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.llm.token_learning import LearnedRatio


def taught(*calls: tuple[int, int]) -> LearnedRatio:
    learned = LearnedRatio()
    for size, tokens in calls:
        learned.learn(size, tokens)
    return learned


def test_a_few_calls_are_too_few() -> None:
    assert not taught(*[(1000, 250)] * 49).is_known
    assert taught(*[(1000, 250)] * 50).is_known


def test_the_mean_is_over_all_bytes() -> None:
    assert LearnedRatio().mean == 0
    assert taught((1000, 200), (3000, 900)).mean == pytest.approx(1100 / 4000)


def test_one_call_of_a_hundred_may_be_over() -> None:
    learned = taught(*[(1000, 250)] * 99, (1000, 900))
    assert 0.25 <= learned.high <= 0.27
    assert taught(*[(1000, 250)] * 96, *[(1000, 900)] * 4).high >= 0.9


def test_small_bodies_and_calls_without_tokens_teach_nothing() -> None:
    assert taught((199, 100), (1000, 0), (1000, -5)).count == 0


def test_it_is_bounded_and_forgets() -> None:
    learned = taught(*[(1000, 250)] * 5000)
    assert learned.count < 4096
    for _ in range(40_000):
        learned.learn(1000, 500)
    assert learned.count < 4096
    assert learned.high >= 0.5
    assert learned.mean == pytest.approx(0.5, rel=0.01)


@given(st.lists(st.tuples(st.integers(200, 10**9), st.integers(1, 10**9)), min_size=50, max_size=50))
def test_no_remembered_ratio_within_bounds_is_above_the_high_one(calls: list[tuple[int, int]]) -> None:
    learned = taught(*calls)
    assert learned.high >= min(max(tokens / size for size, tokens in calls), 4.0) * 0.999
