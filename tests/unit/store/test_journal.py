"""The journal: recorded before the effect, or the effect does not happen."""

import asyncio
import errno
import os
import threading
from pathlib import Path

import pytest

from entresol.core.errors import InternalError
from entresol.store.journal import Journal
from entresol.store.journal_file import files_in


def written(folder: Path) -> list[tuple[int, bytes]]:
    """What a process finds that starts now."""
    journal = Journal(folder)
    try:
        return list(journal.unshipped())
    finally:
        journal.close()


@pytest.mark.anyio
async def test_a_record_is_synced_before_append_returns(tmp_path: Path) -> None:
    synced: list[int] = []

    def sync(descriptor: int) -> None:
        os.fdatasync(descriptor)
        synced.append(os.fstat(descriptor).st_size)

    journal = Journal(tmp_path, sync=sync)
    assert await journal.append(b"one") == 1
    assert synced[-1] == files_in(tmp_path)[0][1].stat().st_size
    assert await journal.append(b"two") == 2
    journal.close()
    assert written(tmp_path) == [(1, b"one"), (2, b"two")]


@pytest.mark.anyio
async def test_records_that_wait_share_one_sync(tmp_path: Path) -> None:
    syncs: list[int] = []
    gate = threading.Event()

    def sync(descriptor: int) -> None:
        gate.wait(10)
        syncs.append(descriptor)

    journal = Journal(tmp_path, sync=sync)
    waiting = [asyncio.ensure_future(journal.append(b"%d" % n)) for n in range(100)]
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(*waiting) == list(range(1, 101))
    assert len(syncs) < 10
    journal.close()


@pytest.mark.anyio
async def test_buffered_records_are_there_after_a_close(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for n in range(5000):
        journal.append_soon(b"%d" % n)
    journal.close()
    assert [record for _, record in written(tmp_path)] == [b"%d" % n for n in range(5000)]


@pytest.mark.anyio
async def test_a_half_record_is_cut_off_and_its_number_used_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    await journal.append(b"one")
    await journal.append(b"two")
    journal.close()
    [(_, path)] = files_in(tmp_path)
    os.truncate(path, path.stat().st_size - 1)
    journal = Journal(tmp_path)
    assert await journal.append(b"again") == 2
    journal.close()
    assert written(tmp_path) == [(1, b"one"), (2, b"again")]


@pytest.mark.anyio
async def test_what_cannot_be_written_is_refused_and_never_found(tmp_path: Path) -> None:
    full = threading.Event()

    def sync(descriptor: int) -> None:
        if full.is_set():
            raise OSError(errno.ENOSPC, "No space left on device")

    journal = Journal(tmp_path, sync=sync)
    await journal.append(b"one")
    full.set()
    with pytest.raises(InternalError) as failed:
        await journal.append(b"refused")
    assert (failed.value.code, failed.value.status) == ("journal_unavailable", 503)
    journal.append_soon(b"lost")
    with pytest.raises(InternalError):
        await journal.append(b"refused")
    full.clear()
    assert await journal.append(b"two") == 2
    assert journal.lost == 1
    journal.close()
    assert written(tmp_path) == [(1, b"one"), (2, b"two")]


@pytest.mark.anyio
async def test_what_was_refused_is_not_found_even_where_it_cannot_be_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = threading.Event()

    def sync(descriptor: int) -> None:
        if failing.is_set():
            raise OSError(errno.EIO, "Input/output error")

    def ftruncate(descriptor: int, length: int) -> None:
        if failing.is_set():
            raise OSError(errno.EIO, "Input/output error")
        real(descriptor, length)

    real = os.ftruncate
    monkeypatch.setattr(os, "ftruncate", ftruncate)
    journal = Journal(tmp_path, sync=sync)
    await journal.append(b"one")
    failing.set()
    with pytest.raises(InternalError):
        await journal.append(b"refused")
    failing.clear()
    assert await journal.append(b"two") == 2
    journal.close()
    assert written(tmp_path) == [(1, b"one"), (2, b"two")]


@pytest.mark.anyio
async def test_files_are_cut_into_pieces_and_deleted_when_all_of_them_is_shipped(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=100)
    for n in range(1, 21):
        assert await journal.append(b"x" * 40) == n
    assert len(files_in(tmp_path)) == 10
    journal.acknowledge(7)
    assert next(first for first, _ in files_in(tmp_path)) == 7
    assert [number for number, _ in journal.unshipped()] == list(range(8, 21))
    journal.acknowledge(3)
    assert journal.shipped == 7
    journal.close()
    assert [number for number, _ in written(tmp_path)] == list(range(8, 21))


@pytest.mark.anyio
async def test_numbers_go_on_after_everything_was_shipped(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=50)
    for _ in range(4):
        await journal.append(b"x" * 40)
    journal.acknowledge(4)
    journal.close()
    journal = Journal(tmp_path)
    assert list(journal.unshipped()) == []
    assert await journal.append(b"five") == 5
    journal.close()


@pytest.mark.anyio
async def test_a_journal_that_nobody_empties_refuses_at_its_bound(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=100, max_bytes=400)
    for _ in range(8):  # 48 bytes each
        await journal.append(b"x" * 40)
    with pytest.raises(InternalError, match="journal_unavailable"):
        await journal.append(b"x" * 40)
    journal.acknowledge(journal.next_number - 1)
    await journal.append(b"x" * 40)
    journal.close()


@pytest.mark.anyio
async def test_nothing_is_taken_after_the_close(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.close()
    with pytest.raises(InternalError, match="closed"):
        await journal.append(b"late")


@pytest.mark.anyio
async def test_a_process_that_is_killed_keeps_every_record_that_it_said_was_written(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        _append_for_ever(tmp_path, write_end)
    os.close(write_end)
    said = b""
    while said.count(b"\n") < 50:
        said += os.read(read_end, 4096)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    while more := os.read(read_end, 4096):
        said += more
    os.close(read_end)
    numbers = [int(line) for line in said.splitlines(keepends=True) if line.endswith(b"\n")]
    found = dict(written(tmp_path))
    assert all(found[number] == b"record %d" % number for number in numbers)


def _append_for_ever(folder: Path, write_end: int) -> None:
    async def main() -> None:
        journal = Journal(folder)
        for n in range(1, 1_000_000):
            os.write(write_end, b"%d\n" % await journal.append(b"record %d" % n))

    try:
        asyncio.new_event_loop().run_until_complete(main())
    finally:
        os._exit(1)
