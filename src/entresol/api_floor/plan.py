"""The compiled configuration: immutable, swapped as a whole, read by every request without a lock.

`compile.compile_plan` turns validated entities into a `Plan`. Requests under way keep the plan they started with.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from mypy_extensions import mypyc_attr

from entresol.api_floor.entities import Certificate, Consumer, Route, Service
from entresol.core.decision import Outcome
from entresol.core.http import Origin, RequestHead, Timeouts, UpstreamRequest

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

    def steps_down_to(self, priority: int) -> int:
        """How many steps of `access` come before all that have less than this priority."""
        return sum([step.priority >= priority for step in self.access])


class CompiledService:
    """A service with everything that can be known before a request. Never changed."""

    __slots__ = ("entity", "origin", "path", "timeouts")

    def __init__(self, entity: Service, origin: Origin, path: str, timeouts: Timeouts) -> None:
        self.entity = entity
        self.origin = origin
        self.path = path
        """Without a trailing difference: as configured, `/` when unset."""
        self.timeouts = timeouts


class CompiledRoute:
    """A route with its service. Never changed."""

    __slots__ = ("entity", "https_only", "id", "preserve_host", "service")

    def __init__(self, entity: Route, service: CompiledService | None, https_only: bool = False) -> None:
        self.entity = entity
        self.service = service
        self.https_only = https_only
        """The route does not list http: a plain request gets `entity.https_redirect_status_code`, not an answer."""
        self.id = entity.id
        self.preserve_host = entity.preserve_host


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

    def looks_at(self, field: bytes) -> bool:
        """Whether the header field (lower-case) other than Host has a say in which route takes a request."""
        return True


ChainSource = Callable[[CompiledRoute, Consumer | None], Chain]
"""Selects, by Kong's precedence, the plugin instances of a (route, consumer) pair."""


class Plan:
    """Everything a worker needs to answer requests.

    `chain(route, consumer)` is memoised: the first request of a pair pays for it, reloads start afresh.
    """

    __slots__ = (
        "_chain_source",
        "_chains",
        "_chains_of_consumers",
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
        self._chains: dict[str, Chain] = {}
        self._chains_of_consumers: dict[tuple[str, str], Chain] = {}

    def chain(self, route: CompiledRoute, consumer: Consumer | None) -> Chain:
        """The plugins for a route, as the consumer (None before authentication) sees it."""
        if consumer is not None and self.consumers_with_plugins and consumer.id in self.consumers_with_plugins:
            return self._chain_of_consumer(route, consumer)
        chain = self._chains.get(route.id)
        if chain is None:
            chain = self._chains[route.id] = self._chain_source(route, None)
        return chain

    def _chain_of_consumer(self, route: CompiledRoute, consumer: Consumer) -> Chain:
        key = (route.id, consumer.id)
        chain = self._chains_of_consumers.get(key)
        if chain is None:
            chain = self._chains_of_consumers[key] = self._chain_source(route, consumer)
        return chain


class PreparedRequest:
    """What follows from a request's head and the plan alone. A connection keeps it for a head that comes again."""

    __slots__ = ("chain", "match", "plan", "upstream")

    def __init__(self, plan: Plan, match: RouteMatch, chain: Chain, upstream: UpstreamRequest) -> None:
        self.plan = plan
        """What it follows from: with another plan it holds no longer."""
        self.match = match
        self.chain = chain
        """For a client that nobody has authenticated."""
        self.upstream = upstream
        """As it is before `access`. Requests get copies."""
