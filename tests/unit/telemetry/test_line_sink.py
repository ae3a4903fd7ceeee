import logging
import os
import threading
from pathlib import Path

import pytest

from entresol.core.cells import CounterCell
from entresol.telemetry.line_sink import ThreadedLineSink


class Sink:
    """A sink with its cells."""

    def __init__(self, max_lines: int = 1000, linger_s: float = 0.0) -> None:
        self.dropped = CounterCell()
        self.failed = CounterCell()
        self.sink = ThreadedLineSink(self.dropped, self.failed, max_lines, linger_s)


def test_lines_are_appended_in_order(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"before\n")
    made = Sink()
    for index in range(500):
        made.sink.write(str(path), b"%d" % index)
    assert made.sink.close()
    assert path.read_bytes().split() == [b"before", *(b"%d" % index for index in range(500))]
    assert (made.dropped.value, made.failed.value) == (0, 0)


def test_a_full_batch_is_written_without_waiting_for_more_and_so_is_the_rest_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    made = Sink(max_lines=10_000, linger_s=3600.0)
    for index in range(1001):
        made.sink.write(str(path), b"%d" % index)
    wait_for_line(path, b"999\n")
    assert made.sink.close()
    assert path.read_bytes().split() == [b"%d" % index for index in range(1001)]


def test_several_files_are_kept_apart(tmp_path: Path) -> None:
    made = Sink()
    for index in range(10):
        made.sink.write(str(tmp_path / str(index % 2)), b"%d" % index)
    made.sink.close()
    assert (tmp_path / "0").read_text().split() == ["0", "2", "4", "6", "8"]
    assert (tmp_path / "1").read_text().split() == ["1", "3", "5", "7", "9"]


def test_a_full_queue_drops_and_counts_and_never_blocks(tmp_path: Path) -> None:
    fifo = tmp_path / "stuck"
    os.mkfifo(fifo)  # opening it for writing blocks the thread until somebody reads
    made = Sink(max_lines=10)
    for index in range(50):
        made.sink.write(str(fifo), b"%d" % index)
    with fifo.open("rb") as reader:
        lines = iter(reader.readline, b"")
        first = next(lines)
        assert first == b"0\n"
        assert made.dropped.value > 0
        closer = threading.Thread(target=made.sink.close)
        closer.start()
        written = 1 + sum(1 for _ in lines)
        closer.join()
    assert written + made.dropped.value == 50


def test_a_file_that_cannot_be_written_is_reported_once_and_its_lines_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    missing = tmp_path / "missing" / "log"
    made = Sink()
    with caplog.at_level(logging.WARNING, "entresol.telemetry"):
        for _ in range(5):
            made.sink.write(str(missing), b"lost")
        made.sink.close()
    assert made.failed.value == 5
    (record,) = caplog.records
    assert record.getMessage() == f"log lines for {missing} are being lost: No such file or directory"


def test_lines_go_to_the_new_file_after_rotation(tmp_path: Path) -> None:
    for reopen in (False, True):
        path, old = tmp_path / f"log{reopen}", tmp_path / f"old{reopen}"
        made = Sink()
        made.sink.write(str(path), b"one")
        wait_for_line(path, b"one")
        path.rename(old)
        if not reopen:
            made.sink.reopen_files()
        made.sink.write(str(path), b"two", reopen)
        made.sink.close()
        assert (old.read_bytes(), path.read_bytes()) == (b"one\n", b"two\n")


def test_a_line_behind_a_rotation_never_goes_to_the_old_file(tmp_path: Path) -> None:
    made = Sink()
    path = tmp_path / "log"
    for turn in range(200):  # the thread is anywhere in its round when the files are moved
        made.sink.write(str(path), b"before")
        wait_for_line(path, b"before")
        path.rename(tmp_path / f"old{turn}")
        made.sink.reopen_files()
        made.sink.write(str(path), b"after")
        wait_for_line(path, b"after")
        path.unlink()
        made.sink.reopen_files()
    made.sink.close()
    assert {(tmp_path / f"old{turn}").read_bytes() for turn in range(200)} == {b"before\n"}


def wait_for_line(path: Path, line: bytes) -> None:
    """Read the file until the line is in it; pytest's time limit ends a wait that never would."""
    while not path.exists() or line not in path.read_bytes():
        os.sched_yield()


def test_a_file_is_not_readable_by_everybody(tmp_path: Path) -> None:
    made = Sink()
    made.sink.write(str(tmp_path / "log"), b"x")
    made.sink.close()
    assert (tmp_path / "log").stat().st_mode & 0o007 == 0


def test_standard_output_is_a_file_like_others(capfd: pytest.CaptureFixture[str]) -> None:
    made = Sink()
    made.sink.write("/dev/stdout", b"out")
    made.sink.write("/dev/stderr", b"err")
    made.sink.close()
    assert capfd.readouterr() == ("out\n", "err\n")


def test_closing_a_sink_that_was_never_used_is_fine() -> None:
    assert Sink().sink.close()


def test_two_sinks_do_not_cut_each_others_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    made = [Sink(max_lines=100_000), Sink(max_lines=100_000)]
    lines = [b"a" * 700, b"b" * 900]
    for _ in range(2000):
        for one, line in zip(made, lines, strict=True):
            one.sink.write(str(path), line)
    for one in made:
        assert one.sink.close()
    written = path.read_bytes().split(b"\n")[:-1]
    assert sorted(set(written)) == lines
    assert len(written) == 4000
