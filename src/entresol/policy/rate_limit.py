"""Fixed calendar windows: how many requests may pass per second, minute, hour, day, month and year, in UTC.

A window is a whole calendar unit, as Kong counts: the minute window of 12:30:45 began at 12:30:00. Pure: whoever
calls brings the time, and keeps the counts.
"""

import math
from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from entresol.core.ports import Window

PERIODS: Final = ("second", "minute", "hour", "day", "month", "year")
"""Shortest first."""


class FixedWindow:
    """One calendar unit in which at most `limit` may be counted. Never changed."""

    __slots__ = ("length_s", "limit", "name", "start")

    def __init__(self, name: str, start: int, length_s: int, limit: int) -> None:
        self.name = name
        self.start = start
        """Epoch second at which it began."""
        self.length_s = length_s
        self.limit = limit

    def _parts(self) -> tuple[object, ...]:
        return (self.name, self.start, self.length_s, self.limit)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FixedWindow) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash(self._parts())

    def __repr__(self) -> str:
        return f"FixedWindow{self._parts()!r}"


def windows_at(now: float, limits: Mapping[str, float]) -> tuple[FixedWindow, ...]:
    """The windows that `now` (epoch seconds) falls in, shortest first, for `limits` by period name.

    A fractional limit counts as the next whole number: Kong lets a request pass while anything is left of it.
    """
    return tuple(_window(period, now, math.ceil(limits[period])) for period in PERIODS if period in limits)


def ends_at(windows: Sequence[Window]) -> int:
    """Epoch second from which `windows` are no longer the current ones."""
    return min(window.start + window.length_s for window in windows)


def tightest(remaining: Sequence[int]) -> int:
    """Which window stops its caller first, by what remains in each, shortest window first.

    The one with the least; of equal ones the longest, for its end is further off.
    """
    at, least = 0, remaining[0]
    for index in range(1, len(remaining)):
        if remaining[index] <= least:
            at, least = index, remaining[index]
    return at


def reset_s(window: Window, now: float) -> int:
    """Seconds until a window starts afresh, at least 1."""
    return max(1, window.start + window.length_s - math.floor(now))


def _window(period: str, now: float, limit: int) -> FixedWindow:
    second = math.floor(now)
    if period in _LENGTHS:
        length = _LENGTHS[period]
        return FixedWindow(period, second - second % length, length, limit)
    start, length = _CALENDAR[period](datetime.fromtimestamp(second, UTC))
    return FixedWindow(period, start, length, limit)


def _month(moment: datetime) -> tuple[int, int]:
    first = datetime(moment.year, moment.month, 1, tzinfo=UTC)
    return int(first.timestamp()), monthrange(moment.year, moment.month)[1] * 86_400


def _year(moment: datetime) -> tuple[int, int]:
    first = datetime(moment.year, 1, 1, tzinfo=UTC)
    return int(first.timestamp()), int(datetime(moment.year + 1, 1, 1, tzinfo=UTC).timestamp() - first.timestamp())


_LENGTHS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_CALENDAR: Final[dict[str, Callable[[datetime], tuple[int, int]]]] = {"month": _month, "year": _year}
