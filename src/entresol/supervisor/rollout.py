"""A new configuration reaches every worker or none: prepare everywhere, then commit everywhere. Pure."""

from collections.abc import Callable, Iterable
from typing import Final

from entresol.supervisor.messages import Commit, Discard, FromSupervisor, Prepare, Prepared

PATIENCE_S: Final = 60.0
"""A worker that has not compiled within this time fails the attempt."""


class Rollout:
    """One attempt at a time. `committed` (with the workers that use it now) and `failed` tell how it went."""

    def __init__(
        self,
        send: Callable[[int, FromSupervisor], None],
        committed: Callable[[str, bytes, frozenset[int]], None],
        failed: Callable[[str], None],
    ) -> None:
        self._send = send
        self._committed = committed
        self._failed = failed
        self._version = ""
        self._document = b""
        self._workers: set[int] = set()
        self._missing: set[int] = set()
        self._since = 0.0

    @property
    def is_under_way(self) -> bool:
        """True between `begin` and its outcome."""
        return bool(self._version)

    def begin(self, version: str, document: bytes, workers: Iterable[int], monotonic: float) -> None:
        """Offer a configuration to these workers."""
        self._version, self._document, self._since = version, document, monotonic
        self._workers = set(workers)
        self._missing = set(self._workers)
        for worker in sorted(self._workers):
            self._send(worker, Prepare(version, document))
        self._finish_if_prepared()

    def prepared(self, worker: int, answer: Prepared) -> None:
        """A worker has compiled it, or could not."""
        if answer.version != self._version or worker not in self._missing:
            return
        if answer.error is not None:
            self._give_up(f"worker {worker}: {answer.error}")
            return
        self._missing.discard(worker)
        self._finish_if_prepared()

    def worker_gone(self, worker: int) -> None:
        """It will be started again, with whatever is current then."""
        self._workers.discard(worker)
        self._missing.discard(worker)
        if self.is_under_way:
            self._finish_if_prepared()

    def sweep(self, monotonic: float) -> None:
        """Give up on a worker that does not answer; about once a second."""
        if self.is_under_way and monotonic - self._since >= PATIENCE_S:
            silent = ", ".join(str(worker) for worker in sorted(self._missing))
            self._give_up(f"worker {silent} did not compile it within {PATIENCE_S:g} s")

    def _give_up(self, reason: str) -> None:
        for worker in sorted(self._workers):
            self._send(worker, Discard(self._version))
        self._version, self._document = "", b""
        self._missing.clear()
        self._failed(reason)

    def _finish_if_prepared(self) -> None:
        if self._missing:
            return
        version, document = self._version, self._document
        self._version, self._document = "", b""
        for worker in sorted(self._workers):
            self._send(worker, Commit(version))
        self._committed(version, document, frozenset(self._workers))
