"""Takes a multipart/form-data body apart, as strictly as a provider's parser: RFC 7578, RFC 2046 §5.1."""

import re

import msgspec

from entresol.scripted.openai_checks import bad_request

_DISPOSITION = re.compile(r'form-data; ?name="(?P<name>[^"]*)"(?:; ?filename="(?P<filename>[^"]*)")?', re.IGNORECASE)
_BOUNDARY = re.compile(r'multipart/form-data;.*?\bboundary=(?:"(?P<quoted>[^"]+)"|(?P<token>[^\s;"]+))', re.IGNORECASE)


class Part(msgspec.Struct, frozen=True):
    """One part of a form."""

    name: str
    filename: str | None
    content_type: str
    data: bytes

    @property
    def text(self) -> str:
        """The value of a text field."""
        return self.data.decode("utf-8", "replace")


def read_form(content_type: str, body: bytes) -> list[Part]:
    """The parts, in their order. Raises Refusal."""
    found = _BOUNDARY.match(content_type)
    if found is None:
        raise bad_request("Unsupported content type. This method only accepts 'multipart/form-data' requests.")
    delimiter = b"\r\n--" + (found["quoted"] or found["token"]).encode()
    pieces = (b"\r\n" + body).split(delimiter)
    if len(pieces) < 2 or pieces[0] or pieces[-1].strip() != b"--":
        raise bad_request("Could not parse multipart form")
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> Part:
    head, blank, data = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    if not blank or not piece.startswith(b"\r\n"):
        raise bad_request("Could not parse multipart form")
    fields = {}
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, colon, value = line.partition(":")
        if not colon or name.lower() in fields:
            raise bad_request("Could not parse multipart form")
        fields[name.lower()] = value.strip()
    named = _DISPOSITION.match(fields.get("content-disposition", ""))
    if named is None:
        raise bad_request("Could not parse multipart form")
    return Part(named["name"], named["filename"], fields.get("content-type", ""), data)


def check_fields(parts: list[Part], files: tuple[str, ...], required: tuple[str, ...], known: tuple[str, ...]) -> None:
    """Every part is known, files are files and fields are not, and what is required is there once. Raises Refusal."""
    seen: set[str] = set()
    for part in parts:
        name = part.name.removesuffix("[]")
        if name not in (*files, *required, *known):
            raise bad_request(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
        if (part.filename is not None) != (name in files):
            wanted = "a file" if name in files else "a string"
            raise bad_request(f"Invalid type for '{name}': expected {wanted}.", name, "invalid_type")
        if part.name in seen and not part.name.endswith("[]"):
            raise bad_request(f"Duplicate parameter: '{name}'.", name, "duplicate_parameter")
        seen.add(part.name)
    for name in (*required, *files[:1]):
        if name not in seen and f"{name}[]" not in seen:
            raise bad_request(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")


def text_of(parts: list[Part], name: str, default: str = "") -> str:
    """The value of a text field."""
    return next((part.text for part in parts if part.name == name), default)
