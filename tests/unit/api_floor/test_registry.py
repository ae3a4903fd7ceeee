"""api_floor.registry"""

import importlib.metadata
import logging

import pytest

from entresol.api_floor.plugin import Plugin, PluginConfig
from entresol.api_floor.registry import PluginRegistry
from entresol.core.errors import ConfigError


class Sample(Plugin[PluginConfig]):
    name = "sample"
    priority = 1
    config_type = PluginConfig


class Nameless(Plugin[PluginConfig]):
    priority = 1
    config_type = PluginConfig


class Unsorted(Plugin[PluginConfig]):
    name = "unsorted"
    config_type = PluginConfig


class Configless(Plugin[PluginConfig]):
    name = "configless"
    priority = 1


def broken() -> object:
    raise ImportError("S3CRET path")


def point(name: str, value: str) -> importlib.metadata.EntryPoint:
    return importlib.metadata.EntryPoint(name, value, "entresol.plugins")


def test_our_own_plugins_are_found_by_their_entry_points() -> None:
    assert {"key-auth", "rate-limiting", "ai-proxy"} <= set(PluginRegistry.installed().names())


def test_a_plugin_is_imported_only_when_it_is_asked_for() -> None:
    imported: list[str] = []

    def load() -> object:
        imported.append("sample")
        return Sample

    registry = PluginRegistry({"sample": load, "broken": broken})
    assert registry.names() == ["broken", "sample"]
    assert imported == []
    assert registry.find("sample") is Sample
    assert registry.find("sample") is Sample
    assert imported == ["sample"]


def test_an_unknown_name_finds_nothing() -> None:
    assert PluginRegistry.of(Sample).find("other") is None


def test_a_plugin_that_cannot_be_imported_fails_only_who_uses_it(caplog: pytest.LogCaptureFixture) -> None:
    registry = PluginRegistry({"broken": broken, "sample": lambda: Sample})
    assert registry.find("sample") is Sample
    with caplog.at_level(logging.CRITICAL), pytest.raises(ConfigError) as raised:
        registry.find("broken")
    assert raised.value.code == "plugin_broken"
    assert raised.value.message == "plugin 'broken' cannot be imported: ImportError"


@pytest.mark.parametrize(
    ("name", "target", "message"),
    [
        ("function", broken, "is not a subclass of Plugin"),
        ("other", Sample, "calls itself 'sample'"),
        ("nameless", Nameless, "declares no name"),
        ("unsorted", Unsorted, "declares no priority"),
        ("configless", Configless, "declares no config_type"),
    ],
)
def test_what_is_no_plugin_is_refused(name: str, target: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        PluginRegistry({name: lambda: target}).find(name)
    assert raised.value.code == "plugin_broken"


def test_two_plugins_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [point("x", "one:X"), point("x", "two:X"), point("y", "one:Y"), point("y", "one:Y")]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points)
    with pytest.raises(ConfigError, match="two plugins are called 'x': one:X and two:X") as raised:
        PluginRegistry.installed()
    assert raised.value.code == "plugin_clash"


def test_one_plugin_installed_twice_is_no_clash(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [point("y", "one:Y"), point("y", "one:Y")]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points)
    assert PluginRegistry.installed().names() == ["y"]
