"""Answers whose `usage` is no usage: what they say stands, and what they cost is unknown.

An answer is paid for and wanted when it is here. A count that cannot be read is no reason to throw it away, only a
reason not to make a count up.
"""

import re
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

T = TypeVar("T")

_IN_USAGE: Final = re.compile(
    r" at `\$((?:\.message|\.response|\.delta)?)\.(usage|usageMetadata|meta|eval_count|prompt_eval_count)\b"
)
"""Where msgspec says that a value is wrong: what holds the usage, and the usage's name in its wire."""
_USAGES: Final = 4
"""An answer has no more fields of usage than this that could each be wrong."""
_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode


def despite_usage(decode: Callable[[bytes], T]) -> Callable[[bytes], T]:
    """A decoder that reads an answer whose usage has the wrong types as one without. Raises what `decode` does."""

    def lenient(body: bytes) -> T:
        for _ in range(_USAGES):
            try:
                return decode(body)
            except msgspec.ValidationError as error:
                place = _IN_USAGE.search(str(error))
                if place is None:
                    raise
                body = _without(body, place[1].removeprefix("."), place[2])
        return decode(body)

    return lenient


def convert_usage(value: object, kind: type[T]) -> T | None:
    """A decoded `usage` as its struct; None if it is not one."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None


def _without(body: bytes, holder: str, name: str) -> bytes:
    answer = _decode(body)
    holding = answer[holder] if holder else answer
    del holding[name]
    return _encode(answer)
