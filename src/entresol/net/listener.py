"""Sockets that accept clients: TCP on IPv4 and IPv6, Unix sockets, TLS, the PROXY protocol.

A supervisor may bind the socket and hand it to many workers, or each worker binds its own with `reuse_port`.
"""

import asyncio
import contextlib
import os
import socket
import stat
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Final

import msgspec

from entresol.core.errors import ConfigError
from entresol.net.proxy_listening import ProxyListening
from entresol.net.server import HttpServer, Listening

if TYPE_CHECKING:
    from entresol.net.tls_server import TlsContexts

BACKLOG: Final = 4096
"""Connections that may wait to be accepted; the kernel may allow fewer."""


class Listener(msgspec.Struct, frozen=True):
    """Where clients are accepted, and how."""

    address: str
    """`host:port`, `[ipv6]:port` or `unix:/path`."""
    tls: "TlsContexts | None" = None
    proxy_protocol: bool = False
    """Peers in `trusted` begin each connection with a PROXY protocol header; all others must not."""
    trusted: tuple[str, ...] = ()
    """Networks of the balancers in front, such as `10.0.0.0/8`; `unix:` for peers on a Unix socket."""


def bind_socket(address: str, reuse_port: bool = False) -> socket.socket:
    """A bound socket for `address`, not yet listening. Raises ConfigError when the address is taken or no address.

    `reuse_port` lets several workers bind the same port; the kernel spreads connections over them.
    """
    try:
        if address.startswith("unix:"):
            return _bind_unix(address.removeprefix("unix:"))
        return _bind_tcp(*split_address(address), reuse_port)
    except OSError as error:
        raise ConfigError("address_unavailable", f"cannot listen on {address}: {error.strerror or error}") from error


def split_address(address: str) -> tuple[str, int]:
    """Host and port of `host:port` or `[ipv6]:port`. Raises ConfigError."""
    host, separator, port = address.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        separator = ""
    if not separator or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ConfigError("address_invalid", f"{address!r} is not host:port, [ipv6]:port or unix:/path")
    return host, int(port)


def _bind_tcp(host: str, port: int, reuse_port: bool) -> socket.socket:
    info = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    sock = socket.socket(info[0], socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if info[0] == socket.AF_INET6:
            # `[::]` takes IPv4 as well, as operators expect of a dual stack
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if host == "::" else 1)
        sock.bind(info[4])
    except BaseException:
        sock.close()
        raise
    return sock


def _bind_unix(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale(path)
        sock.bind(path)
    except BaseException:
        sock.close()
        raise
    return sock


def _remove_stale(path: str) -> None:
    """Remove a socket file that nobody listens on any more, and nothing else."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def trusted_networks(trusted: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network | str, ...]:
    """`trusted` as networks. Raises ConfigError."""
    try:
        return tuple(entry if entry == "unix:" else ip_network(entry, strict=False) for entry in trusted)
    except ValueError as error:
        raise ConfigError("address_invalid", f"trusted: {error}") from None


async def serve(
    loop: asyncio.AbstractEventLoop, sock: socket.socket, listener: Listener, server: HttpServer
) -> Listening:
    """Accept clients on a bound socket until what is returned, or the server's drain, closes it."""
    sock.setblocking(False)
    limits = server.limits
    context = None if listener.tls is None else listener.tls.context
    listening: Listening
    if listener.proxy_protocol:
        listening = ProxyListening(loop, sock, server, listener, context, trusted_networks(listener.trusted), BACKLOG)
    else:
        create = loop.create_unix_server if sock.family == socket.AF_UNIX else loop.create_server
        listening = await create(
            lambda: server.protocol(listener),
            sock=sock,
            backlog=BACKLOG,
            ssl=context,
            ssl_handshake_timeout=None if context is None else limits.tls_handshake_s,
            ssl_shutdown_timeout=None if context is None else limits.linger_s,
        )
    server.add_listening(listening)
    return listening
