"""The exact count behind the limits of all workers: a pure machine that the supervisor owns.

Per key and window the book knows the limit and how much of it has been handed out. A worker asks for a lease, spends
it in memory, and asks again. What is handed out never exceeds the limit, so the node never lets too much pass; and
before anybody is refused, what other workers have not spent is recalled, so nothing is left unused either: a limit of
100 lets exactly 100 pass, whichever workers they reach.

A lease is one part in (4 * workers) of what is free, at least 1: large while there is plenty, single requests near
the end. What a worker that died had not spent stays spent.
"""

from collections.abc import Callable
from typing import Final

from entresol.policy.fair_keys import FairKeys
from entresol.supervisor.messages import (
    Ask,
    FromSupervisor,
    GiveBack,
    Grant,
    Holding,
    Recall,
    Report,
    Share,
    Standing,
    Standings,
    WindowAsk,
)

Send = Callable[[int, FromSupervisor], None]
"""Sends a message to the worker of an index."""

RECALL_PATIENCE_S: Final = 0.5
"""A worker that does not answer a recall within this time is treated as having spent its lease."""
KEEP_AFTER_END_S: Final = 10.0
"""Windows are kept this long after their end: an ask may arrive late, and must not find a fresh window."""


class _Cell:
    """One window of one key."""

    __slots__ = ("granted", "holders", "length_s", "limit", "recalled_at", "start")

    def __init__(self, asked: WindowAsk) -> None:
        self.start = asked.start
        self.length_s = asked.length_s
        self.limit = asked.limit
        self.granted = 0
        self.holders: dict[int, int] = {}
        """Workers that may have something unspent, and how much of it they last reported."""
        self.recalled_at: dict[int, float] = {}
        """Workers whose answer to a recall is awaited."""

    def follow(self, asked: WindowAsk) -> None:
        """Go over to a newer window; take a changed limit. An older window counts as this one (clocks may jump)."""
        if asked.start > self.start:
            self.start = asked.start
            self.length_s = asked.length_s
            self.granted = 0
            self.holders.clear()
            self.recalled_at.clear()
        self.limit = asked.limit

    @property
    def free(self) -> int:
        return self.limit - self.granted

    def left_besides(self, worker: int) -> int:
        """What is left of the limit apart from what `worker` holds, as far as reports tell."""
        return max(0, self.free) + sum(unspent for who, unspent in self.holders.items() if who != worker)


class _Waiting:
    """An ask that waits for recalls."""

    __slots__ = ("ask", "worker")

    def __init__(self, worker: int, ask: Ask) -> None:
        self.worker = worker
        self.ask = ask


