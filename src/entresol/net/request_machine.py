"""HTTP/1.1 requests as a machine without I/O: bytes in, events out, one message at a time (RFC 9112).

llhttp, strict, checks each head; a fresh parser per request means that nothing of one request reaches the next.
Around it stand the rules on which routing, authentication and framing rest (`request_checks`). Events are pulled:
what is not pulled stays as unread bytes, so pipelined requests wait without being parsed, strictly in order.
"""

from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from entresol.core.http import Connection, HeaderPairs, Headers, RequestHead, SeenHead
from entresol.net import refusals
from entresol.net.chunked_body import ChunkedBody
from entresol.net.limits import Limits
from entresol.net.refusals import Refusal
from entresol.net.remembered_head import RememberedHead
from entresol.net.request_checks import (
    CHECKED_FIELDS,
    DEPENDING_ON_LENGTH,
    METHODS,
    head_facts,
    is_valid_host,
    refuse_fields,
    refuse_first_bytes,
    refuse_line,
    split_target,
)

_END: Final = b"\r\n\r\n"

_HEAD: Final = 0
_LENGTH: Final = 1
_CHUNKED: Final = 2
_END_OF_BODY: Final = 3
_TUNNEL: Final = 4
_TOO_LARGE: Final = 5
_REFUSED: Final = 6


class BodyPart:
    """Body bytes without framing. Each request ends with exactly one part that has `last`."""

    __slots__ = ("data", "last", "trailers")

    def __init__(self, data: bytes, last: bool, trailers: HeaderPairs) -> None:
        self.data = data
        self.last = last
        self.trailers = trailers


Event = RequestHead | BodyPart | Refusal


