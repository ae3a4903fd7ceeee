"""sunset: says in every answer when an API ends, and refuses requests from then on.

Everything a plugin may use is in `entresol.api_floor.plugin`, `.exchange`, `.entities` and `entresol.core`.
"""

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Annotated

from msgspec import Meta

from entresol.api_floor.exchange import Exchange
from entresol.api_floor.plugin import Plugin, PluginConfig, PluginContext
from entresol.core.decision import Deny

__all__ = ["Sunset", "SunsetConfig"]


class SunsetConfig(PluginConfig, frozen=True, kw_only=True):
    """The plugin's fields. The gateway validates files against this class and makes the JSON Schema from it."""

    deprecated_at: Annotated[int, Meta(ge=0, description="Since when it is deprecated: seconds since the epoch.")]
    ends_at: Annotated[int, Meta(ge=0, description="When it ends: seconds since the epoch.")]
    link: Annotated[str, Meta(pattern="^https?://", description="Where people read more.")] | None = None

    def violations(self) -> list[tuple[str, str]]:
        """Rules that need more than one field."""
        if self.ends_at < self.deprecated_at:
            return [("ends_at", "must not come before 'deprecated_at'")]
        return []


class Sunset(Plugin[SunsetConfig]):
    """One instance is made for each place in the configuration that uses the plugin."""

    name = "sunset"
    priority = 2500  # before authentication (key-auth has 1250): nobody needs a key to hear that it is over
    config_type = SunsetConfig

    def __init__(self, config: SunsetConfig, context: PluginContext) -> None:
        super().__init__(config, context)
        # What does not depend on a request is made once.
        ends = format_datetime(datetime.fromtimestamp(config.ends_at, UTC), usegmt=True)
        self._fields = [
            (b"deprecation", f"@{config.deprecated_at}".encode()),  # RFC 9745
            (b"sunset", ends.encode()),  # RFC 8594
        ]
        if config.link is not None:
            self._fields.append((b"link", f'<{config.link}>; rel="sunset"'.encode()))
        self._gone = Deny(410, "api_sunset", f"This API ended on {ends}")

    def access(self, exchange: Exchange) -> Deny | None:
        """Runs before the upstream is asked. A returned `Deny` is the answer."""
        # Time comes from the context, so that tests can own it.
        return self._gone if self.context.clock.now() >= self.config.ends_at else None

    def header_filter(self, exchange: Exchange) -> None:
        """Runs before a response goes out, the upstream's or our own."""
        if exchange.response is not None:
            exchange.response.headers.pairs += self._fields
