"""HTTP/1.1 responses, sans-IO: bytes in; interim heads, a head, body bytes and an end out (RFC 9112).

llhttp in strict mode checks the framing. This machine adds what llhttp cannot know of a response: which request it
answers (HEAD has no body, CONNECT and Upgrade open a tunnel), limits, the rule that bytes after the end spoil the
connection, and linear cost when the head arrives byte by byte: a head is parsed once, when it is whole.
"""

from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from entresol.core.http import HOP_BY_HOP, HeaderPairs, Headers, ResponseHead

MAX_INTERIM_RESPONSES: Final = 16

_WAITING: Final = 0
_HEAD: Final = 1
_BODY: Final = 2
_TUNNEL: Final = 3
_COMPLETE: Final = 4

_OF_THE_CONNECTION: Final = HOP_BY_HOP | {b"content-length"}
_NOT_NOMINATED: Final = frozenset((b"", b"close", b"keep-alive", b"upgrade"))
_ONE: Final = 49  # the digits of a status code, as bytes are read
_TWO: Final = 50
_SPACE: Final = 32

# name as sent → lower case, for names that are passed on: the same object each time, whose hash is known by then
_end_to_end_names: Final[dict[bytes, bytes]] = {}
_MAX_KNOWN_NAMES: Final = 4096


class ResponseFault(Exception):
    """The bytes are not a response to the request (RFC 9112 §2.2, §6.3). The text says what is wrong with them."""


class _Surplus(Exception):
    """Raised inside a parser callback: bytes follow the end of the response."""


