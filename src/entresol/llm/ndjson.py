"""Newline-delimited JSON, incrementally: bytes in, lines out, over any split.

Source: the NDJSON specification 1.0 (parsers take CRLF, and may pass over empty lines). Linear in the input: the
unfinished rest of a stream is kept in pieces and joined once.
"""

from typing import Final

MAX_LINE_BYTES = 16 * 1024 * 1024
"""A line longer than this is an attack or a fault."""
_BOM: Final = b"\xef\xbb\xbf"


class NdjsonTooLarge(ValueError):
    """A line exceeds `MAX_LINE_BYTES`."""


class NdjsonDecoder:
    """Feed it bytes as they come. Lines come back without their ends; blank ones do not."""

    __slots__ = ("_is_first", "_rest", "_size")

    def __init__(self) -> None:
        self._rest: list[bytes] = []  # pieces of the line under way
        self._size = 0
        self._is_first = True

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes. Raises NdjsonTooLarge."""
        head, newline, tail = data.partition(b"\n")
        if not newline:
            self._keep(head)
            return []
        if self._rest:
            self._keep(head)
            head = b"".join(self._rest)
            self._rest, self._size = [], 0
        lines: list[bytes] = []
        self._take(head, lines)
        if tail:
            *whole, rest = tail.split(b"\n")
            for line in whole:
                self._take(line, lines)
            self._keep(rest)
        return lines

    def finish(self) -> list[bytes]:
        """The end of the stream: the last line, when only its end is missing."""
        lines: list[bytes] = []
        self._take(b"".join(self._rest), lines)
        self._rest, self._size = [], 0
        return lines

    def _keep(self, piece: bytes) -> None:
        if piece:
            self._rest.append(piece)
            self._size += len(piece)
            self._check(self._size)

    def _take(self, line: bytes, lines: list[bytes]) -> None:
        self._check(len(line))
        if self._is_first:
            self._is_first = False
            line = line.removeprefix(_BOM)
        line = line.strip()
        if line:
            lines.append(line)

    @staticmethod
    def _check(size: int) -> None:
        if size > MAX_LINE_BYTES:
            raise NdjsonTooLarge(f"a line of the stream exceeds {MAX_LINE_BYTES} bytes")


def lines_in(fragment: bytes, *, from_start: bool) -> list[bytes]:
    """The lines in a piece of a stream. Unless it is the start, what precedes its first line end is skipped."""
    if not from_start:
        fragment = fragment.partition(b"\n")[2]
    decoder = NdjsonDecoder()
    return decoder.feed(fragment) + decoder.finish()
