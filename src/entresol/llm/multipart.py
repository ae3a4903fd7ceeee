"""Reads multipart/form-data as it passes, and changes text fields in it, over any split of the bytes.

Only the text fields that somebody asked for are held until they are whole, and no more than `FormLimits` allows; all
other parts, files above all, pass at once. RFC 7578, RFC 2046 §5.1. Preamble and epilogue, which mean nothing, do not
pass: the first is refused, the second left out.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from entresol.llm.multipart_heads import PartHead, form_fault, read_part_head

Choice = Callable[[str | None], str | None]
"""From what the client says in a field, None if it does not, to what is sent, None if the field is left out.

Called once for each field: when it is whole, or when the form ends. It may raise ClientError.
"""

_START, _AFTER_BOUNDARY, _HEAD, _FIELD, _PASSING, _END = range(6)
_PADDING: Final = 256  # spaces that may stand after a boundary


class FormLimits(NamedTuple):
    """How large a form may be, in bytes unless it says otherwise."""

    parts: int = 1000
    """Their number."""
    head: int = 8192
    """Of the head of one part."""
    field: int = 65_536
    """Of a text field that is read."""
    part: int | None = None
    """Of any part."""
    held: int = 65_536
    """Of what is held back until the field is known that the call depends on."""


_LIMITS: Final = FormLimits()


class FormRewriter:
    """One form on its way. `feed` gives the bytes to send on."""

    def __init__(
        self, boundary: bytes, choices: Mapping[str, Choice], *, waits_for: str = "", limits: FormLimits = _LIMITS
    ) -> None:
        """`choices`: the text fields to read, by name. With `waits_for`, the name of one of them, nothing is given out
        before that field is known."""
        self.values: dict[str, str] = {}
        """What the client says in these fields, as far as they have come."""
        self._choices = choices
        self._waits_for = waits_for
        self._limits = limits
        self._dashed = b"--" + boundary
        self._needle = b"\n--" + boundary
        self._buffer = bytearray()
        self._searched = 0  # bytes of the buffer that are known not to hold what is looked for
        self._state = _START
        self._number = 0
        self._part_size = 0
        self._head = b""
        self._field = PartHead("", False, True)
        self._has_written = False
        self._out: list[bytes] = []
        self._out_size = 0

    @property
    def is_complete(self) -> bool:
        """The closing boundary was read."""
        return self._state == _END

    @property
    def held(self) -> int:
        """Bytes in here now."""
        return len(self._buffer) + self._out_size

    def feed(self, data: bytes, last: bool = False) -> bytes:
        """More of the form, and whether it is all. Raises ClientError `bad_request`."""
        self._buffer += data
        while self._step():
            pass
        if last and self._state != _END:
            raise form_fault(f"the form is cut off in part {self._number}: there is no closing boundary")
        if self._waits_for:
            if self._out_size > self._limits.held:
                raise form_fault(
                    f"`{self._waits_for}` must stand in the first {self._limits.held} bytes, before any file: "
                    "where the request goes depends on it"
                )
            return b""
        out = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        self._out_size = 0
        return out

    # The steps: each takes something off the buffer, and says whether there may be more to do.

    def _step(self) -> bool:
        state = self._state
        if state == _PASSING:
            return self._pass()
        if state == _FIELD:
            return self._read_field()
        if state == _HEAD:
            return self._read_head()
        if state == _AFTER_BOUNDARY:
            return self._follow_boundary()
        if state == _START:
            return self._begin()
        self._buffer.clear()
        return False

    def _begin(self) -> bool:
        buffer, dashed = self._buffer, self._dashed
        if buffer.startswith(b"\r\n"):
            del buffer[:2]
            return True
        if len(buffer) < len(dashed) and (dashed.startswith(buffer) or buffer == b"\r"):
            return False
        if not buffer.startswith(dashed):
            raise form_fault("the body does not begin with the boundary that the content-type names")
        del buffer[: len(dashed)]
        self._state = _AFTER_BOUNDARY
        return True

    def _follow_boundary(self) -> bool:
        """After a boundary: `--` ends the form, the end of the line begins a part."""
        buffer = self._buffer
        if buffer.startswith(b"--"):
            self._end()
            return True
        end = buffer.find(b"\r\n", 0, _PADDING)
        if end < 0:
            if len(buffer) >= _PADDING or bytes(buffer.strip(b" \t")) not in (b"", b"-", b"\r"):
                raise form_fault(f"something follows the boundary after part {self._number}")
            return False
        if buffer[:end].strip(b" \t"):
            raise form_fault(f"something follows the boundary after part {self._number}")
        self._number += 1
        if self._number > self._limits.parts:
            raise form_fault(f"there are more than {self._limits.parts} parts")
        del buffer[: end + 2]
        self._state, self._searched = _HEAD, 0
        return True

    def _read_head(self) -> bool:
        buffer, limit = self._buffer, self._limits.head
        end = buffer.find(b"\r\n\r\n", max(0, self._searched - 3), limit + 4)
        if end < 0:
            self._searched = len(buffer)
            if len(buffer) > limit:
                raise form_fault(f"the head of part {self._number} is larger than {limit} bytes")
            return False
        head = bytes(memoryview(buffer)[:end])
        part = read_part_head(head, self._number)
        del buffer[: end + 2]  # the empty line's end stays: a boundary must not share it
        self._searched, self._part_size = 0, -2
        if part.name in self._choices:
            if part.name in self.values:
                raise form_fault(f"the field `{part.name}` is there twice")
            if part.is_file or not part.is_plain:
                raise form_fault(f"the field `{part.name}` must be plain text")
            self._head, self._field, self._state = head, part, _FIELD
        else:
            self._write(self._opening(), head, b"\r\n")
            self._state = _PASSING
        return True

    def _find_boundary(self) -> int:
        """Where in the buffer CRLF and the boundary stand; -1 if they do not. Nothing is searched twice."""
        buffer = self._buffer
        at = buffer.find(self._needle, self._searched)
        if at < 0:
            self._searched = max(0, len(buffer) - len(self._needle) + 1)
            return -1
        if buffer[at - 1 : at] != b"\r":
            raise form_fault(f"a boundary in part {self._number} stands after a bare line feed")
        if at == 1 and self._part_size < 0:
            raise form_fault(f"part {self._number} has no body")
        return at - 1

    def _pass(self) -> bool:
        buffer = self._buffer
        at = self._find_boundary()
        ready = at if at >= 0 else len(buffer) - len(self._needle) - 1
        if ready <= 0 and at < 0:
            return False
        self._count(ready)
        self._write(bytes(memoryview(buffer)[:ready]))
        del buffer[:ready]
        self._searched = max(0, self._searched - ready)
        if at >= 0:
            self._leave_part()
        return at >= 0

    def _read_field(self) -> bool:
        limit = self._limits.field
        at = self._find_boundary()
        if (at if at >= 0 else self._searched) - 2 > limit:
            raise form_fault(f"the field `{self._field.name}` is larger than {limit} bytes")
        if at < 0:
            return False
        raw = bytes(memoryview(self._buffer)[2:at])
        self._count(at)
        del self._buffer[:at]
        self._leave_part()
        name = self._field.name
        try:
            said = raw.decode()
        except UnicodeDecodeError:
            raise form_fault(f"the field `{name}` is not UTF-8") from None
        self.values[name] = said
        sent = self._choices[name](said)
        if sent is not None:
            self._write(self._opening(), self._head, b"\r\n\r\n", raw if sent == said else self._encoded(name, sent))
        self._know(name)
        return True

    def _leave_part(self) -> None:
        del self._buffer[: len(self._needle) + 1]
        self._searched = 0
        self._state = _AFTER_BOUNDARY

    def _end(self) -> None:
        """The closing boundary. Fields that did not come may still be put in."""
        if not self._number:
            raise form_fault("the form has no parts")
        for name, choice in self._choices.items():
            if name not in self.values:
                sent = choice(None)
                if sent is not None:
                    head = b'Content-Disposition: form-data; name="%b"\r\n\r\n' % name.encode()
                    self._write(self._opening(), head, self._encoded(name, sent))
                self._know(name)
        self._write(b"\r\n" if self._has_written else b"", self._dashed, b"--\r\n")
        self._buffer.clear()
        self._state = _END

    # What is given out.

    def _opening(self) -> bytes:
        opening = self._dashed + b"\r\n"
        return b"\r\n" + opening if self._has_written else opening

    def _write(self, *pieces: bytes) -> None:
        self._has_written = True
        for piece in pieces:
            if piece:
                self._out.append(piece)
                self._out_size += len(piece)

    def _encoded(self, name: str, value: str) -> bytes:
        """A value of ours. It must not be able to end its part."""
        encoded = value.encode()
        if b"\n" in encoded or b"\r" in encoded:
            raise form_fault(f"the field `{name}` must be one line")
        return encoded

    def _know(self, name: str) -> None:
        if name == self._waits_for:
            self._waits_for = ""

    def _count(self, size: int) -> None:
        self._part_size += size
        limit = self._limits.part
        if limit is not None and self._part_size > limit:
            raise form_fault(f"part {self._number} is larger than {limit} bytes")
