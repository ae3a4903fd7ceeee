"""What connections have to write in a turn of the event loop: the first at once, all others together at its end.

A turn reads from every connection that has something. If each answer went out as soon as it was made, reading and
writing would alternate: every write wakes a peer that has gone to sleep since the last one, and the kernel's code and
ours push each other out of the processor's caches. Nothing waits for longer than the rest of the turn; and where there
is little to do, which is when a turn has one answer, it does not wait for the loop to come round either.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

logger = logging.getLogger("entresol.net")

MAX_WAITING_BYTES: Final = 65536
"""Of one connection: with more, it is written at once, so that a full send buffer shows."""

Schedule = Callable[[Callable[[], None]], object]


class Flusher:
    """The connections of one event loop that have something to write."""

    __slots__ = ("_afterwards", "_is_turn_open", "_schedule", "_waiting")

    def __init__(self, schedule: Schedule | None = None) -> None:
        """`schedule` calls back at the end of the turn; if not given, by the loop that runs at the first write."""
        self._schedule = schedule
        self._is_turn_open = False  # something was written, and `flush` is due
        self._waiting: list[Outgoing] = []
        self._afterwards: list[Callable[[], None]] = []

    def add(self, outgoing: "Outgoing") -> None:
        """Flush it, at the end of this turn unless it is the turn's first."""
        if self._is_turn_open:
            self._waiting.append(outgoing)
            return
        self._is_turn_open = True
        if self._schedule is None:
            self._schedule = asyncio.get_running_loop().call_soon
        self._schedule(self.flush)
        _flush(outgoing)

    def later(self, callback: Callable[[], None]) -> None:
        """Call back when what this turn has written is on its way: nobody should wait for what can be done then."""
        if self._is_turn_open:
            self._afterwards.append(callback)
        else:
            callback()

    def flush(self) -> None:
        """The turn ends: write all there is."""
        self._is_turn_open = False
        waiting, self._waiting = self._waiting, []
        for outgoing in waiting:
            _flush(outgoing)
        afterwards, self._afterwards = self._afterwards, []
        for callback in afterwards:
            try:
                callback()
            except Exception:
                logger.exception("a callback failed after writing")


class Outgoing:
    """The writing side of one connection's transport."""

    __slots__ = ("_flusher", "_transport", "_waiting")

    def __init__(self, transport: asyncio.Transport, flusher: Flusher) -> None:
        self._transport = transport
        self._flusher = flusher
        self._waiting = b""

    def write(self, data: bytes) -> None:
        """Write it by the end of the turn."""
        waiting = self._waiting
        self._waiting = waiting + data if waiting else data
        if not waiting:
            self._flusher.add(self)
        if len(self._waiting) > MAX_WAITING_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write it now. What a transport does not take any more stays, and counts as not sent."""
        data, transport = self._waiting, self._transport
        if data and not transport.is_closing():
            self._waiting = b""
            transport.write(data)

    def unsent_bytes(self) -> int:
        """How much the kernel has not taken yet."""
        return len(self._waiting) + self._transport.get_write_buffer_size()

    def write_eof(self) -> None:
        """Close the writing side after what was written, where the transport can do that."""
        self.flush()
        if self._transport.can_write_eof() and not self._transport.is_closing():
            self._transport.write_eof()

    def close(self) -> None:
        """Close after what was written."""
        self.flush()
        self._transport.close()

    def abort(self) -> None:
        """Break the connection off; what was written before still goes out if the kernel takes it at once."""
        self.flush()
        self._transport.abort()


def _flush(outgoing: Outgoing) -> None:
    try:
        outgoing.flush()
    except Exception:
        logger.exception("a connection could not be written to")
        outgoing.abort()
