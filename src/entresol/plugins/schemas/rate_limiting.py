"""Configuration of rate-limiting."""

from itertools import pairwise
from typing import Annotated, ClassVar, Final, Literal

import msgspec
from msgspec import Meta

from entresol.api_floor.plugin_context import PluginConfig
from entresol.core.secret import Secret
from entresol.policy.rate_limit import PERIODS

_LARGEST_LIMIT: Final = 2.0**53  # larger ones limit nothing, and counters could not be exact, or told to the supervisor

_FLAT_REDIS_FIELDS: Final = (
    "host", "port", "username", "password", "database", "timeout", "ssl", "ssl_verify", "server_name",
)  # fmt: skip
"""What Kong called `redis_host` and so on until 3.7, and still accepts."""

Limit = Annotated[float, Meta(gt=0)]
Policy = Annotated[Literal["local"], Meta(extra={"not_yet": ("cluster", "redis")})]


class Redis(msgspec.Struct, frozen=True, kw_only=True):
    """Kong's connection to Redis. Accepted, so that files of Kong load; it has no use with `policy: local`."""

    not_yet: ClassVar[frozenset[str]] = frozenset({"cloud_authentication"})

    host: str | None = None
    port: Annotated[int, Meta(ge=0, le=65535)] = 6379
    username: str | None = None
    password: Secret | None = None
    database: int = 0
    timeout: Annotated[int, Meta(ge=0, le=2**31 - 2)] = 2000
    ssl: bool = False
    ssl_verify: bool = True
    server_name: str | None = None


class RateLimitingConfig(PluginConfig, frozen=True, kw_only=True):
    """Kong's fields."""

    shorthands: ClassVar = {f"redis_{field}": ("redis", field) for field in _FLAT_REDIS_FIELDS}

    second: Annotated[Limit, Meta(description="Requests per second.")] | None = None
    minute: Annotated[Limit, Meta(description="Requests per minute.")] | None = None
    hour: Annotated[Limit, Meta(description="Requests per hour.")] | None = None
    day: Annotated[Limit, Meta(description="Requests per day.")] | None = None
    month: Annotated[Limit, Meta(description="Requests per month.")] | None = None
    year: Annotated[Limit, Meta(description="Requests per year.")] | None = None
    limit_by: Annotated[
        Literal["consumer", "credential", "ip", "service", "header", "path", "consumer-group"],
        Meta(description="Who shares a count; where it is not known, the client's address."),
    ] = "consumer"
    header_name: (
        Annotated[
            str,
            Meta(
                min_length=1,
                pattern="^[a-zA-Z0-9-_]+$",
                description="With `limit_by: header`.",
                extra={"message": "bad header name, allowed characters are A-Z, a-z, 0-9, '_', and '-'"},
            ),
        ]
        | None
    ) = None
    path: (
        Annotated[
            str,
            Meta(
                pattern="^/(?:[^/]+(?:/[^/]+)*/?)?$",
                description="With `limit_by: path`: the path that is counted by itself.",
                extra={"message": "should start with: / and must not have empty segments"},
            ),
        ]
        | None
    ) = None
    policy: Annotated[Policy, Meta(description="Where counts are kept.")] = "local"
    fault_tolerant: Annotated[bool, Meta(description="Let requests pass while counters cannot be reached.")] = True
    hide_client_headers: Annotated[bool, Meta(description="Send no RateLimit fields to clients.")] = False
    error_code: Annotated[int, Meta(ge=200, le=599, description="Status over the limit.")] = 429
    error_message: Annotated[str, Meta(description="Message over the limit.")] = "API rate limit exceeded"
    sync_rate: Annotated[float, Meta(description="Of no use with `policy: local`.")] = -1
    redis: Annotated[Redis, Meta(description="Of no use with `policy: local`.")] = Redis()

    def limits(self) -> dict[str, float]:
        """The limits that are set, shortest period first."""
        values = ((period, getattr(self, period)) for period in PERIODS)
        return {period: min(value, _LARGEST_LIMIT) for period, value in values if value is not None}

    def violations(self) -> list[tuple[str, str]]:
        """Kong's rules across fields."""
        limits = self.limits()
        found: list[tuple[str, str]] = []
        if not limits:
            names = ", ".join(f"'config.{period}'" for period in PERIODS)
            found.append(("@entity", f"at least one of these fields must be non-empty: {names}"))
        for field, needed in (("header_name", "header"), ("path", "path")):
            if self.limit_by == needed and getattr(self, field) is None:
                found.append((field, "required field missing"))
        periods = list(limits)
        for shorter, longer in pairwise(periods):
            if limits[longer] < limits[shorter]:
                message = "The limit for {}({:.1f}) cannot be lower than the limit for {}({:.1f})"
                found.append(("@entity", message.format(longer, limits[longer], shorter, limits[shorter])))
        return found
