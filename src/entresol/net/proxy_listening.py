"""Accepting connections that begin with a PROXY protocol header.

The header comes before TLS, so it is read from the bare socket, and exactly its bytes: it is peeked at first. Then
the socket goes to the event loop like any other. This costs a task and a timer for each connection, not for requests.
"""

import asyncio
import logging
import socket
import ssl
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING

from entresol.net.peers import Ends, plain_ip
from entresol.net.proxy_protocol import MAX_HEADER, ProxyProtocolError, parse_proxy_header
from entresol.net.server import HttpServer

if TYPE_CHECKING:
    from entresol.net.listener import Listener

logger = logging.getLogger("entresol.net.server")

Networks = tuple[IPv4Network | IPv6Network | str, ...]


class ProxyListening:
    """A listening socket whose trusted peers send a header first."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        server: HttpServer,
        listener: "Listener",
        context: ssl.SSLContext | None,
        trusted: Networks,
        backlog: int,
    ) -> None:
        self._loop = loop
        self._sock = sock
        self._server = server
        self._listener = listener
        self._context = context
        self._trusted = trusted
        self._waiting: set[HeaderWait] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        sock.listen(backlog)
        loop.add_reader(sock, self._accept)

    def close(self) -> None:
        """Accept no more, and drop connections that have not said yet who they are."""
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock)
            self._sock.close()
        for wait in tuple(self._waiting):
            wait.give_up()

    def _accept(self) -> None:
        try:
            client, address = self._sock.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:  # no file descriptors left, as a rule: leave the others time to end
            logger.error("cannot accept a connection: %s", error)
            self._loop.remove_reader(self._sock)
            self._loop.call_later(1.0, self._accept_again)
            return
        client.setblocking(False)
        if is_trusted(address, self._trusted):
            self._waiting.add(HeaderWait(self._loop, client, self, self._server.limits.tls_handshake_s))
        else:
            self.connect(client, None)

    def _accept_again(self) -> None:
        if self._sock.fileno() >= 0:
            self._loop.add_reader(self._sock, self._accept)

    def forget(self, wait: "HeaderWait") -> None:
        """A wait is over."""
        self._waiting.discard(wait)

    def connect(self, client: socket.socket, ends: Ends | None) -> None:
        """Hand a connection to the server."""
        task = self._loop.create_task(self._connect(client, ends))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, client: socket.socket, ends: Ends | None) -> None:
        limits = self._server.limits
        try:
            await self._loop.connect_accepted_socket(
                lambda: self._server.protocol(self._listener, ends),
                client,
                ssl=self._context,
                ssl_handshake_timeout=None if self._context is None else limits.tls_handshake_s,
                ssl_shutdown_timeout=None if self._context is None else limits.linger_s,
            )
        except OSError as error:
            logger.info("a TLS handshake failed: %s", error)
            client.close()


class HeaderWait:
    """One connection whose header is not there yet."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, client: socket.socket, listening: ProxyListening, timeout_s: float
    ) -> None:
        self._loop = loop
        self._client = client
        self._listening = listening
        self._read = b""
        self._timer = loop.call_later(timeout_s, self.give_up)
        loop.add_reader(client, self._look)

    def give_up(self) -> None:
        """Close the connection."""
        self._end()
        self._client.close()

    def _end(self) -> None:
        self._timer.cancel()
        self._loop.remove_reader(self._client)
        self._listening.forget(self)

    def _look(self) -> None:
        try:
            data = self._client.recv(MAX_HEADER, socket.MSG_PEEK)
            header = parse_proxy_header(self._read + data) if data else None
            if not data:
                self.give_up()
                return
            # An incomplete header is made of all there is; of a complete one exactly its rest is taken.
            wanted = len(data) if header is None else header.size - len(self._read)
            self._read += self._client.recv(wanted)
        except (BlockingIOError, InterruptedError):
            return
        except (ProxyProtocolError, OSError) as error:
            logger.warning("closed a connection: %s", error)
            self.give_up()
            return
        if header is not None:
            self._end()
            self._listening.connect(self._client, header.ends)


def is_trusted(address: object, trusted: Networks) -> bool:
    """Whether the peer at a socket address may say who the client is."""
    if not isinstance(address, tuple):
        return "unix:" in trusted
    ip = ip_address(plain_ip(str(address[0]).partition("%")[0]))
    return any(not isinstance(network, str) and ip.version == network.version and ip in network for network in trusted)
