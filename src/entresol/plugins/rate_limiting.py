"""rate-limiting: so many requests per second, minute, hour, day, month and year. Kong's fields, headers and answers.

Windows are calendar units in UTC. The counters are shared by all workers of the node (`policy: local`).
"""

import math
from collections.abc import Awaitable
from hashlib import sha256
from typing import Any, ClassVar, Final

from entresol.api_floor.exchange import Exchange
from entresol.api_floor.plugin import Plugin, PluginContext
from entresol.core.decision import Deny
from entresol.core.errors import GatewayError
from entresol.core.http import HeaderPairs
from entresol.core.ports import Taken, Window
from entresol.core.slots import Slot
from entresol.core.uri import normalise_path
from entresol.plugins.schemas.rate_limiting import RateLimitingConfig
from entresol.policy.rate_limit import ends_at, reset_s, tightest, windows_at

_FIELDS: Final[Slot[HeaderPairs]] = Slot("rate-limiting.fields")
_LONGEST_IDENTIFIER: Final = 128  # characters that a key holds as they are; longer ones are hashed


class RateLimiting(Plugin[RateLimitingConfig]):
    """See the module."""

    name = "rate-limiting"
    priority: ClassVar[int] = 910
    config_type = RateLimitingConfig

    def __init__(self, config: RateLimitingConfig, context: PluginContext) -> None:
        super().__init__(config, context)
        self._limits = config.limits()
        self._windows: tuple[Window, ...] = ()
        self._from = self._until = 0.0
        self._second = -1
        self._resets: HeaderPairs = []  # seconds until each window ends, as of `_second`
        self._now, self._take = context.clock.now, context.counters.take
        self._known_type: type | None = None  # of an answer that was there at once
        self._is_silent = config.hide_client_headers
        self._prefix = f"{context.instance_id}:"
        self._limit_by: str = config.limit_by
        self._header_name = (config.header_name or "").lower().encode("ascii")
        self._path = normalise_path(config.path or "")
        limits = [(period, b"%d" % math.ceil(limit)) for period, limit in self._limits.items()]
        self._least_fields = [(b"ratelimit-limit", limit) for _, limit in limits]
        self._limit_fields = [(f"x-ratelimit-limit-{period}".encode(), limit) for period, limit in limits]
        self._left_names = [f"x-ratelimit-remaining-{period}".encode() for period in self._limits]
        self._field_names = frozenset(
            [name for name, _ in self._limit_fields]
            + self._left_names
            + [b"ratelimit-limit", b"ratelimit-remaining", b"ratelimit-reset"]
        )

    def access(self, exchange: Exchange) -> Deny | Awaitable[Deny | None] | None:
        """Count the request, or refuse it."""
        now = self._now()
        if int(now) != self._second:
            self._begin_second(now)
        try:
            answer: Any = self._take(self._prefix + self._counted_for(exchange), self._windows)
        except (GatewayError, OSError) as error:
            return self._without_counters(error)
        kind = type(answer)
        if kind is not self._known_type:
            if hasattr(answer, "__await__"):  # isinstance(…, Awaitable) takes four times as long
                return self._later(exchange, answer, self._resets)
            self._known_type = kind
        return self._decide(exchange, answer, self._resets)

    def header_filter(self, exchange: Exchange) -> None:
        """Tell the client what is left."""
        fields = exchange.get(_FIELDS)
        response = exchange.response
        if fields is not None and response is not None:
            headers, ours = response.headers, self._field_names
            for name, _ in headers.pairs:
                if name in ours:
                    headers.pairs = [pair for pair in headers.pairs if pair[0] not in ours]
                    break
            headers.pairs += fields

    def _begin_second(self, now: float) -> None:
        """What is the same for every request of a second."""
        if not self._from <= now < self._until:
            windows = windows_at(now, self._limits)
            self._windows = windows
            self._until = float(ends_at(windows))
            self._from = float(max([window.start for window in windows]))
        self._second = int(now)
        self._resets = [(b"ratelimit-reset", b"%d" % reset_s(window, now)) for window in self._windows]

    async def _later(self, exchange: Exchange, answer: Awaitable[Taken], resets: HeaderPairs) -> Deny | None:
        try:
            taken = await answer
        except (GatewayError, OSError) as error:
            return self._without_counters(error)
        return self._decide(exchange, taken, resets)

    def _decide(self, exchange: Exchange, taken: Taken, resets: HeaderPairs) -> Deny | None:
        remaining = taken.remaining
        at = tightest(remaining) if len(remaining) > 1 else 0
        if not self._is_silent:
            left = str(remaining[at]).encode("ascii")
            fields = [self._least_fields[at], (b"ratelimit-remaining", left), resets[at]]
            fields += self._limit_fields
            if len(remaining) == 1:
                fields.append((self._left_names[0], left))
            else:
                for index, number in enumerate(remaining):
                    fields.append((self._left_names[index], str(number).encode("ascii")))
            exchange[_FIELDS] = fields
        if taken.allowed:
            return None
        headers = () if self._is_silent else ((b"retry-after", resets[at][1]),)
        return Deny(self.config.error_code, "rate_limited", self.config.error_message, headers)

    def _without_counters(self, error: Exception) -> Deny | None:
        self.context.logger.error("counters cannot be reached: %s", error)
        if self.config.fault_tolerant:
            return None
        return Deny(500, "counters_unavailable", "An unexpected error occurred")

    # Who a request is counted for. Each kind of identifier has its own letter, so that a client that chooses one
    # (a header) cannot use up what belongs to another (an address).

    def _counted_for(self, exchange: Exchange) -> str:
        by = self._limit_by
        if by == "consumer":
            found = self._by_consumer(exchange)
        elif by == "credential":
            found = self._by_credential(exchange)
        elif by == "service":
            found = self._by_service(exchange)
        elif by == "header":
            found = self._by_header(exchange)
        elif by == "path":
            found = self._by_path(exchange)
        elif by == "consumer-group":
            found = self._by_consumer_group(exchange)
        else:
            found = None
        return found or "i" + exchange.client_ip

    def _by_consumer(self, exchange: Exchange) -> str | None:
        consumer = exchange.consumer
        return "c" + consumer.id if consumer is not None else self._by_credential(exchange)

    def _by_credential(self, exchange: Exchange) -> str | None:
        credential = exchange.credential
        return None if credential is None else "k" + credential.id

    def _by_service(self, exchange: Exchange) -> str | None:
        match = exchange.match
        if match is None or match.route.service is None:
            return None
        return "s" + match.route.service.entity.id

    def _by_header(self, exchange: Exchange) -> str | None:
        value = exchange.request.headers.get(self._header_name)
        return None if value is None else "h" + _bounded(value)

    def _by_path(self, exchange: Exchange) -> str | None:
        return "p" if normalise_path(exchange.request.path) == self._path else None

    def _by_consumer_group(self, exchange: Exchange) -> str | None:
        group = self.context.scope.consumer_group
        if group is None and exchange.consumer is not None and exchange.consumer.groups:
            group = min(exchange.consumer.groups)
        return None if group is None else "g" + group


def _bounded(value: bytes) -> str:
    return sha256(value).hexdigest() if len(value) > _LONGEST_IDENTIFIER else value.decode("latin-1")
