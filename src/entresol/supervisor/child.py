"""One worker process as the supervisor sees it: forked, watched, started again when it dies."""

import logging
import os
import signal
import socket
from collections.abc import Callable
from typing import Final

from entresol.supervisor.channel import Channel
from entresol.supervisor.messages import WorkerState

logger = logging.getLogger("entresol.supervisor")

SETTLED_S: Final = 10.0
"""A worker that has lived this long died by accident: it is started again at once."""
FIRST_DELAY_S: Final = 0.1
MAX_DELAY_S: Final = 10.0

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


def fork(run: Callable[[], int]) -> int:
    """Run a function in a new process, which then exits with what it returns. Gives back the process id.

    Signals are held back meanwhile, so that none reaches the child before it has let go of our handlers.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        pid = os.fork()
        if pid == 0:
            _be_child(run)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    return pid


def _be_child(run: Callable[[], int]) -> None:
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # A terminal sends these to everybody; the supervisor decides what they mean.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        code = run()
    except BaseException:  # the last frame of the process
        logger.exception("process %d failed", os.getpid())
    finally:
        logging.shutdown()
        os._exit(code)  # none of the parent's exit handlers


class Child:
    """A worker's place: the process may change, the index and its listening sockets stay."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.pid = 0
        self.channel: Channel | None = None
        self.state = "down"
        self.version = ""
        """Of the configuration it said to be ready with."""
        self.restarts = -1
        self.due_at = 0.0
        """When to start it, while it is down."""
        self._started_at = 0.0
        self._quick_deaths = 0

    def start(self, run: Callable[[socket.socket], int], monotonic: float) -> None:
        """Fork it, connected by a socket pair."""
        ours, theirs = socket.socketpair()

        def be_worker() -> int:
            ours.close()
            return run(theirs)

        try:
            self.pid = fork(be_worker)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self.channel = Channel(ours)
        self.state = "starting"
        self.restarts += 1
        self._started_at = monotonic

    def died(self, monotonic: float) -> float:
        """Note its end. Returns the seconds until it may be started again."""
        if self.channel is not None:
            self.channel.close()
            self.channel = None
        self.pid = 0
        self.state = "down"
        if monotonic - self._started_at >= SETTLED_S:
            self._quick_deaths = 0
        delay = min(MAX_DELAY_S, FIRST_DELAY_S * 2 ** (self._quick_deaths - 1)) if self._quick_deaths else 0.0
        self._quick_deaths += 1
        self.due_at = monotonic + delay
        return delay

    def shown(self) -> WorkerState:
        """For the status page."""
        return WorkerState(self.index, self.pid, self.state, max(0, self.restarts))
