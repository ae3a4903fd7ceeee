"""A worker's end of the shared limits: the `Counters` port, answered from leases in memory.

`take` answers at once while the lease lasts, and once it is known that a window is spent. Otherwise it asks the
supervisor's `LeaseBook` and answers later. A lease that runs low is topped up ahead of need, so at higher rates hardly
any request waits.

`remaining` counts down exactly what this worker lets pass. What others let pass shows at the next message from the
supervisor: at most about a second later. Until then it may be too high by that much; and it is too low by what other
workers have leased and not reported as unspent.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from entresol.core.errors import InternalError
from entresol.core.ports import Clock, Counters, Taken, Window
from entresol.policy.fair_keys import FairKeys
from entresol.supervisor.messages import (
    Ask,
    FromWorker,
    GiveBack,
    Grant,
    Holding,
    Recall,
    Report,
    Share,
    Standings,
    WindowAsk,
)

ANSWER_PATIENCE_S: Final = 1.0
"""A take that the supervisor does not answer within this time fails (up to a second later, at the next sweep)."""
TOP_UP_FROM: Final = 8
"""Leases of at least this size are topped up when a quarter is left."""


class TakenFromLease(msgspec.Struct, frozen=True):
    """See `core.ports.Taken`."""

    allowed: bool
    remaining: tuple[int, ...]


class _Lease:
    """What this worker may still spend of one window."""

    __slots__ = ("is_spent", "left", "length_s", "limit", "low", "name", "start", "unspent")

    def __init__(self, window: Window) -> None:
        self.name = window.name
        self.start = window.start
        self.length_s = window.length_s
        self.limit = window.limit
        self.unspent = 0
        self.left = window.limit
        """What is left of the limit, this lease included, as far as this worker knows."""
        self.low = 0
        """Top up when fewer than this are unspent."""
        self.is_spent = False

    def add(self, share: Share) -> bool:
        """Take what was granted. False when it is of a window that is over."""
        if share.start < self.start:
            return False
        if share.start > self.start:
            self.start = share.start
            self.unspent = 0
        self.unspent += share.amount
        self.left = share.others + self.unspent
        self.low = self.unspent // 4 if self.unspent >= TOP_UP_FROM else 0
        self.is_spent = share.is_spent
        return True


class _Waiter:
    """A take that waits for a grant."""

    __slots__ = ("cost", "deadline", "future")

    def __init__(self, cost: int, future: "asyncio.Future[Taken]", deadline: float) -> None:
        self.cost = cost
        self.future = future
        self.deadline = deadline


class _Held:
    """The leases of one key."""

    __slots__ = ("asked", "asked_for", "asked_leases", "key", "leases", "touched", "waiters", "windows")

    def __init__(self, key: str, windows: tuple[Window, ...]) -> None:
        self.key = key
        self.windows = windows
        self.leases = [_Lease(window) for window in windows]
        self.asked = 0
        """The number of the ask under way, 0 when there is none."""
        self.asked_for: _Waiter | None = None
        """Whom a refusal of that ask is for; None for a top-up."""
        self.asked_leases: list[_Lease] = []
        self.touched = False
        self.waiters: deque[_Waiter] = deque()


class LeasedCounters(Counters):
    """See the module. `send` passes a message on to the supervisor; its answers come through the `on_` methods."""

    def __init__(
        self, send: Callable[[FromWorker], None], clock: Clock, max_keys: int = 200_000, sweep_step: int = 5_000
    ) -> None:
        self._send = send
        self._clock = clock
        self._keys = FairKeys(max_keys)
        self._sweep_step = sweep_step
        self._held: dict[str, _Held] = {}
        self._asks: dict[int, _Held] = {}
        self._last_ask = 0
        self._touched: list[_Held] = []
        self._unswept: list[str] = []
        self._is_lost = False

    def __len__(self) -> int:
        return len(self._held)

    def take(self, key: str, windows: tuple[Window, ...], cost: int = 1) -> Taken | Awaitable[Taken]:
        """Count `cost` in every window if it fits into all of them, else in none."""
        held = self._held.get(key)
        if held is None:
            held = self._start(key, windows)
        elif held.windows is not windows:
            self._roll(held, windows)
        for lease in held.leases:
            if lease.unspent < cost:
                return self._beyond(held, cost)
        return self._spend(held, cost)

    def _start(self, key: str, windows: tuple[Window, ...]) -> _Held:
        if self._keys.is_full:
            candidates = self._keys.candidates(key)
            victim = next((held for name in candidates if not (held := self._held[name]).asked), None)
            if victim is not None:
                self._roll(victim, ())
                self._drop(victim.key)
        self._keys.add(key)
        held = self._held[key] = _Held(key, windows)
        return held

    def _drop(self, key: str) -> None:
        self._keys.discard(key)
        del self._held[key]

    def _spend(self, held: _Held, cost: int) -> Taken:
        remaining = []
        runs_low = False
        for lease in held.leases:
            lease.unspent -= cost
            lease.left -= cost
            remaining.append(lease.left)
            if lease.unspent < lease.low:
                runs_low = True
        if not held.touched:
            held.touched = True
            self._touched.append(held)
        if runs_low and not held.asked:
            self._ask(held, None)
        return TakenFromLease(True, tuple(remaining))

    def _beyond(self, held: _Held, cost: int) -> Taken | Awaitable[Taken]:
        """What is leased does not suffice: refuse if nothing can be had, else wait for more."""
        for lease in held.leases:
            if lease.unspent < cost and lease.is_spent:
                return _refusal(held)
        future: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        if self._is_lost:
            future.set_exception(_lost())
            return future
        waiter = _Waiter(cost, future, self._clock.monotonic() + ANSWER_PATIENCE_S)
        held.waiters.append(waiter)
        if not held.asked:
            self._ask(held, waiter)
        return future

    def _roll(self, held: _Held, windows: tuple[Window, ...]) -> None:
        """Go over to `windows`. Where a window is still the same one, or seems older (clocks jump), it goes on."""
        known = {lease.name: lease for lease in held.leases}
        leases = []
        for window in windows:
            lease = known.pop(window.name, None)
            if lease is None or window.start > lease.start:
                lease = _Lease(window)
            elif lease.limit != window.limit:
                self._return(held.key, lease)
                lease.limit = window.limit
                lease.is_spent = False
            leases.append(lease)
        for lease in known.values():
            self._return(held.key, lease)
        held.windows, held.leases = windows, leases

    def _return(self, key: str, lease: _Lease) -> None:
        amount, lease.unspent = lease.unspent, 0
        lease.left = max(0, lease.left - amount)
        if amount and not self._is_lost:
            self._send(GiveBack(key, lease.name, lease.start, amount))

    def _ask(self, held: _Held, first: _Waiter | None) -> None:
        """Ask for what `first` needs and all waiters could use; for None, for a top-up."""
        if self._is_lost:
            return
        wanted = sum(waiter.cost for waiter in held.waiters)
        windows = []
        for lease in held.leases:
            if first is None:
                need, want = 0, int(lease.unspent < lease.low)
            else:
                need, want = max(0, first.cost - lease.unspent), max(0, wanted - lease.unspent)
            windows.append(WindowAsk(lease.name, lease.start, lease.length_s, lease.limit, need, want))
        self._last_ask += 1
        held.asked = self._last_ask
        held.asked_for = first
        held.asked_leases = held.leases
        self._asks[held.asked] = held
        self._send(Ask(held.asked, held.key, tuple(windows)))

    # From the supervisor.

    def on_grant(self, grant: Grant) -> None:
        """The answer to an ask: whoever waits goes on, or is refused."""
        held = self._asks.pop(grant.number, None)
        if held is None:
            return
        asked_for, held.asked, held.asked_for = held.asked_for, 0, None
        is_current = held.asked_leases == held.leases
        for lease, share in zip(held.asked_leases, grant.shares, strict=True):
            is_current &= lease.add(share)
            if lease not in held.leases:
                self._return(held.key, lease)
        refused_from = asked_for.cost if is_current and asked_for is not None and not grant.allowed else None
        self._serve(held, refused_from)

    def on_recall(self, recall: Recall) -> None:
        """Give back what is unspent of a lease."""
        amount = 0
        held = self._held.get(recall.key)
        for lease in held.leases if held is not None else ():
            if lease.name == recall.window and lease.start == recall.start:
                amount, lease.unspent = lease.unspent, 0
        self._send(GiveBack(recall.key, recall.window, recall.start, amount, True))

    def on_standings(self, standings: Standings) -> None:
        """What is left besides this worker's leases."""
        for standing in standings.standings:
            held = self._held.get(standing.key)
            for lease in held.leases if held is not None else ():
                if lease.name == standing.window and lease.start == standing.start:
                    lease.left = standing.others + lease.unspent

    def on_lost(self) -> None:
        """The supervisor is gone: nothing more can be leased. Whoever waits fails."""
        self._is_lost = True
        self._asks.clear()
        for held in self._held.values():
            held.asked, held.asked_for = 0, None
            for waiter in held.waiters:
                _fail(waiter)
            held.waiters.clear()

    def sweep(self) -> None:
        """Report what was spent, fail takes that waited too long, drop windows that are over; once a second."""
        if self._touched and not self._is_lost:
            holdings = [
                Holding(held.key, lease.name, lease.start, lease.unspent)
                for held in self._touched
                for lease in held.leases
            ]
            self._send(Report(tuple(holdings)))
        for held in self._touched:
            held.touched = False
        self._touched = []
        self._fail_late()
        self._drop_old()

    def _fail_late(self) -> None:
        now = self._clock.monotonic()
        for held in list(self._asks.values()):
            while held.waiters and held.waiters[0].deadline <= now:
                _fail(held.waiters.popleft())

    def _drop_old(self) -> None:
        now = self._clock.now()
        if not self._unswept:
            self._unswept = list(self._held)
        for key in self._unswept[-self._sweep_step :]:
            held = self._held.get(key)
            if held is not None and not held.asked and all(ls.start + ls.length_s <= now for ls in held.leases):
                self._drop(key)
        del self._unswept[-self._sweep_step :]

    def _serve(self, held: _Held, refused_from: int | None) -> None:
        """Let waiters go in order. Who would cost as much as what was just refused, or more, is refused too."""
        waiters = held.waiters
        while waiters:
            waiter = waiters[0]
            if waiter.future.done():  # cancelled: its client left
                waiters.popleft()
            elif all(lease.unspent >= waiter.cost for lease in held.leases):
                waiters.popleft().future.set_result(self._spend(held, waiter.cost))
            elif refused_from is not None and waiter.cost >= refused_from:
                waiters.popleft().future.set_result(_refusal(held))
            else:
                if not held.asked:
                    self._ask(held, waiter)
                return


def _refusal(held: _Held) -> Taken:
    return TakenFromLease(False, tuple(max(0, lease.left) for lease in held.leases))


def _lost() -> InternalError:
    return InternalError("counters_unavailable", "the limits that all workers share cannot be reached", status=503)


def _fail(waiter: _Waiter) -> None:
    if not waiter.future.done():
        waiter.future.set_exception(_lost())
