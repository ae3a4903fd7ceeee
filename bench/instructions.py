"""How many CPU instructions one request costs in user space: exact, whatever else the machine does. Needs valgrind.

    python -m bench.instructions [CONFIGURATION ...] [--streamed]

Runs the gateway under `valgrind --tool=cachegrind` for a few and for many requests; the difference, divided, is what a
request costs. CONFIGURATION: a file, or the name of one of the comparison's (bare, full, cross).
"""

import argparse
import re
import socket
import sys
import time
from pathlib import Path

from bench.bodies import write_bodies
from bench.peers import entresol, write_configurations
from bench.rig import KEY, LOAD_CORE, MOCK_PORT, RUN, WORK, compile_native, running

PORT = 18130
CONNECTIONS = 16
FEW, MANY = 320, 1920


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.instructions")
    parser.add_argument("configurations", nargs="*", default=["bare", "full"])
    parser.add_argument("--streamed", action="store_true", help="stream, and count per chunk")
    options = parser.parse_args()
    compile_native()
    write_bodies()
    write_configurations()
    with running([str(WORK / "mock"), str(MOCK_PORT), "50", "1000"], LOAD_CORE):
        for name in options.configurations:
            file = Path(name) if Path(name).exists() else RUN / f"{name}.yaml"
            few, many = (counted(file, number, streamed=options.streamed) for number in (FEW, MANY))
            each = (many - few) / (MANY - FEW) / (51 if options.streamed else 1)
            print(f"{name:20s} {each / 1000:8.1f} thousand instructions a {'chunk' if options.streamed else 'request'}")


def counted(configuration: Path, requests: int, *, streamed: bool) -> int:
    """Instructions of the gateway's whole life in which it answers `requests`."""
    target = entresol("counted", PORT, str(configuration))
    log = RUN / f"{PORT}.valgrind"
    valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    with (
        log.open("wb") as output,
        running([*valgrind, sys.executable, *target.command], "0", stdout=output, stderr=output) as gateway,
    ):
        while b"is ready" not in log.read_bytes():
            if gateway.poll() is not None:
                raise SystemExit(log.read_text())
            time.sleep(0.1)
        call(requests, streamed=streamed)
        gateway.terminate()
        gateway.wait()
    found = re.search(r"I\s+refs:\s+([\d,]+)", log.read_text())
    if found is None:
        raise SystemExit(f"valgrind gave no count: {log.read_text()}")
    return int(found[1].replace(",", ""))


def call(requests: int, *, streamed: bool) -> None:
    """Send requests over keep-alive connections; each answer has to be a 200 with all of its body."""
    body = (RUN / ("body_stream.json" if streamed else "body_1k.json")).read_bytes()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n"
    message = f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    connections = [socket.create_connection(("127.0.0.1", PORT)) for _ in range(CONNECTIONS)]
    for _ in range(requests // CONNECTIONS):
        for connection in connections:
            connection.sendall(message)
        for connection in connections:
            answer = read_answer(connection)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"not a 200: {answer[:200]!r}")
    for connection in connections:
        connection.close()


def read_answer(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += received(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    while len(body) < int(length[1]) if length else not body.endswith(b"0\r\n\r\n"):
        body += received(connection)
    return head


def received(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise SystemExit("the gateway closed the connection")
    return data


if __name__ == "__main__":
    main()
