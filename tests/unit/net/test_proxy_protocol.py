"""The PROXY protocol header as bytes."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.net.proxy_protocol import MAX_HEADER, ProxyHeader, ProxyProtocolError, parse_proxy_header

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
FOUR = b"\xc0\x00\x02\x01\xc6\x33\x64\x07" + struct.pack("!HH", 40000, 443)
SIX = bytes(15) + b"\x01" + bytes(15) + b"\x02" + struct.pack("!HH", 1, 2)


def v2(command: int, family: int, payload: bytes) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(payload)) + payload


VALID = [
    (b"PROXY TCP4 192.0.2.1 198.51.100.7 40000 443\r\n", ("192.0.2.1", 40000, "198.51.100.7", 443)),
    (b"PROXY TCP6 2001:DB8::1 ::1 0 65535\r\n", ("2001:db8::1", 0, "::1", 65535)),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
    (v2(0x21, 0x11, FOUR), ("192.0.2.1", 40000, "198.51.100.7", 443)),
    (v2(0x21, 0x11, FOUR + b"\x03\x00\x04abcd"), ("192.0.2.1", 40000, "198.51.100.7", 443)),
    (v2(0x21, 0x21, SIX), ("::1", 1, "::2", 2)),
    (v2(0x20, 0x00, b""), None),
    (v2(0x20, 0x11, FOUR), None),
    (v2(0x21, 0x31, bytes(216)), None),
    (v2(0x21, 0x00, b"abc"), None),
]


@pytest.mark.parametrize(("header", "ends"), VALID, ids=repr)
def test_a_valid_header_names_the_client(header: bytes, ends: tuple[str, int, str, int] | None) -> None:
    assert parse_proxy_header(header + b"GET / HTTP/1.1\r\n") == ProxyHeader(len(header), ends)


@pytest.mark.parametrize(("header", "ends"), VALID, ids=repr)
def test_any_beginning_of_a_valid_header_waits_for_more(header: bytes, ends: tuple[str, int, str, int] | None) -> None:
    assert [size for size in range(len(header)) if parse_proxy_header(header[:size]) is not None] == []


@pytest.mark.parametrize(
    "header",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01",
        b"PROXX",
        b"proxy TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
        b"PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n",
        b"PROXY TCP4  1.1.1.1 1.1.1.1 1 1\r\n",
        b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1 1\r\n",
        b"PROXY TCP4 ::1 1.1.1.1 1 1\r\n",
        b"PROXY TCP6 1.1.1.1 ::1 1 1\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::1 1 1\r\n",
        b"PROXY TCP4 1.1.1.999 1.1.1.1 1 1\r\n",
        b"PROXY TCP4 1.1.1.1 1.1.1.1 65536 1\r\n",
        b"PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n",
        b"PROXY TCP4 1.1.1.1 1.1.1.1 -1 1\r\n",
        b"PROXY TCP4 1.1.1.1 1.1.1.1 +1 1\r\n",
        b"PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n",
        b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n",
        b"PROXY " + b"x" * 101,
        v2(0x11, 0x11, FOUR),
        v2(0x22, 0x11, FOUR),
        v2(0x21, 0x12, FOUR),
        v2(0x21, 0x11, FOUR[:11]),
        v2(0x21, 0x21, SIX[:35]),
        SIGNATURE + struct.pack("!BBH", 0x21, 0x11, MAX_HEADER),
    ],
    ids=repr,
)
def test_a_malformed_header_is_an_error(header: bytes) -> None:
    with pytest.raises(ProxyProtocolError):
        parse_proxy_header(header)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_header_or_an_error_or_not_enough(data: bytes) -> None:
    for start in (b"", SIGNATURE, b"PROXY "):
        try:
            header = parse_proxy_header(start + data)
        except ProxyProtocolError:
            continue
        assert header is None or 0 < header.size <= len(start + data)
