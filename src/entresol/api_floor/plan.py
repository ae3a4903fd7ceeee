"""The compiled configuration: immutable, swapped as a whole, read by every request without a lock.

`compile.compile_plan` turns validated entities into a `Plan`. Requests under way keep the plan they started with.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from mypy_extensions import mypyc_attr

from entresol.api_floor.entities import Certificate, Consumer, Route, Service
from entresol.core.decision import Outcome
from entresol.core.http import Origin, RequestHead, Timeouts

if TYPE_CHECKING:
    from entresol.api_floor.plugin import AnyPlugin
    from entresol.api_floor.plugin_context import ConsumerDirectory, ErrorFormat

NO_CAPTURES: Final[Mapping[str, str]] = MappingProxyType({})


class Step:
    """A plugin's part in `access`, with what the path has to know before it runs. Never changed."""

    __slots__ = ("body_limit", "needs_body", "plugin", "priority")

    def __init__(
        self, plugin: "AnyPlugin", priority: int, needs_body: bool = False, body_limit: int | None = None
    ) -> None:
        self.plugin = plugin
        self.priority = priority
        self.needs_body = needs_body
        self.body_limit = body_limit


class Chain:
    """The plugins of one (route, consumer) pair by priority; each phase lists only those that take part in it.

    Never changed: requests share it.
    """

    __slots__ = (
        "access",
        "body_filter",
        "error_format",
        "header_filter",
        "log",
        "plugins",
        "replaces_upstream",
        "rewrite",
    )

    def __init__(
        self,
        plugins: "tuple[AnyPlugin, ...]" = (),
        rewrite: "tuple[AnyPlugin, ...]" = (),
        access: tuple[Step, ...] = (),
        header_filter: "tuple[AnyPlugin, ...]" = (),
        body_filter: "tuple[AnyPlugin, ...]" = (),
        log: "tuple[AnyPlugin, ...]" = (),
        error_format: "ErrorFormat | None" = None,
        replaces_upstream: bool = False,
    ) -> None:
        self.plugins = plugins
        self.rewrite = rewrite
        self.access = access
        self.header_filter = header_filter
        self.body_filter = body_filter
        self.log = log
        self.error_format = error_format
        """How clients of the route expect errors, when a plugin of the chain knows."""
        self.replaces_upstream = replaces_upstream
        """A plugin of the chain says in `access` where the request goes (`Plugin.replaces_upstream`)."""


@dataclass(frozen=True)
class CompiledService:
    """A service with everything that can be known before a request."""

    entity: Service
    origin: Origin
    path: str
    """Without a trailing difference: as configured, `/` when unset."""
    timeouts: Timeouts


@dataclass(frozen=True)
class CompiledRoute:
    """A route with its service."""

    entity: Route
    service: CompiledService | None
    https_only: bool = False
    """The route does not list http: a plain request gets `entity.https_redirect_status_code` instead of an answer."""


class RouteMatch:
    """A route that took a request, and what it made of the path. Never changed: requests share it."""

    __slots__ = ("captures", "prefix", "refusal", "route", "upstream_path")

    def __init__(
        self,
        route: CompiledRoute,
        upstream_path: str,
        prefix: str = "",
        captures: Mapping[str, str] = NO_CAPTURES,
        refusal: Outcome | None = None,
    ) -> None:
        self.route = route
        self.upstream_path = upstream_path
        """The path for the upstream, by strip_path and path_handling; without query."""
        self.prefix = prefix
        """What strip_path removed; empty when nothing was."""
        self.captures = captures
        """Named captures of a regex path."""
        self.refusal = refusal
        """Answer this instead of forwarding: the route does not speak this protocol (426, or a redirect)."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Router:
    """Finds the route of a request."""

    def match(self, request: RequestHead) -> RouteMatch | None:
        """The best route by Kong's priorities, or None."""
        raise NotImplementedError


ChainSource = Callable[[CompiledRoute, Consumer | None], Chain]
"""Selects, by Kong's precedence, the plugin instances of a (route, consumer) pair."""


class Plan:
    """Everything a worker needs to answer requests.

    `chain(route, consumer)` is memoised: the first request of a pair pays for it, reloads start afresh.
    """

    __slots__ = (
        "_chain_source",
        "_chains",
        "certificates",
        "consumers",
        "consumers_with_plugins",
        "global_chain",
        "router",
        "version",
    )

    def __init__(
        self,
        *,
        version: str,
        router: Router,
        consumers: "ConsumerDirectory",
        consumers_with_plugins: frozenset[str],
        certificates: tuple[Certificate, ...],
        global_chain: Chain,
        chain_source: ChainSource,
    ) -> None:
        self.version = version
        """A digest of the configuration, for status pages and logs."""
        self.router = router
        self.consumers = consumers
        self.consumers_with_plugins = consumers_with_plugins
        """Ids of consumers that a plugin is scoped to; all others share one chain per route."""
        self.certificates = certificates
        self.global_chain = global_chain
        """Runs where no route matched."""
        self._chain_source = chain_source
        self._chains: dict[tuple[str, str | None], Chain] = {}

    def chain(self, route: CompiledRoute, consumer: Consumer | None) -> Chain:
        """The plugins for a route, as the consumer (None before authentication) sees it."""
        who = consumer.id if consumer is not None and consumer.id in self.consumers_with_plugins else None
        chain = self._chains.get((route.entity.id, who))
        if chain is None:
            chain = self._chain_source(route, None if who is None else consumer)
            self._chains[(route.entity.id, who)] = chain
        return chain
