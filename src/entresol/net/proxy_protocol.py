"""The PROXY protocol, versions 1 and 2, as a parser without I/O (HAProxy's proxy-protocol.txt, §2).

A balancer in front writes one header before anything else on a connection, to say who the client is.
"""

import struct
from ipaddress import ip_address
from typing import Final

import msgspec

from entresol.net.peers import Ends

MAX_HEADER: Final = 4096
"""Bytes a header may have: a version 2 header is 16 bytes, at most 216 of addresses, and extensions."""

_V2_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_V1_START: Final = b"PROXY "
_V1_MAX: Final = 107  # with its CRLF
_LOCAL, _PROXY = 0x20, 0x21
_TCP4, _TCP6, _UNIX = 0x11, 0x21, 0x31


class ProxyProtocolError(Exception):
    """The connection does not begin with a valid header: it has to be closed."""


class ProxyHeader(msgspec.Struct, frozen=True):
    """A complete header."""

    size: int
    """Its bytes on the wire; what follows belongs to the connection."""
    ends: Ends | None
    """The client's and the server's addresses; None when the balancer speaks for itself (LOCAL, UNKNOWN)."""


def parse_proxy_header(data: bytes) -> ProxyHeader | None:
    """The header `data` begins with, or None while more bytes are needed."""
    if data[:12] == _V2_SIGNATURE[: len(data)]:
        return _parse_v2(data) if len(data) >= 16 else None
    if data[:6] == _V1_START[: len(data)]:
        return _parse_v1(data)
    raise ProxyProtocolError("no PROXY protocol header")


def _parse_v1(data: bytes) -> ProxyHeader | None:
    end = data.find(b"\r\n", 0, _V1_MAX)
    if end < 0:
        if len(data) >= _V1_MAX or b"\n" in data:
            raise ProxyProtocolError("the version 1 header has no end")
        return None
    parts = data[:end].split(b" ")
    if parts[1:2] == [b"UNKNOWN"]:
        return ProxyHeader(end + 2, None)
    if len(parts) != 6 or parts[1] not in (b"TCP4", b"TCP6"):
        raise ProxyProtocolError("the version 1 header is not `PROXY TCP4|TCP6 source destination port port`")
    version = 4 if parts[1] == b"TCP4" else 6
    return ProxyHeader(
        end + 2,
        (_address(parts[2], version), _port(parts[4]), _address(parts[3], version), _port(parts[5])),
    )


def _address(text: bytes, version: int) -> str:
    try:
        address = ip_address(text.decode("ascii"))
    except ValueError:
        raise ProxyProtocolError("an address is not valid") from None
    if address.version != version or b"%" in text:
        raise ProxyProtocolError("an address does not belong to the announced family")
    return str(address)


def _port(text: bytes) -> int:
    if not text.isdigit() or len(text) > 5 or (text[:1] == b"0" and text != b"0") or int(text) > 65535:
        raise ProxyProtocolError("a port is not valid")
    return int(text)


def _parse_v2(data: bytes) -> ProxyHeader | None:
    command, family, length = struct.unpack_from("!BBH", data, 12)
    size = 16 + length
    if size > MAX_HEADER or command not in (_LOCAL, _PROXY):
        raise ProxyProtocolError("the version 2 header has an unknown version or command, or is too long")
    if len(data) < size:
        return None
    if command == _LOCAL or family in (0, _UNIX):
        return ProxyHeader(size, None)
    width = {_TCP4: 4, _TCP6: 16}.get(family)
    if width is None or length < 2 * width + 4:
        raise ProxyProtocolError("the version 2 header has an unknown family, or is too short for it")
    source, destination, source_port, destination_port = struct.unpack_from(f"!{width}s{width}sHH", data, 16)
    return ProxyHeader(size, (str(ip_address(source)), source_port, str(ip_address(destination)), destination_port))
