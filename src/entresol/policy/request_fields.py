"""Named fields of query strings and of form, multipart and JSON bodies: find their values, take them out.

Only what has to change is touched: the other pieces of a query or body keep their bytes and order.
"""

from collections.abc import Callable, Container
from urllib.parse import unquote_plus

import msgspec

_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def query_values(query: str, name: str) -> list[str]:
    """Every value of parameter `name` in `application/x-www-form-urlencoded` text, decoded, in order."""
    values = []
    for piece in query.split("&"):
        key, _, value = piece.partition("=")
        if _decoded(key) == name:
            values.append(_decoded(value))
    return values


def without_parameters(query: str, names: Container[str]) -> str:
    """The query without the parameters called `names` (decoded, case-sensitive)."""
    return "&".join(piece for piece in query.split("&") if _decoded(piece.partition("=")[0]) not in names)


def with_parameters_masked(query: str, is_masked: Callable[[str], bool], mask: str) -> str:
    """The query with `mask` instead of the values of parameters whose decoded name `is_masked`."""
    pieces = query.split("&")
    for at, piece in enumerate(pieces):
        key = piece.partition("=")[0]
        if is_masked(_decoded(key)):
            pieces[at] = f"{key}={mask}"
    return "&".join(pieces)


def body_values(content_type: str, body: bytes, name: str) -> list[str]:
    """Every value of the field `name` of a form, multipart or JSON body; none for any other kind of body.

    In JSON, only a string at the top level is a value; a list of strings counts as several.
    """
    kind = _media_type(content_type)
    if kind == _FORM:
        return query_values(body.decode("utf-8", "replace"), name)
    if kind == _MULTIPART:
        return [value.decode("utf-8", "replace") for key, value in _parts(content_type, body) if key == name]
    if _is_json(kind):
        return _json_values(body, name)
    return []


def body_without(content_type: str, body: bytes, names: Container[str]) -> bytes:
    """The body without the fields called `names`; as it is, if it has none of them."""
    kind = _media_type(content_type)
    if kind == _FORM:
        return without_parameters(body.decode("utf-8", "surrogateescape"), names).encode("utf-8", "surrogateescape")
    if kind == _MULTIPART:
        return _multipart_without(content_type, body, names)
    if _is_json(kind):
        return _json_without(body, names)
    return body


def _decoded(text: str) -> str:
    return unquote_plus(text) if "%" in text or "+" in text else text


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _is_json(kind: str) -> bool:
    return kind == "application/json" or kind.endswith("+json")


# JSON


def _json_values(body: bytes, name: str) -> list[str]:
    try:
        raw = _decode_fields(body).get(name)
        value = None if raw is None else msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return []
    if isinstance(value, list):
        return [item for item in value if isinstance(item, str)]
    return [value] if isinstance(value, str) else []


def _json_without(body: bytes, names: Container[str]) -> bytes:
    try:
        fields = _decode_fields(body)
    except msgspec.DecodeError:
        return body
    kept = {key: raw for key, raw in fields.items() if key not in names}
    return body if len(kept) == len(fields) else msgspec.json.encode(kept)


# multipart/form-data (RFC 7578)


def _boundary(content_type: str) -> bytes | None:
    for parameter in content_type.split(";")[1:]:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "boundary":
            return value.strip().strip('"').encode("latin-1") or None
    return None


def _sections(content_type: str, body: bytes) -> tuple[bytes, list[bytes]]:
    """The delimiter, and the body split at it: preamble, parts, epilogue."""
    boundary = _boundary(content_type)
    if boundary is None:
        return b"", []
    delimiter = b"--" + boundary
    return delimiter, body.split(delimiter)


def _parts(content_type: str, body: bytes) -> list[tuple[str, bytes]]:
    _, sections = _sections(content_type, body)
    found = []
    for section in sections[1:-1]:
        head, _, value = section.partition(b"\r\n\r\n")
        name = _part_name(head)
        if name is not None:
            found.append((name, value.removesuffix(b"\r\n")))
    return found


def _multipart_without(content_type: str, body: bytes, names: Container[str]) -> bytes:
    delimiter, sections = _sections(content_type, body)
    if len(sections) < 3:
        return body
    kept = [part for part in sections[1:-1] if (_part_name(part.partition(b"\r\n\r\n")[0]) or "") not in names]
    return delimiter.join([sections[0], *kept, sections[-1]])


def _part_name(head: bytes) -> str | None:
    for line in head.split(b"\r\n"):
        field, _, value = line.partition(b":")
        if field.strip().lower() == b"content-disposition":
            for parameter in value.decode("utf-8", "replace").split(";")[1:]:
                key, _, name = parameter.partition("=")
                if key.strip().lower() == "name":
                    return name.strip().strip('"')
    return None
