"""The measuring rig: starts servers on one core, mock and load on the other, and counts the servers' CPU time.

CPU time of the process tree per request or chunk is the figure that survives a busy machine; wall-clock throughput is
not. Every comparison is interleaved: all servers run, and each round measures them in turn.
"""

import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / ".bench"
RUN = WORK / "run"
MOCK_PORT = 19002
TLS_PORT = 19443
GATEWAY_CORE, LOAD_CORE = "0", "1"
KEY = "sk-bench-0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class Target:
    """A server under test and how to call it."""

    name: str
    port: int
    command: tuple[str, ...] = ()
    """Empty: it lives in the process of `shares`."""
    shares: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path = RUN
    headers: str = f"Authorization: Bearer {KEY}\r\n"
    path: str = "/v1/chat/completions"
    wait_s: float = 20.0
    warm_s: float = 1.0


@dataclass(frozen=True)
class Measurement:
    """One run of the load generator against one target."""

    cpu_us: float
    """CPU time of the target's process tree per answered request, or per chunk for streams."""
    load: dict[str, float]
    rss_mb: float
    core_share: float


def compile_native() -> None:
    """Build the mock provider and the load generator; needs a C compiler."""
    RUN.mkdir(parents=True, exist_ok=True)
    for name in ("mock", "load"):
        source = ROOT / "bench" / "native" / f"{name}.c"
        binary = WORK / name
        if not binary.exists() or binary.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(["cc", "-O2", "-o", str(binary), str(source)], check=True)


def process_tree(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        current = todo.pop()
        found.append(current)
        todo += children.get(current, [])
    return found


def cpu_seconds(pids: Sequence[int]) -> float:
    """Time on a CPU of all threads, from the scheduler's own account (nanoseconds)."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                total += int(task.read_text().split()[0])
            except (OSError, IndexError):
                continue
    return total / 1e9


def rss_mb(pids: Sequence[int]) -> float:
    total = 0
    for pid in pids:
        try:
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmRSS"):
                    total += int(line.split()[1])
        except OSError:
            continue
    return total / 1024


def is_up(port: int, wait_s: float) -> bool:
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False


def pinned(core: str, command: Sequence[str]) -> list[str]:
    return ["taskset", "-c", core, *command]


@contextmanager
def running(command: Sequence[str], core: str, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """A pinned process group, stopped for certain at the end."""
    process = subprocess.Popen(pinned(core, command), start_new_session=True, **options)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        for signum in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, signum)
                process.wait(3)
                break
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue


class Rig:
    """All targets of a comparison, up and warm."""

    def __init__(self, targets: Sequence[Target], *, chunks: int = 50, delay_us: int = 20000) -> None:
        self.targets = list(targets)
        self.chunks = chunks
        self.delay_us = delay_us
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._stack = ExitStack()
        self.absent: list[str] = []

    def __enter__(self) -> "Rig":
        compile_native()
        stack = self._stack
        stack.enter_context(
            running([str(WORK / "mock"), str(MOCK_PORT), str(self.chunks), str(self.delay_us)], LOAD_CORE)
        )
        if any("tls" in target.name for target in self.targets):
            stack.enter_context(running(["nginx", "-p", str(RUN), "-c", str(RUN / "terminator.conf")], LOAD_CORE))
        for target in self.targets:
            if target.command:
                log = stack.enter_context((RUN / f"{target.port}.log").open("wb"))
                environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
                process = stack.enter_context(
                    running(
                        target.command,
                        GATEWAY_CORE,
                        env={**environment, **target.environment},
                        cwd=target.folder,
                        stdout=log,
                        stderr=log,
                    )
                )
                self._processes[target.name] = process
        for target in list(self.targets):
            if not is_up(target.port, target.wait_s) or not self._warms_up(target):
                self.absent.append(target.name)
                self.targets.remove(target)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _warms_up(self, target: Target) -> bool:
        warm = self.load(target, "closed", "body_1k.json", connections=8, seconds=target.warm_s)
        return warm["answered"] > 0 and warm["not_200"] == 0

    def pids(self, target: Target) -> list[int]:
        return process_tree(self._processes[target.shares or target.name].pid)

    def load(
        self, target: Target, mode: str, body: str, *, connections: int, seconds: float, rate: float = 0
    ) -> dict[str, float]:
        headers = RUN / f"{target.port}.headers"
        headers.write_bytes(target.headers.encode())
        command = pinned(
            LOAD_CORE,
            [
                str(WORK / "load"), mode, str(target.port), str(connections), str(seconds), str(rate),
                str(RUN / body), target.path, str(headers),
            ],
        )  # fmt: skip
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=seconds + 60,
            env={**os.environ, "LOAD_FRAMES": str(self.chunks)},
            check=False,
        )
        if done.returncode != 0 or not done.stdout:
            return {"answered": 0, "not_200": 1, "frames": 0, "errors": 1}
        result: dict[str, float] = json.loads(done.stdout)
        return result

    def measure(
        self, target: Target, mode: str, body: str, *, connections: int, seconds: float, rate: float = 0
    ) -> Measurement:
        pids = self.pids(target)
        before, started = cpu_seconds(pids), time.monotonic()
        load = self.load(target, mode, body, connections=connections, seconds=seconds, rate=rate)
        used, elapsed = cpu_seconds(pids) - before, time.monotonic() - started
        units = load["frames"] if mode == "sse" else load["answered"]
        return Measurement(used * 1e6 / max(1, units), load, rss_mb(pids), used / elapsed)

    def rounds(
        self, mode: str, body: str, *, connections: int, seconds: float, rounds: int, rate: float = 0
    ) -> dict[str, list[Measurement]]:
        """Measure every target in turn, `rounds` times."""
        results: dict[str, list[Measurement]] = {target.name: [] for target in self.targets}
        for _ in range(rounds):
            for target in self.targets:
                results[target.name].append(
                    self.measure(target, mode, body, connections=connections, seconds=seconds, rate=rate)
                )
        return results


def median_cpu(measurements: Sequence[Measurement]) -> float:
    return statistics.median(m.cpu_us for m in measurements)


def median_load(measurements: Sequence[Measurement], key: str) -> float:
    return statistics.median(m.load.get(key, 0) for m in measurements)


def ratio(results: dict[str, list[Measurement]], name: str, reference: str) -> float:
    """Median over the rounds of the ratio within a round: drift of the machine cancels out."""
    pairs = zip(results[name], results[reference], strict=True)
    return statistics.median(a.cpu_us / b.cpu_us for a, b in pairs)


def have(program: str) -> bool:
    return shutil.which(program) is not None
