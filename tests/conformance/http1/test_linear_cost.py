"""A peer that sends byte by byte costs work in proportion to what it sends, never to its square.

Work is counted, not timed: every Python and C call while the bytes are taken, and every byte that a growing buffer
searches or copies. Twice the bytes must not be more than about twice the work.
"""

import builtins
import sys
from collections.abc import Callable
from types import FrameType

import pytest

from conformance.http1.gateway import SystemClock
from conformance.http1.in_memory import MemoryTransport, TakingHandler
from entresol.net import chunked_body, request_machine, response_machine
from entresol.net.limits import Limits
from entresol.net.outgoing import Flusher
from entresol.net.response_machine import ResponseMachine
from entresol.net.server import HttpServer

MUCH = 1 << 30
NO_LIMITS = Limits(max_head=MUCH, max_request_line=MUCH, max_headers=MUCH, max_body=0, max_pipelined=MUCH)
N = 2_000
SLACK = 2.3
"""What twice the bytes may cost; quadratic work would be 4."""


class Work:
    """Counts calls and scanned bytes."""

    def __init__(self) -> None:
        self.calls = 0
        self.scanned = 0

    def profile(self, frame: FrameType, event: str, argument: object) -> None:
        if event in ("call", "c_call"):
            self.calls += 1


def counting_buffer(work: Work) -> type[bytearray]:
    """A bytearray that counts the bytes it is asked to look at or to copy."""

    class CountingBuffer(bytearray):
        def find(self, sub: object, start: object = 0, end: object = None) -> int:
            stop = len(self) if end is None else min(len(self), int(end))  # type: ignore[call-overload]
            work.scanned += max(0, stop - int(start))  # type: ignore[call-overload]
            return bytearray.find(self, sub, start, stop)  # type: ignore[arg-type]

        def count(self, sub: object, start: object = 0, end: object = None) -> int:
            work.scanned += max(0, len(self) - int(start))  # type: ignore[call-overload]
            return bytearray.count(self, sub, start)  # type: ignore[arg-type]

        def __getitem__(self, key: object) -> object:  # type: ignore[override]
            found = bytearray.__getitem__(self, key)  # type: ignore[call-overload]
            work.scanned += len(found) if isinstance(found, bytearray) else 0
            return found

        def __bytes__(self) -> bytes:
            work.scanned += len(self)
            return builtins.bytes(memoryview(self))

    return CountingBuffer


def work_of(take: Callable[[bytes], object], data: bytes, monkeypatch: pytest.MonkeyPatch) -> Work:
    """The work of taking `data` one byte at a time."""
    work = Work()
    for module in (request_machine, chunked_body, response_machine):
        monkeypatch.setattr(module, "bytearray", counting_buffer(work), raising=False)
    pieces = [data[place : place + 1] for place in range(len(data))]
    before = sys.getprofile()
    sys.setprofile(work.profile)
    try:
        for piece in pieces:
            take(piece)
    finally:
        sys.setprofile(before)
    return work


def server_side() -> Callable[[bytes], object]:
    protocol = HttpServer(TakingHandler(), NO_LIMITS, SystemClock(), Flusher(schedule=lambda flush: flush())).protocol()
    protocol.connection_made(MemoryTransport())
    return protocol.data_received


def client_side() -> Callable[[bytes], object]:
    machine = ResponseMachine(max_head_bytes=MUCH, max_headers=MUCH)
    machine.expect("GET", False)

    def take(data: bytes) -> None:
        machine.feed(data)
        machine.take_body()

    return take


HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"

REQUESTS: list[tuple[str, Callable[[int], bytes]]] = [
    ("a request line", lambda n: b"GET /" + b"a" * n),
    ("one long field", lambda n: HEAD + b"X: " + b"a" * n),
    ("many fields", lambda n: HEAD + b"A: b\r\n" * (n // 6)),
    ("a whole head", lambda n: HEAD + b"X: " + b"a" * n + b"\r\n\r\n"),
    ("a body by Content-Length", lambda n: HEAD + b"Content-Length: %d\r\n\r\n" % n + b"x" * n),
    ("one chunk", lambda n: CHUNKED + b"%x\r\n" % n + b"x" * n + b"\r\n0\r\n\r\n"),
    ("chunks of one byte", lambda n: CHUNKED + b"1\r\nx\r\n" * (n // 6) + b"0\r\n\r\n"),
    ("a chunk extension", lambda n: CHUNKED + b"1;" + b"a" * n),
    ("a trailer", lambda n: CHUNKED + b"0\r\nX: " + b"a" * n),
    ("many trailers", lambda n: CHUNKED + b"0\r\n" + b"A: b\r\n" * (n // 6)),
    ("many requests", lambda n: b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * (n // 27)),
]
RESPONSES: list[tuple[str, Callable[[int], bytes]]] = [
    ("a status line", lambda n: b"HTTP/1.1 200 " + b"a" * n),
    ("one long field", lambda n: OK + b"X: " + b"a" * n),
    ("many fields", lambda n: OK + b"A: b\r\n" * (n // 6) + b"\r\n"),
    ("a body by Content-Length", lambda n: OK + b"Content-Length: %d\r\n\r\n" % n + b"x" * n),
    ("chunks of one byte", lambda n: OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * (n // 6)),
    ("a body until the end", lambda n: OK + b"\r\n" + b"x" * n),
]


@pytest.mark.parametrize(("what", "message"), REQUESTS, ids=[what for what, _ in REQUESTS])
def test_a_slow_client_costs_linear_work(
    what: str, message: Callable[[int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    once = work_of(server_side(), message(N), monkeypatch)
    twice = work_of(server_side(), message(2 * N), monkeypatch)
    assert twice.calls <= SLACK * once.calls
    assert twice.scanned <= SLACK * once.scanned + 1000
    assert twice.scanned <= 20 * len(message(2 * N))


@pytest.mark.parametrize(("what", "message"), RESPONSES, ids=[what for what, _ in RESPONSES])
def test_a_slow_upstream_costs_linear_work(
    what: str, message: Callable[[int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    once = work_of(client_side(), message(N), monkeypatch)
    twice = work_of(client_side(), message(2 * N), monkeypatch)
    assert twice.calls <= SLACK * once.calls
    assert twice.scanned <= SLACK * once.scanned + 1000
    assert twice.scanned <= 20 * len(message(2 * N))


def test_the_measure_sees_quadratic_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that searches all it holds at every byte is caught, or the tests above would prove nothing."""

    def quadratic() -> Callable[[bytes], object]:
        held = request_machine.bytearray()  # type: ignore[attr-defined]  # the counting one

        def take(data: bytes) -> None:
            held.extend(data)
            held.find(b"\r\n\r\n")

        return take

    def scanned(size: int) -> int:
        taker: list[Callable[[bytes], object]] = []

        def take(data: bytes) -> None:
            if not taker:
                taker.append(quadratic())
            taker[0](data)

        return work_of(take, b"x" * size, monkeypatch).scanned

    assert scanned(2 * N) > SLACK * scanned(N)
