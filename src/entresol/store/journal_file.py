"""One file of the journal: frames of a record each, and what a crash may leave of the last one.

A frame is the length of the record (4 bytes, little-endian), its CRC-32 (4 bytes) and the record. Zeros are no frame:
a file that a crash left with empty blocks ends where its frames end. The file's name holds the number of its first
record.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_HEAD: Final = struct.Struct("<II")
_NAME: Final = re.compile(r"journal-(\d{20})\.log")
MAX_RECORD: Final = 16 * 1024 * 1024
"""Bytes. A longer length is no frame of ours."""
_READ: Final = 1024 * 1024


def frame(record: bytes) -> bytes:
    """A record as it stands in the file. Raises ValueError for one that is empty or too long."""
    if not 0 < len(record) <= MAX_RECORD:
        raise ValueError(f"a record has 1 to {MAX_RECORD} bytes, not {len(record)}")
    return _HEAD.pack(len(record), zlib.crc32(record)) + record


def file_name(first: int) -> str:
    """The name of the file that begins with this record."""
    return f"journal-{first:020d}.log"


def files_in(folder: Path) -> list[tuple[int, Path]]:
    """The journal's files and the numbers of their first records, in order."""
    return sorted((int(match[1]), path) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name)))


def frames_of(path: Path) -> Iterator[tuple[bytes, int]]:
    """The records of a file, each with the offset behind it, up to the first that is not whole."""
    end = 0
    with path.open("rb", buffering=_READ) as file:
        while True:
            head = file.read(_HEAD.size)
            if len(head) < _HEAD.size:
                return
            length, checksum = _HEAD.unpack(head)
            if not 0 < length <= MAX_RECORD:
                return
            record = file.read(length)
            if len(record) < length or zlib.crc32(record) != checksum:
                return
            end += _HEAD.size + length
            yield record, end


def whole_part(path: Path) -> tuple[int, int]:
    """How many whole records a file has, and the bytes that they take."""
    ends = [end for _, end in frames_of(path)]
    return len(ends), ends[-1] if ends else 0
