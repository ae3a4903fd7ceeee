"""The loop of a real supervisor in a process of its own, with workers that only talk. See also tests/e2e."""

import contextlib
import os
import signal
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from entresol.net.clock import SystemClock
from entresol.supervisor.child import fork
from entresol.supervisor.framing import frame, supervisor_messages
from entresol.supervisor.loader import Document, Refused
from entresol.supervisor.messages import Commit, Drain, FromWorker, NodeState, Prepare, Prepared, Ready, Scrape, Scraped
from entresol.supervisor.messages import Snapshot as SnapshotMessage
from entresol.supervisor.supervise import Supervisor
from entresol.supervisor.watch import FileWatch, digest_of

FIRST = Document("v1", b"one")


class Talking:
    """A program whose workers report what they hear as JSON lines, and die when a command file says so."""

    def __init__(self, report: int, file: Path) -> None:
        self._report = report
        self._file = file

    def say(self, **what: Any) -> None:
        os.write(self._report, msgspec.json.encode(what) + b"\n")

    def run_worker(self, index: int, link: socket.socket, document: Document) -> int:
        self.say(worker=index, started=document.version, pid=os.getpid())
        reader = supervisor_messages()
        version = document.version

        def send(*messages: FromWorker) -> None:
            link.sendall(frame(messages))

        send(Ready(version), SnapshotMessage(0, b"%d" % index))
        while data := link.recv(65536):
            for message in reader.feed(data):
                if isinstance(message, Prepare):
                    bad = message.document == b"bad for workers"
                    send(Prepared(message.version, "cannot" if bad else None))
                elif isinstance(message, Commit):
                    version = message.version
                    self.say(worker=index, committed=version)
                    send(Scrape(1))
                elif isinstance(message, Scraped):
                    self.say(worker=index, scraped=[part.decode() for part in message.parts])
                elif isinstance(message, NodeState) and message.configuration.last_reload_error:
                    self.say(worker=index, refused=message.configuration.last_reload_error)
                elif isinstance(message, Drain):
                    self.say(worker=index, drained=True)
                    return 0
        return 3

    def load(self) -> Document | Refused:
        text = self._file.read_text()
        return Refused((text,)) if text.startswith("wrong") else Document(f"v-{text}", text.encode())

    def fold(self, snapshots: Iterable[bytes]) -> bytes:
        return b"+".join(snapshots)

    def ready(self) -> None:
        self.say(ready=True)

    def stop_listening(self) -> None:
        self.say(stopped_listening=True)


class Running:
    """A supervisor under test."""

    def __init__(self, pid: int, report: int, file: Path) -> None:
        self.pid = pid
        self.file = file
        self._lines = os.fdopen(report, "rb")

    def heard(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.json.decode(self._lines.readline())
        return found

    def until(self, **what: Any) -> dict[str, Any]:
        """The next report that says this; what comes before it is skipped."""
        while True:
            found = self.heard()
            if what.items() <= found.items():
                return found

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def exit_code(self) -> int:
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.pid = 0
        return code

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self._lines.close()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    file = tmp_path / "config"
    file.write_text("two")
    read, write = os.pipe()

    def run() -> int:
        os.close(read)
        watch = FileWatch(str(file), digest_of(b"two"))
        return Supervisor(Talking(write, file), 2, FIRST, SystemClock(), 5.0, watch).run()

    pid = fork(run)
    os.close(write)
    found = Running(pid, read, file)
    try:
        yield found
    finally:
        with contextlib.suppress(ProcessLookupError):
            found.close()


def test_workers_are_started_and_stopped(running: Running) -> None:
    started = {running.heard()["worker"] for _ in range(2)}
    assert started == {0, 1}
    running.until(ready=True)
    running.signal(signal.SIGTERM)
    running.until(stopped_listening=True)
    assert sorted(running.until(drained=True)["worker"] for _ in range(2)) == [0, 1]
    assert running.exit_code() == 0


def test_a_worker_that_dies_is_replaced(running: Running) -> None:
    started = running.until(worker=1, started="v1")
    running.until(ready=True)
    os.kill(started["pid"], signal.SIGKILL)
    again = running.until(worker=1, started="v1")
    assert again["pid"] != started["pid"]


def test_a_new_configuration_reaches_everybody_and_those_that_start_later(running: Running) -> None:
    started = running.until(worker=0)
    running.until(ready=True)
    running.signal(signal.SIGHUP)
    assert {running.until(committed="v-two")["worker"] for _ in range(2)} == {0, 1}
    os.kill(started["pid"], signal.SIGKILL)
    assert running.until(worker=0, started="v-two")["pid"] != started["pid"]


def test_a_changed_file_is_a_reload(running: Running) -> None:
    running.until(ready=True)
    running.file.write_text("three")
    running.until(committed="v-three")


@pytest.mark.parametrize(("text", "said"), [("wrong: all", "wrong: all"), ("bad for workers", "cannot")])
def test_a_bad_configuration_is_refused_and_everybody_is_told(running: Running, text: str, said: str) -> None:
    running.until(ready=True)
    running.file.write_text(text)
    running.signal(signal.SIGHUP)
    found = running.heard()
    assert said in found["refused"]


def test_what_a_dead_worker_counted_is_still_scraped(running: Running) -> None:
    started = [running.heard() for _ in range(2)]
    running.until(ready=True)
    victim = next(each["pid"] for each in started if each["worker"] == 1)
    os.kill(victim, signal.SIGKILL)
    running.until(worker=1, started="v1")
    running.signal(signal.SIGHUP)
    running.until(committed="v-two")
    scraped = running.heard()
    while "scraped" not in scraped:
        scraped = running.heard()
    assert sorted(scraped["scraped"])[:2] == ["0", "1"]


def test_a_second_signal_does_not_wait(running: Running) -> None:
    pids = [running.heard()["pid"] for _ in range(2)]
    running.until(ready=True)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)  # cannot drain
    running.signal(signal.SIGTERM)
    running.until(stopped_listening=True)
    running.signal(signal.SIGTERM)
    assert running.exit_code() == 1
