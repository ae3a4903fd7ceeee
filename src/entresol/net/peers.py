"""Who is at the two ends of a client connection."""

import asyncio

from entresol.core.http import Connection, TlsInfo

UNIX_PEER = "unix:"
"""The address of a peer on a Unix socket, as nginx writes it."""

_MAPPED = "::ffff:"  # an IPv4 client on an IPv6 socket

Ends = tuple[str, int, str, int]
"""Peer address and port, local address and port."""


def describe_connection(transport: asyncio.BaseTransport, ends: Ends | None = None) -> Connection:
    """The connection as requests see it. `ends` replaces the socket's addresses (PROXY protocol)."""
    tls = None
    ssl_object = transport.get_extra_info("ssl_object")
    if ssl_object is not None:
        from entresol.net.tls_info import read_tls_info  # plain listeners do not pay for ssl

        tls = read_tls_info(ssl_object)
    return make_connection(ends or socket_ends(transport), tls)


def make_connection(ends: Ends, tls: TlsInfo | None) -> Connection:
    """A `Connection` with IPv4 addresses in their own form."""
    peer_ip, peer_port, local_ip, local_port = ends
    return Connection(plain_ip(peer_ip), peer_port, plain_ip(local_ip), local_port, tls)


def socket_ends(transport: asyncio.BaseTransport) -> Ends:
    """The addresses of the transport's socket."""
    peer_ip, peer_port = _host_and_port(transport.get_extra_info("peername"))
    local_ip, local_port = _host_and_port(transport.get_extra_info("sockname"))
    return peer_ip, peer_port, local_ip, local_port


def _host_and_port(address: object) -> tuple[str, int]:
    if isinstance(address, tuple) and len(address) >= 2:
        return str(address[0]), int(address[1])
    return UNIX_PEER, 0


def plain_ip(ip: str) -> str:
    """An IPv4-mapped IPv6 address as the IPv4 address it is."""
    return ip[len(_MAPPED) :] if ip.startswith(_MAPPED) and "." in ip else ip
