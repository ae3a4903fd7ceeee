"""The journal: what must be recorded before it takes effect, on this machine's disk, whether or not the store is up.

    number = await journal.append(record)        # strict: on the disk when this returns
    journal.append_soon(record)                  # buffered: on the disk a moment later

One thread writes: all records that wait go out in one write and one fdatasync (group commit), off the event loop.
`ship` hands them to the store in order and deletes files that are shipped; what was not acknowledged is shipped again
after a crash, so whoever receives records must take each number once.
"""

import asyncio
import contextlib
import itertools
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from entresol.core.errors import InternalError
from entresol.store.journal_file import file_name, files_in, frame, frames_of, whole_part

logger = logging.getLogger("entresol.store.journal")

SEGMENT_BYTES: Final = 64 * 1024 * 1024
MAX_BYTES: Final = 1024 * 1024 * 1024
_BATCH: Final = 1024
_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
_SHIPPED: Final = "shipped"

Done = Callable[[int | None], None]
"""Called on the writer's thread with the record's number, or None when it could not be written."""


class Journal:
    """The journal of one process, in a folder of its own. `close` when done."""

    def __init__(
        self,
        folder: Path,
        segment_bytes: int = SEGMENT_BYTES,
        max_bytes: int = MAX_BYTES,
        sync: Callable[[int], None] = os.fdatasync,
    ) -> None:
        """Opens it, and cuts off what a crash left half written. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._max_bytes = max_bytes
        self._sync = sync
        self._queue: deque[tuple[bytes, Done | None]] = deque()
        self._wake = threading.Condition()
        self._is_closing = False
        self._descriptor = -1
        self._written = 0
        """Bytes of the current file that are whole."""
        self._kept = 0
        """Bytes of all files before it."""
        self.next_number = self._recover()
        self.lost = 0
        """Buffered records that could not be written."""
        self._complained = False
        self._thread = threading.Thread(target=self._run, name="entresol-journal", daemon=True)
        self._thread.start()

    async def append(self, record: bytes) -> int:
        """Write a record; when this returns, a crash does not lose it. Returns its number.

        Raises InternalError `journal_unavailable` (503): whatever was to be recorded must not happen.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[int | None] = loop.create_future()

        def settle(number: int | None) -> None:
            if not future.done():
                future.set_result(number)

        def done(number: int | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is gone, and with it whoever waited
                loop.call_soon_threadsafe(settle, number)

        self._put(record, done)
        number = await future
        if number is None:
            raise InternalError("journal_unavailable", "the decision could not be recorded: see the log", status=503)
        return number

    def append_soon(self, record: bytes) -> None:
        """Queue a record. What cannot be written later is counted in `lost`."""
        self._put(record, None)

    def unshipped(self) -> Iterator[tuple[int, bytes]]:
        """The records that are on the disk and not acknowledged, with their numbers, in order."""
        shipped = self.shipped
        known = files_in(self._folder)
        ends = [first for first, _ in known[1:]] + [self.next_number]
        for (first, path), end in zip(known, ends, strict=True):
            # What stands behind `end` was refused when it could not be synced.
            for number, (record, _) in zip(range(first, end), frames_of(path), strict=False):
                if number > shipped:
                    yield number, record

    def acknowledge(self, number: int) -> None:
        """Records up to this one are in the store. Files that hold no others are deleted."""
        if number <= self.shipped:
            return
        draft = self._folder / f".{_SHIPPED}"
        draft.write_text(str(number), encoding="ascii")
        os.replace(draft, self._folder / _SHIPPED)
        known = files_in(self._folder)
        for (_, path), (following, _) in itertools.pairwise(known):
            if following <= number + 1:
                size = path.stat().st_size
                path.unlink()
                with self._wake:
                    self._kept -= size

    @property
    def shipped(self) -> int:
        """The last record that was acknowledged; 0 for none."""
        try:
            return int((self._folder / _SHIPPED).read_text(encoding="ascii"))
        except FileNotFoundError:
            return 0

    def close(self) -> None:
        """Write what waits, and end the thread."""
        with self._wake:
            self._is_closing = True
            self._wake.notify()
        self._thread.join()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    # The start.

    def _recover(self) -> int:
        known = files_in(self._folder)
        if not known:
            return self.shipped + 1
        for _, path in known[:-1]:
            self._kept += path.stat().st_size
        first, last = known[-1]
        count, self._written = whole_part(last)
        if last.stat().st_size > self._written:
            logger.warning(
                "the journal's last record was not whole: %d bytes cut off", last.stat().st_size - self._written
            )
            os.truncate(last, self._written)
        self._open(last)
        return first + count

    def _open(self, path: Path) -> None:
        self._descriptor = os.open(path, _FLAGS, 0o600)
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)  # or a crash could lose the file's name
        finally:
            os.close(folder)

    # Writing, on the thread.

    def _put(self, record: bytes, done: Done | None) -> None:
        framed = frame(record)
        with self._wake:
            if self._is_closing:
                raise InternalError("journal_unavailable", "the journal is closed", status=503)
            self._queue.append((framed, done))
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._queue and not self._is_closing:
                    self._wake.wait()
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), _BATCH))]
                if not batch:
                    return
            first = self._commit(batch)
            for index, (_, done) in enumerate(batch):
                if done is not None:
                    done(None if first is None else first + index)
                elif first is None:
                    self.lost += 1

    def _commit(self, batch: list[tuple[bytes, Done | None]]) -> int | None:
        """Write and sync a batch. Returns the number of its first record, None when nothing of it counts."""
        first = self.next_number
        data = b"".join(framed for framed, _ in batch)
        try:
            self._make_room(first, len(data))
            _write_all(self._descriptor, data)
            self._sync(self._descriptor)
        except OSError as error:
            self._give_up(error)
            return None
        self._written += len(data)
        self.next_number = first + len(batch)
        if self._complained:
            self._complained = False
            logger.warning("the journal is written again")
        return first

    def _make_room(self, first: int, size: int) -> None:
        if self._kept + self._written + size > self._max_bytes:
            raise OSError(0, f"it holds {self._max_bytes} bytes that the store has not taken")
        if self._descriptor >= 0:
            if self._written == 0 or self._written + size <= self._segment_bytes:
                return
            os.close(self._descriptor)
            self._descriptor = -1
        with self._wake:
            self._kept += self._written
        self._written = 0
        self._open(self._folder / file_name(first))
        os.ftruncate(self._descriptor, 0)  # a file of this name can only hold what was refused

    def _give_up(self, error: OSError) -> None:
        """Nothing of the batch may be found later: it was refused."""
        if not self._complained:
            self._complained = True
            logger.error("the journal cannot be written: %s", error.strerror)
        if self._descriptor < 0:
            return
        try:
            os.ftruncate(self._descriptor, self._written)
        except OSError:
            # What is behind the whole part is unknown: go on in another file, which recovery reads after this one's
            # whole records. A half record in the middle ends this file only.
            os.close(self._descriptor)
            self._descriptor = -1


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
