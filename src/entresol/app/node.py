"""A node: one worker in this process, or a supervisor and its children."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import msgspec

from entresol.api_floor.configuration import Configuration
from entresol.app.alone import Alone
from entresol.app.configuration import check_configuration
from entresol.app.gateway import Sockets
from entresol.app.hang_ups import hang_ups_come_through
from entresol.app.supervised import Supervised, lasting
from entresol.config import Settings
from entresol.net.clock import SystemClock
from entresol.net.worker_sockets import bind_for_workers, close_all, remove_socket_file, shown_address
from entresol.supervisor.link import SupervisorLink
from entresol.supervisor.loader import Document, Refused
from entresol.supervisor.messages import Snapshot as SnapshotMessage
from entresol.supervisor.supervise import Supervisor
from entresol.supervisor.watch import FileWatch


class Addresses(msgspec.Struct, frozen=True):
    """Where a node listens, with the ports that it got: `127.0.0.1:8000` or `unix:/path`."""

    proxy: tuple[str, ...]
    status: tuple[str, ...]
    identity: tuple[str, ...] = ()


Announce = Callable[[Addresses], None]


def run_alone(settings: Settings, document: Document, configuration: Configuration, announce: Announce) -> int:
    """A node of one worker, in this process. `announce` is called once requests are taken."""
    [sockets] = _bind(settings, 1)
    addresses = addresses_of(sockets)

    async def main() -> int:
        life = Alone(settings, document, configuration, SystemClock())
        for number in (signal.SIGTERM, signal.SIGINT):
            life.loop.add_signal_handler(number, life.stop)
        life.loop.add_signal_handler(signal.SIGHUP, life.hang_up)
        with hang_ups_come_through():
            return await life.live(sockets, lambda: announce(addresses))

    try:
        return run_on_best_loop(main)
    finally:
        _remove_socket_files(settings)


def run_supervised(settings: Settings, document: Document, announce: Announce) -> int:
    """A node of several workers, each a child of this process."""
    check_store(settings)
    node = _Node(settings, announce)
    path = settings.configuration.file
    watch = FileWatch(path, document.source_digest) if path is not None and settings.configuration.watch else None
    gc.collect()
    gc.freeze()  # collections in the workers must not touch, and so copy, what they share with us
    supervisor = Supervisor(node, settings.worker_count, document, SystemClock(), settings.workers.drain_s, watch)
    try:
        return supervisor.run()
    finally:
        _remove_socket_files(settings)


class _Node:
    """What the processes of a supervised node do (supervisor.supervise.Program)."""

    def __init__(self, settings: Settings, announce: Announce) -> None:
        self._settings = settings
        self._announce = announce
        self._sockets = _bind(settings, settings.worker_count)

    def run_worker(self, index: int, link: socket.socket, document: Document) -> int:
        own, settings = self._sockets[index], self._settings
        for other in self._sockets:
            close_all(other.all, but=own.all)

        async def main() -> int:
            loop = asyncio.get_running_loop()
            connection = SupervisorLink(loop)
            await loop.create_unix_connection(lambda: connection, sock=link)
            life = Supervised(settings, document, connection, SystemClock())
            loop.add_signal_handler(signal.SIGTERM, life.stop)
            loop.add_signal_handler(signal.SIGHUP, life.gateway.lines.reopen_files)
            code = await life.live(own, life.begun)
            connection.send(SnapshotMessage(0, life.snapshot()))
            connection.close()
            return code

        return run_on_best_loop(main)

    def load(self) -> Document | Refused:
        return check_configuration(self._settings, os.environ)

    def fold(self, snapshots: Iterable[bytes]) -> bytes:
        return lasting(snapshots)

    def ready(self) -> None:
        self._announce(addresses_of(self._sockets[0]))

    def stop_listening(self) -> None:
        for sockets in self._sockets:
            close_all(sockets.all)


def check_store(settings: Settings) -> None:
    """Open the store once before there are workers, which would each fail alone. Raises ConfigError."""
    if settings.store.url is None:
        return
    from entresol.app.opened_store import try_to_open

    asyncio.run(try_to_open(settings.store, os.environ, SystemClock()))


def run_on_best_loop(main: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Run on uvloop where it is installed, else on asyncio's own loop."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    with contextlib.suppress(ImportError):
        from uvloop import new_event_loop as factory
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main())


def _bind(settings: Settings, workers: int) -> list[Sockets]:
    """The sockets of every worker. Raises ConfigError when an address is taken."""
    proxy = [bind_for_workers(str(listen), workers) for listen in settings.proxy_listens]
    status = [bind_for_workers(str(listen), workers) for listen in settings.status_listens]
    identity = tuple(bind_for_workers(str(listen), 1)[0] for listen in settings.identity_listens)
    return [
        Sockets(tuple(each[i] for each in proxy), tuple(each[i] for each in status), () if i else identity)
        for i in range(workers)
    ]


def addresses_of(sockets: Sockets) -> Addresses:
    return Addresses(*(tuple(map(shown_address, each)) for each in (sockets.proxy, sockets.status, sockets.identity)))


def _remove_socket_files(settings: Settings) -> None:
    for listen in settings.all_listens:
        remove_socket_file(str(listen))
