"""The API floor's entities, each declared once: the class is the validation, the file format and the JSON Schema.

Kong's words and defaults (Gateway 3.15). `schema.validate` checks raw data against these classes with Kong's messages.
"""

from typing import Annotated, Literal

import msgspec

Name = Annotated[str, msgspec.Meta(pattern=r"^[\w.\-~]+$")]
Milliseconds = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 2)]


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """What all entities carry."""

    id: str
    tags: tuple[str, ...] = ()


class Service(Entity, frozen=True, kw_only=True):
    """An upstream API."""

    name: Name | None = None
    protocol: Literal["http", "https"] = "http"
    host: str
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 80
    path: str | None = None
    retries: Annotated[int, msgspec.Meta(ge=0, le=32767)] = 5
    connect_timeout: Milliseconds = 60000
    write_timeout: Milliseconds = 60000
    read_timeout: Milliseconds = 60000
    enabled: bool = True
    tls_verify: bool | None = None


class Route(Entity, frozen=True, kw_only=True):
    """Which requests go to a service."""

    name: Name | None = None
    service: str | None = None
    """Id of the service."""


class Consumer(Entity, frozen=True, kw_only=True):
    """Who calls."""

    username: str | None = None
    custom_id: str | None = None


class Credential(Entity, frozen=True, kw_only=True):
    """What a consumer proves itself with; the secret itself is kept only as a digest."""

    consumer: str
    """Id of the consumer."""


class Certificate(Entity, frozen=True, kw_only=True):
    """A server certificate with its key, PEM, and the names it is for."""

    cert: str
    key: str
    snis: tuple[str, ...] = ()
