"""Conditions and values over claims, written in CEL (the Common Expression Language).

    condition = compile_expression("'admins' in groups && claims.email_verified")
    condition.holds({"claims": {...}, "groups": [...], "roles": [...], "scopes": [...]})

An expression is compiled once, when it is saved: its author hears of every mistake that can be seen then, with its
place. What goes wrong later, with claims that are not as the author thought, raises CelFailed, and whoever asked
refuses. Regular expressions are RE2, as the CEL specification says.

Source: the CEL specification (github.com/google/cel-spec), "Standard definitions"; of its string extensions
`lowerAscii`, `upperAscii` and `split`.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from entresol.identity.cel_engine import engine
from entresol.identity.cel_source import CelFault, Measure, Word, fault_at, measure, words_of

VARIABLES: Final = ("claims", "groups", "roles", "scopes")
MAX_STEPS: Final = 100_000
"""Rounds of loops: some 0.1 s."""
MAX_PATTERN: Final = 500
_TEXT_FUNCTIONS: Final = ("contains", "endsWith", "lowerAscii", "matches", "size", "split", "startsWith", "upperAscii")
_CONVERSIONS: Final = ("bool", "bytes", "double", "duration", "dyn", "int", "string", "timestamp", "uint")
_FUNCTIONS: Final = frozenset((*_TEXT_FUNCTIONS, *_CONVERSIONS))
_POSITION: Final = re.compile(r"ERROR: <input>:(\d+):(\d+): (.+)")
_LITERALS: Final = frozenset(("true", "false", "null", "in"))


class CelFailed(ValueError):
    """It could not be evaluated on these claims. The message holds names of claims, never their values."""


class Expression:
    """A compiled expression, to be run with values of `VARIABLES`."""

    def __init__(self, source: str, program: Any, cost: Measure, functions: dict[str, Callable[..., Any]]) -> None:
        self.source = source
        self._program = program
        self._cost = cost
        self._functions = functions
        self._size = size_in_characters if "split" in source else size_of

    def __repr__(self) -> str:
        return f"Expression({self.source!r})"

    def value(self, variables: Mapping[str, Any]) -> Any:
        """What it comes to. Raises CelFailed."""
        if self._cost.loop_depth and self._cost.steps(self._size(variables)) > MAX_STEPS:
            raise CelFailed("the claims are too many for loops within loops")
        try:
            return self._program.execute(engine().Context(variables=dict(variables), functions=self._functions))
        except KeyError as missing:
            raise CelFailed(f"there is no {missing.args[0]!r}" if missing.args else "something is missing") from None
        except Exception as fault:  # noqa: BLE001 - whatever the library raises, it came to nothing
            raise CelFailed(f"{_REASONS.get(type(fault), 'it cannot be evaluated')}") from None

    def holds(self, variables: Mapping[str, Any]) -> bool:
        """A condition's answer. Raises CelFailed, also if it gives neither true nor false."""
        answer = self.value(variables)
        if answer is not True and answer is not False:
            raise CelFailed("a condition must give true or false")
        return answer

    def text(self, variables: Mapping[str, Any]) -> str:
        """A text. Raises CelFailed, also if it gives anything else."""
        answer = self.value(variables)
        if not isinstance(answer, str):
            raise CelFailed("it must give a text")
        return answer

    def texts(self, variables: Mapping[str, Any]) -> list[str]:
        """A list of texts. Raises CelFailed, also if it gives anything else."""
        answer = self.value(variables)
        if not isinstance(answer, list) or not all(isinstance(item, str) for item in answer):
            raise CelFailed("it must give a list of texts")
        return answer


_REASONS: Final = {
    TypeError: "an operation does not fit the kind of value",
    IndexError: "a list is shorter than that",
    OverflowError: "a number is too large",
    ZeroDivisionError: "something is divided by zero",
}


