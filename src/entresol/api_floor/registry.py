"""Which plugins there are: entry points of the group `entresol.plugins`, imported only once somebody uses them."""

import functools
import importlib.metadata
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from entresol.api_floor.plugin import AnyPlugin, Plugin, PluginConfig
from entresol.core.errors import ConfigError

GROUP: Final = "entresol.plugins"

logger = logging.getLogger("entresol.plugins")


class PluginRegistry:
    """Plugin classes by name. A plugin that cannot be imported concerns only those who use it."""

    def __init__(self, loaders: Mapping[str, Callable[[], object]]) -> None:
        self._loaders = dict(loaders)
        self._loaded: dict[str, type[AnyPlugin]] = {}

    @classmethod
    def installed(cls) -> "PluginRegistry":
        """What is installed in this environment. Raises ConfigError `plugin_clash` on two plugins of one name."""
        loaders: dict[str, Callable[[], object]] = {}
        targets: dict[str, str] = {}
        for point in importlib.metadata.entry_points(group=GROUP):
            if targets.setdefault(point.name, point.value) != point.value:
                both = f"{targets[point.name]} and {point.value}"
                raise ConfigError("plugin_clash", f"two plugins are called {point.name!r}: {both}; uninstall one")
            loaders[point.name] = point.load
        return cls(loaders)

    @classmethod
    def of(cls, *plugins: type[Plugin[Any]]) -> "PluginRegistry":
        """These plugins and no others."""
        return cls({plugin.name: functools.partial(_itself, plugin) for plugin in plugins})

    def names(self) -> list[str]:
        """Every name, sorted, importable or not."""
        return sorted(self._loaders)

    def find(self, name: str) -> type[AnyPlugin] | None:
        """The plugin called `name`. Raises ConfigError `plugin_broken` when it exists but is no use."""
        plugin = self._loaded.get(name)
        if plugin is None and name in self._loaders:
            plugin = self._loaded[name] = _load(name, self._loaders[name])
        return plugin


def _itself(plugin: object) -> object:
    return plugin


def _load(name: str, loader: Callable[[], object]) -> type[AnyPlugin]:
    try:
        plugin = loader()
    except Exception as error:  # a third party's import may raise anything
        logger.exception("plugin %r cannot be imported", name)
        raise ConfigError("plugin_broken", f"plugin {name!r} cannot be imported: {type(error).__name__}") from error
    if not (isinstance(plugin, type) and issubclass(plugin, Plugin)):
        raise ConfigError("plugin_broken", f"plugin {name!r} is not a subclass of Plugin")
    for attribute, kind in (("name", str), ("priority", int)):
        if not isinstance(getattr(plugin, attribute, None), kind):
            raise ConfigError("plugin_broken", f"plugin {name!r} declares no {attribute}")
    config_type = getattr(plugin, "config_type", None)
    if not (isinstance(config_type, type) and issubclass(config_type, PluginConfig)):
        raise ConfigError("plugin_broken", f"plugin {name!r} declares no config_type")
    if plugin.name != name:
        raise ConfigError("plugin_broken", f"plugin {name!r} calls itself {plugin.name!r}")
    return plugin
