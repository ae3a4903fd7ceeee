"""HTTP/1.1 requests as a machine without I/O: bytes in, events out, one message at a time (RFC 9112).

llhttp, strict, checks each head; a fresh parser per request means that nothing of one request reaches the next.
Around it stand the rules on which routing, authentication and framing rest (`request_checks`). Events are pulled:
what is not pulled stays as unread bytes, so pipelined requests wait without being parsed, strictly in order.
"""

from typing import Final

import msgspec
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from entresol.core.http import Connection, HeaderPairs, Headers, RequestHead
from entresol.net import refusals
from entresol.net.chunked_body import ChunkedBody
from entresol.net.limits import Limits
from entresol.net.refusals import Refusal
from entresol.net.request_checks import (
    CHECKED_FIELDS,
    METHODS,
    head_facts,
    is_valid_host,
    refuse_fields,
    refuse_first_bytes,
    refuse_line,
    split_target,
)

_END: Final = b"\r\n\r\n"

_HEAD, _LENGTH, _CHUNKED, _END_OF_BODY, _TUNNEL, _REFUSED = range(6)


class BodyPart(msgspec.Struct, gc=False):
    """Body bytes without framing. Each request ends with exactly one part that has `last`."""

    data: bytes
    last: bool
    trailers: HeaderPairs


Event = RequestHead | BodyPart | Refusal


