import asyncio
import os
import signal
import socket
import sys
import threading
from functools import partial
from pathlib import Path

import msgspec
import pytest

from entresol.app.configuration import read_document
from entresol.app.node import Addresses, run_alone, run_on_best_loop, run_supervised
from entresol.core.errors import ConfigError
from entresol.supervisor.child import fork
from entresol.supervisor.loader import Refused
from unit.app.free_ports import configuration, settings_for


@pytest.mark.parametrize("workers", [1, 2])
def test_a_node_says_where_it_listens_and_stops_when_told(tmp_path: Path, workers: int) -> None:
    settings = settings_for(tmp_path / "c.yaml", configuration("/a"))
    settings = msgspec.structs.replace(settings, workers=msgspec.structs.replace(settings.workers, count=workers))
    found = read_document(settings, {})
    assert not isinstance(found, Refused)
    read, write = os.pipe()

    def announce(addresses: Addresses) -> None:
        os.write(write, msgspec.json.encode(addresses) + b"\n")

    def run() -> int:
        return run_alone(settings, *found, announce) if workers == 1 else run_supervised(settings, found[0], announce)

    pid = fork(run)
    os.close(write)
    with os.fdopen(read, "rb") as lines:
        addresses = msgspec.json.decode(lines.readline(), type=Addresses)
    for address in (*addresses.proxy, *addresses.status):
        host, port = address.split(":")
        with socket.create_connection((host, int(port)), 10):
            pass
    os.kill(pid, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_an_address_that_is_taken_is_a_fault_of_the_configuration(tmp_path: Path, workers: int) -> None:
    settings = settings_for(tmp_path / "c.yaml", configuration("/a"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        proxy = msgspec.structs.replace(settings.proxy, listen=(f"127.0.0.1:{taken.getsockname()[1]}",))
        settings = msgspec.structs.replace(
            settings, proxy=proxy, workers=msgspec.structs.replace(settings.workers, count=workers)
        )
        found = read_document(settings, {})
        assert not isinstance(found, Refused)
        run = partial(run_alone, settings, *found) if workers == 1 else partial(run_supervised, settings, found[0])
        with pytest.raises(ConfigError, match="Address already in use"):
            run(lambda addresses: None)


def test_uvloop_is_used_where_it_is_installed() -> None:
    async def loop_of() -> int:
        return int(type(asyncio.get_running_loop()).__module__.startswith("uvloop"))

    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(run_on_best_loop(loop_of)))
    thread.start()
    thread.join()
    assert found == [1]


def test_without_uvloop_asyncio_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)

    async def loop_of() -> int:
        return int(type(asyncio.get_running_loop()).__module__.startswith("asyncio"))

    assert run_on_best_loop(loop_of) == 1
