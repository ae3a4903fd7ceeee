from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.policy.rate_limit import PERIODS, FixedWindow, ends_at, reset_s, tightest, windows_at

ALL = dict.fromkeys(PERIODS, 10.0)


def epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ("second", "2024-02-29T12:34:56", "2024-02-29T12:34:57"),
        ("minute", "2024-02-29T12:34:00", "2024-02-29T12:35:00"),
        ("hour", "2024-02-29T12:00:00", "2024-02-29T13:00:00"),
        ("day", "2024-02-29T00:00:00", "2024-03-01T00:00:00"),
        ("month", "2024-02-01T00:00:00", "2024-03-01T00:00:00"),
        ("year", "2024-01-01T00:00:00", "2025-01-01T00:00:00"),
    ],
)
def test_a_window_is_the_calendar_unit_in_utc(period: str, start: str, end: str) -> None:
    (window,) = windows_at(epoch("2024-02-29T12:34:56") + 0.789, {period: 7})
    assert (window.start, window.start + window.length_s) == (epoch(start), epoch(end))
    assert (window.name, window.limit) == (period, 7)


def test_windows_come_shortest_first_whatever_the_order_of_the_limits() -> None:
    windows = windows_at(0.0, dict.fromkeys(reversed(PERIODS), 1.0))
    assert tuple(window.name for window in windows) == PERIODS


def test_a_fractional_limit_lets_one_more_pass() -> None:
    (window,) = windows_at(0.0, {"minute": 1.5})
    assert window.limit == 2


@given(st.floats(0, 4e9, allow_nan=False))
def test_every_window_holds_the_instant_it_was_made_for(now: float) -> None:
    windows = windows_at(now, ALL)
    assert all(window.start <= now < window.start + window.length_s for window in windows)
    assert now < ends_at(windows)
    assert windows_at(ends_at(windows) - 0.5, ALL) == windows
    assert windows_at(ends_at(windows), ALL) != windows


@pytest.mark.parametrize(
    ("remaining", "expected"), [((7,), 0), ((3, 9), 0), ((9, 3), 1), ((3, 3), 1), ((5, 2, 9, 2, 3), 3)]
)
def test_the_tightest_window_has_least_left_and_of_equals_the_longest_counts(
    remaining: tuple[int, ...], expected: int
) -> None:
    assert tightest(remaining) == expected


@pytest.mark.parametrize(("now", "seconds"), [(60.0, 60), (60.9, 60), (61.0, 59), (119.9, 1), (120.5, 1)])
def test_a_reset_is_in_whole_seconds_and_never_sooner_than_one(now: float, seconds: int) -> None:
    assert reset_s(FixedWindow("minute", 60, 60, 1), now) == seconds
