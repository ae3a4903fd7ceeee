"""Texts as the log record shows them. The same few names, models and addresses come again and again."""

from typing import Final

import msgspec

MAX_TEXTS: Final = 1_000
"""What is remembered is forgotten when there is more."""
MAX_LENGTH: Final = 256
"""Longer texts are not remembered."""

_encode: Final = msgspec.json.Encoder().encode
_known: Final[dict[str, bytes]] = {}


def json_text(text: str) -> bytes:
    """A JSON string of a text that is likely to come again."""
    known = _known.get(text)
    if known is None:
        known = _encode(text)
        if len(text) <= MAX_LENGTH:
            if len(_known) >= MAX_TEXTS:
                _known.clear()
            _known[text] = known
    return known


def changing_json_text(text: str) -> bytes:
    """A JSON string of a text that is hardly ever the same."""
    return _encode(text)
