"""User-space cost of the upstream client alone: fake socket transport, no kernel, no event loop iterations.

    python bench/micro_client.py [--json]

Prints the best of many rounds, in microseconds: one 1 KB request with its response on a pooled connection, one SSE
chunk, and the parts they are made of. Target: 8 µs a request and response, 0.7 µs a chunk.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable

from entresol.core.http import HeaderPairs, Headers, Origin, ResponseHead, Timeouts, UpstreamRequest
from entresol.net.client import Http1Transport
from entresol.net.client_connection import PlainConnection
from entresol.net.request_writer import serialise_head
from entresol.net.response_machine import ResponseMachine

BODY = b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"' + b"Keep it practical. " * 50 + b'"}]}'
ANSWER = b'{"id":"chatcmpl-9f3bqkT7b2mZ0c1XyVtJwQ8","choices":[{"message":{"content":"' + b"x" * 800 + b'"}}]}'
RESPONSE = (
    b"HTTP/1.1 200 OK\r\ndate: Mon, 01 Jan 2024 00:00:00 GMT\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\nx-request-id: req_0123456789abcdef\r\nopenai-processing-ms: 1\r\n\r\n%b"
) % (len(ANSWER), ANSWER)
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
EVENT = b'data: {"id":"chatcmpl-9f3bqkT7b2mZ0c1XyVtJwQ8","object":"chat.completion.chunk","choices":[{"index":0,' \
    b'"delta":{"content":" token"},"logprobs":null,"finish_reason":null}]}\n\n'  # fmt: skip
CHUNK = b"%x\r\n%b\r\n" % (len(EVENT), EVENT)
END = b"0\r\n\r\n"
FIELDS: HeaderPairs = [
    (b"user-agent", b"bench/1"), (b"accept", b"*/*"), (b"content-type", b"application/json"),
    (b"authorization", b"Bearer sk-0123456789012345678901234567890123456789"), (b"x-real-ip", b"127.0.0.1"),
    (b"x-forwarded-for", b"127.0.0.1"), (b"x-forwarded-proto", b"http"), (b"x-forwarded-host", b"localhost:8000"),
    (b"x-forwarded-port", b"8000"), (b"x-forwarded-path", b"/v1/chat/completions"),
]  # fmt: skip


class FakeSocket(asyncio.Transport):
    """Takes every byte and forgets it."""

    def write(self, data: bytes | bytearray | memoryview) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


class Sink:
    """A receiver that does nothing, so that only the client is measured."""

    def on_informational(self, status: int, headers: Headers) -> None: ...
    def on_response_head(self, head: ResponseHead) -> None: ...
    def on_response_body(self, data: bytes, last: bool, trailers: HeaderPairs) -> None: ...
    def on_upstream_error(self, error: Exception) -> None:
        raise error

    def on_upstream_blocked(self) -> None: ...
    def on_upstream_writable(self) -> None: ...


class MonotonicClock:
    """The real one."""

    def __init__(self) -> None:
        self.now = time.time
        self.monotonic = time.monotonic


def best_of(action: Callable[[], object], count: int, rounds: int = 15) -> float:
    """Microseconds of one `action`."""
    lowest = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(count):
            action()
        lowest = min(lowest, (time.perf_counter() - start) / count)
    return lowest * 1e6


def measure() -> dict[str, float]:
    loop = asyncio.new_event_loop()
    transport = Http1Transport(loop, MonotonicClock())
    origin = Origin("http", "127.0.0.1", 8100)
    pool = transport._new_pool(origin)
    connection = PlainConnection(transport, pool, ResponseMachine())
    connection.connection_made(FakeSocket())
    connection.opened_at = time.monotonic()
    pool._connections = 1
    pool.give_back(connection, time.monotonic())
    timeouts = Timeouts()
    sink = Sink()

    def build() -> UpstreamRequest:
        return UpstreamRequest(origin, "POST", "/v1/chat/completions", Headers(FIELDS), "127.0.0.1:8100", timeouts)

    request = build()

    def exchange() -> None:
        transport.send(request, BODY, True, sink)
        connection.data_received(RESPONSE)

    def stream() -> None:
        transport.send(request, BODY, True, sink)
        connection.data_received(STREAM_HEAD)
        for _ in range(1000):
            connection.data_received(CHUNK)
        connection.data_received(END)

    def short_stream() -> None:
        transport.send(request, BODY, True, sink)
        connection.data_received(STREAM_HEAD)
        connection.data_received(END)

    machine = ResponseMachine()

    def parse() -> None:
        machine.expect("POST", False)
        machine.feed(RESPONSE)
        machine.take_body()

    figures = {
        "request": best_of(exchange, 2000),
        "chunk": (best_of(stream, 2) - best_of(short_stream, 2000)) / 1000,
        "part: serialise the head": best_of(lambda: serialise_head(request, BODY, True), 2000),
        "part: parse the response": best_of(parse, 2000),
    }
    if pool.stats().idle != 1 or pool.opened:
        raise AssertionError("the connection was not reused")
    loop.close()
    return figures


if __name__ == "__main__":
    results = measure()
    if "--json" in sys.argv:
        print(json.dumps(results))
    else:
        for name, micros in results.items():
            print(f"{name:28s} {micros:6.2f} µs")
