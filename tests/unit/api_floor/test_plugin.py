"""The seam: which phases a plugin takes part in."""

from entresol.api_floor.chains import chain_of, overriding
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.plugin import Plugin, PluginConfig
from unit.api_floor.recording import context


class OnlyLogs(Plugin[PluginConfig]):
    """Overrides one phase."""

    name = "only-logs"
    priority = 5
    config_type = PluginConfig

    def log(self, exchange: Exchange) -> None:
        """Nothing to do."""


class DoesNothing(Plugin[PluginConfig]):
    """Overrides none."""

    name = "does-nothing"
    priority = 6
    config_type = PluginConfig


def test_a_chain_lists_in_each_phase_only_who_takes_part() -> None:
    logs, idle = OnlyLogs(PluginConfig(), context()), DoesNothing(PluginConfig(), context())
    chain = chain_of((logs, idle), ())
    assert chain.plugins == (idle, logs)
    assert chain.log == (logs,)
    assert (chain.rewrite, chain.access, chain.header_filter, chain.body_filter) == ((), (), (), ())
    assert overriding((idle, logs), "log") == (logs,)


def test_a_plugin_that_overrides_nothing_has_neutral_defaults() -> None:
    plugin = DoesNothing(PluginConfig(), context())
    assert plugin.body_limit is None
    assert plugin.error_format is None
