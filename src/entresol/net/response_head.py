"""Response heads as bytes (RFC 9112 §4, §6.1). Framing and connection fields are written by the responder, not here."""

import logging
from http import HTTPStatus
from time import gmtime
from typing import Final

from entresol.core.http import HeaderPairs

logger = logging.getLogger("entresol.net.server")

STATUS_LINES: Final[dict[int, bytes]] = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode("ascii") for status in HTTPStatus
}

_NOT_PASSED: Final = frozenset(
    (b"connection", b"content-length", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def status_line(status: int) -> bytes:
    """The status line; an unknown status has an empty reason phrase."""
    return STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


def field_lines(pairs: HeaderPairs) -> bytes:
    """Field lines without the fields that frame. A field that would break out of its line is left out and logged."""
    lines = [b"%b: %b\r\n" % pair for pair in pairs if pair[0] not in _NOT_PASSED]
    block = b"".join(lines)
    if block.count(b"\n") != len(lines) or block.count(b"\r") != len(lines) or b"\0" in block:
        return _without_unsafe(lines)
    return block


def _without_unsafe(lines: list[bytes]) -> bytes:
    safe = [line for line in lines if line.count(b"\n") == line.count(b"\r") == 1 and b"\0" not in line]
    logger.error("left out %d response header fields that hold CR, LF or NUL", len(lines) - len(safe))
    return b"".join(safe)


def date_line(now: float) -> bytes:
    """The Date field line for `now`, seconds since the epoch (RFC 9110 §5.6.7, §6.6.1)."""
    time = gmtime(now)
    text = (
        f"date: {_DAYS[time.tm_wday]}, {time.tm_mday:02} {_MONTHS[time.tm_mon - 1]} {time.tm_year} "
        f"{time.tm_hour:02}:{time.tm_min:02}:{time.tm_sec:02} GMT\r\n"
    )
    return text.encode("ascii")
