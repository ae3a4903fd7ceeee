"""WebSocket frames (RFC 6455), read on their way through: whole frames in, the same bytes out, and what they said.

A reader serves one direction. It gives out only whole frames, so that a frame of ours can always follow: the session
can be ended in mid-stream. Extensions must not have been agreed on, or payloads could not be read.
"""

import struct
from typing import Final, NamedTuple

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

POLICY_VIOLATION: Final = 1008
PROTOCOL_ERROR: Final = 1002
BAD_DATA: Final = 1007
TOO_BIG: Final = 1009
GOING_AWAY: Final = 1001

_NO_STATUS: Final = 1005  # what a close frame without a code means; never sent
_OPCODES: Final = frozenset((CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG))
_CODES: Final = frozenset((1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014))
MAX_MESSAGE: Final = 16_777_216
"""Bytes of a message, fragments together."""
_MAX_CONTROL: Final = 125
_MAX_REASON: Final = 123


class FrameFault(Exception):
    """The peer broke the protocol. `code` is what it should be closed with (RFC 6455 §7.4.1)."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Frame(NamedTuple):
    """One whole frame."""

    opcode: int
    raw: bytes
    """The frame as it came, mask and all."""
    message: bytes | None
    """Unmasked: of a data frame the message that it ends, None if it ends none; of a control frame its payload."""
    kind: int
    """The opcode that `message` began with."""


class FrameReader:
    """The frames of one direction."""

    def __init__(self, *, masked: bool, max_message: int = MAX_MESSAGE) -> None:
        """`masked`: clients have to mask their frames, servers must not (RFC 6455 §5.1)."""
        self._masked = masked
        self._max_message = max_message
        self._buffer = bytearray()
        self._need = 2  # bytes of the buffer without which there is nothing to do
        self._fragments = bytearray()
        self._kind = 0
        self.close_code: int | None = None
        """Of the close frame; 1005 if it held none. After it nothing more is read, or given out."""

    @property
    def is_in_message(self) -> bool:
        """Between the fragments of a message: only control frames may follow."""
        return self._kind != 0

    @property
    def held(self) -> int:
        """Bytes in here now."""
        return len(self._buffer) + len(self._fragments)

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes. Raises FrameFault; what was whole before the fault is lost."""
        frames: list[Frame] = []
        if self.close_code is not None:
            return frames
        buffer = self._buffer
        buffer += data
        at = 0
        while len(buffer) - at >= self._need and self.close_code is None:
            end = self._end_of_frame(at)
            if end < 0:
                continue
            frames.append(self._frame(bytes(memoryview(buffer)[at:end])))
            at, self._need = end, 2
        if self.close_code is not None:
            buffer.clear()
        else:
            del buffer[:at]
        return frames

    def _end_of_frame(self, at: int) -> int:
        """Where the frame that starts at `at` ends; -1, with `_need` raised, while that many bytes are not there."""
        buffer = self._buffer
        length = buffer[at + 1] & 0x7F
        header = 2 + (2 if length == 126 else 8 if length == 127 else 0)
        if self._need < header:
            self._check_start(buffer[at], buffer[at + 1])
            self._need = header
            return -1
        if header == 2:
            self._check_start(buffer[at], buffer[at + 1])
        else:
            short = length == 126
            length = int.from_bytes(memoryview(buffer)[at + 2 : at + header], "big")
            if length < (126 if short else 65_536) or length >> 63:
                raise FrameFault(PROTOCOL_ERROR, "a frame's length is not in its shortest form")
        if length + len(self._fragments) > self._max_message:
            raise FrameFault(TOO_BIG, f"a message is larger than {self._max_message} bytes")
        self._need = header + (4 if self._masked else 0) + length
        return at + self._need if len(buffer) - at >= self._need else -1

    def _check_start(self, first: int, second: int) -> None:
        """The first two bytes of a frame (RFC 6455 §5.2, §5.5)."""
        opcode = first & 0x0F
        if first & 0x70:
            raise FrameFault(PROTOCOL_ERROR, "a frame has reserved bits set: no extension was agreed on")
        if opcode not in _OPCODES:
            raise FrameFault(PROTOCOL_ERROR, f"a frame has the unknown opcode {opcode}")
        if bool(second & 0x80) != self._masked:
            raise FrameFault(PROTOCOL_ERROR, "a frame is not masked" if self._masked else "a frame is masked")
        if opcode >= CLOSE:
            if not first & 0x80:
                raise FrameFault(PROTOCOL_ERROR, "a control frame is fragmented")
            if second & 0x7F > _MAX_CONTROL:
                raise FrameFault(PROTOCOL_ERROR, "a control frame is larger than 125 bytes")
        elif (opcode == CONTINUATION) != (self._kind != 0):
            raise FrameFault(PROTOCOL_ERROR, "a fragment is out of order")

    def _frame(self, raw: bytes) -> Frame:
        opcode, ends = raw[0] & 0x0F, bool(raw[0] & 0x80)
        length = raw[1] & 0x7F
        start = 2 + (2 if length == 126 else 8 if length == 127 else 0)
        payload = masked_with(raw[start : start + 4], raw[start + 4 :]) if self._masked else raw[start:]
        if opcode >= CLOSE:
            if opcode == CLOSE:
                self.close_code = _close_code(payload)
            return Frame(opcode, raw, payload, opcode)
        kind = self._kind or opcode
        if not ends:
            self._kind = kind
            self._fragments += payload
            return Frame(opcode, raw, None, kind)
        if self._kind:
            payload = bytes(self._fragments) + payload
            self._fragments.clear()
            self._kind = 0
        if kind == TEXT:
            _check_text(payload)
        return Frame(opcode, raw, payload, kind)


