"""The plugin seam: everything a plugin may be, see and return. Our own plugins use nothing else.

A plugin is one file: a `Config` (a typed struct; it is the schema, the documentation and the validation), a class
with the phases it needs, and one line under `[project.entry-points."entresol.plugins"]`.

Phases run in priority order, higher first: `rewrite` (global plugins only, nobody is authenticated yet), `access`,
then the upstream answers, `header_filter`, `body_filter`, `log`. Phases are plain functions on the hot path; `rewrite`
and `access` may also be `async def` where something is really awaited, which costs a task.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import ClassVar, Generic, Protocol, TypeVar

import msgspec

from entresol.api_floor.entities import Consumer, Credential
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.plan import Chain, Step
from entresol.core.decision import Outcome
from entresol.core.ports import Clock, Counters, LineSink, Metrics


class PluginConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every plugin's configuration: typed, immutable, unknown fields refused by the loader."""

    def violations(self) -> list[tuple[str, str]]:
        """Cross-field rules: `(field path, message)` pairs in Kong's wording; `@entity` as path for the whole."""
        return []


C = TypeVar("C", bound=PluginConfig)

Phase = Callable[[Exchange], Outcome | Awaitable[Outcome | None] | None]

BodyFilter = Callable[[bytes, bool], bytes]
"""Called with each piece of the response body and whether it is the last; returns what goes on to the client."""


class ConsumerDirectory(Protocol):
    """The consumers of the plan a plugin belongs to."""

    def by_credential(self, kind: str, digest: bytes) -> tuple[Consumer, Credential] | None:
        """Who holds a credential; nobody holds an expired one. `kind` is the entity, such as `keyauth_credentials`;
        `digest` its SHA-256."""

    def has_expired(self, kind: str, digest: bytes) -> bool:
        """Whether `by_credential` knows nobody because the credential has expired; to say so to its holder."""

    def by_name(self, name_or_id: str) -> Consumer | None:
        """A consumer by username or id, for `anonymous`."""


class Scope(msgspec.Struct, frozen=True):
    """Where a plugin instance is attached; None means any."""

    service: str | None = None
    route: str | None = None
    consumer: str | None = None
    consumer_group: str | None = None


class PluginContext(msgspec.Struct, frozen=True):
    """The ports of one plugin instance. Nothing is global."""

    instance_id: str
    scope: Scope
    clock: Clock
    counters: Counters
    lines: LineSink
    metrics: Metrics
    consumers: ConsumerDirectory
    logger: logging.Logger
    brand: str = "Entresol"
    """What own response headers are called after: `X-<brand>-…`; `Kong` for people who migrate."""


class Plugin(Generic[C]):
    """Base of every plugin. Override only the phases that do something: the plan skips the others."""

    name: ClassVar[str]
    """As users write it: `key-auth`."""
    priority: ClassVar[int]
    """Higher runs first; unique."""
    config_type: ClassVar[type[PluginConfig]]
    scopes: ClassVar[frozenset[str]] = frozenset(("service", "route", "consumer", "consumer_group"))
    """What an instance may be attached to; a plugin that authenticates leaves consumers out, as in Kong."""
    needs_body: bool = False
    """True: `access` runs once `exchange.body` is whole. An instance may set it when its configuration asks for it."""
    replaces_upstream: ClassVar[bool] = False
    """True: `access` always sends the request elsewhere than to the service. `exchange.upstream` then starts as the
    client's end-to-end fields alone, without X-Forwarded fields, and is there on a route without a service, too."""

    def __init__(self, config: C, context: PluginContext) -> None:
        self.config = config
        self.context = context

    @property
    def body_limit(self) -> int | None:
        """With `needs_body`: refuse request bodies over this many bytes with 413."""
        return None

    @property
    def error_format(self) -> "ErrorFormat | None":
        """How clients of this route expect errors, when this plugin knows."""
        return None

    def rewrite(self, exchange: Exchange) -> Outcome | Awaitable[Outcome | None] | None:
        """Before anything is decided. An outcome ends the request."""

    def access(self, exchange: Exchange) -> Outcome | Awaitable[Outcome | None] | None:
        """Authenticate, limit, guard, prepare `exchange.upstream`. An outcome ends the request."""

    def header_filter(self, exchange: Exchange) -> None:
        """Change `exchange.response` before it goes out. Runs for the gateway's own answers too."""

    def body_filter(self, exchange: Exchange) -> BodyFilter | None:
        """A filter for this response's body, or None to let bytes pass. Called once, after `header_filter`."""

    def log(self, exchange: Exchange) -> None:
        """After the response is out, always, whatever happened. Must not raise; if it does, it is logged."""


AnyPlugin = Plugin[PluginConfig]


def overriding(plugins: tuple[AnyPlugin, ...], phase: str) -> tuple[AnyPlugin, ...]:
    """The plugins, in order, whose class has a `phase` method of its own."""
    base = getattr(Plugin, phase)
    return tuple(plugin for plugin in plugins if getattr(type(plugin), phase) is not base)


def chain_of(plugins: tuple[AnyPlugin, ...], rewrite: tuple[AnyPlugin, ...]) -> Chain:
    """Sort plugins into a chain. `rewrite` are the global ones: nothing else runs in that phase."""
    ordered = _by_priority(plugins)
    return Chain(
        plugins=ordered,
        rewrite=tuple(Step(p.rewrite, p.priority) for p in overriding(_by_priority(rewrite), "rewrite")),
        access=tuple(Step(p.access, p.priority, p.needs_body, p.body_limit) for p in overriding(ordered, "access")),
        header_filter=tuple(plugin.header_filter for plugin in overriding(ordered, "header_filter")),
        body_filter=tuple(plugin.body_filter for plugin in overriding(ordered, "body_filter")),
        log=tuple(plugin.log for plugin in overriding(ordered, "log")),
        error_format=next((plugin.error_format for plugin in ordered if plugin.error_format is not None), None),
        replaces_upstream=any(plugin.replaces_upstream for plugin in ordered),
    )


def _by_priority(plugins: tuple[AnyPlugin, ...]) -> tuple[AnyPlugin, ...]:
    return tuple(sorted(plugins, key=lambda plugin: -plugin.priority))


class ErrorFormat(Protocol):
    """Renders an error for the clients of one wire format."""

    def encode_error(self, status: int, code: str, message: str, request_id: str) -> tuple[bytes, bytes]:
        """Content type and body. `code` is our stable slug."""
