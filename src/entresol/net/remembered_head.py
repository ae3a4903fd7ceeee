"""The last head of a connection. A client sends the same one again and again; only Content-Length differs.

A head that is byte for byte the last one but for the digits of Content-Length has the same meaning, so it need not be
parsed and checked again. It is kept for its own connection only, and goes with it.
"""

from typing import Final

from entresol.core.http import HeaderPairs, SeenHead

_FIELD: Final = b"\r\ncontent-length:"
_MAX_DIGITS: Final = 15


class RememberedHead:
    """A head that was parsed and accepted, split around the digits of its Content-Length."""

    __slots__ = ("_after", "_before", "_index", "_pairs", "seen")

    def __init__(self, head: bytes, pairs: HeaderPairs) -> None:
        at = head.lower().find(_FIELD)
        self.seen = SeenHead()
        """Stands for this head in every request that repeats it."""
        self._pairs = pairs.copy()
        self._index = -1
        if at < 0:
            self._before, self._after = head, b""
            return
        end = head.find(b"\r\n", at + len(_FIELD))
        line = head[at:end]
        digits = line[len(_FIELD) :].strip(b" \t")
        start = at + line.rfind(digits)
        self._before, self._after = head[:start], head[start + len(digits) :]
        self._index = next(index for index, pair in enumerate(pairs) if pair[0] == b"content-length")

    def pairs_of(self, head: bytes) -> HeaderPairs | None:
        """The fields of `head` if it is this head again, with its own Content-Length; else None."""
        before, after = self._before, self._after
        if not head.startswith(before):
            return None
        if self._index < 0:
            return self._pairs.copy() if len(head) == len(before) else None
        digits = head[len(before) : len(head) - len(after)]
        if not digits.isdigit() or len(digits) > _MAX_DIGITS or not head.endswith(after):
            return None
        pairs = self._pairs.copy()
        pairs[self._index] = (b"content-length", digits)
        return pairs

    def length_of(self, pairs: HeaderPairs) -> int:
        """The body's size in bytes, of pairs that `pairs_of` gave."""
        return int(pairs[self._index][1]) if self._index >= 0 else 0
