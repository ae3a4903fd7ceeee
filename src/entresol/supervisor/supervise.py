"""The supervisor's loop: forks workers, moves messages, reloads, stops.

It has no event loop library, no threads and hardly any memory of its own, so it may fork whenever a worker has to be
started, and it has nothing that could fail when a worker does.
"""

import contextlib
import logging
import os
import selectors
import signal
import socket
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from entresol.core.ports import Clock
from entresol.supervisor.child import Child
from entresol.supervisor.lease_book import LeaseBook
from entresol.supervisor.loader import Document, Load, Loader, Refused
from entresol.supervisor.messages import (
    Ask,
    Commit,
    ConfigurationState,
    Drain,
    FromSupervisor,
    FromWorker,
    GiveBack,
    NodeState,
    Prepare,
    Prepared,
    Ready,
    Report,
    Scrape,
    Snapshot,
)
from entresol.supervisor.metric_board import MetricBoard
from entresol.supervisor.rollout import Rollout
from entresol.supervisor.watch import FileWatch

logger = logging.getLogger("entresol.supervisor")

KILL_AFTER_DRAIN_S: Final = 5.0
"""How much longer than their own patience workers get before they are killed."""


class Program(Protocol):
    """What the processes do; the composition root implements it."""

    def run_worker(self, index: int, link: socket.socket, document: Document) -> int:
        """Be a worker, in its own process. Returns the exit code."""

    def load(self) -> Document | Refused:
        """Read and validate the configuration."""

    def fold(self, snapshots: Iterable[bytes]) -> bytes:
        """Sum metrics snapshots, keeping what outlives a worker."""

    def ready(self) -> None:
        """Every worker takes requests for the first time."""

    def stop_listening(self) -> None:
        """Close the supervisor's copies of the listening sockets."""


