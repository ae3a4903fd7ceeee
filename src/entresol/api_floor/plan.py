"""The compiled configuration: immutable, swapped as a whole, read by every request without a lock.

`compile.compile_plan` turns validated entities into a `Plan`. Requests under way keep the plan they started with.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

import msgspec

from entresol.api_floor.entities import Certificate, Consumer, Route, Service
from entresol.core.decision import Outcome
from entresol.core.http import Origin, RequestHead, Timeouts

if TYPE_CHECKING:
    from entresol.api_floor.exchange import Exchange
    from entresol.api_floor.plugin import AnyPlugin, BodyFilter, ConsumerDirectory, ErrorFormat, Phase


class Step(msgspec.Struct, frozen=True):
    """A plugin's part in `rewrite` or `access`, with what the path has to know before it runs."""

    run: "Phase"
    priority: int
    needs_body: bool = False
    body_limit: int | None = None


class Chain(msgspec.Struct, frozen=True):
    """The plugins of one (route, consumer) pair by priority; each phase lists only those that take part in it."""

    plugins: "tuple[AnyPlugin, ...]" = ()
    rewrite: tuple[Step, ...] = ()
    access: tuple[Step, ...] = ()
    header_filter: "tuple[Callable[[Exchange], None], ...]" = ()
    body_filter: "tuple[Callable[[Exchange], BodyFilter | None], ...]" = ()
    log: "tuple[Callable[[Exchange], None], ...]" = ()
    error_format: "ErrorFormat | None" = None
    """How clients of the route expect errors, when a plugin of the chain knows."""
    replaces_upstream: bool = False
    """A plugin of the chain says in `access` where the request goes (`Plugin.replaces_upstream`)."""


class CompiledService(msgspec.Struct, frozen=True):
    """A service with everything that can be known before a request."""

    entity: Service
    origin: Origin
    path: str
    """Without a trailing difference: as configured, `/` when unset."""
    timeouts: Timeouts


class CompiledRoute(msgspec.Struct, frozen=True):
    """A route with its service."""

    entity: Route
    service: CompiledService | None
    https_only: bool = False
    """The route does not list http: a plain request gets `entity.https_redirect_status_code` instead of an answer."""


class RouteMatch(msgspec.Struct, frozen=True):
    """A route that took a request, and what it made of the path."""

    route: CompiledRoute
    upstream_path: str
    """The path for the upstream, by strip_path and path_handling; without query."""
    prefix: str = ""
    """What strip_path removed; empty when nothing was."""
    captures: Mapping[str, str] = {}
    """Named captures of a regex path."""
    refusal: Outcome | None = None
    """Answer this instead of forwarding: the route does not speak this protocol (426, or a redirect)."""


class Router(Protocol):
    """Finds the route of a request."""

    def match(self, request: RequestHead) -> RouteMatch | None:
        """The best route by Kong's priorities, or None."""


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
        chain_source: "ChainSource",
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


class ChainSource(Protocol):
    """Selects, by Kong's precedence, the plugin instances of a (route, consumer) pair."""

    def __call__(self, route: CompiledRoute, consumer: Consumer | None) -> Chain: ...