class ResponseMachine:
    """The responses of one connection, one after the other: `expect`, then `feed` until `is_complete`.

    After each `feed` or `feed_eof` the caller takes what came out: `informational`, `head` (once), `parts`,
    `is_complete` with `trailers` and `can_reuse`. What was taken is cleared by `take_body` and `take_head`.
    """

    __slots__ = (
        "_chunked", "_connection_tokens", "_content_length", "_expected", "_head_alone", "_held", "_interim_count",
        "_is_http_1_0", "_left", "_max_head_bytes", "_max_headers", "_method", "_overhead", "_pairs", "_parser",
        "_state", "_until_eof", "_upgrade_requested", "can_reuse", "has_begun", "head", "informational",
        "is_complete", "is_tunnel", "on_body", "parts", "trailers",
    )  # fmt: skip

    def __init__(self, max_head_bytes: int = 65536, max_headers: int = 200) -> None:
        self._max_head_bytes = max_head_bytes
        self._max_headers = max_headers
        self._state = _WAITING
        self._held: bytearray | None = None
        self.parts: list[bytes] = []
        # llhttp calls this once per piece of body: list.append costs no Python frame
        self.on_body = self.parts.append
        self.informational: list[tuple[int, Headers]] = []
        self._parser: HttpResponseParser | None = None
        self._head_alone = False
        self.expect("GET", False)
        self._state = _WAITING

    def expect(self, method: str, upgrade: bool) -> None:
        """Get ready for the response to a request. `upgrade` says that it asks to switch protocols."""
        self._method = method
        self._upgrade_requested = upgrade
        self._state = _HEAD
        self._pairs: HeaderPairs = []
        self._connection_tokens = b""
        self._content_length: int | None = None
        self._chunked = False
        self._until_eof = False
        self._interim_count = 0
        self._overhead = 0
        self._left = 0
        self.head: ResponseHead | None = None
        self.trailers: HeaderPairs = []
        self.has_begun = False
        self.is_complete = False
        self.is_tunnel = False
        self.can_reuse = False

    def feed(self, data: bytes) -> None:
        """Take bytes from the wire. Raises ResponseFault; the connection is then of no more use."""
        state = self._state
        if state == _BODY:
            self._feed_body(data)
        elif state == _HEAD:
            self.has_begun = True
            self._feed_head(data)
        elif state == _TUNNEL:
            self.parts.append(data)
        else:
            self.can_reuse = False
            raise ResponseFault("bytes arrived that no request asked for")

    def feed_eof(self) -> None:
        """The peer closed. Ends a close-delimited body or a tunnel; anything else is broken off: ResponseFault."""
        state = self._state
        self.can_reuse = False
        if state == _TUNNEL or (state == _BODY and self._until_eof):
            self._state = _COMPLETE
            self.is_complete = True
        elif state == _BODY:
            raise ResponseFault("the connection was closed in the middle of the response body")
        elif state == _HEAD:
            where = "in the middle of the response head" if self.has_begun else "before any response"
            raise ResponseFault(f"the connection was closed {where}")

    def take_head(self) -> ResponseHead | None:
        """The final head, the first time it is asked for after it has arrived."""
        head = self.head
        self.head = None
        return head

    def take_body(self) -> bytes:
        """The body bytes since the last call, unframed, in one piece."""
        parts = self.parts
        if not parts:
            return b""
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        return data

    @property
    def is_between_messages(self) -> bool:
        """True before the first byte of a response and after the last one."""
        return self._state == _COMPLETE or not self.has_begun

    # --- feeding

    def _feed_head(self, data: bytes) -> None:
        while True:
            whole = self._whole_head(data)
            if whole is None:
                return
            data, end = whole
            first_digit = data[9]
            if first_digit != _ONE and not (
                self._method == "HEAD" or (self._method == "CONNECT" and first_digit == _TWO)
            ):
                self._feed_message(data, end)
                return
            rest = data[end:]
            self._feed_head_alone(data[:end], rest)
            if self._state != _HEAD or not rest:
                return
            data = rest

    def _whole_head(self, data: bytes) -> tuple[bytes, int] | None:
        """The bytes so far and where the head ends in them; None while it is not whole."""
        held = self._held
        if held is None:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._check_partial(data, data)
                self._held = bytearray(data)
                return None
        else:
            start = max(0, len(held) - 3)
            new_lines = b"\r" + data if held.endswith(b"\r") else data
            held += data
            end = held.find(b"\r\n\r\n", start)
            if end < 0:
                self._check_partial(held, new_lines)
                return None
            data = bytes(held)
            self._held = None
        end += 4
        if end > self._max_head_bytes:
            raise ResponseFault(f"the response head is larger than {self._max_head_bytes} bytes")
        if not data.startswith(b"HTTP/1.") or len(data) < 13:
            raise ResponseFault("the response does not begin with an HTTP/1.1 status line")
        if data.find(b"\0", 0, end) >= 0:
            raise ResponseFault("the response head holds a NUL")  # llhttp lets one pass in the reason phrase
        return data, end

    def _check_partial(self, held: bytes | bytearray, new_lines: bytes) -> None:
        """Refuse early what can never become a head, instead of waiting for its end."""
        if not b"HTTP/1.".startswith(held[:7]):
            raise ResponseFault("the response does not begin with an HTTP/1.1 status line")
        if len(held) > self._max_head_bytes:
            raise ResponseFault(f"the response head is larger than {self._max_head_bytes} bytes")
        if new_lines.count(b"\n") != new_lines.count(b"\r\n"):
            raise ResponseFault("a line of the response head ends in LF without CR")

    def close(self) -> None:
        """Nothing will be fed any more. It and its parser hold each other: let go, so that no cycle is left."""
        self._parser = None

    def _feed_message(self, data: bytes, end: int) -> None:
        self._state = _BODY
        self._is_http_1_0 = data[7] != _ONE
        # minus the body bytes of this read; on_headers_complete adds Content-Length
        self._left = end - len(data)
        parser = self._parser
        if parser is None:
            parser = self._parser = HttpResponseParser(self)
        self._run(parser, data)

    def _feed_body(self, data: bytes) -> None:
        self._left -= len(data)
        parser = self._parser
        assert parser is not None
        self._run(parser, data)
        if self.parts:
            self._overhead = 0
            return
        # chunk extensions and trailers carry no body: without a bound they could go on for ever
        self._overhead += len(data)
        if self._overhead > self._max_head_bytes and not self.is_complete:
            raise ResponseFault(f"more than {self._max_head_bytes} bytes of chunk framing or trailers without content")

    def _run(self, parser: HttpResponseParser, data: bytes) -> None:
        try:
            parser.feed_data(data)
        except HttpParserError as error:
            self._parser = None
            if not self.is_complete:
                raise _fault(error) from None
            self.can_reuse = False
            return
        if self.is_complete and self.can_reuse:
            self._check_surplus(data)

    def _check_surplus(self, data: bytes) -> None:
        """llhttp skips CR and LF before a message silently; after ours they still are bytes nobody asked for."""
        if self._chunked:
            if len(data) - len(data.rstrip(b"\r\n")) > 4:
                self.can_reuse = False
        elif self._left < 0:
            self.can_reuse = False

    def _feed_head_alone(self, head: bytes, rest: bytes) -> None:
        """A message that ends with its head whatever its fields say (RFC 9112 §6.3, rules 1 and 2)."""
        self._is_http_1_0 = head[7] != _ONE
        self._head_alone = True
        parser = self._parser = HttpResponseParser(self)
        try:
            parser.feed_data(head)
        except HttpParserUpgrade:
            pass
        except HttpParserError as error:
            raise _fault(error) from None
        finally:
            self._head_alone = False
            self._parser = None  # it may wait for a body that does not come
        parsed = self.head
        if parsed is None:
            raise ResponseFault("the response head is malformed")
        if parsed.status == 101 or (self._method == "CONNECT" and parsed.status < 300):
            self._enter_tunnel(parsed.status, rest)
        elif parsed.status < 200:
            self._take_interim(parsed)
        else:
            self._state = _COMPLETE
            self.is_complete = True
            tokens = {token.strip(b" \t") for token in self._connection_tokens.split(b",")}
            persistent = b"keep-alive" in tokens if self._is_http_1_0 else b"close" not in tokens
            self.can_reuse = persistent and not rest

    def _enter_tunnel(self, status: int, rest: bytes) -> None:
        if status == 101 and not self._upgrade_requested:
            raise ResponseFault("101 Switching Protocols without a request to switch")
        self._state = _TUNNEL
        self.is_tunnel = True
        if rest:
            self.parts.append(rest)

    def _take_interim(self, parsed: ResponseHead) -> None:
        self._interim_count += 1
        if self._interim_count > MAX_INTERIM_RESPONSES:
            raise ResponseFault(f"more than {MAX_INTERIM_RESPONSES} interim responses")
        if parsed.status != 100:
            self.informational.append((parsed.status, parsed.headers))
        self.head = None
        self._pairs = []
        self._connection_tokens = b""
        self._content_length = None
        self._chunked = False
        self._until_eof = False

    # --- called by llhttp

    def on_message_begin(self) -> None:
        """A message begins: a second one in the same read belongs to no request."""
        if self.is_complete:
            raise _Surplus

    def on_header(self, name: bytes, value: bytes) -> None:
        """One field of the head or of the trailers."""
        if value and (value[0] <= _SPACE or value[-1] <= _SPACE):
            value = value.strip(b" \t")
        known = _end_to_end_names.get(name)
        if known is not None:
            self._pairs.append((known, value))
            return
        lower = name.lower()
        if lower in _OF_THE_CONNECTION:
            self._take_connection_field(lower, value)
            return
        if len(_end_to_end_names) < _MAX_KNOWN_NAMES and len(name) <= 64:
            _end_to_end_names[name] = lower
        self._pairs.append((lower, value))

    def on_headers_complete(self) -> None:
        """The head is whole: decide how the body is delimited (RFC 9112 §6.3)."""
        parser = self._parser
        assert parser is not None
        pairs = self._pairs
        if len(pairs) > self._max_headers:
            raise ResponseFault(f"the response has more than {self._max_headers} header fields")
        status = parser.get_status_code()
        if status < 100:
            raise ResponseFault(f"{status:03d} is not a status code")
        if self._connection_tokens and self._connection_tokens != b"keep-alive":
            pairs = self._without_nominated(pairs)
        length = self._content_length
        if status == 204 or status == 304:
            self._chunked = False
        elif length is not None:
            self._left += length
        elif not self._chunked:
            self._until_eof = True
        self.head = ResponseHead(status, Headers(pairs), length)
        self._pairs = self.trailers

    def on_message_complete(self) -> None:
        """The end. llhttp forgets the framing when this returns, so reuse is decided here."""
        if self._head_alone:
            return
        if len(self.trailers) > self._max_headers:
            raise ResponseFault(f"the response has more than {self._max_headers} trailer fields")
        parser = self._parser
        assert parser is not None
        self.can_reuse = parser.should_keep_alive() and not (self._is_http_1_0 and self._chunked)
        self._state = _COMPLETE
        self.is_complete = True

    # --- fields

    def _take_connection_field(self, name: bytes, value: bytes) -> None:
        if self._pairs is self.trailers:
            return  # framing and connection fields have no meaning in trailers (RFC 9110 §6.5.1)
        if name == b"content-length":
            self._content_length = int(value)  # llhttp has refused anything but digits, and a second one
        elif name == b"connection":
            tokens = self._connection_tokens
            self._connection_tokens = tokens + b"," + value.lower() if tokens else value.lower()
        elif name == b"transfer-encoding":
            if self._chunked or value.lower() != b"chunked":
                raise ResponseFault("a transfer coding other than one `chunked`")
            self._chunked = True
        elif name == b"upgrade" and self._head_alone:
            self._pairs.append((name, value))

    def _without_nominated(self, pairs: HeaderPairs) -> HeaderPairs:
        """Fields that Connection names belong to this connection alone (RFC 9110 §7.6.1)."""
        tokens = {token.strip(b" \t") for token in self._connection_tokens.split(b",")} - _NOT_NOMINATED
        return [pair for pair in pairs if pair[0] not in tokens] if tokens else pairs


def _fault(error: HttpParserError) -> ResponseFault:
    cause = error.__context__
    return cause if isinstance(cause, ResponseFault) else ResponseFault(str(error))
