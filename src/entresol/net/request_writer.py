"""Serialises a request for an upstream from parsed parts (RFC 9112 §3, §6). Nothing a client sent is copied as it was.

The transport owns Host, framing and everything that belongs to the connection. Whatever else it is given is checked:
no field can end its line early, no name can hide another field.
"""

import re
from typing import Final

from entresol.core.errors import ClientError
from entresol.core.http import HOP_BY_HOP, HeaderPairs, UpstreamRequest

_TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_METHODS_WITH_BODY: Final = frozenset(("POST", "PUT", "PATCH"))
_CONTROLS: Final = bytes(range(0x21)) + b"\x7f"
_LINE_BREAKERS: Final = b"\r\n\0"
_CR: Final = 13  # as numbers, which `in` looks for fastest
_LF: Final = 10
_NUL: Final = 0
_MAX_KNOWN_NAMES: Final = 4096

_OURS: Final = HOP_BY_HOP | {b"host", b"content-length", b"expect"}
"""Written by this module or not at all: we never wait for 100 (Continue), so no Expect is passed on."""

# name → its line up to the value, for names that were checked; bounded, since clients choose names
_LINE_STARTS: Final[dict[bytes, bytes]] = {}
# requests are alike: starts that were checked
_sendable_starts: Final[set[bytes]] = set()
_MAX_KNOWN_STARTS: Final = 1024
_LONGEST_KNOWN_START: Final = 512


def serialise_head(request: UpstreamRequest, body: bytes, last: bool) -> tuple[bytes, int | None]:
    """The request head with its blank line, and how many body bytes it announces; None: the body is chunked.

    Raises ClientError for parts that do not fit into one HTTP/1.1 head.
    """
    pairs = request.headers.pairs
    announced: bytes | None = None
    parts = [_start(request)]
    try:
        for name, value in pairs:
            parts.append(_LINE_STARTS[name])
            parts.append(value)
    except KeyError:
        parts, announced = _checked_parts(parts[0], pairs)
    values = b"".join(parts[2::2])  # the names were checked when their line starts were made
    if _CR in values or _LF in values or _NUL in values:
        raise _unsendable("a header field")
    framing, length = _framing(request, body, last, announced)
    parts.append(framing)
    return b"".join(parts), length


def _start(request: UpstreamRequest) -> bytes:
    """The request line and the Host field, without the last line end."""
    try:
        start = f"{request.method} {request.target} HTTP/1.1\r\nhost: {request.host}".encode("latin-1")
    except UnicodeEncodeError:
        raise _unsendable("the method, path or host") from None
    if start not in _sendable_starts:
        # exactly the three spaces and the CR LF that are ours
        if len(start) - len(start.translate(None, _CONTROLS)) != 5:
            raise _unsendable("the method, path or host")
        if len(_sendable_starts) >= _MAX_KNOWN_STARTS:
            _sendable_starts.clear()
        if len(start) <= _LONGEST_KNOWN_START:
            _sendable_starts.add(start)
    return start


def _checked_parts(start: bytes, pairs: HeaderPairs) -> tuple[list[bytes], bytes | None]:
    """The parts of a head, without the fields that are ours, and the announced body size."""
    parts = [start]
    announced: bytes | None = None
    for name, value in pairs:
        if name in _OURS:
            announced = value if name == b"content-length" else announced
        else:
            parts.append(_line_start(name))
            parts.append(value)
    return parts, announced


def _framing(request: UpstreamRequest, body: bytes, last: bool, announced: bytes | None) -> tuple[bytes, int | None]:
    """The end of the head, from the fields that frame the body on, and the body's size (RFC 9112 §6)."""
    upgrade = request.upgrade
    if upgrade is not None:
        if upgrade.translate(None, _CONTROLS) != upgrade:
            raise _unsendable("Upgrade")
        return b"\r\nconnection: upgrade\r\nupgrade: %b\r\n\r\n" % upgrade, 0
    if last:
        if body or request.method in _METHODS_WITH_BODY:
            return b"\r\ncontent-length: %d\r\n\r\n" % len(body), len(body)
        return b"\r\n\r\n", 0
    if announced is not None:
        if not announced.isdigit() or len(announced) > 18:
            raise _unsendable("Content-Length")
        return b"\r\ncontent-length: %b\r\n\r\n" % announced, int(announced)
    return b"\r\ntransfer-encoding: chunked\r\n\r\n", None


def encode_chunk(data: bytes, last: bool, trailers: HeaderPairs | None = None) -> bytes:
    """Body bytes in chunked coding (RFC 9112 §7.1), with the end of the body and its trailers when `last`."""
    chunk = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
    if not last:
        return chunk
    if not trailers:
        return chunk + b"0\r\n\r\n"
    fields = [
        _line_start(name) + value
        for name, value in trailers
        if name.lower() not in _OURS and _TOKEN.fullmatch(name) and value.translate(None, _LINE_BREAKERS) == value
    ]
    return b"".join((chunk, b"0", *fields, b"\r\n\r\n"))


def _line_start(name: bytes) -> bytes:
    """The end of the line before, and the start of this one."""
    start = _LINE_STARTS.get(name)
    if start is None:
        if _TOKEN.fullmatch(name) is None or name.lower() in _OURS:
            raise _unsendable("a header field name")
        start = b"\r\n%b: " % name
        if len(_LINE_STARTS) < _MAX_KNOWN_NAMES and len(name) <= 64:
            _LINE_STARTS[name] = start
    return start


def _unsendable(what: str) -> ClientError:
    text = f"{what} holds characters that cannot be sent in an HTTP/1.1 request head; remove them"
    return ClientError("request_not_sendable", text)
