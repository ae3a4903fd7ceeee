"""Counting attempts: who asks too often has to wait.

A window of fixed length per key. When there are more keys than a node wants to remember, all windows that are over are
forgotten, and then the oldest.
"""

from typing import Final, Protocol

MAX_KEYS: Final = 100_000


class AttemptLimits(Protocol):
    """Counts attempts, on this node or on all."""

    async def admit(self, key: str, limit: int, window_s: int, now: int) -> int:
        """Count one attempt under `key`. 0 if there were at most `limit` in this window, else the seconds to wait."""


class LocalAttempts:
    """AttemptLimits of one process."""

    def __init__(self, max_keys: int = MAX_KEYS) -> None:
        self._max_keys = max_keys
        self._windows: dict[str, tuple[int, int]] = {}
        """By key: the second in which the window ends, and how many attempts there were."""

    async def admit(self, key: str, limit: int, window_s: int, now: int) -> int:
        """See AttemptLimits."""
        ends, count = self._windows.get(key, (0, 0))
        if ends <= now:
            ends, count = now + window_s, 0
            self._windows.pop(key, None)
            if len(self._windows) >= self._max_keys:
                self._forget(now)
        self._windows[key] = (ends, count + 1)
        return 0 if count < limit else ends - now

    def _forget(self, now: int) -> None:
        self._windows = {key: window for key, window in self._windows.items() if window[0] > now}
        while len(self._windows) >= self._max_keys:
            del self._windows[next(iter(self._windows))]
