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

_SET_APART: Final = frozenset(
    (b"connection", b"content-length", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)
"""Fields that frame are never copied: a second one beside ours would split readers. An offer to upgrade is noticed."""

_DATE_START: Final = b"\r\ndate: "
_LINE_STARTS: Final[dict[bytes, bytes]] = {b"date": _DATE_START}
"""Name → the end of the line before it and its own line up to the value, for names that were checked."""
_MAX_KNOWN_NAMES: Final = 4096
_LONGEST_KNOWN_NAME: Final = 64

_CR: Final = 13  # as numbers, which `in` looks for fastest
_LF: Final = 10
_NUL: Final = 0
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def status_line(status: int) -> bytes:
    """The status line; an unknown status has an empty reason phrase."""
    return STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


def field_lines(pairs: HeaderPairs, own_date: bytes = b"") -> bytes:
    """Field lines without the fields that frame, and with `own_date` unless a Date is among them.

    An offered upgrade is written with the Connection option that goes with it: Connection is a list, and the
    responder's own line adds to it. A field that would break out of its line is left out and logged.
    """
    values: list[bytes] = []
    parts: list[bytes] = []
    for name, value in pairs:
        start = _LINE_STARTS.get(name)
        if start is None:
            start = _line_start(name)
            if start is None:
                return _careful_field_lines(pairs, own_date)
        if start is _DATE_START:
            own_date = b""
        parts.append(start)
        parts.append(value)
        values.append(value)
    text = b"".join(values)
    if _CR in text or _LF in text or _NUL in text:
        return _careful_field_lines(pairs, own_date)
    if parts:
        parts[0] = parts[0][2:]
        parts.append(b"\r\n")
    parts.append(own_date)
    return b"".join(parts)


def _line_start(name: bytes) -> bytes | None:
    """The end of the line before and the start of this one; None for a name that has to be looked at."""
    if name in _SET_APART or _CR in name or _LF in name or _NUL in name:
        return None
    start = b"\r\n%b: " % name
    if len(_LINE_STARTS) < _MAX_KNOWN_NAMES and len(name) <= _LONGEST_KNOWN_NAME:
        _LINE_STARTS[name] = start
    return start


def _careful_field_lines(pairs: HeaderPairs, own_date: bytes) -> bytes:
    kept = [pair for pair in pairs if pair[0] not in _SET_APART]
    lines = [name + b": " + value for name, value in [*kept, *offered_upgrade(pairs)]]
    safe = [line for line in lines if not (_CR in line or _LF in line or _NUL in line)]
    if len(safe) < len(lines):
        logger.error("left out %d response header fields that hold CR, LF or NUL", len(lines) - len(safe))
    is_dated = any(name == b"date" for name, _ in pairs)
    return b"\r\n".join([*safe, b"" if is_dated else own_date])


def offered_upgrade(pairs: HeaderPairs) -> HeaderPairs:
    """Upgrade and its Connection option, where both are there: what 426 must say (RFC 9110 §7.8, §15.5.22).

    The Upgrade of a tunnel comes without the option: the responder answers for that one.
    """
    options = [value.lower() for name, value in pairs if name == b"connection"]
    protocols = [value for name, value in pairs if name == b"upgrade"]
    if not protocols or b"upgrade" not in options:
        return []
    return [(b"upgrade", b", ".join(protocols)), (b"connection", b"upgrade")]


def date_line(now: float) -> bytes:
    """The Date field line for `now`, seconds since the epoch (RFC 9110 §5.6.7, §6.6.1)."""
    time = gmtime(now)
    text = (
        f"date: {_DAYS[time.tm_wday]}, {time.tm_mday:02} {_MONTHS[time.tm_mon - 1]} {time.tm_year} "
        f"{time.tm_hour:02}:{time.tm_min:02}:{time.tm_sec:02} GMT\r\n"
    )
    return text.encode("ascii")
