"""Puts a scripted provider on a port of its own."""

import asyncio

from entresol.net.clock import SystemClock
from entresol.net.limits import Limits
from entresol.net.listener import Listener, bind_socket
from entresol.net.listener import serve as listen
from entresol.net.server import HttpServer
from entresol.scripted.provider import ScriptedProvider


class ScriptedServer:
    """A provider that is being served. `url` is its base, without a path."""

    def __init__(self, provider: ScriptedProvider, server: HttpServer, url: str) -> None:
        self.provider = provider
        self.url = url
        self._server = server

    async def close(self) -> None:
        """Stop at once: accept nothing more, break off what is under way."""
        self._server.begin_drain()
        for connection in tuple(self._server.connections):
            connection.abort()
        await self._server.wait_drained(1.0)
        self._server.stop()


async def serve(provider: ScriptedProvider, port: int = 0, host: str = "127.0.0.1") -> ScriptedServer:
    """Serve `provider`; port 0 takes a free one. Raises ConfigError when the port is taken."""
    sock = bind_socket(f"{host}:{port}")
    server = HttpServer(provider, Limits(), SystemClock())
    loop = asyncio.get_running_loop()
    await listen(loop, sock, Listener(f"{host}:{sock.getsockname()[1]}"), server)
    server.start(loop)
    return ScriptedServer(provider, server, f"http://{host}:{sock.getsockname()[1]}")
