"""A validated configuration: entities whose references hold, before it is compiled into a plan."""

import hashlib
from typing import Any

import msgspec

from entresol.api_floor.entities import (
    Certificate,
    Consumer,
    ConsumerGroup,
    Entity,
    KeyAuthCredential,
    PluginInstance,
    Route,
    Service,
    Sni,
)
from entresol.core.schema import Violation
from entresol.core.secret import Secret


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """All entities. Whoever builds one vouches that foreign keys resolve and plugin configurations are typed."""

    services: tuple[Service, ...] = ()
    routes: tuple[Route, ...] = ()
    consumer_groups: tuple[ConsumerGroup, ...] = ()
    consumers: tuple[Consumer, ...] = ()
    keyauth_credentials: tuple[KeyAuthCredential, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    snis: tuple[Sni, ...] = ()
    plugins: tuple[PluginInstance, ...] = ()
    warnings: tuple[Violation, ...] = ()
    """What the author should know, though it can be served: a reference without a value, a plugin that never runs."""

    def of(self, kind: str) -> tuple[Entity, ...]:
        """The entities of a kind."""
        entities: tuple[Entity, ...] = getattr(self, kind)
        return entities

    def version(self) -> str:
        """A digest of what is served, 12 hex digits; values of secrets count, but cannot be told from it."""
        content = {kind: getattr(self, kind) for kind in self.__struct_fields__ if kind != "warnings"}
        return hashlib.sha256(msgspec.json.encode(content, enc_hook=_digest_of, order="sorted")).hexdigest()[:12]


def _digest_of(value: Any) -> Any:
    if isinstance(value, Secret):
        text = value.reveal() if value.is_resolved else f"unresolved {value.reference}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    raise TypeError(f"{type(value).__name__} cannot be part of a configuration")