class RequestMachine:
    """Reads the requests of one client connection.

    `receive` takes bytes; `next_event` gives a head, then body parts up to one with `last`, then the next head, and
    None when it needs more bytes. After a `Refusal` nothing more comes: the connection has to be closed.
    """

    __slots__ = (
        "_checked",
        "_chunks",
        "_connection",
        "_data",
        "_held",
        "_host",
        "_is_empty_line_skipped",
        "_left",
        "_limits",
        "_line",
        "_pairs",
        "_position",
        "_remembered",
        "_searched",
        "_state",
        "_target",
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
        self._is_empty_line_skipped = False  # before the head that comes next
        self._remembered: RememberedHead | None = None  # the head that came last
        self._state = _HEAD
        self._left = 0  # body bytes to come under Content-Length
        self._chunks: ChunkedBody | None = None
        self._pairs: HeaderPairs = []
        self._checked: HeaderPairs = []  # those of `_pairs` that `head_facts` reads
        # A client's requests are alike: the last host and request line found valid need no second look.
        self._host: bytes | None = None
        self._line: bytes | None = None
        self._target: tuple[str, str, str, bytes | None, bool] = ("", "", "", None, True)
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
        if state == _TOO_LARGE:
            return self._refuse(refusals.BODY_TOO_LARGE)
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
        if start == len(data):
            return None
        end = data.find(_END, start)
        if end >= 0 and data.startswith(b"\r\n", start) and not self._is_empty_line_skipped:
            start += 2  # RFC 9112 §2.2: an empty line before a request is ignored, but only one
            self._is_empty_line_skipped = True
            end = data.find(_END, start)
        if end >= 0:
            self._position = end + 4
            self._is_empty_line_skipped = False
            return self._parse(data[start : end + 4])
        self._held = bytearray(data[start:])
        self._data, self._position, self._searched = b"", 0, 0
        return self._wait_for_head()

    def _wait_for_head(self) -> Refusal | None:
        """The head is not whole. Refuse at once what can never become one; each byte is looked at once."""
        held, limits = self._held, self._limits
        if not self._is_empty_line_skipped and held.startswith(b"\r\n"):
            del held[:2]
            self._searched, self._is_empty_line_skipped = 0, True
        searched = self._searched
        if searched < 2:
            refusal = refuse_first_bytes(held, self._is_empty_line_skipped)
            if refusal is not None:
                return self._refuse(refusal)
        if held.count(b"\n", searched) != held.count(b"\r\n", max(searched - 1, 0)):
            return self._refuse(refusals.BARE_LINE_FEED)
        longest = limits.max_request_line + 1  # with the CR of its end
        if searched <= longest < len(held) and held.find(b"\r\n", 0, longest + 1) < 0:
            return self._refuse(refusals.REQUEST_LINE_TOO_LONG)
        if len(held) > limits.max_head:
            return self._refuse(refusals.HEAD_TOO_LARGE)
        self._searched = len(held)
        return None

    def _parse(self, head: bytes) -> RequestHead | Refusal:
        """A whole head: the request line by hand, the fields and their grammar by llhttp, then our own checks."""
        remembered = self._remembered
        if remembered is not None:
            again = remembered.pairs_of(head)
            if again is not None:
                return self._same_head(again, remembered.length_of(again), remembered.seen)
        limits = self._limits
        line = head[: head.find(13)]
        if line != self._line:
            refusal = self._read_line(line)
            if refusal is not None:
                return self._refuse(refusal)
        if len(head) > limits.max_head:
            return self._refuse(refusals.HEAD_TOO_LARGE)
        pairs: HeaderPairs = []
        checked: HeaderPairs = []
        self._pairs, self._checked = pairs, checked
        try:
            HttpRequestParser(self).feed_data(head)
        except HttpParserUpgrade:
            pass  # llhttp ends the message there; whether it is an upgrade is decided below
        except HttpParserError as error:
            return self._refuse(refuse_fields(str(error)))
        if len(pairs) > limits.max_headers:
            return self._refuse(refusals.HEADERS_TOO_MANY)
        request = self._frame(pairs, checked)
        self._remembered = None
        if isinstance(request, RequestHead) and not request.has_empty_query and self._is_plain(checked):
            self._remembered = remembered = RememberedHead(head, pairs)
            request.known = remembered.seen
        return request

    def _same_head(self, pairs: HeaderPairs, length: int, seen: SeenHead) -> RequestHead:
        """The last head again: only the size of the body can differ."""
        self._left = length
        self._state = _LENGTH if length else _END_OF_BODY
        if length > self._limits.max_body > 0:
            self._state = _TOO_LARGE  # see _frame
        method, path, query, _, is_11 = self._target
        version = "1.1" if is_11 else "1.0"
        return RequestHead(method, path, query, Headers(pairs), self._connection, version, False, seen)

    def _is_plain(self, checked: HeaderPairs) -> bool:
        """Whether the head, seen again with another Content-Length, means the same with another length."""
        if self._state == _CHUNKED or self._target[3] is not None:  # the target's host replaced the Host field
            return False
        return DEPENDING_ON_LENGTH.isdisjoint([name for name, _ in checked])

    def _read_line(self, line: bytes) -> Refusal | None:
        if len(line) > self._limits.max_request_line:
            return refusals.REQUEST_LINE_TOO_LONG
        parts = line.split(b" ")
        if len(parts) != 3 or parts[0] not in METHODS or parts[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
            return refuse_line(line)
        method = METHODS[parts[0]]
        target = split_target(method, parts[1])
        if isinstance(target, Refusal):
            return target
        self._line, self._target = line, (method, *target, parts[2] == b"HTTP/1.1")
        return None

    def _frame(self, pairs: HeaderPairs, checked: HeaderPairs) -> RequestHead | Refusal:
        """A head in good grammar: where it goes, how long its body is, what becomes of the connection."""
        method, path, query, authority, is_11 = self._target
        facts = head_facts(checked, is_11)
        if isinstance(facts, Refusal):
            return self._refuse(facts)
        host, length, is_chunked, self.keep_alive, upgrade, self.expects_continue = facts
        headers = Headers(pairs)
        if authority is not None:
            headers.set(b"host", authority)
            host = authority
        if host is not None and host != self._host:
            if not is_valid_host(host):
                return self._refuse(refusals.HOST_INVALID)
            self._host = host
        self._left = length
        if is_chunked:
            self._state, self._chunks = _CHUNKED, ChunkedBody(self._limits)
        else:
            self._state = _LENGTH if length else _END_OF_BODY
        if length > self._limits.max_body > 0:
            # refused after its head, by who takes the request: that one knows in which format
            self._state, self.expects_continue = _TOO_LARGE, False
        request = RequestHead(method, path, query, headers, self._connection, "1.1" if is_11 else "1.0", upgrade)
        if not query and self._line is not None and b"? " in self._line:
            request.has_empty_query = True
        return request

    def on_header(self, name: bytes, value: bytes) -> None:
        """llhttp calls this for each field."""
        name = name.lower()
        pair = name, value.rstrip(b" \t")
        self._pairs.append(pair)
        if name in CHECKED_FIELDS:
            self._checked.append(pair)

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
