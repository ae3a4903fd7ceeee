"""One worker's data plane, wired."""

import asyncio
import os
import socket

import msgspec

from entresol import __version__
from entresol.api_floor.answers import Identity
from entresol.api_floor.compile import PluginPorts, compile_plan
from entresol.api_floor.configuration import Configuration
from entresol.api_floor.pipeline import ApiFloor
from entresol.api_floor.plan import Plan
from entresol.api_floor.registry import PluginRegistry
from entresol.app.adapters import check_certificates, line_sink, tls_contexts, upstream_transport
from entresol.app.late_door import LateDoor
from entresol.app.price_files import installed_prices
from entresol.cloud.clouds import Clouds
from entresol.config import Listen, Settings
from entresol.core.ports import Clock, Counters, Handler
from entresol.net.listener import Listener, serve
from entresol.net.outgoing import Flusher
from entresol.net.server import HttpServer
from entresol.telemetry.metrics import WorkerMetrics
from entresol.telemetry.status_page import StatusPage


class Sockets(msgspec.Struct, frozen=True):
    """The bound sockets of one worker, in the order of the settings' listeners."""

    proxy: tuple[socket.socket, ...]
    status: tuple[socket.socket, ...]
    identity: tuple[socket.socket, ...] = ()
    """One worker of a node has them."""

    @property
    def all(self) -> tuple[socket.socket, ...]:
        """All kinds."""
        return self.proxy + self.status + self.identity


class Gateway:
    """One worker's data plane. Made on the event loop that it runs on."""

    def __init__(self, settings: Settings, configuration: Configuration, counters: Counters, clock: Clock) -> None:
        loop = self._loop = asyncio.get_running_loop()
        self._settings = settings
        self._clock = clock
        self.metrics = WorkerMetrics()
        self.lines = line_sink(self.metrics)
        self._registry = PluginRegistry.installed()
        clouds = Clouds(clock, os.environ)
        self.door = LateDoor()
        self._ports = PluginPorts(
            clock,
            counters,
            self.lines,
            self.metrics,
            settings.headers.brand,
            clouds,
            door=self.door if settings.store.url is not None else None,
        )
        flusher = Flusher()
        self.transport = upstream_transport(settings, loop, clock, flusher)
        self.tls = tls_contexts(settings, configuration)
        identity = Identity(settings.headers.brand, __version__)
        self.floor = ApiFloor(self.prepare(configuration), self.transport, clock, identity, flusher.later)
        self.server = HttpServer(self.floor, settings.limits, clock, flusher)
        self.status_server: HttpServer | None = None
        self.identity_server: HttpServer | None = None

    def prepare(self, configuration: Configuration) -> Plan:
        """Compile; raises ConfigError when it cannot be served. Nothing changes until `use`. Prices are read anew."""
        ports = msgspec.structs.replace(self._ports, prices=installed_prices(self._settings.prices))
        plan = compile_plan(configuration, self._registry, ports)
        check_certificates(self._settings, configuration)
        return plan

    def use(self, plan: Plan) -> None:
        """Serve a prepared plan: requests that start from now on follow it."""
        if self.tls is not None:
            self.tls.replace(plan.certificates)
        self.floor.plan = plan

    async def listen(self, sockets: Sockets, page: StatusPage) -> None:
        """Accept clients."""
        settings = self._settings
        self.status_server = HttpServer(page, settings.limits, self._clock)
        for listen, sock in zip(settings.proxy_listens, sockets.proxy, strict=True):
            await serve(self._loop, sock, self._listener(listen), self.server)
        for listen, sock in zip(settings.status_listens, sockets.status, strict=True):
            await serve(self._loop, sock, self._listener(listen), self.status_server)

    async def listen_for_identity(self, sockets: Sockets, handler: Handler) -> None:
        """Accept who signs in, or wants a token."""
        settings = self._settings
        self.identity_server = HttpServer(handler, settings.limits, self._clock)
        for listen, sock in zip(settings.identity_listens, sockets.identity, strict=True):
            await serve(self._loop, sock, self._listener(listen), self.identity_server)

    def tick(self) -> None:
        """Let every clock run; once a second."""
        for server in self._servers:
            server.sweep()
        self.transport.sweep(self._clock.monotonic())

    async def drain(self, grace_s: float) -> None:
        """End gracefully: no new connections, what is under way gets `grace_s`; the status page answers to the end."""
        self.server.begin_drain()
        if self.identity_server is not None:
            self.identity_server.begin_drain()
            await self.identity_server.wait_drained(grace_s)
        await self.server.wait_drained(grace_s)
        if self.status_server is not None:
            self.status_server.begin_drain()
            await self.status_server.wait_drained(0.1)
        self._close()

    def abort(self) -> None:
        """End at once: whatever is under way is broken off."""
        for server in self._servers:
            server.begin_drain()
            for connection in tuple(server.connections):
                connection.abort()
        self._close()

    @property
    def _servers(self) -> tuple[HttpServer, ...]:
        return tuple(s for s in (self.server, self.status_server, self.identity_server) if s is not None)

    def _close(self) -> None:
        self.transport.close()
        self.lines.close()

    def _listener(self, listen: Listen) -> Listener:
        return Listener(
            address=str(listen),
            tls=self.tls if listen.ssl else None,
            proxy_protocol=listen.proxy_protocol,
            trusted=self._settings.proxy.trusted_ips,
        )
