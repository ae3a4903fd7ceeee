"""Reads a changed configuration in a process of its own, so that the supervisor goes on answering its workers."""

import os
import signal
from collections.abc import Callable

import msgspec

from entresol.supervisor.child import fork


class Document(msgspec.Struct, frozen=True):
    """A configuration that has been validated, in the form that workers take it."""

    version: str
    """A digest of what is served."""
    content: bytes
    warnings: tuple[str, ...] = ()
    source_digest: bytes = b""
    """Of the file that it was read from, for `FileWatch`."""


class Refused(msgspec.Struct, frozen=True):
    """Why a configuration cannot be served: every error with its path."""

    errors: tuple[str, ...]

    def __str__(self) -> str:
        return "; ".join(self.errors)


Load = Callable[[], Document | Refused]


class Loader:
    """One attempt. Watch `fd` for reading and call `receive` until it gives an outcome."""

    def __init__(self, load: Load) -> None:
        self.fd, write = os.pipe()

        def run() -> int:
            os.close(self.fd)
            outcome = load()
            with open(write, "wb") as pipe:
                pipe.write(b"+" if isinstance(outcome, Document) else b"-")
                pipe.write(msgspec.msgpack.encode(outcome))
            return 0

        self.pid = fork(run)
        os.close(write)
        self._data = bytearray()

    def receive(self) -> Document | Refused | None:
        """Read what there is; an outcome once there is all of it."""
        data = os.read(self.fd, 1 << 20)
        if data:
            self._data += data
            return None
        os.close(self.fd)
        try:
            if self._data[:1] == b"+":
                return msgspec.msgpack.decode(self._data[1:], type=Document)
            return msgspec.msgpack.decode(self._data[1:], type=Refused)
        except msgspec.DecodeError:
            return Refused(("the process that read the configuration died",))

    def cancel(self) -> None:
        """Stop it; nothing will come."""
        os.kill(self.pid, signal.SIGKILL)
        os.close(self.fd)
