"""The metrics of all workers, as the bytes they send: whoever scrapes any worker gets the sum over the node.

What a worker that died had counted stays in the sum: its last snapshot is folded into one for all the dead. Workers
send a snapshot about once a second, so at most the last second of a worker that was killed is lost.
"""

from collections.abc import Callable, Iterable
from typing import Final

from entresol.supervisor.messages import Collect, FromSupervisor, Scraped

SCRAPE_PATIENCE_S: Final = 1.0
"""A worker that does not answer within this time is shown as of its last snapshot."""


class _Scrape:
    """A scrape under way."""

    __slots__ = ("asker", "missing", "number", "since")

    def __init__(self, asker: int, number: int, missing: set[int], since: float) -> None:
        self.asker = asker
        self.number = number
        self.missing = missing
        self.since = since


class MetricBoard:
    """Pure. `fold` makes one snapshot of several, keeping what outlives a worker: counters, not gauges."""

    def __init__(self, send: Callable[[int, FromSupervisor], None], fold: Callable[[Iterable[bytes]], bytes]) -> None:
        self._send = send
        self._fold = fold
        self._latest: dict[int, bytes] = {}
        self._dead = b""
        self._scrapes: dict[int, _Scrape] = {}
        self._last_number = 0

    def snapshot(self, worker: int, number: int, data: bytes) -> None:
        """A worker's metrics; `number` tells which `Collect` they answer."""
        self._latest[worker] = data
        scrape = self._scrapes.get(number)
        if scrape is not None:
            self._strike(number, scrape, worker)

    def scrape(self, asker: int, number: int, workers: Iterable[int], monotonic: float) -> None:
        """A worker wants the node's metrics: collect from all `workers`, then answer it."""
        self._last_number += 1
        scrape = _Scrape(asker, number, set(workers), monotonic)
        self._scrapes[self._last_number] = scrape
        if not scrape.missing:
            self._answer(self._last_number, scrape)
        for worker in tuple(scrape.missing):
            self._send(worker, Collect(self._last_number))

    def worker_gone(self, worker: int) -> None:
        """Keep what a worker counted, and wait for it no more."""
        latest = self._latest.pop(worker, None)
        if latest is not None:
            self._dead = self._fold([self._dead, latest] if self._dead else [latest])
        for number, scrape in list(self._scrapes.items()):
            if scrape.asker == worker:
                del self._scrapes[number]
            else:
                self._strike(number, scrape, worker)

    def sweep(self, monotonic: float) -> None:
        """Answer scrapes that some worker does not answer."""
        for number, scrape in list(self._scrapes.items()):
            if monotonic - scrape.since >= SCRAPE_PATIENCE_S:
                self._answer(number, scrape)

    def _strike(self, number: int, scrape: _Scrape, worker: int) -> None:
        if worker in scrape.missing:
            scrape.missing.discard(worker)
            if not scrape.missing:
                self._answer(number, scrape)

    def _answer(self, number: int, scrape: _Scrape) -> None:
        del self._scrapes[number]
        parts = (self._dead, *self._latest.values()) if self._dead else tuple(self._latest.values())
        self._send(scrape.asker, Scraped(scrape.number, parts))
