import asyncio
from pathlib import Path

import pytest

from entresol.api_floor.pipeline import ApiFloor
from entresol.app.embedded import embedded_gateway, settings_from_environment
from entresol.core.errors import ConfigError
from unit.app.free_ports import configuration, settings_for


def test_the_floor_is_there_while_the_context_is_open(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded_gateway(settings_for(tmp_path / "c.yaml", configuration("/a"))) as handler:
            assert isinstance(handler, ApiFloor)

    asyncio.run(scenario())


def test_a_bad_file_is_refused_with_its_name(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded_gateway(settings_for(tmp_path / "c.yaml", configuration("/a", "colour: red"))):
            raise AssertionError

    with pytest.raises(ConfigError, match=r"c\.yaml: colour: unknown field"):
        asyncio.run(scenario())


def test_settings_come_from_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTRESOL_CONFIG", "some.yaml")
    monkeypatch.setenv("ENTRESOL_HEADERS__BRAND", "Kong")
    settings = settings_from_environment()
    assert (settings.configuration.file, settings.headers.brand) == ("some.yaml", "Kong")
    monkeypatch.setenv("ENTRESOL_HEADERS__BRAND", "Other")
    with pytest.raises(ConfigError, match=r"headers\.brand"):
        settings_from_environment()


def test_without_a_file_there_is_nothing_to_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENTRESOL_CONFIG", raising=False)
    with pytest.raises(ConfigError, match="ENTRESOL_CONFIG"):
        settings_from_environment()
