"""Notices that a file's content has changed, by looking once in a while."""

import hashlib
import os
from typing import Final

_NEVER_SEEN: Final = (-1, -1, -1, -1, -1)
_MISSING: Final = (0, 0, 0, 0, 0)
_UNREADABLE: Final = b""


def digest_of(content: bytes) -> bytes:
    """What a `FileWatch` knows content by."""
    return hashlib.sha256(content).digest()


class FileWatch:
    """Looks at device, inode, size and times, and reads the content only when one of them is new.

    So a file that is replaced (editors, `mv`, a Kubernetes ConfigMap's links) is noticed as well as one written in
    place, and touching it changes nothing.
    """

    def __init__(self, path: str, digest: bytes) -> None:
        """`digest` is of the content that is in use: what was written since it was read is a change, too."""
        self._path = path
        self._seen = _NEVER_SEEN
        self._digest = digest

    def has_changed(self) -> bool:
        """True once for each new content. A missing file is not a change: it is about to be replaced.

        A file that cannot be read any more is one, so that whoever reads it says why.
        """
        seen = self._look()
        if seen in (self._seen, _MISSING):
            return False
        digest = self._read()
        if digest is None:
            return False  # replaced just now
        self._seen = seen
        if digest == self._digest:
            return False
        self._digest = digest
        return True

    def _look(self) -> tuple[int, int, int, int, int]:
        try:
            found = os.stat(self._path)
        except OSError:
            return _MISSING
        # The time of status changes too: `chmod` can make a file readable again.
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def _read(self) -> bytes | None:
        try:
            with open(self._path, "rb") as file:
                return hashlib.file_digest(file, "sha256").digest()
        except FileNotFoundError:
            return None
        except OSError:
            return _UNREADABLE
