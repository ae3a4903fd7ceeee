"""A server connection without sockets: bytes in, the answer's bytes out, and what the handler was given."""

import asyncio
import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from conformance.http1.gateway import LIMITS, SystemClock
from entresol.core.http import HeaderPairs, Headers, RequestHead, ResponseHead
from entresol.core.ports import Handler, RequestReceiver, Responder
from entresol.net.outgoing import Flusher
from entresol.net.server import HttpServer


class MemoryTransport(asyncio.Transport):
    """Keeps what is written; closes as asyncio's transports do, but when told to."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 1), "sockname": ("192.0.2.2", 2)})
        self.written = bytearray()
        self.is_over = False
        self.is_paused = False

    def write(self, data: Any) -> None:
        assert not self.is_over, "bytes were written after the end"
        self.written += data

    def write_eof(self) -> None:
        self.is_over = True

    def can_write_eof(self) -> bool:
        return True

    def close(self) -> None:
        self.is_over = True

    def abort(self) -> None:
        self.is_over = True

    def is_closing(self) -> bool:
        return self.is_over

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is buffered here."""

    def get_write_buffer_size(self) -> int:
        return 0


class Taken(RequestReceiver):
    """One request as the handler saw it; answers 200 when it is whole."""

    def __init__(self, head: RequestHead, responder: Responder) -> None:
        self.head = head
        self.responder = responder
        self.body = bytearray()
        self.trailers: HeaderPairs = []
        self.is_complete = False

    def on_request_body(self, data: bytes, last: bool, trailers: HeaderPairs) -> None:
        self.body += data
        if last:
            self.trailers = trailers
            self.is_complete = True
            self.responder.start(ResponseHead(200, Headers(), 2))
            self.responder.finish(b"ok")

    def on_client_gone(self) -> None:
        pass

    def on_client_blocked(self) -> None:
        pass

    def on_client_writable(self) -> None:
        pass

    def summary(self) -> tuple[object, ...]:
        """Everything a later step could depend on."""
        head = self.head
        return (
            head.method, head.path, head.query, head.version, head.upgrade, tuple(head.headers.pairs),
            bytes(self.body), tuple(self.trailers),
        )  # fmt: skip


class TakingHandler(Handler):
    def __init__(self) -> None:
        self.taken: list[Taken] = []

    def handle(self, request: RequestHead, responder: Responder) -> RequestReceiver:
        self.taken.append(Taken(request, responder))
        return self.taken[-1]


_REFUSAL = re.compile(
    rb"content-type: application/json; charset=utf-8\r\ncontent-length: \d+\r\n(x-entresol-error: \w+\r\n)"
    rb'connection: close\r\n\r\n\{"message":"(?:[^"\\]|\\.)*","code":"\w+"\}'
)
"""A refusal: its status and code must not depend on the cuts; its words tell what was seen first, and may."""

Outcome = tuple[bytes, bool, tuple[tuple[object, ...], ...]]
"""What the client was sent, whether the connection ended, and the whole requests the handler was given."""


def outcome_of(pieces: Iterable[bytes], hangs_up: bool = False) -> Outcome:
    """Feed the pieces one read at a time."""
    handler = TakingHandler()
    server = HttpServer(handler, LIMITS, SystemClock(), Flusher(schedule=lambda flush: flush()))
    server.date_line = b"date: now\r\n"
    transport = MemoryTransport()
    protocol = server.protocol()
    protocol.connection_made(transport)
    for piece in pieces:
        protocol.data_received(piece)
    if hangs_up:
        protocol.eof_received()
    protocol.connection_lost(None)
    whole = tuple(taken.summary() for taken in handler.taken if taken.is_complete)
    return _REFUSAL.sub(rb"\1", bytes(transport.written)), transport.is_over, whole


def split(data: bytes, places: Iterable[int]) -> list[bytes]:
    """Cut at the given places."""
    edges = [0, *sorted(set(places)), len(data)]
    return [data[start:stop] for start, stop in pairwise(edges) if stop > start]
