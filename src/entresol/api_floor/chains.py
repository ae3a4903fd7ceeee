"""Which plugin instances run for a route and a consumer: of each plugin the most specific one, never two."""

from collections.abc import Mapping, Sequence

import msgspec

from entresol.api_floor.entities import Consumer
from entresol.api_floor.plan import Chain, CompiledRoute, Step
from entresol.api_floor.plugin import AnyPlugin, Plugin, Scope


class ScopedPlugin(msgspec.Struct, frozen=True):
    """A plugin that has been built, and where it is attached."""

    plugin: AnyPlugin
    scope: Scope


class ChainSelector:
    """Kong's precedence. Chains of the same instances are the same object, however many consumers share them.

    `groups` are the ids of a consumer's groups, by name: the first that has a plugin gives it.
    """

    def __init__(self, plugins: Sequence[ScopedPlugin], groups: Mapping[str, tuple[str, ...]]) -> None:
        self._groups = groups
        self._by_name: dict[str, dict[Scope, AnyPlugin]] = {}
        for scoped in sorted(plugins, key=lambda scoped: type(scoped.plugin).name):
            self._by_name.setdefault(type(scoped.plugin).name, {})[scoped.scope] = scoped.plugin
        self._global = tuple(scopes[Scope()] for scopes in self._by_name.values() if Scope() in scopes)
        self._chains: dict[tuple[str, ...], Chain] = {}

    def __call__(self, route: CompiledRoute, consumer: Consumer | None) -> Chain:
        """The chain of a pair; None for a consumer that is unknown or has no plugins of its own."""
        service = None if route.service is None else route.service.entity.id
        scopes = _precedence(service, route.entity.id, consumer, self._groups)
        return self._chain(scopes)

    def global_chain(self) -> Chain:
        """Where no route matched."""
        return self._chain([Scope()])

    def consumers_with_plugins(self) -> frozenset[str]:
        """Ids of the consumers for whom some plugin differs from everybody else's."""
        scopes = {scope for by_scope in self._by_name.values() for scope in by_scope}
        own = {scope.consumer for scope in scopes if scope.consumer is not None}
        groups = {scope.consumer_group for scope in scopes if scope.consumer_group is not None}
        members = {consumer for consumer, theirs in self._groups.items() if not groups.isdisjoint(theirs)}
        return frozenset(own | members)

    def _chain(self, scopes: Sequence[Scope]) -> Chain:
        chosen = []
        for by_scope in self._by_name.values():
            plugin = next((by_scope[scope] for scope in scopes if scope in by_scope), None)
            if plugin is not None:
                chosen.append(plugin)
        key = tuple(plugin.context.instance_id for plugin in chosen)
        chain = self._chains.get(key)
        if chain is None:
            chain = self._chains[key] = chain_of(tuple(chosen), rewrite=self._global)
        return chain


def _precedence(
    service: str | None, route: str, consumer: Consumer | None, groups: Mapping[str, tuple[str, ...]]
) -> list[Scope]:
    """The scopes that cover a request, most specific first (Kong: plugin precedence, with consumer groups)."""
    who = None if consumer is None else consumer.id
    theirs = () if who is None else groups.get(who, ())
    ladder = [
        Scope(service=service, route=route, consumer=who),
        *(Scope(service=service, route=route, consumer_group=group) for group in theirs),
        Scope(route=route, consumer=who),
        Scope(service=service, consumer=who),
        *(Scope(route=route, consumer_group=group) for group in theirs),
        *(Scope(service=service, consumer_group=group) for group in theirs),
        Scope(service=service, route=route),
        Scope(consumer=who),
        *(Scope(consumer_group=group) for group in theirs),
        Scope(route=route),
        Scope(service=service),
        Scope(),
    ]
    return _without_weaker_doubles(ladder)


def _without_weaker_doubles(ladder: list[Scope]) -> list[Scope]:
    """An unset part makes rungs coincide; such a scope stands at its own, lowest rung."""
    return [scope for index, scope in enumerate(ladder) if scope not in ladder[index + 1 :]]


def overriding(plugins: tuple[AnyPlugin, ...], phase: str) -> tuple[AnyPlugin, ...]:
    """The plugins, in order, whose class has a `phase` method of its own."""
    base = getattr(Plugin, phase)
    return tuple(plugin for plugin in plugins if getattr(type(plugin), phase) is not base)


def chain_of(plugins: tuple[AnyPlugin, ...], rewrite: tuple[AnyPlugin, ...]) -> Chain:
    """Sort plugins into a chain. `rewrite` are the global ones: nothing else runs in that phase."""
    ordered = _by_priority(plugins)
    return Chain(
        plugins=ordered,
        rewrite=overriding(_by_priority(rewrite), "rewrite"),
        access=tuple(Step(p, p.priority, p.needs_body, p.body_limit) for p in overriding(ordered, "access")),
        header_filter=overriding(ordered, "header_filter"),
        body_filter=overriding(ordered, "body_filter"),
        log=overriding(ordered, "log"),
        error_format=next((plugin.error_format for plugin in ordered if plugin.error_format is not None), None),
        replaces_upstream=any(plugin.replaces_upstream for plugin in ordered),
    )


def _by_priority(plugins: tuple[AnyPlugin, ...]) -> tuple[AnyPlugin, ...]:
    return tuple(sorted(plugins, key=lambda plugin: -plugin.priority))
