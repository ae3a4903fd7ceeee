"""The real gateway as a process, and an upstream that answers when a test says so. Nothing here sleeps blindly."""

import asyncio
import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import msgspec

DEADLINE_S = 30.0
"""For anything that must happen; only a failing test waits so long."""

T = TypeVar("T")
_READY = re.compile(r"is ready on (?P<proxy>.*?)(?:; status on (?P<status>.*?))?(?:; sign-in on (?P<identity>.*))?$")


async def eventually(look: Callable[[], Awaitable[T | None]], what: str) -> T:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        found = await look()
        if found is not None:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within {DEADLINE_S} s: {what}")


class Reply(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    text: str


async def get(url: str, unix: str | None = None) -> Reply:
    """`GET` on a connection of its own, so that any worker may take it. Raises ConnectionError when it breaks off."""
    parts = urlsplit(url)
    if unix is not None:
        reader, writer = await asyncio.open_unix_connection(unix)
    else:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(f"GET {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\nconnection: close\r\n\r\n".encode())
        answer = (await asyncio.wait_for(reader.read(), DEADLINE_S)).decode()
    finally:
        writer.close()
    head, blank, text = answer.partition("\r\n\r\n")
    if not blank:
        raise ConnectionResetError("no whole answer")
    status, *fields = head.split("\r\n")
    headers = dict(field.lower().split(": ", 1) for field in fields)
    return Reply(int(status.split(" ")[1]), headers, text)


class GatewayProcess:
    """`entresol serve` under test."""

    def __init__(self, process: asyncio.subprocess.Process, proxy: list[str], status: list[str], errors: Path) -> None:
        self.process = process
        self.proxy = proxy
        self.status_url = f"http://{status[0]}" if status else ""
        self.url = f"http://{proxy[0]}"
        self._errors = errors

    @property
    def pid(self) -> int:
        """Of the process that was started: the supervisor, when there are several workers."""
        return self.process.pid

    @property
    def log(self) -> str:
        """What it has written to standard error."""
        return self._errors.read_text()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to that process."""
        self.process.send_signal(number)

    async def ended(self) -> int:
        """The exit code, once there is one."""
        return await asyncio.wait_for(self.process.wait(), DEADLINE_S)

    async def node(self) -> dict[str, Any]:
        """The status page."""
        found: dict[str, Any] = msgspec.json.decode((await get(f"{self.status_url}/status")).text)
        return found

    async def node_when(self, is_so: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """The status page, once it says something."""

        async def look() -> dict[str, Any] | None:
            try:
                node = await self.node()
            except ConnectionError:  # the worker that had the connection has just died
                return None
            return node if is_so(node) else None

        return await eventually(look, what)

    async def metric(self, line_start: str) -> float:
        """The sum of the metrics lines that begin like this."""
        answer = await get(f"{self.status_url}/metrics")
        return sum(float(line.rsplit(" ", 1)[1]) for line in answer.text.splitlines() if line.startswith(line_start))


@asynccontextmanager
async def gateway(
    folder: Path, configuration: str, *arguments: str, **environment: str
) -> AsyncIterator[GatewayProcess]:
    """Start on free ports, wait until it is ready, and see that nothing is left of it."""
    file = folder / "entresol.yaml"
    file.write_text(configuration)
    listens = [] if "--listen" in arguments else ["--listen", "127.0.0.1:0"]
    errors = folder / "stderr.txt"
    with errors.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "entresol", "serve", "-c", str(file), *listens, "--status-listen", "127.0.0.1:0", *arguments),
            env={**os.environ, **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
        )
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), DEADLINE_S)).decode().strip()
        ready = _READY.search(line)
        assert ready is not None, f"{line!r}; {errors.read_text()}"
        status = (ready["status"] or "").split(", ") if ready["status"] else []
        yield GatewayProcess(process, ready["proxy"].split(", "), status, errors)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


class Upstream:
    """Answers `GET /hello` at once, and `GET /stream` with a first chunk at once and the rest once `release` is set."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.heads: list[bytes] = []
        self.url = ""

    @property
    def requests(self) -> int:
        """How many have reached it."""
        return len(self.heads)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with contextlib.closing(writer), contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head.lower())
                if head.split(b" ", 2)[1].startswith(b"/stream"):
                    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
                    await writer.drain()
                    await self.release.wait()
                    writer.write(b"4\r\nlast\r\n0\r\n\r\n")
                else:
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")
                await writer.drain()


@asynccontextmanager
async def upstream() -> AsyncIterator[Upstream]:
    """An upstream on a free port."""
    found = Upstream()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield found
    finally:
        found.release.set()
        server.close()


def one_service(url: str, path: str = "/api", plugins: str = "[]", more: str = "") -> str:
    """A configuration with one route to `url`."""
    return f"""
_format_version: "3.0"
services:
- name: upstream
  url: {url}
  routes:
  - name: api
    paths: [{path}]
    protocols: [http, https]
    plugins: {plugins}
{more}
"""


def is_gone(pid: int) -> bool:
    """True when a process has ended, also if nobody has reaped it."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def resident_megabytes(pid: int) -> float:
    """The memory of a process, as `ps` shows it."""
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", text)
    assert found is not None
    return int(found[1]) / 1024
