"""Starts each server as a process on loopback, and stops it."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contract.servers.contract_handler import UPSTREAM_PORT

TESTS = Path(__file__).resolve().parents[2]
APP = "contract.servers.asgi_target:app"
START_SECONDS = 20.0
POLL_SECONDS = 0.02

COMMANDS: dict[str, list[str]] = {
    "own": ["contract.servers.own_target", "{port}"],
    "uvicorn": ["uvicorn", APP, "--port", "{port}", "--no-access-log", "--log-level", "critical"],
    "hypercorn-h1": ["hypercorn", APP, "--bind", "127.0.0.1:{port}", "--log-level", "critical"],
    "hypercorn-h2": ["hypercorn", APP, "--bind", "127.0.0.1:{port}", "--log-level", "critical"],
    "granian": ["granian", APP, "--interface", "asgi", "--port", "{port}", "--log-level", "critical"],
    "granian-h2": ["granian", APP, "--interface", "asgi", "--port", "{port}", "--log-level", "critical"],
}
"""By name: the module to run and its arguments. `-h2` differs in what the client speaks."""


@contextmanager
def running(name: str, log: Path, upstream_port: int) -> Iterator[int]:
    """Run a server that forwards to `upstream_port`; gives its port. What it prints goes to `log`."""
    port = free_port()
    command = [sys.executable, "-m", *(part.format(port=port) for part in COMMANDS[name])]
    environment = os.environ | {"PYTHONPATH": str(TESTS), "PYTHONWARNINGS": "default"}
    environment[UPSTREAM_PORT] = str(upstream_port)
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT, cwd=TESTS.parent)
        try:
            _wait_until_it_listens(process, port, log)
            yield port
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    """A port of loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_listens(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    pause = threading.Event()
    for _ in range(int(START_SECONDS / POLL_SECONDS)):
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            pause.wait(POLL_SECONDS)
        else:
            return
    raise RuntimeError(f"the server did not start: {log.read_text(errors='replace')[-2000:]}")
