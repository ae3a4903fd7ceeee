"""Request paths in one canonical form, so that what is matched is what the upstream gets (RFC 3986 §6.2.2)."""

import re
from typing import Final

_CANONICAL: Final = re.compile(r"(?:/[A-Za-z0-9\-_~!$&'()*+,;=:@][A-Za-z0-9\-._~!$&'()*+,;=:@]*)*+/?\Z")
"""Paths that need no work: no escape, no empty segment, none that starts with a dot. Possessive, so linear."""
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_UNSAFE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]")
_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def normalise_path(path: str) -> str:
    """The canonical form of an absolute path, idempotent.

    Escapes of unreserved characters are decoded, all others get upper-case digits, characters that may not stand in
    a path are escaped (as UTF-8), dot segments are removed and runs of slashes become one.
    """
    if _CANONICAL.match(path) is not None:
        return path
    path = escape_path(_ESCAPE.sub(_canonical_escape, path))
    if "//" not in path and "/." not in path:
        return path
    return _without_dots_and_empties(path)


def escape_path(path: str) -> str:
    """Escape what may not stand in a path; escapes that are there stay."""
    return _UNSAFE.sub(_escaped, path)


def _canonical_escape(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character in _UNRESERVED else match[0].upper()


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogateescape"))


def _without_dots_and_empties(path: str) -> str:
    segments: list[str] = []
    parts = path.split("/")[1:]
    for part in parts:
        if part == "..":
            if segments:
                segments.pop()
        elif part not in ("", "."):
            segments.append(part)
    ends_in_slash = parts[-1] in ("", ".", "..") and segments
    return "/" + "/".join(segments) + ("/" if ends_in_slash else "")