class Supervisor:
    """Runs a node of several workers until it is told to stop."""

    def __init__(
        self,
        program: Program,
        workers: int,
        document: Document,
        clock: Clock,
        drain_s: float,
        watch: FileWatch | None = None,
    ) -> None:
        self._program = program
        self._clock = clock
        self._drain_s = drain_s
        self._watch = watch
        self._document = document
        self._configuration = ConfigurationState(version=document.version, loaded_at=clock.now())
        self._children = [Child(index) for index in range(workers)]
        self._selector = selectors.DefaultSelector()
        self._wakeup, self._wakeup_end = socket.socketpair()
        self._book = LeaseBook(workers, self._send)
        self._board = MetricBoard(self._send, program.fold)
        self._rollout = Rollout(self._send, self._committed, self._rollout_failed)
        self._loader: Loader | None = None
        self._reload_wanted = False
        self._was_ready = False
        self._stop_at: float | None = None
        self._is_forced = False
        self._next_sweep = 0.0

    def run(self) -> int:
        """Until every worker has ended after a stop. Exit code 0 when that went gracefully."""
        self._take_signals()
        self._selector.register(self._wakeup, selectors.EVENT_READ, self._on_signal)
        while True:
            self._start_due()
            if self._stop_at is not None and not any(child.pid for child in self._children):
                return 1 if self._is_forced else 0
            self._flush()
            for key, _ in self._selector.select(self._patience()):
                key.data()
            if self._clock.monotonic() >= self._next_sweep:
                self._sweep()

    def _patience(self) -> float:
        now = self._clock.monotonic()
        due = [child.due_at for child in self._children if not child.pid] if self._stop_at is None else []
        return max(0.0, min([self._next_sweep, *due]) - now)

    # Workers.

    def _start_due(self) -> None:
        now = self._clock.monotonic()
        if self._stop_at is not None:
            return
        for child in self._children:
            if not child.pid and child.due_at <= now:
                child.start(self._worker_of(child), now)
                channel = child.channel
                assert channel is not None  # start has just made it
                self._selector.register(channel.sock, selectors.EVENT_READ, self._reader_of(child))
                self._tell_state()

    def _worker_of(self, child: Child) -> Callable[[socket.socket], int]:
        def run(link: socket.socket) -> int:
            self._let_go_of_everything()
            return self._program.run_worker(child.index, link, self._document)

        return run

    def _let_go_of_everything(self) -> None:
        """In a new process: what belongs to the supervisor alone."""
        self._selector.close()
        self._wakeup.close()
        self._wakeup_end.close()
        if self._loader is not None:
            os.close(self._loader.fd)
        for child in self._children:
            if child.channel is not None:
                child.channel.close()

    def _reader_of(self, child: Child) -> Callable[[], None]:
        def read() -> None:
            channel = child.channel
            if channel is None:
                return
            try:
                messages = channel.receive()
            except ValueError:
                logger.exception("worker %d sends nonsense; it is stopped", child.index)
                os.kill(child.pid, signal.SIGKILL)
                messages = None
            if messages is None:  # how it ended is told by SIGCHLD
                self._selector.unregister(channel.sock)
                channel.close()
                child.channel = None
                return
            for message in messages:
                self._receive(child, message)

        return read

    def _receive(self, child: Child, message: FromWorker) -> None:
        now = self._clock.monotonic()
        if isinstance(message, Ask):
            self._book.ask(child.index, message, now)
        elif isinstance(message, GiveBack):
            self._book.give_back(child.index, message, now)
        elif isinstance(message, Report):
            self._book.report(child.index, message)
        elif isinstance(message, Snapshot):
            self._board.snapshot(child.index, message.number, message.data)
        elif isinstance(message, Scrape):
            self._board.scrape(child.index, message.number, self._ready_workers(), now)
        elif isinstance(message, Ready):
            self._worker_ready(child, message.version)
        elif isinstance(message, Prepared):
            self._worker_prepared(child, message)

    def _worker_ready(self, child: Child, version: str) -> None:
        child.state = "ready" if self._stop_at is None else "draining"
        child.version = version
        if version != self._document.version:  # committed while it was starting
            self._send(child.index, Prepare(self._document.version, self._document.content))
        if not self._was_ready and all(each.state == "ready" for each in self._children):
            self._was_ready = True
            self._program.ready()
        self._tell_state()

    def _worker_prepared(self, child: Child, message: Prepared) -> None:
        self._rollout.prepared(child.index, message)
        if message.error is not None:
            logger.error("worker %d cannot use configuration %s: %s", child.index, message.version, message.error)
        elif message.version == self._document.version and child.version != message.version:
            self._send(child.index, Commit(message.version))
            child.version = message.version

    def _ready_workers(self) -> list[int]:
        return [child.index for child in self._children if child.state == "ready"]

    def _send(self, index: int, message: FromSupervisor) -> None:
        channel = self._children[index].channel
        if channel is not None:
            channel.send(message)

    def _flush(self) -> None:
        for child in self._children:
            channel = child.channel
            if channel is not None:
                events = selectors.EVENT_READ | (selectors.EVENT_WRITE if channel.flush() else 0)
                if self._selector.get_key(channel.sock).events != events:
                    self._selector.modify(channel.sock, events, self._reader_of(child))

    def _tell_state(self) -> None:
        workers = tuple(child.shown() for child in self._children)
        for child in self._children:
            if child.channel is not None:
                child.channel.send(NodeState(workers, self._configuration))

    # Signals and time.

    def _take_signals(self) -> None:
        self._wakeup.setblocking(False)
        self._wakeup_end.setblocking(False)
        signal.set_wakeup_fd(self._wakeup_end.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, _noted)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGHUP,))  # it may have waited for its handler

    def _on_signal(self) -> None:
        with contextlib.suppress(BlockingIOError):
            for number in self._wakeup.recv(4096):
                if number in (signal.SIGTERM, signal.SIGINT):
                    self._stop()
                elif number == signal.SIGHUP:
                    self._pass_on(signal.SIGHUP)  # to workers it means: open log files afresh
                    self._reload()
        self._reap()

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for child in self._children:
                if child.pid == pid:
                    self._bury(child, status)

    def _bury(self, child: Child, status: int) -> None:
        self._drink_up(child)
        pid = child.pid
        now = self._clock.monotonic()
        delay = child.died(now)
        self._book.worker_gone(child.index, now)
        self._board.worker_gone(child.index)
        self._rollout.worker_gone(child.index)
        code = os.waitstatus_to_exitcode(status)
        if self._stop_at is None:
            how = f"was killed by signal {-code}" if code < 0 else f"exited with code {code}"
            logger.error("worker %d (process %d) %s; it is started again in %.1f s", child.index, pid, how, delay)
        self._tell_state()

    def _drink_up(self, child: Child) -> None:
        """What a worker sent before it died still counts: its last metrics above all."""
        channel = child.channel
        while channel is not None:
            messages = channel.receive()
            if not messages:
                self._selector.unregister(channel.sock)
                return
            for message in messages:
                self._receive(child, message)

    def _sweep(self) -> None:
        now = self._clock.monotonic()
        self._next_sweep = now + 1.0
        self._book.sweep(self._clock.now(), now)
        self._board.sweep(now)
        self._rollout.sweep(now)
        self._reap()
        if self._stop_at is not None and now >= self._stop_at:
            logger.error("workers did not end in time; they are killed")
            self._force()
        elif self._watch is not None and self._watch.has_changed():
            self._reload()

    # Stopping.

    def _stop(self) -> None:
        if self._stop_at is not None:
            self._force()
            return
        logger.info("stopping; requests under way get %g s", self._drain_s)
        self._stop_at = self._clock.monotonic() + self._drain_s + KILL_AFTER_DRAIN_S
        self._program.stop_listening()
        if self._loader is not None:
            self._selector.unregister(self._loader.fd)
            self._loader.cancel()
            self._loader = None
        for child in self._children:
            if child.pid:
                child.state = "draining"
                self._send(child.index, Drain())
        self._tell_state()

    def _force(self) -> None:
        self._is_forced = True
        self._pass_on(signal.SIGKILL)

    def _pass_on(self, number: signal.Signals) -> None:
        for child in self._children:
            if child.pid:
                os.kill(child.pid, number)

    # Reloading.

    def _reload(self) -> None:
        if self._stop_at is not None:
            return
        if self._loader is not None or self._rollout.is_under_way:
            self._reload_wanted = True
            return
        self._reload_wanted = False
        loader = self._loader = Loader(self._loading())
        self._selector.register(loader.fd, selectors.EVENT_READ, self._loaded)

    def _loading(self) -> Load:
        def load() -> Document | Refused:
            self._let_go_of_everything()
            return self._program.load()

        return load

    def _loaded(self) -> None:
        loader = self._loader
        if loader is None:
            return
        outcome = loader.receive()
        if outcome is None:
            return
        self._selector.unregister(loader.fd)
        self._loader = None
        if isinstance(outcome, Refused):
            self._refuse(outcome.errors)
        elif outcome.version == self._document.version:
            logger.info("configuration %s is unchanged", outcome.version)
            self._settle(outcome.version, 0)
        else:
            for warning in outcome.warnings:
                logger.warning("configuration: %s", warning)
            self._rollout.begin(outcome.version, outcome.content, self._ready_workers(), self._clock.monotonic())

    def _committed(self, version: str, content: bytes, workers: frozenset[int]) -> None:
        self._document = Document(version, content)
        for child in self._children:
            if child.index in workers:
                child.version = version
            elif child.state == "ready":  # it was starting when this began
                self._send(child.index, Prepare(version, content))
        logger.info("configuration %s is served", version)
        self._settle(version, 1)

    def _rollout_failed(self, error: str) -> None:
        self._refuse((error,))

    def _refuse(self, errors: tuple[str, ...]) -> None:
        old = self._configuration
        logger.error("the changed configuration is not used; %s stays:", old.version)
        for error in errors:
            logger.error("  %s", error)
        self._configuration = ConfigurationState(
            version=old.version,
            loaded_at=old.loaded_at,
            reloads=old.reloads,
            last_reload_error="; ".join(errors),
            last_reload_failed_at=self._clock.now(),
        )
        self._after_reload()

    def _settle(self, version: str, reloads: int) -> None:
        old = self._configuration
        loaded_at = self._clock.now() if reloads else old.loaded_at
        self._configuration = ConfigurationState(version=version, loaded_at=loaded_at, reloads=old.reloads + reloads)
        self._after_reload()

    def _after_reload(self) -> None:
        self._tell_state()
        if self._reload_wanted:
            self._reload()


def _noted(number: int, frame: object) -> None:
    """The wake-up socket tells the loop."""
