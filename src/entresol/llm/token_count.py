"""Counts of tokens as providers write them."""

from typing import Final

_MOST: Final = 10**15
"""No call has more tokens."""


def count(value: int | float | None) -> int:
    """A provider's count; none where it says none, or makes one up below zero. Some write it with a decimal point."""
    if value is None or not value > 0:
        return 0
    return int(value) if value < _MOST else _MOST
