"""Frames of records, and what a crash leaves of them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.store.journal_file import MAX_RECORD, file_name, files_in, frame, frames_of, whole_part

RECORDS = [b"a", b"bb" * 500, b"\0" * 9]
WHOLE = b"".join(map(frame, RECORDS))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def test_records_come_back_in_order(path: Path) -> None:
    path.write_bytes(WHOLE)
    assert [record for record, _ in frames_of(path)] == RECORDS
    assert whole_part(path) == (3, len(WHOLE))


def test_a_file_that_is_cut_anywhere_keeps_what_is_whole(path: Path) -> None:
    ends = [0, *(len(b"".join(map(frame, RECORDS[:count]))) for count in (1, 2, 3))]
    for cut in range(len(WHOLE)):
        path.write_bytes(WHOLE[:cut])
        count = sum(end <= cut for end in ends) - 1
        assert whole_part(path) == (count, ends[count])


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_a_changed_byte_is_noticed(at: int, change: int) -> None:
    changed = bytearray(WHOLE)
    changed[at] ^= change
    from tempfile import NamedTemporaryFile

    with NamedTemporaryFile() as file:
        file.write(changed)
        file.flush()
        found = [record for record, _ in frames_of(Path(file.name))]
    assert found == RECORDS[: len(found)]
    assert len(found) < 3


def test_empty_blocks_are_no_records(path: Path) -> None:
    path.write_bytes(WHOLE + b"\0" * 4096)
    assert whole_part(path) == (3, len(WHOLE))


@pytest.mark.parametrize("record", [b"", b"x" * (MAX_RECORD + 1)])
def test_what_is_no_record_is_not_framed(record: bytes) -> None:
    with pytest.raises(ValueError, match="a record has"):
        frame(record)


def test_files_are_in_the_order_of_their_records(tmp_path: Path) -> None:
    for first in (10**12, 1, 42):
        (tmp_path / file_name(first)).touch()
    (tmp_path / "shipped").touch()
    assert [first for first, _ in files_in(tmp_path)] == [1, 42, 10**12]
