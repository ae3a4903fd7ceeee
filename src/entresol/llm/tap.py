"""Reading along while an answer passes as bytes: constant work per chunk, bounded memory, everything at the end.

What accounting needs stands at the start (model, Anthropic's input usage) and at the end (usage, finish reason, the
end mark) of an answer. So a tap keeps both ends, and the format reads them once, after the last byte.
"""

from typing import Final

from entresol.llm.call_facts import CallFacts
from entresol.llm.format import Format

HEAD_BYTES: Final = 4096
TAIL_BYTES: Final = 8192
WHOLE_BYTES: Final = 262_144
"""Answers that are not streams are read whole up to this size: less than half a millisecond of decoding."""


class Tap:
    """Collects both ends of a body. `feed` is called per chunk, `facts` once."""

    __slots__ = ("_head", "_parts", "_size", "_window")

    def __init__(self, window: int = TAIL_BYTES) -> None:
        self._head: bytes | None = None
        self._parts: list[bytes] = []
        self._size = 0
        self._window = window

    def feed(self, data: bytes) -> None:
        """Read one chunk."""
        self._parts.append(data)
        self._size += len(data)
        if self._size > self._window + HEAD_BYTES:
            self._shrink()

    def _shrink(self) -> None:
        """Forget the middle. At least half a window has to come in before the next time: amortised constant."""
        kept = b"".join(self._parts)
        if self._head is None:
            self._head = kept[:HEAD_BYTES]
        tail = kept[-(self._window // 2 + HEAD_BYTES) :]
        self._parts = [tail]
        self._size = len(tail)

    def ends(self) -> tuple[bytes, bytes | None]:
        """The start and the end of what passed; None for the end if the start is all of it."""
        kept = b"".join(self._parts)
        return (kept, None) if self._head is None else (self._head, kept)


class StreamTap(Tap):
    """The tap of a stream."""

    __slots__ = ()

    def facts(self, wire_format: Format) -> CallFacts:
        """What the stream said. Never raises: the client has it already."""
        return wire_format.stream_facts(*self.ends())


class BodyTap(Tap):
    """The tap of a whole answer."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(WHOLE_BYTES)

    def facts(self, wire_format: Format) -> CallFacts:
        """What the answer said. Raises UpstreamError `provider_bad_response` if it is not one."""
        head, tail = self.ends()
        return wire_format.response_facts(head) if tail is None else wire_format.fragment_facts(head, tail)
