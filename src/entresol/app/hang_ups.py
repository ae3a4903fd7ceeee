"""SIGHUP while nobody can act on it: it waits, where it would end the process.

Who asks for a reload does not know how far a start has come. What has waited is delivered as soon as a handler is
there (the supervisor of several workers lets it through by itself). Threads take over what waits from the one that
starts them, so this has to begin before any other thread does: a signal goes to whichever thread lets it.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_HANG_UP: Final = frozenset((signal.SIGHUP,))


@contextmanager
def hang_ups_wait() -> Iterator[None]:
    """Around a whole run. What still waits at its end is dropped: nobody is left to reload anything."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HANG_UP)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, _HANG_UP)
        while signal.SIGHUP in signal.sigpending():
            signal.sigwait(_HANG_UP)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def hang_ups_come_through() -> Iterator[None]:
    """Around what has a handler for them."""
    before = signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANG_UP)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
