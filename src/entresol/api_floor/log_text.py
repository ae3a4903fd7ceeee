"""Text as it stands inside a JSON string. What is seen again and again is escaped once."""

from typing import Final

import msgspec

MAX_TEXTS: Final = 1_000
"""More are not remembered: the tables are emptied when they are full."""
MAX_LENGTH: Final = 256
"""Longer texts are not remembered."""

_encode: Final = msgspec.json.Encoder().encode
_known: Final[dict[str, str]] = {}


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
