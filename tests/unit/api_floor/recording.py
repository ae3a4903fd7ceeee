"""Plugins made on the spot that write down which of their phases ran."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from entresol.api_floor.exchange import Exchange
from entresol.api_floor.plugin import AnyPlugin, BodyFilter, Plugin, PluginConfig, PluginContext, Scope
from entresol.core.decision import Outcome
from playbooks.floor import Consumers, FakeClock

Hook = Callable[[Exchange], Any]


class Recorder:
    """What ran, in order: `name.phase`."""

    def __init__(self) -> None:
        self.steps: list[str] = []


def nothing(*_: object, **__: object) -> Any:
    raise AssertionError("this plugin uses no such port")


class Unused:
    """A port that must not be touched."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"this plugin has no use for {name}")


def context() -> PluginContext:
    unused: Any = Unused()
    return PluginContext(
        instance_id="instance",
        scope=Scope(),
        clock=FakeClock(),
        counters=unused,
        lines=unused,
        metrics=unused,
        consumers=Consumers(),
        logger=logging.getLogger("test"),
    )


def plugin(
    recorder: Recorder,
    plugin_name: str,
    plugin_priority: int,
    *,
    needs_body: bool = False,
    body_limit: int | None = None,
    replaces_upstream: bool = False,
    hooks: dict[str, Hook] | None = None,
    **phases: Hook,
) -> AnyPlugin:
    """A plugin that records its phases and then does what the hook of that name does."""
    reads_body, limit, redirects = needs_body, body_limit, replaces_upstream
    does = {**(hooks or {}), **phases}

    class Recording(Plugin[PluginConfig]):
        name = plugin_name
        priority = plugin_priority
        config_type = PluginConfig
        needs_body = reads_body
        replaces_upstream = redirects

        @property
        def body_limit(self) -> int | None:
            return limit

        def _run(self, phase: str, exchange: Exchange) -> Any:
            recorder.steps.append(f"{plugin_name}.{phase}")
            return does[phase](exchange) if phase in does else None

        def rewrite(self, exchange: Exchange) -> Outcome | Awaitable[Outcome | None] | None:
            outcome: Outcome | Awaitable[Outcome | None] | None = self._run("rewrite", exchange)
            return outcome

        def access(self, exchange: Exchange) -> Outcome | Awaitable[Outcome | None] | None:
            outcome: Outcome | Awaitable[Outcome | None] | None = self._run("access", exchange)
            return outcome

        def header_filter(self, exchange: Exchange) -> None:
            self._run("header_filter", exchange)

        def body_filter(self, exchange: Exchange) -> BodyFilter | None:
            change: BodyFilter | None = self._run("body_filter", exchange)
            return change

        def log(self, exchange: Exchange) -> None:
            self._run("log", exchange)

    return Recording(PluginConfig(), context())
