"""How many tokens a byte has been, per model: learned from the usage of past calls, to be used for the next ones.

A histogram of fixed size per kind of content: an update is a division and an addition, and forgets the old slowly.
"""

from math import ceil, log2
from typing import Final

_STEPS: Final = 16
"""Buckets for each doubling: a bucket is 4.4 % wide."""
_LOWEST: Final = -8
"""Two to the power of this is the smallest ratio: 256 bytes a token."""
_BUCKETS: Final = 10 * _STEPS
_MOST: Final = 4096
"""Samples after which all are halved."""
_ENOUGH: Final = 50
_LEAST_BYTES: Final = 200
"""What a provider adds to each call would spoil the ratio of smaller bodies."""


class LearnedRatio:
    """Tokens per byte of one kind of content."""

    __slots__ = ("_buckets", "_high", "_since", "count", "total_bytes", "total_tokens")

    def __init__(self) -> None:
        self._buckets = [0] * _BUCKETS
        self.count = 0
        self.total_bytes = 0
        self.total_tokens = 0
        self._high = 0.0
        self._since = 0

    def learn(self, size: int, tokens: int) -> None:
        """A body of so many bytes was so many tokens."""
        if size < _LEAST_BYTES or tokens <= 0:
            return
        bucket = int((log2(tokens / size) - _LOWEST) * _STEPS)
        self._buckets[min(max(bucket, 0), _BUCKETS - 1)] += 1
        self.count += 1
        self.total_bytes += size
        self.total_tokens += tokens
        self._since += 1
        if self.count >= _MOST:
            self._forget()
        if self._since >= _ENOUGH:
            self._high, self._since = self._percentile(0.99), 0

    @property
    def is_known(self) -> bool:
        """Whether there were enough calls to rely on it."""
        return self._high > 0

    @property
    def mean(self) -> float:
        """Tokens per byte over all that is remembered; 0 before the first call."""
        return self.total_tokens / self.total_bytes if self.total_bytes else 0.0

    @property
    def high(self) -> float:
        """What 99 of 100 calls did not go over, tokens per byte; 0 as long as there were too few."""
        return self._high

    def _percentile(self, share: float) -> float:
        """The upper edge of the bucket in which it is."""
        left = ceil(self.count * share)
        for bucket, count in enumerate(self._buckets):
            left -= count
            if left <= 0 and count:
                return float(2.0 ** (_LOWEST + (bucket + 1) / _STEPS))
        return float(2.0 ** (_LOWEST + _BUCKETS / _STEPS))

    def _forget(self) -> None:
        self._buckets = [count // 2 for count in self._buckets]
        self.count = sum(self._buckets)
        self.total_bytes //= 2
        self.total_tokens //= 2