class LeaseBook:
    """Counts and leases of one node. Times are monotonic seconds, except for the `now` of `sweep`."""

    def __init__(self, workers: int, send: Send, max_keys: int = 1_000_000) -> None:
        self._shares = 4 * workers
        self._send = send
        self._keys = FairKeys(max_keys)
        self._cells: dict[str, dict[str, _Cell]] = {}
        self._waiting: dict[str, list[_Waiting]] = {}
        self._unswept: list[str] = []
        self.evicted = 0
        """Keys dropped although they still counted, because there were too many."""

    def __len__(self) -> int:
        return len(self._cells)

    def ask(self, worker: int, ask: Ask, monotonic: float) -> None:
        """Answer with a lease, now or once recalled leases are back."""
        cells = self._cells_of(ask)
        queue = self._waiting.get(ask.key)
        if queue:
            if _needs_something(ask):
                queue.append(_Waiting(worker, ask))
            else:
                self._refuse(worker, ask, cells)  # a top-up must not take what somebody waits for
            self._go_on(ask.key, monotonic)  # a newer window needs no answer to recalls of the older one
        elif not self._decide(worker, ask, cells, monotonic):
            self._waiting[ask.key] = [_Waiting(worker, ask)]

    def give_back(self, worker: int, back: GiveBack, monotonic: float) -> None:
        """Take back what a worker has not spent."""
        cell = self._cells.get(back.key, {}).get(back.window)
        if cell is None or cell.start != back.start:
            return
        cell.granted -= back.amount
        if back.answers_recall:
            cell.recalled_at.pop(worker, None)
            cell.holders.pop(worker, None)
            self._go_on(back.key, monotonic)

    def report(self, worker: int, report: Report) -> None:
        """Note what a worker still holds, and tell it what is left besides."""
        standings = []
        for holding in report.holdings:
            cell = self._held_cell(holding)
            if cell is not None:
                if worker in cell.holders:
                    cell.holders[worker] = holding.unspent
                others = cell.left_besides(worker)
                standings.append(Standing(holding.key, holding.window, cell.start, others))
        self._send(worker, Standings(tuple(standings)))

    def worker_gone(self, worker: int, monotonic: float) -> None:
        """A worker died: its leases stay spent, its asks are void, nobody waits for it."""
        for key in list(self._waiting):
            self._waiting[key] = [waiting for waiting in self._waiting[key] if waiting.worker != worker]
        for key, cells in self._cells.items():
            was_awaited = False
            for cell in cells.values():
                cell.holders.pop(worker, None)
                was_awaited |= cell.recalled_at.pop(worker, None) is not None
            if was_awaited:
                self._go_on(key, monotonic)

    def sweep(self, now: float, monotonic: float, step: int = 20_000) -> None:
        """Give up on recalls that nobody answers, and drop windows that are over; about once a second."""
        for key in list(self._waiting):
            self._give_up_recalls(key, monotonic)
            self._go_on(key, monotonic)
        if not self._unswept:
            self._unswept = list(self._cells)
        for key in self._unswept[-step:]:
            cells = self._cells.get(key)
            if cells is not None and key not in self._waiting and all(_is_over(cell, now) for cell in cells.values()):
                self._drop(key)
        del self._unswept[-step:]

    def _give_up_recalls(self, key: str, monotonic: float) -> None:
        for cell in self._cells[key].values():
            for worker, since in list(cell.recalled_at.items()):
                if monotonic - since >= RECALL_PATIENCE_S:
                    del cell.recalled_at[worker]
                    cell.holders.pop(worker, None)

    def _go_on(self, key: str, monotonic: float) -> None:
        """Decide the asks that waited, in order, until one has to wait again."""
        queue = self._waiting.get(key, [])
        while queue:
            waiting = queue[0]
            if not self._decide(waiting.worker, waiting.ask, self._cells_of(waiting.ask), monotonic):
                return
            queue.pop(0)
        self._waiting.pop(key, None)

    def _decide(self, worker: int, ask: Ask, cells: tuple[_Cell, ...], monotonic: float) -> bool:
        """Grant, refuse, or recall and return False."""
        short = [cell for cell, asked in zip(cells, ask.windows, strict=True) if asked.need and cell.free < asked.need]
        if not short:
            self._grant(worker, ask, cells)
            return True
        for cell, asked in zip(cells, ask.windows, strict=True):
            if cell in short:
                self._recall(ask.key, asked.name, cell, worker, monotonic)
        if any(cell.recalled_at for cell in short):
            return False
        self._refuse(worker, ask, cells)
        return True

    def _recall(self, key: str, window: str, cell: _Cell, asker: int, monotonic: float) -> None:
        for holder in cell.holders:
            if holder != asker and holder not in cell.recalled_at:
                cell.recalled_at[holder] = monotonic
                self._send(holder, Recall(key, window, cell.start))

    def _grant(self, worker: int, ask: Ask, cells: tuple[_Cell, ...]) -> None:
        shares = []
        for cell, asked in zip(cells, ask.windows, strict=True):
            amount = min(cell.free, max(asked.need, asked.want, cell.free // self._shares)) if asked.want else 0
            if amount > 0:
                cell.granted += amount
                cell.holders.setdefault(worker, 0)
            shares.append(self._share(worker, cell, max(0, amount)))
        self._send(worker, Grant(ask.number, True, tuple(shares)))

    def _refuse(self, worker: int, ask: Ask, cells: tuple[_Cell, ...]) -> None:
        shares = tuple(self._share(worker, cell, 0) for cell in cells)
        self._send(worker, Grant(ask.number, False, shares))

    def _share(self, worker: int, cell: _Cell, amount: int) -> Share:
        is_spent = cell.free <= 0 and all(holder == worker for holder in cell.holders)
        return Share(cell.start, amount, cell.left_besides(worker), is_spent)

    def _cells_of(self, ask: Ask) -> tuple[_Cell, ...]:
        cells = self._cells.get(ask.key)
        if cells is None:
            if self._keys.is_full:
                self._evict(ask.key)
            self._keys.add(ask.key)
            cells = self._cells[ask.key] = {}
        found = []
        for asked in ask.windows:
            cell = cells.get(asked.name)
            if cell is None:
                cell = cells[asked.name] = _Cell(asked)
            else:
                cell.follow(asked)
            found.append(cell)
        return tuple(found)

    def _evict(self, newcomer: str) -> None:
        key = next((key for key in self._keys.candidates(newcomer) if key not in self._waiting), None)
        if key is not None:
            self._drop(key)
            self.evicted += 1

    def _drop(self, key: str) -> None:
        self._keys.discard(key)
        del self._cells[key]

    def _held_cell(self, holding: Holding) -> _Cell | None:
        cell = self._cells.get(holding.key, {}).get(holding.window)
        return cell if cell is not None and cell.start == holding.start else None


def _needs_something(ask: Ask) -> bool:
    return any(asked.need for asked in ask.windows)


def _is_over(cell: _Cell, now: float) -> bool:
    return cell.start + cell.length_s + KEEP_AFTER_END_S <= now
