import asyncio
import contextlib
import logging
from pathlib import Path

import pytest

from entresol.app.alone import Alone
from entresol.app.configuration import read_document
from entresol.net.clock import SystemClock
from entresol.supervisor.loader import Refused
from entresol.telemetry.metrics import Snapshot
from unit.app.free_ports import configuration, connected, free_sockets, settings_for


class Clumsy(Alone):
    """Its work of the second fails."""

    def every_second(self) -> None:
        raise RuntimeError("of no use")


def alive(kind: type[Alone], tmp_path: Path, text: str | None = None, drain_s: float = 5.0) -> Alone:
    settings = settings_for(tmp_path / "c.yaml", text or configuration("/a"), drain_s)
    found = read_document(settings, {})
    assert not isinstance(found, Refused)
    return kind(settings, *found, SystemClock())


def test_a_fault_in_one_second_does_not_stop_the_clocks(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        life = alive(Clumsy, tmp_path)
        with caplog.at_level(logging.ERROR):
            life.start_clock()
        assert "the work of this second failed" in caplog.text
        life.stop_clock()
        await life.gateway.drain(0.0)

    asyncio.run(scenario())


def test_a_request_under_way_is_waited_for_until_a_second_stop(tmp_path: Path) -> None:
    async def scenario() -> None:
        reached = asyncio.Event()

        async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.closing(writer):
                await reader.readuntil(b"\r\n\r\n")
                reached.set()
                await reader.read()

        upstream = await asyncio.start_server(never_answer, "127.0.0.1", 0)
        port = upstream.sockets[0].getsockname()[1]
        service = f"services: [{{name: s, url: 'http://127.0.0.1:{port}', routes: [{{name: t, paths: [/t]}}]}}]"
        text = configuration("/a", service.replace("paths:", "protocols: [http], paths:"))
        life, sockets, begun = alive(Alone, tmp_path, text, 60.0), free_sockets(), asyncio.Event()
        task = asyncio.create_task(life.live(sockets, begun.set))
        await asyncio.wait_for(begun.wait(), 10)
        async with connected(sockets) as (_, writer):
            writer.write(b"GET /t HTTP/1.1\r\nhost: a\r\n\r\n")
            await asyncio.wait_for(reached.wait(), 10)
            life.stop()
            done, _ = await asyncio.wait((task,), timeout=0.05)
            assert not done
            life.stop()
            assert await asyncio.wait_for(task, 10) == 1
        upstream.close()

    asyncio.run(scenario())


def test_the_metrics_page_is_fed(tmp_path: Path) -> None:
    async def scenario() -> None:
        life = alive(Alone, tmp_path)
        collected: list[Snapshot] = []
        life.collect(collected.append)
        assert collected
        await life.gateway.drain(0.0)

    asyncio.run(scenario())
