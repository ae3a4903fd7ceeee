"""Prompts against regular expressions that allow or deny, as Kong's ai-prompt-guard judges them.

RE2 only: it takes time linear in the text, whatever the pattern, so no prompt can make a guard slow.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import re2

_OPTIONS: Final = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.never_capture = True
_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff]"
)
"""Characters that change nothing a reader sees: a pattern must not miss a word because one stands in it."""

MAX_PATTERN: Final = 500
"""Characters; Kong's limit."""


class Turn(msgspec.Struct, frozen=True):
    """What one turn of a conversation says."""

    role: str
    texts: Sequence[str]
    """Its parts."""


class Verdict(msgspec.Struct, frozen=True):
    """A prompt that may not pass."""

    rule: str
    """`deny_patterns` or `allow_patterns`."""
    index: int | None = None
    """Which deny pattern matched; None if no allow pattern did."""


def pattern_problem(pattern: str) -> str | None:
    """What is wrong with a pattern, or None."""
    try:
        re2.compile(pattern, _OPTIONS)
    except re2.error as error:
        reason = error.args[0].decode("utf-8", "replace") if isinstance(error.args[0], bytes) else str(error)
        return f"not a valid RE2 pattern (lookaround and back-references are not part of RE2): {reason}"
    return None


class PromptGuard:
    """Compiled patterns. Deny comes first; with allow patterns, one of them must match."""

    def __init__(self, allow: Sequence[str], deny: Sequence[str]) -> None:
        """Raises re2.error on a bad pattern: ask `pattern_problem` first."""
        self._deny = [_compiled(pattern) for pattern in deny]
        self._any_deny = _any_of(deny)
        self._any_allow = _any_of(allow)

    def judge(self, turns: Sequence[Turn]) -> Verdict | None:
        """Why the turns, newest first, may not pass; None if they may.

        Their texts are joined with a space behind each. Deny patterns also see them as a model might: parts of a turn
        without a space between them, compatibility characters as plain ones, and no invisible ones.
        """
        text = "".join([f"{part} " for turn in turns for part in turn.texts])
        if self._deny:
            found = self._denied(text)
            if found is None and any(len(turn.texts) > 1 for turn in turns):
                found = self._denied("".join([f"{''.join(turn.texts)} " for turn in turns]))
            if found is not None:
                return Verdict("deny_patterns", found)
        if self._any_allow and not _matches(self._any_allow, _bytes(text)):
            return Verdict("allow_patterns")
        return None

    def _denied(self, text: str) -> int | None:
        found = self._first_match(text)
        if found is None and not text.isascii():
            plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
            if plain != text:
                found = self._first_match(plain)
        return found

    def _first_match(self, text: str) -> int | None:
        data = _bytes(text)
        if not _matches(self._any_deny, data):
            return None
        return next(at for at, pattern in enumerate(self._deny) if pattern.search(data) is not None)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _compiled(pattern: str) -> Any:
    return re2.compile(pattern.encode(), _OPTIONS)


def _matches(patterns: Sequence[Any], data: bytes) -> bool:
    return any(pattern.search(data) is not None for pattern in patterns)


def _any_of(patterns: Sequence[str]) -> list[Any]:
    """One pattern for "any of these", because most prompts match none, and then one search is enough.

    They stay apart where one would quote the others (`\\Q` without `\\E`), or where together they are too large.
    """
    if len(patterns) > 1 and not any(r"\Q" in pattern for pattern in patterns):
        try:
            return [_compiled("|".join(f"(?:{pattern})" for pattern in patterns))]
        except re2.error:
            pass
    return [_compiled(pattern) for pattern in patterns]
