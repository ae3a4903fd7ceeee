"""What our Python costs for one request on the client side: parse a 1 KB POST, hand it on, answer with 1 KB.

The transport is a fake, so the kernel and the event loop are not in the figures. `llhttp alone` is the floor: a parser
with callbacks that keep the fields and do nothing else.

    python bench/micro_server.py
"""

import asyncio
import time
from collections.abc import Callable

from httptools import HttpRequestParser

from entresol.core.http import HeaderPairs, Headers, RequestHead, ResponseHead
from entresol.core.ports import RequestReceiver, Responder
from entresol.net.limits import Limits
from entresol.net.server import HttpServer

BODY = b"x" * 1000
HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: gateway.example:8000\r\nAccept: application/json\r\n"
    b"Accept-Encoding: gzip, deflate\r\nAuthorization: Bearer sk-bench-0123456789abcdef0123456789abcdef\r\n"
    b"Content-Type: application/json\r\nUser-Agent: OpenAI/Python 3.54.0\r\nX-Stainless-Lang: python\r\n"
    b"X-Stainless-Retry-Count: 0\r\nContent-Length: 1000\r\n\r\n"
)
ANSWER_FIELDS: HeaderPairs = [
    (b"content-type", b"application/json"),
    (b"x-request-id", b"0123456789abcdef0123456789abcdef"),
    (b"via", b"1.1 entresol/0.1"),
    (b"x-entresol-upstream-latency", b"12"),
    (b"x-entresol-proxy-latency", b"1"),
]


class StillClock:
    """A clock that stands still."""

    def now(self) -> float:
        return 1_700_000_000.0

    def monotonic(self) -> float:
        return 1000.0


class CountingTransport(asyncio.Transport):
    """Takes bytes and forgets them."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 40000), "sockname": ("192.0.2.2", 8000)})
        self.writes = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes += 1

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass


class Answering:
    """Takes a request and answers it once its body is there, as a floor would."""

    __slots__ = ("_chunks", "_responder")

    def __init__(self, responder: Responder, chunks: int) -> None:
        self._responder = responder
        self._chunks = chunks

    def on_request_body(self, data: bytes, last: bool, trailers: HeaderPairs) -> None:
        if last:
            responder, chunks = self._responder, self._chunks
            responder.start(ResponseHead(200, Headers(ANSWER_FIELDS), None if chunks else len(BODY)))
            for _ in range(chunks):
                responder.send(BODY)
            responder.finish(b"" if chunks else BODY)

    def on_client_gone(self) -> None:
        pass

    def on_client_blocked(self) -> None:
        pass

    def on_client_writable(self) -> None:
        pass


class AnsweringHandler:
    """Answers with a whole body, or with `chunks` pieces of a stream."""

    def __init__(self, chunks: int = 0) -> None:
        self._chunks = chunks

    def handle(self, request: RequestHead, responder: Responder) -> RequestReceiver:
        return Answering(responder, self._chunks)


class KeepingFields:
    """The least a user of llhttp does."""

    def __init__(self) -> None:
        self.pairs: HeaderPairs = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.pairs.append((name, value))


def connection(chunks: int = 0) -> tuple[asyncio.Protocol, CountingTransport]:
    """A connection to a server that answers at once."""
    protocol = HttpServer(AnsweringHandler(chunks), Limits(), StillClock()).protocol()
    transport = CountingTransport()
    protocol.connection_made(transport)
    return protocol, transport


def best_microseconds(cases: list[Callable[[], object]], times: int = 500, rounds: int = 200) -> list[float]:
    """The CPU time of one call of each: the best of many short rounds, interleaved, so that others disturb least."""
    best = [float("inf")] * len(cases)
    for _ in range(rounds):
        for index, work in enumerate(cases):
            start = time.process_time_ns()
            for _ in range(times):
                work()
            best[index] = min(best[index], (time.process_time_ns() - start) / times / 1000)
    return best


def main() -> None:
    """Print the table."""
    whole, transport = connection()
    parts, _ = connection()
    turns, _ = connection()
    stream, _ = connection(chunks=100)
    request = HEAD + BODY
    whole.data_received(request)
    assert transport.writes == 1, "head and body go out in one write"

    def head_and_body_apart() -> None:
        parts.data_received(HEAD)
        parts.data_received(BODY)

    other = request.replace(b"sk-bench-0", b"sk-bench-1")

    def two_heads_in_turn() -> None:
        turns.data_received(request)
        turns.data_received(other)

    cases: dict[str, Callable[[], object]] = {
        "llhttp alone, fields kept": lambda: HttpRequestParser(KeepingFields()).feed_data(HEAD),
        "request and answer, one read": lambda: whole.data_received(request),
        "request and answer, two reads": head_and_body_apart,
    }
    streams = best_microseconds([lambda: stream.data_received(request)], times=20, rounds=100)
    print(f"{'':36s} µs of CPU")
    turn = best_microseconds([two_heads_in_turn], times=200)[0] / 2
    for name, figure in zip(cases, best_microseconds(list(cases.values())), strict=True):
        print(f"{name:36s} {figure:9.2f}")
    print(f"{'the same, never the last head again':36s} {turn:9.2f}")
    print(f"{'one of 100 chunks of an answer':36s} {streams[0] / 100:9.2f}")


if __name__ == "__main__":
    main()