class RequestMachine:
    """Reads the requests of one client connection.

    `receive` takes bytes; `next_event` gives a head, then body parts up to one with `last`, then the next head, and
    None when it needs more bytes. After a `Refusal` nothing more comes: the connection has to be closed.
    """

    __slots__ = (
        "_chunks",
        "_connection",
        "_data",
        "_held",
        "_host",
        "_left",
        "_limits",
        "_pairs",
        "_position",
        "_searched",
        "_special",
        "_state",
        "expects_continue",
        "keep_alive",
    )

    def __init__(self, limits: Limits, connection: Connection) -> None:
        self._limits = limits
        self._connection = connection
        self._data = b""
        self._position = 0  # of the first unread byte in `_data`
        self._held = bytearray()  # unread bytes that came in several reads; then `_data` is empty
        self._searched = 0  # bytes of `_held` that hold no end of a head
        self._state = _HEAD
        self._left = 0  # body bytes to come under Content-Length
        self._chunks: ChunkedBody | None = None
        self._pairs: HeaderPairs = []
        self._special: HeaderPairs = []
        self._host = b""  # the last one found valid: a client sends the same one each time
        self.keep_alive = True
        """Whether the client wants to use the connection after the request whose head came last."""
        self.expects_continue = False
        """Whether that request waits for 100 Continue before it sends its body."""

    @property
    def unread(self) -> int:
        """Bytes received that no event has covered."""
        return len(self._data) - self._position + len(self._held)

    @property
    def is_between_requests(self) -> bool:
        """True when no byte of a further request is there."""
        return self._state == _HEAD and not self.unread

    @property
    def body_left(self) -> int | None:
        """Body bytes still to come; None when that is not known."""
        return None if self._state == _CHUNKED else self._left

    def receive(self, data: bytes) -> None:
        """Take in what was read from the connection."""
        if self._held:
            self._held += data
        elif self._position < len(self._data):
            self._held = bytearray(self._data[self._position :])
            self._held += data
            self._data, self._position, self._searched = b"", 0, 0
        else:
            self._data, self._position = data, 0

    def next_event(self) -> Event | None:
        """The next event the received bytes make, or None."""
        state = self._state
        if state == _HEAD:
            return self._next_head()
        if state == _END_OF_BODY:
            self._state = _HEAD
            return BodyPart(b"", True, [])
        if state == _REFUSED:
            self._data, self._position = b"", 0
            self._held.clear()
            return None
        if self._held:
            self._data = bytes(self._held)
            self._held.clear()
        if self._position == len(self._data):
            return None
        if state == _LENGTH:
            return self._next_part()
        if state == _CHUNKED and self._chunks is not None:
            return self._next_chunks(self._chunks)
        return BodyPart(self._take_all(), False, [])

    def switch_protocols(self) -> None:
        """The request that came last was answered with 101: from here on bytes are a tunnel's, one part a read."""
        self._state = _TUNNEL

    # Heads.

    def _next_head(self) -> RequestHead | Refusal | None:
        if self._held:
            end = self._held.find(_END, max(self._searched - 3, 0))
            if end < 0:
                return self._wait_for_head()
            self._data, self._position = bytes(self._held), 0
            self._held.clear()
        data, start = self._data, self._position
        end = data.find(_END, start)
        if end >= 0 and data.startswith(b"\r\n", start):  # RFC 9112 §2.2: one empty line is ignored
            start += 2
            end = data.find(_END, start)
        if end >= 0:
            self._position = end + 4
            return self._parse(data, start, end)
        if start == len(data):
            self._data, self._position = b"", 0
            return None
        self._held = bytearray(data[start:])
        self._data, self._position, self._searched = b"", 0, 0
        return self._wait_for_head()

    def _wait_for_head(self) -> Refusal | None:
        """The head is not whole. Refuse at once what can never become one; each byte is looked at once."""
        held, limits = self._held, self._limits
        if held.startswith(b"\r\n"):
            del held[:2]
            self._searched = 0
        searched = self._searched
        if not searched:
            refusal = refuse_first_bytes(held)
            if refusal is not None:
                return self._refuse(refusal)
        if held.count(b"\n", searched) != held.count(b"\r\n", max(searched - 1, 0)):
            return self._refuse(refusals.BARE_LINE_FEED)
        if len(held) > limits.max_request_line and held.find(b"\r\n", 0, limits.max_request_line + 2) < 0:
            return self._refuse(refusals.REQUEST_LINE_TOO_LONG)
        if len(held) > limits.max_head:
            return self._refuse(refusals.HEAD_TOO_LARGE)
        self._searched = len(held)
        return None

    def _parse(self, data: bytes, start: int, end: int) -> RequestHead | Refusal:
        """A whole head: the request line by hand, the fields and their grammar by llhttp, then our own checks."""
        limits = self._limits
        line = data[start : data.find(b"\r\n", start)]
        if len(line) > limits.max_request_line:
            return self._refuse(refusals.REQUEST_LINE_TOO_LONG)
        if end + 4 - start > limits.max_head:
            return self._refuse(refusals.HEAD_TOO_LARGE)
        parts = line.split(b" ")
        if len(parts) != 3 or parts[0] not in METHODS or parts[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
            return self._refuse(refuse_line(line))
        pairs: HeaderPairs = []
        special: HeaderPairs = []
        self._pairs, self._special = pairs, special
        try:
            HttpRequestParser(self).feed_data(
                data if start == 0 and end + 4 == len(data) else data[start : end + 4],
            )
        except HttpParserUpgrade:
            pass  # llhttp ends the message there; whether it is an upgrade is decided below
        except HttpParserError as error:
            return self._refuse(refuse_fields(special, str(error)))
        if len(pairs) > limits.max_headers:
            return self._refuse(refusals.HEADERS_TOO_MANY)
        return self._frame(METHODS[parts[0]], parts[1], parts[2] == b"HTTP/1.1")

    def _frame(self, method: str, target: bytes, is_11: bool) -> RequestHead | Refusal:
        """A head in good grammar: where it goes, how long its body is, what becomes of the connection."""
        facts = head_facts(self._special, is_11)
        if isinstance(facts, Refusal):
            return self._refuse(facts)
        where = split_target(method, target)
        if isinstance(where, Refusal):
            return self._refuse(where)
        path, query, authority = where
        headers = Headers(self._pairs)
        if authority is not None:
            headers.set(b"host", authority)
        host = facts.host if authority is None else authority
        if host is not None and host != self._host:
            if not is_valid_host(host):
                return self._refuse(refusals.HOST_INVALID)
            self._host = host
        if facts.content_length > self._limits.max_body > 0:
            return self._refuse(refusals.BODY_TOO_LARGE)
        self.keep_alive = facts.keep_alive
        self.expects_continue = facts.expects_continue
        self._left = facts.content_length
        if facts.is_chunked:
            self._state, self._chunks = _CHUNKED, ChunkedBody(self._limits)
        else:
            self._state = _LENGTH if self._left else _END_OF_BODY
        return RequestHead(method, path, query, headers, self._connection, "1.1" if is_11 else "1.0", facts.upgrade)

    def on_header(self, name: bytes, value: bytes) -> None:
        """llhttp calls this for each field."""
        pair = name.lower(), value.rstrip(b" \t")
        self._pairs.append(pair)
        if pair[0] in CHECKED_FIELDS:
            self._special.append(pair)

    # Bodies.

    def _next_part(self) -> BodyPart:
        data, position = self._data, self._position
        size = len(data) - position
        left = self._left
        if size > left:
            data = data[position : position + left]
            self._position = position + left
            self._left = 0
        else:
            data = self._take_all()
            self._left = left - size
        if self._left:
            return BodyPart(data, False, [])
        self._state = _HEAD
        return BodyPart(data, True, [])

    def _next_chunks(self, chunks: ChunkedBody) -> BodyPart | Refusal | None:
        stop = chunks.feed(self._data, self._position)
        if isinstance(stop, Refusal):
            return self._refuse(stop)
        if stop < len(self._data):
            self._position = stop
        else:
            self._data, self._position = b"", 0
        data = chunks.take()
        if chunks.is_complete:
            self._state, self._chunks = _HEAD, None
            return BodyPart(data, True, chunks.trailers)
        return BodyPart(data, False, []) if data else None

    def _take_all(self) -> bytes:
        data, position = self._data, self._position
        self._data, self._position = b"", 0
        return data[position:] if position else data

    def _refuse(self, refusal: Refusal) -> Refusal:
        self._state = _REFUSED
        return refusal
