"""Prompts against regular expressions that allow or deny, as Kong's ai-prompt-guard judges them.

RE2 only: it takes time linear in the text, whatever the pattern, so no prompt can make a guard slow.
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import re2

from entresol.policy.disguises import marks, undisguised

_OPTIONS: Final = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.never_capture = True
_UNANCHORED: Final = re2._Anchor.UNANCHORED
Search = Callable[[bytes], bool]

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
        self._deny = [_search_for(pattern) for pattern in deny]
        self._any_deny = _search_for_any(deny)
        self._any_allow = _search_for_any(allow)
        if deny:
            marks()  # now, and not while a prompt waits

    def judge(self, turns: Sequence[Turn]) -> Verdict | None:
        """Why the turns, newest first, may not pass; None if they may.

        Their texts are joined with a space behind each. Deny patterns also see them as a model might: oldest first,
        parts of a turn without a space between them, and without what disguises it (`policy.disguises`).
        """
        verdict = self.judge_texts([part for turn in turns for part in turn.texts])
        is_denied = verdict is not None and verdict.index is not None
        if self._deny and not is_denied and any(len(turn.texts) > 1 for turn in turns):
            for order in (turns, turns[::-1])[: len(turns)]:
                found = self._denied("".join([f"{''.join(turn.texts)} " for turn in order]))
                if found is not None:
                    return Verdict("deny_patterns", found)
        return verdict

    def judge_texts(self, texts: Sequence[str]) -> Verdict | None:
        """The same for turns of one part each."""
        text = " ".join(texts) + " " if texts else ""
        data = _bytes(text)
        any_deny, any_allow = self._any_deny, self._any_allow
        if any_deny is not None and (any_deny(data) or not text.isascii()):
            found = self._denied(text)
            if found is not None:
                return Verdict("deny_patterns", found)
        if any_deny is not None and len(texts) > 1:
            found = self._denied(" ".join(texts[::-1]) + " ")
            if found is not None:
                return Verdict("deny_patterns", found)
        return Verdict("allow_patterns") if any_allow is not None and not any_allow(data) else None

    def _denied(self, text: str) -> int | None:
        found = self._first_match(_bytes(text))
        if found is None and not text.isascii():
            for form in undisguised(text):
                found = self._first_match(_bytes(form))
                if found is not None:
                    break
        return found

    def _first_match(self, data: bytes) -> int | None:
        if self._any_deny is None or not self._any_deny(data):
            return None
        return next(at for at, search in enumerate(self._deny) if search(data))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _search_for(pattern: str) -> Search:
    # RE2 itself: `search` around it is Python that takes three times as long as RE2 for 1 KB.
    match = re2.compile(pattern.encode(), _OPTIONS)._regexp.Match
    return lambda data: bool(match(_UNANCHORED, data, 0, len(data))[0][0] >= 0)


def _search_for_any(patterns: Sequence[str]) -> Search | None:
    """One search for "any of these", because most prompts match none, and then one search is enough.

    They stay apart where one would quote the others (`\\Q` without `\\E`), or where together they are too large.
    """
    if not patterns:
        return None
    if not any(r"\Q" in pattern for pattern in patterns):
        try:
            return _search_for("|".join([f"(?:{pattern})" for pattern in patterns]))
        except re2.error:
            pass
    searches = [_search_for(pattern) for pattern in patterns]
    return lambda data: any(search(data) for search in searches)
