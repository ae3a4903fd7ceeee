"""The heads of multipart/form-data: the boundary in the request's Content-Type, and what a part says of itself.

RFC 7578 (form data), RFC 2046 §5.1 (multipart), RFC 6266 (parameters). Where parsers are known to read one message in
two ways, it is refused: what we take for the model must be what the provider takes for it.
"""

import re
from typing import Final, NamedTuple

from entresol.core.errors import ClientError

_BOUNDARY: Final = re.compile(rb"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED: Final = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_PARAMETER: Final = re.compile(rb";[ \t]*(" + _TOKEN + rb")=(" + _QUOTED + rb'|[^\x00-\x20";]+)[ \t]*')
_FIELD_NAME: Final = re.compile(_TOKEN)
_PLAIN_ENCODINGS: Final = (b"7bit", b"8bit", b"binary")


class PartHead(NamedTuple):
    """What a part is."""

    name: str
    is_file: bool
    is_plain: bool
    """Its bytes are its value: no Content-Transfer-Encoding, or none that changes them."""


def form_fault(message: str) -> ClientError:
    """A form that cannot be read."""
    return ClientError("bad_request", f"multipart/form-data: {message}")


def boundary_of(content_type: bytes) -> bytes:
    """The boundary that a Content-Type announces. Raises ClientError `bad_request`."""
    kind, semicolon, _ = content_type.partition(b";")
    if kind.strip().lower() != b"multipart/form-data":
        raise ClientError("bad_request", "content-type must be multipart/form-data")
    found = _parameters(content_type[len(kind) :], "the content-type")
    boundary = found.get(b"boundary")
    if not semicolon or boundary is None:
        raise form_fault("the content-type names no boundary")
    if not _BOUNDARY.fullmatch(boundary):
        raise form_fault("the boundary must be 1 to 70 letters, digits or '()+_,-./:=?")
    return boundary


def read_part_head(head: bytes, number: int) -> PartHead:
    """What the head of part `number`, its lines without the empty one after them, says. Raises ClientError."""
    disposition: bytes | None = None
    is_plain = True
    for line in head.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if not colon or not _FIELD_NAME.fullmatch(name) or b"\n" in line or b"\r" in line or b"\0" in line:
            raise form_fault(f"part {number} has a malformed header line")
        name, value = name.lower(), value.strip(b" \t")
        if name == b"content-disposition":
            if disposition is not None:
                raise form_fault(f"part {number} has two content-dispositions")
            disposition = value
        elif name == b"content-transfer-encoding":
            is_plain = is_plain and value.lower() in _PLAIN_ENCODINGS
    if disposition is None:
        raise form_fault(f"part {number} has no content-disposition")
    name_text, is_file = _disposition(disposition, number)
    return PartHead(name_text, is_file, is_plain)


def _disposition(value: bytes, number: int) -> tuple[str, bool]:
    kind = value.partition(b";")[0]
    if kind.strip().lower() != b"form-data":
        raise form_fault(f"the content-disposition of part {number} must be form-data")
    found = _parameters(value[len(kind) :], f"the content-disposition of part {number}")
    name = found.get(b"name")
    if name is None or b"name*" in found:
        raise form_fault(f"part {number} has no name")
    if b"\\" in name:
        raise form_fault(f"the name of part {number} must not hold a backslash")
    try:
        return name.decode(), b"filename" in found or b"filename*" in found
    except UnicodeDecodeError:
        raise form_fault(f"the name of part {number} is not UTF-8") from None


def _parameters(text: bytes, where: str) -> dict[bytes, bytes]:
    """The parameters in `; a=b; c="d"`. What is quoted keeps its backslashes."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(text):
        match = _PARAMETER.match(text, at)
        if match is None:
            if not text[at:].strip(b"; \t"):
                break
            raise form_fault(f"{where} is malformed")
        name, value = match.group(1).lower(), match.group(2)
        if name in found:
            raise form_fault(f"{where} has two of {name.decode()}")
        found[name] = value[1:-1] if value.startswith(b'"') else value
        at = match.end()
    return found
