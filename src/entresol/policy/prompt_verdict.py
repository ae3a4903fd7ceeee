"""What a prompt guard is asked, and what it answers."""

from collections.abc import Sequence

import msgspec


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
