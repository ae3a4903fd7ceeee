"""AWS's binary event streams (`application/vnd.amazon.eventstream`), incrementally: bytes to messages and back.

Source: Smithy specification, "Amazon Event Stream". A message is a prelude (total length, length of the headers, CRC-32
of both), headers, a payload, and the CRC-32 of all of it. Numbers are big-endian. Linear in the input: what is still
missing of a message is waited for by its length, so no byte is looked at twice.
"""

from binascii import crc32
from collections.abc import Mapping
from struct import Struct
from typing import Final

import msgspec

MAX_HEADER_BYTES: Final = 128 * 1024
"""All headers of a message together, as the specification has it."""
MAX_PAYLOAD_BYTES: Final = 24 * 1024 * 1024
"""As AWS's own clients have it."""


class Byte(int):
    """An integer of 8 bits."""


class Short(int):
    """An integer of 16 bits."""


class Integer(int):
    """An integer of 32 bits."""


class Timestamp(int):
    """Milliseconds since the epoch."""


class Uuid(bytes):
    """A UUID: 16 bytes."""


HeaderValue = bool | int | str | bytes
"""A plain `int` is one of 64 bits; the classes above are the other types."""


class EventMessage(msgspec.Struct, frozen=True, gc=False):
    """One message. Headers are shared between messages that have the same: not to be changed."""

    headers: Mapping[str, HeaderValue]
    payload: bytes

    def text(self, name: str) -> str:
        """A header that is a string; empty when it is missing or something else."""
        value = self.headers.get(name, "")
        return value if isinstance(value, str) else ""


class EventStreamFault(ValueError):
    """The bytes are no event stream."""

    before: "list[EventMessage]" = []
    """The messages that were complete before it, in the same piece."""


class EventStreamDecoder:
    """Feed it bytes as they come. `feed` raises EventStreamFault; nothing can be read after that."""

    __slots__ = ("_known", "_needed", "_parts", "_size")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._needed = _PRELUDE_BYTES
        self._known: dict[bytes, Mapping[str, HeaderValue]] = {}  # streams repeat the same few headers

    def feed(self, data: bytes) -> list[EventMessage]:
        """The messages that `data` completes."""
        size = self._size + len(data)
        if size < self._needed:
            if data:
                self._parts.append(data)
                self._size = size
            return []
        if self._parts:
            self._parts.append(data)
            data = b"".join(self._parts)
            self._parts = []
        messages: list[EventMessage] = []
        at = 0
        try:
            while True:
                if size - at < _PRELUDE_BYTES:
                    self._needed = _PRELUDE_BYTES
                    break
                total, header_bytes = _read_prelude(data, at)
                if size - at < total:
                    self._needed = total
                    break
                messages.append(self._read(data, at, total, header_bytes))
                at += total
        except EventStreamFault as fault:
            fault.before = messages
            raise
        self._size = size - at
        if self._size:
            self._parts.append(data[at:])
        return messages

    @property
    def has_rest(self) -> bool:
        """True when bytes were seen that belong to no complete message."""
        return self._size > 0

    def _read(self, data: bytes, at: int, total: int, header_bytes: int) -> EventMessage:
        end = at + total - 4
        if crc32(data[at:end]) != _read_word(data, end)[0]:
            raise EventStreamFault("the checksum of a message is wrong")
        start = at + _PRELUDE_BYTES
        block = data[start : start + header_bytes]
        headers = self._known.get(block)
        if headers is None:
            headers = read_headers(block)
            if len(self._known) < _MAX_KNOWN:
                self._known[block] = headers
        return EventMessage(headers, data[start + header_bytes : end])


