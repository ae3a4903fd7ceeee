"""The real clock."""

import time

from entresol.core.ports import Clock


class SystemClock(Clock):
    """The `Clock` port. Both are the C functions themselves: the hot path asks several times per request."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)
