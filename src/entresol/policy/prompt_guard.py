"""Prompts against regular expressions that allow or deny, as Kong's ai-prompt-guard judges them.

RE2 only: it takes time linear in the text, whatever the pattern, so no prompt can make a guard slow.
"""

from collections.abc import Sequence
from typing import Final

import re2

from entresol.policy.disguises import marks, undisguised
from entresol.policy.prompt_verdict import Turn, Verdict

_OPTIONS: Final = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.never_capture = True
_UNANCHORED: Final = re2._Anchor.UNANCHORED

MAX_PATTERN: Final = 500
"""Characters; Kong's limit."""


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

    __slots__ = ("_any_allow", "_any_deny", "_deny")

    def __init__(self, allow: Sequence[str], deny: Sequence[str]) -> None:
        """Raises re2.error on a bad pattern: ask `pattern_problem` first."""
        self._deny = [_Pattern(pattern) for pattern in deny]
        self._any_deny = _any_of(deny)
        self._any_allow = _any_of(allow)
        if deny:
            marks()  # now, and not while a prompt waits

    def judge(self, turns: Sequence[Turn]) -> Verdict | None:
        """Why the turns, newest first, may not pass; None if they may.

        Their texts are joined with a space behind each. Deny patterns also see them as a model might: oldest first,
        parts of a turn without a space between them, and without what disguises it (`policy.disguises`).
        """
        verdict = self.judge_texts([_bytes(part) for turn in turns for part in turn.texts])
        is_denied = verdict is not None and verdict.index is not None
        if self._deny and not is_denied and any(len(turn.texts) > 1 for turn in turns):
            for order in (turns, turns[::-1])[: len(turns)]:
                found = self._denied(_bytes("".join([f"{''.join(turn.texts)} " for turn in order])))
                if found is not None:
                    return Verdict("deny_patterns", found)
        return verdict

    def judge_texts(self, texts: list[bytes]) -> Verdict | None:
        """The same for turns of one part each, in UTF-8."""
        said = _spaced(texts)
        if self._deny:
            found = self._denied(said)
            if found is None and len(texts) > 1:
                found = self._denied(_spaced(texts[::-1]))
            if found is not None:
                return Verdict("deny_patterns", found)
        return Verdict("allow_patterns") if self._any_allow and not _is_in(self._any_allow, said) else None

    def _denied(self, said: bytes) -> int | None:
        found = self._first_match(said)
        if found is None and not said.isascii():
            for form in undisguised(said.decode()):
                found = self._first_match(_bytes(form))
                if found is not None:
                    break
        return found

    def _first_match(self, said: bytes) -> int | None:
        if _is_in(self._any_deny, said):
            for at in range(len(self._deny)):
                if self._deny[at].is_in(said):
                    return at
        return None


class _Pattern:
    """RE2 itself: `search` around it is Python that takes three times as long as RE2 for 1 KB."""

    __slots__ = ("_match",)

    def __init__(self, pattern: str) -> None:
        self._match = re2.compile(pattern.encode(), _OPTIONS)._regexp.Match

    def is_in(self, said: bytes) -> bool:
        return bool(self._match(_UNANCHORED, said, 0, len(said))[0][0] >= 0)


def _is_in(patterns: list[_Pattern], said: bytes) -> bool:
    """Whether any of them is."""
    return any(pattern.is_in(said) for pattern in patterns)


def _any_of(patterns: Sequence[str]) -> list[_Pattern]:
    """As few patterns as can be that match what any of them does: most prompts match none.

    They stay apart where one would quote the others (`\\Q` without `\\E`), or where together they are too large.
    """
    if patterns and not any(r"\Q" in pattern for pattern in patterns):
        try:
            return [_Pattern("|".join([f"(?:{pattern})" for pattern in patterns]))]
        except re2.error:
            pass
    return [_Pattern(pattern) for pattern in patterns]


def _spaced(texts: list[bytes]) -> bytes:
    """With a space behind each."""
    return b" ".join([*texts, b""])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
