"""Text and numbers as they stand in JSON. What is seen again and again is worked out once."""

from typing import Final

import msgspec

MAX_TEXTS: Final = 1_000
"""More are not remembered: the table is emptied when it is full."""
MAX_LENGTH: Final = 256
"""Longer texts are not remembered."""

_encode: Final = msgspec.json.Encoder().encode
_known: Final[dict[str, str]] = {}
_NUMBERS: Final = [str(number) for number in range(1_000)]
_THOUSANDTHS: Final = [f".{part:03}".rstrip("0") if part else ".0" for part in range(1_000)]


def escaped(text: str) -> str:
    """`text` as JSON has it between quotation marks, remembered: for what few requests have to themselves."""
    known = _known.get(text)
    if known is None:
        known = escaped_once(text)
        if len(text) <= MAX_LENGTH:
            if len(_known) >= MAX_TEXTS:
                _known.clear()
            _known[text] = known
    return known


def escaped_once(text: str) -> str:
    """The same for what is not seen again."""
    if len(text) <= MAX_LENGTH and text.isprintable() and '"' not in text and "\\" not in text:
        return text
    return _encode(text).decode()[1:-1]


def number(value: int) -> str:
    """A whole number."""
    return _NUMBERS[value] if 0 <= value < 1_000 else str(value)


def decimal(value: float) -> str:
    """A number that is mostly one of thousandths, such as milliseconds."""
    if 0.0 < value < 1e9:
        thousandths = int(value * 1_000 + 0.5)
        if thousandths / 1_000 == value:
            return number(thousandths // 1_000) + _THOUSANDTHS[thousandths % 1_000]
    return _encode(value).decode()
