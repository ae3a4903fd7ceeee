"""Server-sent events (WHATWG HTML, section 9.2), incrementally: bytes in, events out, over any split.

Linear in the input: the unfinished rest of a stream is kept in pieces and scanned once.
"""

from typing import Final

MAX_EVENT_BYTES = 16 * 1024 * 1024
"""An event larger than this is an attack or a fault."""


_KEEP_ALIVES: Final = frozenset((b"ping", b"keepalive", b"keep-alive", b"heartbeat"))


class SseEvent:
    """One event. `name` is empty where the stream gave none."""

    __slots__ = ("data", "name")

    def __init__(self, name: bytes, data: bytes) -> None:
        self.name = name
        self.data = data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SseEvent) and self.name == other.name and self.data == other.data

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"SseEvent({self.name!r}, {self.data!r})"


class SseTooLarge(ValueError):
    """An event exceeds `MAX_EVENT_BYTES`."""


class SseDecoder:
    """Feed it bytes as they come. Events are complete when their blank line is; a rest without one is no event.

    Keep-alives are no events: those without data, and those that are named so. A line that is neither a field nor a
    comment but JSON is an event: so servers write the error that ends a stream.
    """

    __slots__ = ("_data", "_is_bare", "_is_first", "_line", "_line_size", "_name", "_size", "_skip_lf")

    def __init__(self) -> None:
        self._line: list[bytes] = []  # pieces of the line under way
        self._line_size = 0
        self._data: list[bytes] = []
        self._name = b""
        self._size = 0
        self._skip_lf = False  # the last byte was CR: a LF that follows belongs to it
        self._is_first = True
        self._is_bare = False  # the event under way is JSON in no field

    def feed(self, data: bytes) -> list[SseEvent]:
        """The events that `data` completes."""
        if not data:
            return []
        if self._skip_lf:
            self._skip_lf = False
            if data[0] == 10:
                data = data[1:]
        if b"\r" in data:
            self._skip_lf = data[-1] == 13
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = data.split(b"\n")
        rest = lines.pop()
        events: list[SseEvent] = []
        for line in lines:
            if self._line:
                self._line.append(line)
                line = b"".join(self._line)
                self._line = []
                self._line_size = 0
            self._take_line(line, events)
        if rest:
            self._line.append(rest)
            self._line_size += len(rest)
            self._check_size()
        return events

    @property
    def has_rest(self) -> bool:
        """True when bytes were seen that belong to no complete event."""
        return bool(self._line or self._data)

    def finish(self) -> list[SseEvent]:
        """The end of the stream: the last event, when only its blank line is missing.

        Stricter readers drop such an event; providers and gateways forget the last blank line often enough.
        """
        events: list[SseEvent] = []
        if self._line:
            line, self._line = b"".join(self._line), []
            self._line_size = 0
            self._take_line(line, events)
        self._take_line(b"", events)
        return events

    def _take_line(self, line: bytes, events: list[SseEvent]) -> None:
        if self._is_first:
            self._is_first = False
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line.startswith(b"data:"):
            value = line[6:] if line[5:6] == b" " else line[5:]
            self._data.append(value)
            self._size += len(value)
            self._check_size()
        elif not line:
            if self._data:
                data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                if data and not (self._name and self._name in _KEEP_ALIVES):
                    events.append(SseEvent(self._name, data))
                self._data = []
                self._size = 0
            self._name = b""
            self._is_bare = False
        elif line.startswith(b"event:"):
            self._name = line[7:] if line[6:7] == b" " else line[6:]
        elif line.startswith(b"{") and not self._data:
            self._is_bare = True
            self._take_bare(line, events)
        elif self._is_bare:
            self._take_bare(line, events)

    def _take_bare(self, line: bytes, events: list[SseEvent]) -> None:
        """A line of JSON that stands in no field."""
        self._data.append(line)
        self._size += len(line)
        self._check_size()
        if line.endswith(b"}") and (len(self._data) == 1 or line == b"}"):  # else it ends at a blank line
            self._take_line(b"", events)

    def _check_size(self) -> None:
        if self._size + self._line_size > MAX_EVENT_BYTES:
            raise SseTooLarge(f"an event of the stream exceeds {MAX_EVENT_BYTES} bytes")


def sse_data(data: bytes) -> bytes:
    """One event with data on one line, as OpenAI and Gemini write it. `data` holds no line break."""
    return b"data: %b\n\n" % data


def sse_event(name: bytes, data: bytes) -> bytes:
    """One named event, as Anthropic writes it. `data` holds no line break."""
    return b"event: %b\ndata: %b\n\n" % (name, data)


def events_in(fragment: bytes, *, from_start: bool) -> list[SseEvent]:
    """The events in a piece of a stream. Unless it is the start, what precedes its first blank line is skipped."""
    if not from_start:
        fragment = fragment.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        _, _, fragment = fragment.partition(b"\n\n")
    decoder = SseDecoder()
    events = decoder.feed(fragment)
    return events + decoder.finish()
