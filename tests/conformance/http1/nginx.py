"""nginx as a reverse proxy in front of a recording upstream: what it takes and what it refuses."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from conformance.http1.cases import Case
from conformance.http1.gateway import Answer, Closed, RawClient
from conformance.http1.recording_upstream import RecordingUpstream
from conformance.http1.valid_cases import ValidCase

SILENCE_SECONDS = 1.0
"""nginx waits for more bytes where it has not enough; so long without an answer counts as a refusal."""
AT_ONCE = 16

CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 100000;
    client_body_buffer_size 200k;
    large_client_header_buffers 4 32k;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{upstream_port};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-Real-IP $remote_addr;
        }}
    }}
}}
"""


def nginx_program() -> str:
    """Where nginx is. Missing, it skips the test on a developer's machine and fails it under CI."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        message = "nginx is not installed: the differential tests against it need it (apt-get install nginx-light)"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found


def statuses_of_nginx(cases: Sequence[Case | ValidCase], folder: Path) -> dict[str, list[int]]:
    """By case name: the statuses nginx answered with, until it closed, fell silent, or had answered everything."""
    return asyncio.run(_run(nginx_program(), cases, folder))


async def _run(program: str, cases: Sequence[Case | ValidCase], folder: Path) -> dict[str, list[int]]:
    upstream = RecordingUpstream()
    upstream_port = await upstream.start()
    port = await _free_port()
    (folder / "nginx.conf").write_text(
        CONFIGURATION.format(folder=folder, port=port, upstream_port=upstream_port), encoding="ascii"
    )
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(folder / "nginx.conf")], stderr=subprocess.PIPE)
    try:
        await _wait_for(port, process)
        gate = asyncio.Semaphore(AT_ONCE)
        found = await asyncio.gather(*(_ask(port, case, gate) for case in cases))
        return dict(zip((case.name for case in cases), found, strict=True))
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()
        await upstream.stop()


async def _ask(port: int, case: Case | ValidCase, gate: asyncio.Semaphore) -> list[int]:
    methods = [arrival.method for arrival in case.arrivals] if isinstance(case, ValidCase) else ["GET"]
    wanted = len(case.arrivals) if isinstance(case, ValidCase) else max(1, len(case.answers))
    statuses: list[int] = []
    async with gate:
        client = RawClient(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 22))
        client.send(case.data)
        if isinstance(case, Case) and case.hangs_up:
            client.writer.write_eof()
        try:
            while len(statuses) < wanted:
                answer: Answer = await client.answer(methods[min(len(statuses), len(methods) - 1)], SILENCE_SECONDS)
                statuses.append(answer.status)
        except (Closed, TimeoutError, ConnectionError, asyncio.IncompleteReadError, AssertionError, ValueError):
            pass  # closed, silent, or an HTTP/0.9 answer without a head
        client.reset()
    return statuses


async def _free_port() -> int:
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    return port


async def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(500):
        if process.poll() is not None:
            raise RuntimeError(f"nginx did not start: {process.stderr.read().decode() if process.stderr else ''}")
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return
    raise RuntimeError("nginx did not listen")
