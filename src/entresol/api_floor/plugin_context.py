"""What a plugin instance is given: its configuration, where it is attached, and the ports to the outside.

Apart from the seam itself (`plugin.py`), because these are structs and protocols, which are not compiled.
"""

import logging
from collections.abc import Awaitable
from typing import Protocol

import msgspec

from entresol.api_floor.entities import Consumer, Credential
from entresol.core.decision import Deny
from entresol.core.http import HeaderPairs
from entresol.core.ports import Clock, Counters, LineSink, Metrics
from entresol.identity.presented import Presented
from entresol.identity.principal import Principal
from entresol.llm.cloud_credentials import NO_CLOUDS, CloudCredentials
from entresol.llm.price_table import PriceTable


class PluginConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every plugin's configuration: typed, immutable, unknown fields refused by the loader."""

    def violations(self) -> list[tuple[str, str]]:
        """Cross-field rules: `(field path, message)` pairs in Kong's wording; `@entity` as path for the whole."""
        return []


class ConsumerDirectory(Protocol):
    """The consumers of the plan a plugin belongs to."""

    def by_credential(self, kind: str, digest: bytes) -> tuple[Consumer, Credential] | None:
        """Who holds a credential; nobody holds an expired one. `kind` is the entity, such as `keyauth_credentials`;
        `digest` its SHA-256."""

    def has_expired(self, kind: str, digest: bytes) -> bool:
        """Whether `by_credential` knows nobody because the credential has expired; to say so to its holder."""

    def by_name(self, name_or_id: str) -> Consumer | None:
        """A consumer by username or id, for `anonymous`."""


class Door(Protocol):
    """Answers who is asking: `app.identity_door.IdentityDoor`."""

    def authenticate(self, presented: Presented) -> Principal | Deny | Awaitable[Principal | Deny]:
        """Memory answers as a rule; the awaitable is the exception."""


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
    credentials: CloudCredentials = NO_CLOUDS
    """Where credentials come from that a cloud gives out for a while."""
    prices: PriceTable | None = None
    """What models cost, the operator's own prices included; None: the table in the package."""
    door: Door | None = None
    """Who is asking; None on a node without a store."""


class ErrorFormat(Protocol):
    """Renders an error for the clients of one wire format."""

    def encode_error(self, status: int, code: str, message: str, request_id: str) -> tuple[bytes, bytes]:
        """Content type and body. `code` is our stable slug."""

    def error_fields(self, status: int) -> HeaderPairs:
        """Header fields beside them."""