class WholeMessages:
    """Lets the bytes of a stream through, whole messages at a time, so that an error can follow at any moment.

    A reader that gets a message's start and then another message waits for the rest of the first, and takes the end of
    the stream for a good one. Called with each piece and whether it is the last; what is cut at the end stays out.
    """

    __slots__ = ("_is_lost", "_needed", "_parts", "_size")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._needed = _WORD.size
        self._is_lost = False
        """The bytes are no event stream: all of them pass."""

    def __call__(self, data: bytes, last: bool) -> bytes:
        size = self._size + len(data)
        if size < self._needed and not self._is_lost:
            self._parts.append(data)
            self._size = size
            return b""
        if self._parts:
            self._parts.append(data)
            data = b"".join(self._parts)
            self._parts = []
        at = 0 if not self._is_lost else size
        self._needed = _WORD.size
        while size - at >= _WORD.size:
            total = _read_word(data, at)[0]
            if not _FRAME_BYTES <= total <= _MAX_MESSAGE_BYTES:
                self._is_lost = True
                at = size
            elif size - at < total:
                self._needed = total
                break
            else:
                at += total
        self._size = size - at
        if self._size == 0:
            return data
        self._parts.append(data[at:])
        return data[:at]


def messages_in(fragment: bytes, *, from_start: bool) -> list[EventMessage]:
    """The messages in a piece of a stream. Unless it is the start, what precedes the first whole prelude is skipped;
    what is cut or broken at the end is left out."""
    at = 0 if from_start else _first_prelude(fragment)
    messages: list[EventMessage] = []
    while at >= 0 and len(fragment) - at >= _PRELUDE_BYTES:
        try:
            total, _ = _read_prelude(fragment, at)
            if len(fragment) - at < total:
                break
            messages += EventStreamDecoder().feed(fragment[at : at + total])
        except EventStreamFault:
            break
        at += total
    return messages


def read_headers(block: bytes) -> dict[str, HeaderValue]:
    """The headers of a message by name. Raises EventStreamFault."""
    headers: dict[str, HeaderValue] = {}
    at, end = 0, len(block)
    while at < end:
        start = at + 1
        at = start + block[at]
        if at >= end:
            raise EventStreamFault("a header of a message is cut")
        try:
            name = block[start:at].decode()
        except UnicodeDecodeError as error:
            raise EventStreamFault("the name of a header is not UTF-8") from error
        if name in headers:
            raise EventStreamFault("a message has a header twice")
        headers[name], at = _read_value(block, at + 1, block[at])
    return headers


def encode_message(headers: Mapping[str, HeaderValue], payload: bytes) -> bytes:
    """One message. Raises EventStreamFault for headers or a payload that no message can hold."""
    return encode_block(write_headers(headers), payload)