@lru_cache(maxsize=4096)
def compile_expression(source: str) -> Expression:
    """Compile it. Raises CelFault with the place of the mistake."""
    words = words_of(source)
    cost = measure(source, words)
    _check_syntax(source)
    _check_names(source, words, cost)
    patterns = _patterns(source, words)
    functions: dict[str, Callable[..., Any]] = {
        "_matches": lambda text, pattern: patterns[pattern].search(_text(text)) is not None,
        "lowerAscii": lambda text: _text(text).translate(_LOWER),
        "upperAscii": lambda text: _text(text).translate(_UPPER),
        "split": lambda text, separator: _split(_text(text), _text(separator)),
    }
    return Expression(source, _compiled(_with_own_matches(source, words)), cost, functions)


def size_of(value: Any) -> int:
    """How many values it holds, itself included."""
    if isinstance(value, dict):
        return 1 + sum(size_of(inner) for inner in value.values())
    if isinstance(value, list | tuple):
        return 1 + sum(size_of(inner) for inner in value)
    return 1


def size_in_characters(value: Any) -> int:
    """How many values it could be split into."""
    if isinstance(value, dict):
        return 1 + sum(size_in_characters(inner) for inner in value.values())
    if isinstance(value, list | tuple):
        return 1 + sum(size_in_characters(inner) for inner in value)
    return 1 + len(value) if isinstance(value, str) else 1


def _compiled(source: str) -> Any:
    return engine().compile(source)


def _check_syntax(source: str) -> None:
    try:
        _compiled(source)
    except ValueError as fault:
        found = _POSITION.search(str(fault))
        if found is None:
            raise CelFault("it is no expression of CEL") from None
        raise CelFault(found[3].removeprefix("Syntax error: "), int(found[1]), int(found[2])) from None


def _check_names(source: str, words: tuple[Word, ...], cost: Measure) -> None:
    known = {*VARIABLES, *cost.loop_names, *_LITERALS}
    shadowed = cost.loop_names & set(VARIABLES)
    if shadowed:
        raise CelFault(f"a loop cannot call its elements {min(shadowed)!r}")
    for index, (kind, text, at) in enumerate(words):
        if kind != "name":
            continue
        is_call = index + 1 < len(words) and words[index + 1].text == "("
        is_member = index > 0 and words[index - 1].text == "."
        if is_call:
            if text not in _FUNCTIONS and not (text == "has" and not is_member) and not (text in _LOOPS and is_member):
                raise fault_at(source, at, f"there is no function {text!r}")
        elif not is_member and text not in known:
            raise fault_at(source, at, f"there is no {text!r}: expressions see {', '.join(VARIABLES)}")


_LOOPS: Final = frozenset(("all", "exists", "exists_one", "map", "filter"))


def _patterns(source: str, words: tuple[Word, ...]) -> dict[str, Any]:
    """The compiled regular expressions, which must be literals: nobody else's text becomes a pattern."""
    import re2

    patterns: dict[str, Any] = {}
    options = re2.Options()
    options.max_mem = 1 << 20
    options.log_errors = False
    for index, word in enumerate(words):
        if word.text != "matches" or index + 1 >= len(words) or words[index + 1].text != "(":
            continue
        argument = words[index + 2 : index + 4]
        if words[index - 1].text != "." or [w.kind for w in argument] != ["text", "sign"] or argument[1].text != ")":
            raise fault_at(source, word.at, "write TEXT.matches('PATTERN'), with the pattern as a literal")
        pattern = _compiled(argument[0].text).execute({})
        try:
            if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN:
                raise ValueError
            patterns[pattern] = re2.compile(pattern, options)
        except (ValueError, re2.error):
            raise fault_at(source, argument[0].at, "it is no regular expression of RE2, or too large a one") from None
    return patterns


def _with_own_matches(source: str, words: tuple[Word, ...]) -> str:
    """The library's own `matches` is no RE2, and compiles the pattern anew for each element of a loop."""
    parts: list[str] = []
    end = 0
    for index, word in enumerate(words):
        if word.text == "matches" and index + 1 < len(words) and words[index + 1].text == "(":
            parts += [source[end : word.at], "_matches"]
            end = word.at + len(word.text)
    return "".join([*parts, source[end:]])


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is needed")
    return value


def _split(text: str, separator: str) -> list[str]:
    return text.split(separator) if separator else list(text)


_LOWER: Final = {code: code + 32 for code in range(65, 91)}
_UPPER: Final = {code: code - 32 for code in range(97, 123)}
