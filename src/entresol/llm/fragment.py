"""Finding one value in a piece of a JSON text that is too large, or too cut, to be read whole."""

import re
from typing import Final

import msgspec

_decode_string: Final = msgspec.json.Decoder(str).decode
_TOKENS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|$)|[{}]')  # a cut string runs to the end
_LONGEST_STRING: Final = 1024
_TRIES: Final = 16
"""So that a text full of the key costs no more than one that has it once."""


def object_after(fragment: bytes, key: bytes) -> bytes | None:
    """The last complete JSON object that follows `key` (with its quotes) and a colon.

    Text inside strings has its quotes escaped, so a quoted key cannot be found in there.
    """
    end = len(fragment)
    for _ in range(_TRIES):
        at = fragment.rfind(key, 0, end)
        if at < 0:
            break
        value = fragment[at + len(key) :].lstrip()
        if value.startswith(b":"):
            value = value[1:].lstrip()
            size = _object_size(value)
            if size:
                return value[:size]
        end = at
    return None


def string_after(fragment: bytes, key: bytes) -> str | None:
    """The first JSON string of up to 1,024 bytes that follows `key` (with its quotes) and a colon."""
    at = fragment.find(key)
    for _ in range(_TRIES):
        if at < 0:
            break
        value = fragment[at + len(key) : at + len(key) + _LONGEST_STRING].lstrip()
        if value.startswith(b":"):
            value = value[1:].lstrip()
            end = value.find(b'"', 1)
            if value.startswith(b'"') and end > 0 and b"\\" not in value[:end]:
                return _decode_string(value[: end + 1])
        at = fragment.find(key, at + 1)
    return None


def _object_size(value: bytes) -> int:
    """Bytes of the object that `value` starts with; 0 if it starts with none or the object is cut."""
    if not value.startswith(b"{"):
        return 0
    depth = 0
    for token in _TOKENS.finditer(value):
        if token.group() == b"{":
            depth += 1
        elif token.group() == b"}":
            depth -= 1
            if depth == 0:
                return token.end()
    return 0