def encode_block(block: bytes, payload: bytes) -> bytes:
    """One message whose headers are written already (`write_headers`)."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise EventStreamFault(f"the payload of a message exceeds {MAX_PAYLOAD_BYTES} bytes")
    lengths = _LENGTHS.pack(len(payload) + len(block) + _FRAME_BYTES, len(block))
    checksum = crc32(lengths)
    head = lengths + _WORD.pack(checksum) + block
    return b"".join((head, payload, _WORD.pack(crc32(payload, crc32(head)))))


def write_headers(headers: Mapping[str, HeaderValue]) -> bytes:
    """Headers as they stand in a message. Raises EventStreamFault."""
    out: list[bytes] = []
    for name, value in headers.items():
        encoded = name.encode()
        if not 0 < len(encoded) < 256:
            raise EventStreamFault("the name of a header has 1 to 255 bytes")
        out += (bytes((len(encoded),)), encoded, _write_value(value))
    block = b"".join(out)
    if len(block) > MAX_HEADER_BYTES:
        raise EventStreamFault(f"the headers of a message exceed {MAX_HEADER_BYTES} bytes")
    return block


_LENGTHS: Final = Struct(">II")
_WORD: Final = Struct(">I")
_PRELUDE: Final = Struct(">III")
_PRELUDE_BYTES: Final = 12
_FRAME_BYTES: Final = 16
"""What a message has besides headers and payload."""
_MAX_MESSAGE_BYTES: Final = _FRAME_BYTES + MAX_HEADER_BYTES + MAX_PAYLOAD_BYTES
_MAX_KNOWN: Final = 32
_read_word: Final = _WORD.unpack_from
_unpack_prelude: Final = _PRELUDE.unpack_from
_SIZE: Final = Struct(">H")
_INTEGERS: Final[dict[int, tuple[Struct, type[int]]]] = {
    2: (Struct(">b"), Byte),
    3: (Struct(">h"), Short),
    4: (Struct(">i"), Integer),
    5: (Struct(">q"), int),
    8: (Struct(">q"), Timestamp),
}
_TYPES: Final = {kind: code for code, (_, kind) in _INTEGERS.items()}
_BYTES: Final = 6
_STRING: Final = 7
_UUID: Final = 9


def _read_prelude(data: bytes, at: int) -> tuple[int, int]:
    """Length of the message and of its headers. Raises EventStreamFault."""
    total, header_bytes, checksum = _unpack_prelude(data, at)
    if crc32(data[at : at + 8]) != checksum:
        raise EventStreamFault("the checksum of a message's prelude is wrong")
    if header_bytes > MAX_HEADER_BYTES:
        raise EventStreamFault(f"the headers of a message exceed {MAX_HEADER_BYTES} bytes")
    payload = total - header_bytes - _FRAME_BYTES
    if payload < 0:
        raise EventStreamFault("the lengths of a message contradict each other")
    if payload > MAX_PAYLOAD_BYTES:
        raise EventStreamFault(f"the payload of a message exceeds {MAX_PAYLOAD_BYTES} bytes")
    return total, header_bytes


def _first_prelude(fragment: bytes) -> int:
    """Where in the middle of a stream a message begins; -1: nowhere. The checksum of a prelude tells it."""
    at = fragment.find(b"\0")  # no message is so long that its length would begin otherwise
    while 0 <= at <= len(fragment) - _PRELUDE_BYTES:
        if fragment[at + 4] == 0 and fragment[at + 5] <= 2:
            try:
                _read_prelude(fragment, at)
            except EventStreamFault:
                pass
            else:
                return at
        at = fragment.find(b"\0", at + 1)
    return -1


def _read_value(block: bytes, at: int, kind: int) -> tuple[HeaderValue, int]:
    """A header's value, and where it ends."""
    if kind < 2:
        return kind == 0, at
    if kind in _INTEGERS:
        layout, made = _INTEGERS[kind]
        end = at + layout.size
        if end <= len(block):
            return made(layout.unpack_from(block, at)[0]), end
    elif kind == _UUID:
        end = at + 16
        if end <= len(block):
            return Uuid(block[at:end]), end
    elif kind in (_BYTES, _STRING):
        if at + 2 <= len(block):
            start = at + 2
            end = start + _SIZE.unpack_from(block, at)[0]
            if end <= len(block):
                return (block[start:end] if kind == _BYTES else _text(block[start:end])), end
    else:
        raise EventStreamFault(f"a header of a message has the unknown type {kind}")
    raise EventStreamFault("a header of a message is cut")


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise EventStreamFault("the value of a header is not UTF-8") from error


def _write_value(value: HeaderValue) -> bytes:
    if isinstance(value, bool):
        return b"\0" if value else b"\1"
    if isinstance(value, int):
        kind = _TYPES[type(value)]
        layout = _INTEGERS[kind][0]
        limit = 1 << (8 * layout.size - 1)
        if not -limit <= value < limit:
            raise EventStreamFault(f"the number {int(value)} does not fit its header")
        return bytes((kind,)) + layout.pack(value)
    if isinstance(value, Uuid):
        if len(value) != 16:
            raise EventStreamFault("a UUID has 16 bytes")
        return bytes((_UUID,)) + value
    data = value.encode() if isinstance(value, str) else value
    if len(data) > 65_535:
        raise EventStreamFault("the value of a header exceeds 65535 bytes")
    return bytes((_STRING if isinstance(value, str) else _BYTES,)) + _SIZE.pack(len(data)) + data