def masked_with(key: bytes, payload: bytes) -> bytes:
    """A payload masked with a key of four bytes, or unmasked (RFC 6455 §5.3)."""
    size = len(payload)
    if not size:
        return b""
    keys = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(keys, "big")).to_bytes(size, "big")


def text_frame(payload: bytes, mask: bytes | None = None) -> bytes:
    """A text message in one frame. `mask`: four random bytes, for frames that go to a server."""
    return _written(TEXT, payload, mask)


def pong_frame(payload: bytes, mask: bytes | None = None) -> bytes:
    """The answer to a ping (RFC 6455 §5.5.3)."""
    return _written(PONG, payload, mask)


def close_frame(code: int, reason: str = "", mask: bytes | None = None) -> bytes:
    """A close frame; of the reason as much as fits."""
    said = reason.encode()[:_MAX_REASON].decode("utf-8", "ignore").encode()
    return _written(CLOSE, struct.pack("!H", code) + said, mask)


def _written(opcode: int, payload: bytes, mask: bytes | None) -> bytes:
    size, bit = len(payload), 0 if mask is None else 0x80
    if size < 126:
        head = bytes((0x80 | opcode, bit | size))
    elif size < 65_536:
        head = struct.pack("!BBH", 0x80 | opcode, bit | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, bit | 127, size)
    return head + payload if mask is None else head + mask + masked_with(mask, payload)


def _close_code(payload: bytes) -> int:
    if not payload:
        return _NO_STATUS
    if len(payload) == 1:
        raise FrameFault(PROTOCOL_ERROR, "a close frame holds half a code")
    code = int.from_bytes(payload[:2], "big")
    if code not in _CODES and not 3000 <= code <= 4999:
        raise FrameFault(PROTOCOL_ERROR, f"a close frame holds the code {code}, which must not be sent")
    _check_text(payload[2:])
    return code


def _check_text(payload: bytes) -> None:
    try:
        payload.decode()
    except UnicodeDecodeError:
        raise FrameFault(BAD_DATA, "a text is not UTF-8") from None
