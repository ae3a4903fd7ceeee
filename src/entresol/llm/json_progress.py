"""Whether JSON text that comes in pieces is whole. Linear in the text: no piece is looked at twice."""

import re
from typing import Final

_MARKS: Final = re.compile(r'\\.|\\$|["{}\[\]]', re.DOTALL)


class JsonProgress:
    """Collects the pieces of one object or list. What it says of other values, and of garbage, is that they go on."""

    __slots__ = ("_depth", "_has_begun", "_in_string", "_is_escaped", "_pieces")

    def __init__(self) -> None:
        self._pieces: list[str] = []  # not looked at yet: mostly, nobody asks
        self._depth = 0
        self._has_begun = False
        self._in_string = False
        self._is_escaped = False

    def add(self, text: str) -> None:
        """More of it."""
        self._pieces.append(text)

    @property
    def is_whole(self) -> bool:
        """The text so far ends where a value does."""
        if self._pieces:
            text, self._pieces = "".join(self._pieces), []
            self._read(text)
        return self._has_begun and self._depth == 0 and not self._in_string

    def _read(self, text: str) -> None:
        start = 1 if self._is_escaped and text else 0  # the character after a backslash that ended the last piece
        self._is_escaped = self._is_escaped and not text
        for found in _MARKS.finditer(text, start):
            mark = found.group()
            if self._in_string:
                self._in_string = mark != '"'
                self._is_escaped = mark == "\\"  # it ends the piece, or it would have the next character with it
            elif mark == '"':
                self._in_string = True
            elif mark in "{[":
                self._depth += 1
                self._has_begun = True
            elif mark in "}]":
                self._depth -= 1
