"""Lines to files off the event loop: a bounded queue and one writer thread, in batches.

A line costs the event loop an append. The thread wakes at the first line, and then writes what there is every
`linger_s`, or as soon as a batch is full, with one `write` per file, until there was nothing. Files are opened for
appending, so that several workers can write to one file without cutting each other's lines.

The thread and the event loop take turns with the interpreter's lock (GIL), and while the thread waits for its turn
the event loop pays a system call for each of its own turns: the fewer turns the thread takes, the better. A turn also
holds up whatever request comes just then, so there should be fewer turns than one for every hundred requests.
"""

import logging
import os
import threading
from collections import deque
from typing import Final

from entresol.core.cells import CounterCell

logger = logging.getLogger("entresol.telemetry")

STANDARD_STREAMS: Final = {"/dev/stdout": 1, "/dev/stderr": 2}
"""Opened by number: by name they cannot be opened where they are sockets."""
FILE_MODE: Final = 0o640
_BATCH_LINES: Final = 1_000
"""Not waited for longer, and taken from the queue in one go: meanwhile the event loop waits, for compiled code does not
let go of the lock in between."""
_OPEN_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC


class ThreadedLineSink:
    """The `LineSink` port. The thread starts with the first line, so that forking before is safe.

    `dropped` and `failed` count lines that were lost: to a full queue, and to a file that could not be written.
    """

    def __init__(
        self, dropped: CounterCell, failed: CounterCell, max_lines: int = 100_000, linger_s: float = 0.5
    ) -> None:
        self._dropped = dropped
        self._failed = failed
        self._max_lines = max_lines
        self._linger_s = linger_s
        self._queue: deque[tuple[str, bytes, bool]] = deque()
        self._is_awake = False  # the thread looks at the queue, or has been told to
        self._wake = threading.Semaphore(0)
        self._closing = threading.Event()
        self._rotate = threading.Event()
        self._writer: threading.Thread | None = None
        self._files: dict[str, int] = {}
        self._complained: set[str] = set()

    def write(self, path: str, line: bytes, reopen: bool = False) -> None:
        """Queue one line (the newline is added). `reopen` opens the file afresh for the batch the line is in."""
        queue = self._queue
        if len(queue) >= self._max_lines:
            self._dropped.value += 1
            return
        queue.append((path, line, reopen))
        if not self._is_awake:
            self._is_awake = True
            if self._writer is None:
                self._start()
            self._wake.release()
        elif len(queue) == _BATCH_LINES:
            self._wake.release()

    def reopen_files(self) -> None:
        """Open every file afresh with its next line: log rotation has moved the old ones away."""
        self._rotate.set()

    def close(self, timeout_s: float = 5.0) -> bool:
        """Write what is queued, close the files and end the thread. False when that takes longer."""
        writer = self._writer
        if writer is None:
            return True
        self._closing.set()
        self._wake.release()
        writer.join(timeout_s)
        return not writer.is_alive()

    def _start(self) -> None:
        self._writer = writer = threading.Thread(target=self._run, name="entresol-lines", daemon=True)
        writer.start()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.acquire()
            while self._queue:
                self._wake.acquire(timeout=self._linger_s)  # `close` and a full batch end the wait
                self._drain()
            # Cleared before the queue is looked at once more: a line that comes now finds the flag down and wakes us.
            self._is_awake = False
            self._drain()
        self._close_files(list(self._files))

    def _drain(self) -> None:
        while self._queue:
            self._write_batch()

    def _write_batch(self) -> None:
        queue = self._queue
        batches: dict[str, list[bytes]] = {}
        reopened: set[str] = set()
        for _ in range(min(len(queue), _BATCH_LINES)):
            path, line, reopen = queue.popleft()
            lines = batches.get(path)
            if lines is None:
                batches[path] = [line]
            else:
                lines.append(line)
            if reopen:
                reopened.add(path)
        if self._rotate.is_set():  # looked at behind the queue: no line that came after the call misses it
            self._rotate.clear()
            reopened.update(self._files)
        self._close_files([path for path in reopened if path in self._files])
        for path, lines in batches.items():
            self._append(path, lines)

    def _append(self, path: str, lines: list[bytes]) -> None:
        data = memoryview(b"\n".join([*lines, b""]))
        try:
            while data:
                written = os.write(self._opened(path), data)
                data = data[written:]
        except OSError as error:
            self._failed.value += len(lines)
            self._close_files([path] if path in self._files else [])
            if path not in self._complained:
                self._complained.add(path)
                logger.error("log lines for %s are being lost: %s", path, error.strerror)
        else:
            if path in self._complained:
                self._complained.discard(path)
                logger.warning("log lines for %s are written again", path)

    def _opened(self, path: str) -> int:
        file = self._files.get(path)
        if file is None:
            stream = STANDARD_STREAMS.get(path)
            file = os.open(path, _OPEN_FLAGS, FILE_MODE) if stream is None else os.dup(stream)
            self._files[path] = file
        return file

    def _close_files(self, paths: list[str]) -> None:
        for path in paths:
            os.close(self._files.pop(path))
