"""The upstream client: HTTP/1.1 over pooled connections, made of callbacks (docs/concepts/upstream-client.md)."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from entresol.core.errors import GatewayError
from entresol.core.http import Origin, UpstreamRequest
from entresol.core.ports import Clock, ResponseReceiver, UpstreamCall
from entresol.net import upstream_errors
from entresol.net.client_call import Http1Call
from entresol.net.client_connection import Http1Connection, PlainConnection, TlsConnection
from entresol.net.dial import Dialer
from entresol.net.dns import Resolver
from entresol.net.outgoing import Flusher
from entresol.net.pool import OriginPool, PoolLimits, PoolStats
from entresol.net.request_writer import serialise_head
from entresol.net.response_machine import ResponseMachine

TLS_BUFFER_BYTES: Final = 262144


@dataclass(frozen=True)
class ClientLimits:
    """What an upstream may make us hold."""

    max_head_bytes: int = 65536
    """Status line and fields of one response; also its trailers, and chunk framing without content."""
    max_headers: int = 200
    pool: PoolLimits = field(default_factory=PoolLimits)


class Http1Transport:
    """A `Transport`. Sends requests to upstreams. `sweep` must be called about once a second: it drives every clock."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        resolver: Resolver | None = None,
        limits: ClientLimits | None = None,
        flusher: Flusher | None = None,
    ) -> None:
        self.now = clock.monotonic
        self.flusher = flusher or Flusher()
        self.active: set[Http1Connection] = set()
        self._clock = clock
        self._loop = loop
        self._limits = limits or ClientLimits()
        self._dialer = Dialer(loop, resolver or Resolver(loop, clock))
        self._pools: dict[Origin, OriginPool[Http1Connection]] = {}
        self._tls_buffer = memoryview(bytearray(TLS_BUFFER_BYTES))
        self._is_closed = False

    def send(self, request: UpstreamRequest, body: bytes, last: bool, receiver: ResponseReceiver) -> UpstreamCall:
        """Start a call (core.ports.Transport)."""
        now = self.now()
        pool = self._pools.get(request.origin)
        if pool is None:
            pool = self._new_pool(request.origin)
        call = Http1Call(self, pool, request, receiver, now)
        try:
            head, length = serialise_head(request, body, last)
        except GatewayError as error:
            call.fail(error)
            return call
        call.open(head, body, last, length)
        if call.is_over:
            return call
        connection = pool.take(now)
        if connection is None:
            call.wait(now)
        else:
            connection.begin(call, now)
        return call

    def sweep(self, now: float) -> None:
        """Let every clock run: call it about once a second with the monotonic time."""
        for connection in list(self.active):
            connection.sweep(now)
        for origin, pool in list(self._pools.items()):
            pool.sweep(now)
            if pool.is_unused:
                del self._pools[origin]

    def close(self) -> None:
        """Close every connection; calls under way fail. For a graceful stop wait until `active` is empty first."""
        self._is_closed = True
        for pool in list(self._pools.values()):
            pool.close()
        for connection in list(self.active):
            connection.fail(upstream_errors.transport_closed(connection.origin))

    def stats(self) -> dict[Origin, PoolStats]:
        """The state of each pool."""
        return {origin: pool.stats() for origin, pool in self._pools.items()}

    def _new_pool(self, origin: Origin) -> OriginPool[Http1Connection]:
        pool = OriginPool(origin, self._loop, self._open_connection, self._limits.pool, self._clock)
        self._pools[origin] = pool
        if self._is_closed:
            pool.close()
        return pool

    async def _open_connection(self, pool: OriginPool[Http1Connection]) -> Http1Connection:
        limits = self._limits

        def make_protocol() -> Http1Connection:
            machine = ResponseMachine(limits.max_head_bytes, limits.max_headers)
            if pool.origin.scheme == "https":
                return TlsConnection(self, pool, machine, self._tls_buffer)
            return PlainConnection(self, pool, machine)

        connection = await self._dialer.dial(pool.origin, make_protocol)
        connection.opened_at = connection.idle_since = self.now()
        return connection
