"""The plugin seam: everything a plugin may be, see and return. Our own plugins use nothing else.

A plugin is a typed configuration (a struct; it is the schema, the documentation and the validation), a class with the
phases it needs, and one line under `[project.entry-points."entresol.plugins"]`.

Phases run in priority order, higher first: `rewrite` (global plugins only, nobody is authenticated yet), `access`,
then the upstream answers, `header_filter`, `body_filter`, `log`. Phases are plain functions on the hot path; `rewrite`
and `access` may also be `async def` where something is really awaited, which costs a task.
"""

from collections.abc import Awaitable, Callable
from typing import ClassVar, Generic, TypeVar

from mypy_extensions import mypyc_attr

from entresol.api_floor.exchange import Exchange
from entresol.api_floor.plugin_context import ConsumerDirectory, ErrorFormat, PluginConfig, PluginContext, Scope
from entresol.core.decision import Outcome

__all__ = [
    "AnyPlugin",
    "BodyFilter",
    "ConsumerDirectory",
    "ErrorFormat",
    "Plugin",
    "PluginConfig",
    "PluginContext",
    "Scope",
]

C = TypeVar("C", bound=PluginConfig)

BodyFilter = Callable[[bytes, bool], bytes]
"""Called with each piece of the response body and whether it is the last; returns what goes on to the client."""


@mypyc_attr(allow_interpreted_subclasses=True)
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
    def error_format(self) -> ErrorFormat | None:
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
