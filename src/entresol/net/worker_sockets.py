"""Listening sockets for many workers: bound before they are forked, one for each worker where the kernel allows.

With SO_REUSEPORT every TCP socket has a queue of its own, over which the kernel spreads new connections; a worker that
is started again finds its queue as the last one left it. Unix sockets know no such thing: all workers accept from one.
"""

import contextlib
import os
import socket
from collections.abc import Iterable

from entresol.net.listener import BACKLOG, bind_socket, split_address


def bind_for_workers(address: str, workers: int) -> tuple[socket.socket, ...]:
    """A socket for each of `workers`, already listening when there are several. Port 0 means the same free port.

    Raises ConfigError when the address is taken, also by a process that would share its port.
    """
    if workers == 1:
        return (bind_socket(address),)
    if address.startswith("unix:"):
        sockets = (bind_socket(address),) * workers
    else:
        with bind_socket(address) as alone:  # with SO_REUSEPORT we would silently share what another node listens on
            port = alone.getsockname()[1]
        host, _ = split_address(address)
        shown = f"[{host}]" if ":" in host else host
        sockets = tuple(bind_socket(f"{shown}:{port}", reuse_port=True) for _ in range(workers))
    for sock in sockets:
        sock.listen(BACKLOG)
    return sockets


def close_all(sockets: Iterable[socket.socket], but: Iterable[socket.socket] = ()) -> None:
    """Close these sockets, except those that are also among the others."""
    kept = {id(sock) for sock in but}
    for sock in sockets:
        if id(sock) not in kept:
            sock.close()


def shown_address(sock: socket.socket) -> str:
    """Where a socket listens: `127.0.0.1:8000`, `[::1]:8000` or `unix:/path`."""
    name = sock.getsockname()
    if isinstance(name, tuple):
        host, port = name[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return f"unix:{os.fsdecode(name)}"


def remove_socket_file(address: str) -> None:
    """Remove what a Unix socket leaves behind; other addresses leave nothing."""
    if address.startswith("unix:"):
        with contextlib.suppress(OSError):
            os.unlink(address.removeprefix("unix:"))
