"""What an expression of CEL is made of, and whether it is cheap enough to run for every sign-in.

The library parses by recursion and runs what it parsed to the end, however long that takes. So the source is measured
before it gets there: how many words, how deep, how many loops within loops, how much `+` can make values grow.

Source: the CEL specification, "Syntax" and "Macros".
"""

import re
from typing import Final, NamedTuple

import msgspec

MAX_CHARACTERS: Final = 2_000
MAX_WORDS: Final = 400
MAX_DEPTH: Final = 24
MAX_LOOP_DEPTH: Final = 2
MAX_GROWTH: Final = 64
_MACROS: Final = frozenset(("all", "exists", "exists_one", "map", "filter"))
_WORD: Final = re.compile(
    r"""
    (?P<space>[\t\n\f\r\ ]+|//[^\n]*)
  | (?P<text>(?:[rR][bB]?|[bB][rR]?)?(?:\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''(?:[^\\]|\\.)*?'''
        |\"(?:[^\"\\\n\r]|\\.)*\"|'(?:[^'\\\n\r]|\\.)*'))
  | (?P<number>0[xX][0-9a-fA-F]+[uU]?|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?[uU]?|\.[0-9]+(?:[eE][+-]?[0-9]+)?)
  | (?P<name>[_a-zA-Z][_a-zA-Z0-9]*)
  | (?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,(){}\[\]])
    """,
    re.VERBOSE | re.DOTALL,
)


class CelFault(ValueError):
    """An author's mistake, with its place: line and column from 1, both 0 where it is the whole expression."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(f"line {line}, column {column}: {message}" if line else message)
        self.message = message
        self.line = line
        self.column = column


class Word(NamedTuple):
    """One token."""

    kind: str
    text: str
    at: int


class Measure(msgspec.Struct, frozen=True):
    """What running it can cost."""

    words: int
    growth: int
    """How many times as large as what it is given a value in it can become."""
    loop_depth: int
    loop_names: frozenset[str]
    """What loops call their elements."""

    def steps(self, size: int) -> int:
        """At most so many rounds of loops over claims with so many values."""
        largest = (size + self.words) * self.growth
        return largest**self.loop_depth if self.loop_depth else 1


def words_of(source: str) -> tuple[Word, ...]:
    """Its tokens. Raises CelFault."""
    if len(source) > MAX_CHARACTERS:
        raise CelFault(f"the expression is longer than {MAX_CHARACTERS} characters")
    words: list[Word] = []
    at = 0
    while at < len(source):
        match = _WORD.match(source, at)
        if match is None:
            raise fault_at(source, at, f"{source[at]!r} cannot stand here")
        kind = str(match.lastgroup)
        if kind != "space":
            words.append(Word(kind, match[0], at))
        at = match.end()
    if not words:
        raise CelFault("the expression is empty")
    if len(words) > MAX_WORDS:
        raise fault_at(source, words[MAX_WORDS].at, f"the expression has more than {MAX_WORDS} words")
    return tuple(words)


def fault_at(source: str, at: int, message: str) -> CelFault:
    """A fault at an offset of the source."""
    before = source[:at]
    return CelFault(message, before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1)


def measure(source: str, words: tuple[Word, ...]) -> Measure:
    """What it can cost. Raises CelFault if that is too much."""
    open_ones: list[int] = []
    """For each open bracket the loop it belongs to, as an index of `pluses`; -1: none."""
    pluses: list[int] = [0]
    names: set[str] = set()
    depth = 0
    for index, word in enumerate(words):
        if word.text in ("(", "[", "{") and word.kind == "sign":
            is_loop = word.text == "(" and _is_macro(words, index - 1)
            if is_loop:
                pluses.append(0)
                names.add(words[index + 1].text if index + 1 < len(words) else "")
            open_ones.append(len(pluses) - 1 if is_loop else -1)
            depth = max(depth, sum(loop >= 0 for loop in open_ones))
            _check_depth(source, word, len(open_ones), depth)
        elif word.text in (")", "]", "}") and word.kind == "sign" and open_ones:
            open_ones.pop()
        elif word.text == "+" and word.kind == "sign":
            for loop in {0, *(loop for loop in open_ones if loop >= 0)}:
                pluses[loop] += 1
    growth = 1
    for count in pluses:
        growth *= 1 + count
    if growth > MAX_GROWTH:
        raise CelFault("the expression adds up too much within loops")
    return Measure(len(words), growth, depth, frozenset(names))


def _is_macro(words: tuple[Word, ...], index: int) -> bool:
    return index >= 1 and words[index].text in _MACROS and words[index - 1].text == "."


def _check_depth(source: str, word: Word, depth: int, loops: int) -> None:
    if depth > MAX_DEPTH:
        raise fault_at(source, word.at, f"brackets are nested more than {MAX_DEPTH} deep")
    if loops > MAX_LOOP_DEPTH:
        raise fault_at(source, word.at, f"loops are nested more than {MAX_LOOP_DEPTH} deep")
