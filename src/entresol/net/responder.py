"""One response to one request: its framing, and the guarantee that it can only reach the request it belongs to.

Each request gets a responder of its own. Once the response is over, or broken off, the responder lets go of the
connection, and every later call falls into the void instead of into the next request's response.
"""

import logging
from typing import TYPE_CHECKING, Final

from entresol.core.http import HeaderPairs, RequestHead, ResponseHead
from entresol.core.ports import RequestReceiver
from entresol.net.outgoing import Outgoing
from entresol.net.response_head import STATUS_LINES, field_lines, status_line

if TYPE_CHECKING:
    from entresol.net.server_connection import ServerConnection

logger = logging.getLogger("entresol.net.server")

_NEW: Final = 0
_HELD: Final = 1
_LENGTH: Final = 2
_CHUNKED: Final = 3
_UNTIL_CLOSE: Final = 4
_NO_BODY: Final = 5
_TUNNEL: Final = 6

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_WITHOUT_BODY: Final = frozenset((204, 205, 304))
_CRLF: Final = b"\r\n"
_CHUNK_STARTS: Final = [b"%x\r\n" % size for size in range(2048)]
"""The size lines of small chunks: an event of a stream is one, and formatting costs more than sending it on."""


class ServerResponder:
    """The `Responder` of one request on one connection."""

    __slots__ = (
        "_connection",
        "_fields",
        "_is_bodyless",
        "_left",
        "_length",
        "_mode",
        "_out",
        "_status",
        "receiver",
        "request",
    )

    def __init__(self, connection: "ServerConnection", request: RequestHead, out: Outgoing) -> None:
        self._connection: ServerConnection | None = connection
        self._out = out
        self._mode = _NEW
        self._status = 0
        self._fields = b""
        self._length: int | None = None
        self._left = 0
        self._is_bodyless = False
        self.request = request
        self.receiver: RequestReceiver | None = None

    @property
    def is_over(self) -> bool:
        """True once nothing this responder is told has an effect."""
        return self._connection is None

    @property
    def has_sent(self) -> bool:
        """True once bytes of the final response are out: it is too late for another one."""
        return self._mode > _HELD

    @property
    def is_blocked(self) -> bool:
        """True while the client reads too slowly."""
        connection = self._connection
        return connection is not None and connection.is_write_blocked

    def detach(self) -> None:
        """Let go of the connection: it is lost, or goes on without this response."""
        self._connection = None

    def inform(self, status: int, headers: HeaderPairs) -> None:
        """Send an interim response. HTTP/1.0 has none (RFC 9110 §15.2)."""
        if self._connection is None or self._mode != _NEW or self.request.version != "1.1":
            return
        if 102 <= status <= 199:
            self._out.write(b"%b%b\r\n" % (status_line(status), field_lines(headers)))

    def ask_for_body(self) -> None:
        """Send 100 Continue, once, to a client that waits for it."""
        connection = self._connection
        if connection is not None and self._mode == _NEW and connection.stop_waiting_for_continue():
            self._out.write(_CONTINUE)

    def start(self, head: ResponseHead) -> None:
        """Hold the head until the first body bytes: only then is it known how the body can be framed."""
        connection = self._connection
        if connection is None or self._mode != _NEW:
            return
        status = head.status
        if status < 200:
            self._switch(connection, head)
            return
        self._status = status
        self._fields = field_lines(head.headers.pairs, connection.server.date_line)
        self._length = head.content_length
        self._mode = _HELD
        if status in _WITHOUT_BODY or self.request.method == "HEAD":
            self._is_bodyless = True
            if status == 204:
                self._length = None
            elif status == 205:
                self._length = 0

    def send(self, data: bytes) -> None:
        """Send body bytes; the head goes out with the first of them, in one write."""
        connection = self._connection
        if connection is None:
            return
        head = b""
        mode = self._mode
        if mode == _HELD:
            head = self._open(connection)
            mode = self._mode
        if mode == _CHUNKED and data:
            self._out.write(b"".join([head, _chunk_start(len(data)), data, _CRLF]))
            return
        if mode == _LENGTH:
            self._left -= len(data)
            if self._left < 0:
                self._break_promise()
                return
        elif mode == _TUNNEL:
            connection.touch()
        elif mode in (_NEW, _NO_BODY):
            data = b""
        if head or data:
            self._out.write(head + data)

    def finish(self, data: bytes = b"", trailers: HeaderPairs | None = None) -> None:
        """Send the last body bytes and end the response; the connection is then free for the next request."""
        connection = self._connection
        if connection is None:
            return
        head = b""
        mode = self._mode
        if mode == _HELD:
            if self._length is None and not trailers and not self._is_bodyless:
                self._length = len(data)
            head = self._open(connection)
            mode = self._mode
        if mode == _LENGTH:
            if self._left != len(data):
                self._break_promise()
                return
            head += data
        elif mode == _CHUNKED:
            last = field_lines(trailers) if trailers else b""
            chunk = [_chunk_start(len(data)), data, _CRLF] if data else []
            head = b"".join([head, *chunk, b"0\r\n", last, _CRLF])
        elif mode == _NEW:
            logger.error("a response was finished before it was started")
            self.abort()
            return
        elif mode != _NO_BODY:
            head += data
        if head:
            self._out.write(head)
        self._connection = None
        self.receiver = None  # no cycle is left: a finished request is freed at once, not by the collector
        connection.response_finished()

    def abort(self) -> None:
        """Break the connection off."""
        connection = self._connection
        if connection is not None:
            self._connection = None
            self.receiver = None
            connection.break_off()

    def pause_request(self) -> None:
        """Stop reading the request body."""
        connection = self._connection
        if connection is not None:
            connection.pause_body()

    def resume_request(self) -> None:
        """Read on."""
        connection = self._connection
        if connection is not None:
            connection.resume_body()

    def _open(self, connection: "ServerConnection") -> bytes:
        """Choose the framing and complete the head (RFC 9112 §6)."""
        length = self._length
        if self._is_bodyless:
            self._mode = _NO_BODY
            framing = b"" if length is None else b"content-length: %d\r\n" % length
        elif length is not None:
            self._mode = _LENGTH
            self._left = length
            framing = b"content-length: %d\r\n" % length
        elif self.request.version == "1.1":
            self._mode = _CHUNKED
            framing = b"transfer-encoding: chunked\r\n"
        else:
            self._mode = _UNTIL_CLOSE
            framing = b""
        status = STATUS_LINES.get(self._status) or status_line(self._status)
        return b"%b%b%b%b\r\n" % (status, self._fields, framing, connection.settle_reuse(self._mode == _UNTIL_CLOSE))

    def _switch(self, connection: "ServerConnection", head: ResponseHead) -> None:
        """101: the connection is a tunnel from here on (RFC 9110 §7.8)."""
        if head.status != 101 or not self.request.upgrade:
            logger.error("status %d cannot be a final response to this request", head.status)
            self.abort()
            return
        protocol = self.request.headers.get(b"upgrade") or b""  # one protocol, or it would be no upgrade for us
        fields = field_lines(head.headers.pairs, connection.server.date_line)
        self._mode = _TUNNEL
        self._out.write(b"%b%bconnection: upgrade\r\nupgrade: %b\r\n\r\n" % (status_line(101), fields, protocol))
        connection.become_tunnel()

    def _break_promise(self) -> None:
        """More or less body than Content-Length announced: the client must not take it for a whole one."""
        logger.error("a response body does not have the announced length")
        self.abort()


def _chunk_start(size: int) -> bytes:
    """The line before a chunk's data (RFC 9112 §7.1)."""
    return _CHUNK_STARTS[size] if size < len(_CHUNK_STARTS) else b"%x\r\n" % size
