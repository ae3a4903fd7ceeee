"""The framing of one chunked request body (RFC 9112 §7.1), on llhttp.

llhttp is fed a fixed head of our own, so that nothing the client wrote above the body (an Upgrade, a second length)
can change how the body is read. llhttp does not say where a message ended, but a chunked message can only end with
CRLF CRLF: feeding up to each of these makes its end always the end of a feed, and what follows is never touched.
"""

from typing import Final

from httptools import HttpParserError, HttpRequestParser

from entresol.core.http import HOP_BY_HOP, HeaderPairs
from entresol.net.limits import Limits
from entresol.net.refusals import BODY_TOO_LARGE, HEADERS_TOO_MANY, Refusal, body_malformed

_HEAD: Final = b"POST / HTTP/1.1\r\nhost: body\r\ntransfer-encoding: chunked\r\n\r\n"
_END: Final = b"\r\n\r\n"
_TOO_MUCH_FRAMING: Final = body_malformed("chunk sizes, extensions and trailers outweigh the data")

FORBIDDEN_TRAILERS: Final = HOP_BY_HOP | {
    b"authorization",
    b"cache-control",
    b"content-encoding",
    b"content-length",
    b"content-range",
    b"content-type",
    b"cookie",
    b"expect",
    b"forwarded",
    b"host",
    b"max-forwards",
    b"range",
    b"set-cookie",
    b"www-authenticate",
}
"""Fields that frame, route, authenticate or modify: dropped from a trailer section (RFC 9110 §6.5.1)."""


class ChunkedBody:
    """Bytes in, body bytes out. Its cost is linear however the bytes are cut, trailers included."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._trailer_fields: HeaderPairs = []
        self._pieces: list[bytes] = []
        self._parser = HttpRequestParser(self)
        self._parser.feed_data(_HEAD)
        self._trailer_fields.clear()
        self._size_line_read = False  # a chunk size was read, and no byte of its data yet
        self._last_bytes = b""  # up to three bytes before the next one, in case an end is cut in two
        self._trailer: bytearray | None = None
        self._trailer_fed = 0  # bytes at the start of `_trailer` that llhttp already has
        self._wire_bytes = 0
        self._body_bytes = 0
        self.is_complete = False

    @property
    def trailers(self) -> HeaderPairs:
        """The trailer fields that may be used, once the body is complete."""
        kept = [(name.lower(), value.strip(b" \t")) for name, value in self._trailer_fields]
        return [pair for pair in kept if pair[0] not in FORBIDDEN_TRAILERS]

    def take(self) -> bytes:
        """The body bytes that came since the last call."""
        pieces = self._pieces
        if not pieces:
            return b""
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._pieces = []
        return data

    def feed(self, data: bytes, start: int) -> int | Refusal:
        """Read `data` from `start` on; returns where the body ended, or the length of `data` if it goes on."""
        position = start
        try:
            if self._size_line_read and self._trailer is None and position < len(data):
                position = self._feed(data, position, position + 1)
                if self._size_line_read and not self.is_complete:
                    # llhttp took a byte after a chunk size, and it was not data: the size was 0
                    self._trailer = bytearray(self._last_bytes)
                    self._trailer_fed = len(self._last_bytes)
            while position < len(data) and not self.is_complete and self._trailer is None:
                position = self._feed(data, position, self._next_stop(data, position))
            if self._trailer is not None and position < len(data):
                return self._hold_trailer(self._trailer, data, position)
        except HttpParserError as error:
            return body_malformed(str(error))
        return self._over_limit() or position

    def _feed(self, data: bytes, start: int, stop: int) -> int:
        self._parser.feed_data(data if stop - start == len(data) else data[start:stop])
        self._wire_bytes += stop - start
        self._last_bytes = (self._last_bytes + data[max(start, stop - 3) : stop])[-3:]
        return stop

    def _next_stop(self, data: bytes, start: int) -> int:
        """The first place from `start` on where the message can end, else the end of `data`."""
        across = (self._last_bytes + data[start : start + 3]).find(_END)
        if across >= 0:
            return start + across + 4 - len(self._last_bytes)
        end = data.find(_END, start)
        return len(data) if end < 0 else end + 4

    def _hold_trailer(self, trailer: bytearray, data: bytes, start: int) -> int | Refusal:
        """Keep trailer bytes back until they are whole: llhttp would copy a field anew with each byte."""
        held = len(trailer)
        trailer += data[start:]
        end = trailer.find(_END, max(held - 3, 0))
        if (len(trailer) if end < 0 else end) > self._limits.max_head:
            return _TOO_MUCH_FRAMING
        if end < 0:
            return len(data)
        self._parser.feed_data(bytes(trailer[self._trailer_fed : end + 4]))
        return self._over_limit() or start + end + 4 - held

    def _over_limit(self) -> Refusal | None:
        body, limits = self._body_bytes, self._limits
        if limits.max_body and body > limits.max_body:
            return BODY_TOO_LARGE
        if self._wire_bytes - body > limits.max_head + 16 * body:
            return _TOO_MUCH_FRAMING
        fields = self._trailer_fields
        if len(fields) > limits.max_headers:
            return HEADERS_TOO_MANY
        if fields and sum(len(name) + len(value) + 4 for name, value in fields) > limits.max_head:
            return _TOO_MUCH_FRAMING
        return None

    # llhttp calls these.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._trailer_fields.append((name, value))

    def on_chunk_header(self) -> None:
        self._size_line_read = True

    def on_body(self, data: bytes) -> None:
        self._size_line_read = False
        self._body_bytes += len(data)
        self._pieces.append(data)

    def on_message_complete(self) -> None:
        self.is_complete = True
