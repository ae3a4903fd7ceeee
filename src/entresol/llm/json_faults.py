"""Where in a JSON text the value stands that a decoder refused: msgspec names no keys where any are allowed."""

from typing import Final

import msgspec

_decode: Final = msgspec.json.Decoder().decode
_decode_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_list: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_MAX_LEVELS: Final = 8
"""Each level reads what is below it twice: a deep body must not cost more than a large one. The path ends there."""
_LONGEST_NAME: Final = 64


def refused_value(body: bytes, error: msgspec.ValidationError) -> tuple[str, str]:
    """Path and fault of what a decoder refused, such as `messages[2].x` and `Number out of range`.

    The path is empty when the text as a whole is not what was expected.
    """
    what, _, place = str(error).rpartition(" - at `$")
    if not what:
        return "", place
    path = place.removesuffix("`")
    return (_path_to_bad(body) if "..." in path else path.removeprefix(".")), what


def _path_to_bad(body: bytes) -> str:
    path = ""
    value = body
    for _ in range(_MAX_LEVELS):
        found = _bad_child(value)
        if found is None:
            break
        step, value = found
        path += step
    return path.removeprefix(".")


def _bad_child(value: bytes) -> tuple[str, bytes] | None:
    """The first child that cannot be decoded, and the step that leads to it."""
    first = value.lstrip()[:1]
    if first == b"{":
        children = [(f".{name[:_LONGEST_NAME]}", raw) for name, raw in _decode_object(value).items()]
    elif first == b"[":
        children = [(f"[{index}]", raw) for index, raw in enumerate(_decode_list(value))]
    else:
        return None
    for step, raw in children:
        try:
            _decode(raw)
        except msgspec.DecodeError:
            return step, bytes(raw)
    return None
