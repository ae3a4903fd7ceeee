"""Counters in the memory of one process: the `Counters` port where one worker is all there is."""

import msgspec

from entresol.core.ports import Clock, Counters, Taken, Window
from entresol.policy.fair_keys import FairKeys


class TakenLocally(msgspec.Struct, frozen=True, gc=False):
    """See `core.ports.Taken`."""

    allowed: bool
    remaining: tuple[int, ...]


class _Tally:
    """What one key has used of the windows it was last counted in."""

    __slots__ = ("starts", "used", "windows")

    def __init__(self, windows: tuple[Window, ...], starts: list[int], used: list[int]) -> None:
        self.windows = windows
        self.starts = starts
        self.used = used

    def roll(self, windows: tuple[Window, ...]) -> None:
        """Go over to `windows`: what is used stays used where the window is still the same one.

        Time that seems to have gone back (clocks are set, messages overtake each other) refills nothing: a newer
        window that was counted in goes on counting.
        """
        known = {window.name: at for at, window in enumerate(self.windows)}
        starts, used = [], []
        for window in windows:
            at = known.get(window.name)
            still = at is not None and self.starts[at] >= window.start
            starts.append(self.starts[at] if at is not None and still else window.start)
            used.append(self.used[at] if at is not None and still else 0)
        self.windows, self.starts, self.used = windows, starts, used

    def is_over(self, now: float) -> bool:
        """True when nothing of it can count any more."""
        return all(start + window.length_s <= now for start, window in zip(self.starts, self.windows, strict=True))


class LocalCounters(Counters):
    """Counts per key, bounded: of more than `max_keys` keys some go, fairly (`policy.fair_keys`).

    Keys whose windows are all over are dropped by `sweep`, which the owner calls about once a second; it looks at
    `sweep_step` keys a call, so that no call takes long.
    """

    def __init__(self, clock: Clock, max_keys: int = 200_000, sweep_step: int = 5_000) -> None:
        self._clock = clock
        self._keys = FairKeys(max_keys)
        self._sweep_step = sweep_step
        self._tallies: dict[str, _Tally] = {}
        self._unswept: list[str] = []
        self.evicted = 0
        """Keys dropped although they still counted, because there were too many."""

    def __len__(self) -> int:
        return len(self._tallies)

    def take(self, key: str, windows: tuple[Window, ...], cost: int = 1) -> Taken:
        """Count `cost` in every window if it fits into all of them, else in none."""
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._start(key, windows)
        elif tally.windows is not windows:
            tally.roll(windows)
        used = tally.used
        if len(used) == 1:  # most limits have one window: no loop
            after = windows[0].limit - used[0] - cost
            if after < 0:
                return TakenLocally(False, (max(0, after + cost),))
            used[0] += cost
            return TakenLocally(True, (after,))
        left = []
        allowed = True
        for window, count in zip(windows, used, strict=True):
            after = window.limit - count - cost
            if after < 0:
                allowed = False
            left.append(after)
        if allowed:
            for index in range(len(used)):
                used[index] += cost
            return TakenLocally(True, tuple(left))
        return TakenLocally(False, tuple(max(0, after + cost) for after in left))

    def sweep(self) -> None:
        """Drop some of the keys whose windows are all over. A full round takes as many calls as it takes."""
        now = self._clock.now()
        tallies = self._tallies
        if not self._unswept:
            self._unswept = list(tallies)
        for key in self._unswept[-self._sweep_step :]:
            tally = tallies.get(key)
            if tally is not None and tally.is_over(now):
                del tallies[key]
                self._keys.discard(key)
        del self._unswept[-self._sweep_step :]

    def _start(self, key: str, windows: tuple[Window, ...]) -> _Tally:
        keys = self._keys
        if keys.is_full:
            victim = next(keys.candidates(key))
            keys.discard(victim)
            del self._tallies[victim]
            self.evicted += 1
        keys.add(key)
        tally = self._tallies[key] = _Tally(windows, [window.start for window in windows], [0] * len(windows))
        return tally
