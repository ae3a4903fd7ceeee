import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from entresol.app.alone import Alone
from entresol.app.configuration import read_document
from entresol.app.gateway import Sockets
from entresol.net.clock import SystemClock
from entresol.supervisor.loader import Refused
from entresol.supervisor.messages import ConfigurationState
from unit.app.free_ports import configuration, free_sockets, get, settings_for


@asynccontextmanager
async def living(file: Path, text: str) -> AsyncIterator[tuple[Alone, Sockets]]:
    settings = settings_for(file, text)
    found = read_document(settings, {})
    assert not isinstance(found, Refused)
    life, sockets, begun = Alone(settings, *found, SystemClock()), free_sockets(), asyncio.Event()
    task = asyncio.create_task(life.live(sockets, begun.set))
    await asyncio.wait_for(begun.wait(), 10)
    try:
        yield life, sockets
    finally:
        life.stop()
        assert await asyncio.wait_for(task, 10) == 0


async def state_when(life: Alone, is_so: Callable[[ConfigurationState], bool]) -> ConfigurationState:
    async with asyncio.timeout(10):
        while not is_so(life.node_state().configuration):
            await asyncio.sleep(0.005)
    return life.node_state().configuration


def test_it_serves_and_shows_itself(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with living(tmp_path / "c.yaml", configuration("/a")) as (life, sockets):
            assert (await get(sockets.proxy[0].getsockname(), "/a"))[0] == 503  # a route without a service
            assert (await get(sockets.proxy[0].getsockname(), "/b"))[0] == 404
            status, body = await get(sockets.status[0].getsockname(), "/status")
            shown = msgspec.json.decode(body)
            assert (status, shown["workers"][0]["state"]) == (200, "ready")
            assert shown["configuration"]["version"] == life.node_state().configuration.version
            assert (await get(sockets.status[0].getsockname(), "/metrics"))[0] == 200

    asyncio.run(scenario())


def test_a_changed_file_is_noticed_and_served(tmp_path: Path) -> None:
    async def scenario() -> None:
        file = tmp_path / "c.yaml"
        async with living(file, configuration("/a")) as (life, sockets):
            file.write_text(configuration("/b/longer"))
            life.every_second()
            state = await state_when(life, lambda state: state.reloads == 1)
            assert state.last_reload_error is None
            assert (await get(sockets.proxy[0].getsockname(), "/b/longer"))[0] == 503
            assert (await get(sockets.proxy[0].getsockname(), "/a"))[0] == 404

    asyncio.run(scenario())


def test_a_file_that_changed_before_the_watch_began_is_noticed(tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = settings_for(tmp_path / "c.yaml", configuration("/a"))
        found = read_document(settings, {})
        assert not isinstance(found, Refused)
        (tmp_path / "c.yaml").write_text(configuration("/b"))
        life = Alone(settings, *found, SystemClock())
        life.every_second()
        state = await state_when(life, lambda state: state.reloads == 1)
        assert state.version != found[0].version
        life.every_second()
        assert life.node_state().configuration is state
        await life.gateway.drain(0.0)

    asyncio.run(scenario())


def test_a_bad_file_changes_nothing_and_is_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        file = tmp_path / "c.yaml"
        async with living(file, configuration("/a")) as (life, sockets):
            version = life.node_state().configuration.version
            file.write_text(configuration("/b", "colour: red"))
            life.hang_up()
            state = await state_when(life, lambda state: state.last_reload_error is not None)
            assert (state.version, state.last_reload_error) == (version, "colour: unknown field")
            assert (await get(sockets.proxy[0].getsockname(), "/a"))[0] == 503
            file.write_text(configuration("/a"))
            life.reload()
            state = await state_when(life, lambda state: state.last_reload_error is None)
            assert (state.version, state.reloads) == (version, 0)

    asyncio.run(scenario())


def test_what_compiles_nowhere_is_refused_too(tmp_path: Path) -> None:
    async def scenario() -> None:
        file = tmp_path / "c.yaml"
        async with living(file, configuration("/a")) as (life, _):
            file.write_text("- a list")
            life.reload()
            life.reload()  # while one is under way: it is looked at once more
            state = await state_when(life, lambda state: state.last_reload_error is not None)
            assert state.last_reload_failed_at is not None

    asyncio.run(scenario())


def test_a_reload_that_fails_in_an_unforeseen_way_is_told_and_the_next_one_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    async def scenario() -> None:
        file = tmp_path / "c.yaml"
        async with living(file, configuration("/a")) as (life, _):
            with monkeypatch.context() as patch:
                patch.setattr("entresol.app.alone.read_document", fail)
                life.reload()
                state = await state_when(life, lambda state: state.last_reload_error is not None)
            assert state.last_reload_error == "it cannot be read: ZeroDivisionError"
            file.write_text(configuration("/b"))
            life.reload()
            await state_when(life, lambda state: state.reloads == 1)

    asyncio.run(scenario())


def test_a_node_that_stops_is_not_ready_and_reloads_no_more(tmp_path: Path) -> None:
    async def scenario() -> None:
        file = tmp_path / "c.yaml"
        async with living(file, configuration("/a")) as (life, _):
            assert life.is_ready()
            life.stop()
            assert not life.is_ready()
            life.reload()
            assert life.node_state().workers[0].state == "draining"

    asyncio.run(scenario())
