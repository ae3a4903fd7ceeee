"""api_floor.chains: Kong's plugin precedence."""

import logging
from itertools import permutations
from typing import Any, cast

import pytest

from entresol.api_floor.chains import ChainSelector, ScopedPlugin
from entresol.api_floor.compile import compile_service
from entresol.api_floor.entities import Consumer, Route, Service
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.plan import CompiledRoute
from entresol.api_floor.plugin import Plugin, PluginConfig, PluginContext, Scope

SERVICE = compile_service(Service(id="S", host="h"))
ROUTE = CompiledRoute(entity=Route(id="R", service="S"), service=SERVICE)
BARE_ROUTE = CompiledRoute(entity=Route(id="B"), service=None)
ALICE = Consumer(id="C", username="alice")


class Low(Plugin[PluginConfig]):
    name = "low"
    priority = 1
    config_type = PluginConfig

    def rewrite(self, exchange: Exchange) -> None:
        """Takes part."""


class High(Plugin[PluginConfig]):
    name = "high"
    priority = 2
    config_type = PluginConfig

    def access(self, exchange: Exchange) -> None:
        """Takes part."""


def scoped(cls: type[Plugin[PluginConfig]], name: str, **scope: str) -> ScopedPlugin:
    nothing = cast("Any", None)
    where = Scope(**scope)
    context = PluginContext(
        instance_id=name,
        scope=where,
        clock=nothing,
        counters=nothing,
        lines=nothing,
        metrics=nothing,
        consumers=nothing,
        logger=logging.getLogger(name),
    )
    return ScopedPlugin(cls(PluginConfig(), context), where)


LADDER: list[tuple[str, dict[str, str]]] = [
    ("consumer+route+service", {"consumer": "C", "route": "R", "service": "S"}),
    ("group+service+route", {"consumer_group": "G", "route": "R", "service": "S"}),
    ("consumer+route", {"consumer": "C", "route": "R"}),
    ("consumer+service", {"consumer": "C", "service": "S"}),
    ("group+route", {"consumer_group": "G", "route": "R"}),
    ("group+service", {"consumer_group": "G", "service": "S"}),
    ("route+service", {"route": "R", "service": "S"}),
    ("consumer", {"consumer": "C"}),
    ("group", {"consumer_group": "G"}),
    ("route", {"route": "R"}),
    ("service", {"service": "S"}),
    ("global", {}),
]


def names(selector: ChainSelector, route: CompiledRoute, consumer: Consumer | None) -> list[str]:
    return [plugin.context.instance_id for plugin in selector(route, consumer).plugins]


@pytest.mark.parametrize("rung", range(len(LADDER)))
def test_the_most_specific_instance_runs(rung: int) -> None:
    plugins = [scoped(Low, name, **scope) for name, scope in reversed(LADDER[rung:])]
    assert names(ChainSelector(plugins, {"C": ("G",)}), ROUTE, ALICE) == [LADDER[rung][0]]


@pytest.mark.parametrize(
    ("stronger", "weaker"), [(a, b) for a, b in permutations(LADDER, 2) if LADDER.index(a) < LADDER.index(b)]
)
def test_every_scope_yields_to_every_stronger_one(
    stronger: tuple[str, dict[str, str]], weaker: tuple[str, dict[str, str]]
) -> None:
    plugins = [scoped(Low, name, **scope) for name, scope in (weaker, stronger)]
    assert names(ChainSelector(plugins, {"C": ("G",)}), ROUTE, ALICE) == [stronger[0]]


def test_before_authentication_no_consumers_plugin_runs() -> None:
    plugins = [scoped(Low, name, **scope) for name, scope in LADDER]
    assert names(ChainSelector(plugins, {"C": ("G",)}), ROUTE, None) == ["route+service"]


def test_a_route_without_service_does_not_lift_what_is_weaker() -> None:
    plugins = [scoped(Low, "route", route="B"), scoped(Low, "consumer", consumer="C"), scoped(High, "all")]
    assert names(ChainSelector(plugins, {}), BARE_ROUTE, ALICE) == ["all", "consumer"]


def test_plugins_run_by_priority() -> None:
    plugins = [scoped(Low, "low"), scoped(High, "high", route="R")]
    assert names(ChainSelector(plugins, {}), ROUTE, None) == ["high", "low"]


def test_rewrite_runs_the_global_instance_alone() -> None:
    everywhere = scoped(Low, "global")
    chain = ChainSelector([everywhere, scoped(Low, "mine", route="R")], {})(ROUTE, None)
    assert list(chain.rewrite) == [everywhere.plugin]
    assert [plugin.context.instance_id for plugin in chain.plugins] == ["mine"]


def test_where_no_route_matched_the_global_plugins_run() -> None:
    chain = ChainSelector([scoped(Low, "global"), scoped(High, "mine", route="R")], {}).global_chain()
    assert [plugin.context.instance_id for plugin in chain.plugins] == ["global"]


def test_of_several_groups_the_first_by_name_gives_the_plugin() -> None:
    plugins = [scoped(Low, "second", consumer_group="G2"), scoped(Low, "first", consumer_group="G1")]
    selector = ChainSelector(plugins, {"C": ("G0", "G1", "G2")})
    assert names(selector, ROUTE, ALICE) == ["first"]
    assert selector.consumers_with_plugins() == {"C"}


def test_only_consumers_with_plugins_of_their_own_are_told_apart() -> None:
    plugins = [scoped(Low, "c", consumer="C"), scoped(High, "g", consumer_group="G")]
    selector = ChainSelector(plugins, {"D": ("G",), "E": ("H",)})
    assert selector.consumers_with_plugins() == {"C", "D"}


def test_equal_selections_are_one_chain() -> None:
    selector = ChainSelector([scoped(Low, "g", consumer_group="G")], {"C": ("G",), "D": ("G",)})
    assert selector(ROUTE, ALICE) is selector(ROUTE, Consumer(id="D", username="dora"))
