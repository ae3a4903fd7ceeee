"""The API floor's entities, each declared once: the class is the validation, the file format and the JSON Schema.

Kong's words and defaults (Gateway 3.15). `core.schema.parse` checks raw data against these classes with Kong's
messages; what a field may hold beyond its type is in `entity_rules`. A foreign key holds the id of what it refers to.
"""

from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
from msgspec import Meta

from entresol.api_floor import entity_rules as rules
from entresol.core.secret import Secret

IS_SET: Final = {"is_set": True}
NOT_YET_PROTOCOLS: Final = ("grpc", "grpcs", "tcp", "tls", "tls_passthrough", "udp", "ws", "wss")


def foreign(kind: str, description: str) -> Meta:
    """Marks a field as a foreign key to entities of `kind`."""
    return Meta(description=description, extra={"foreign": kind}, extra_json_schema={"x-foreign": kind})


Uuid = Annotated[
    str,
    Meta(
        pattern=r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
        description="A UUID; made from kind and name where the file has none.",
        extra={"message": "expected a valid UUID"},
    ),
]
Name = Annotated[
    str, Meta(min_length=1, description="Unique; letters, digits, `. - _ ~`.", extra={"check": rules.name_problem})
]
Tag = Annotated[str, Meta(min_length=1, extra={"check": rules.tag_problem})]
Milliseconds = Annotated[int, Meta(ge=1, le=2**31 - 2)]
Timestamp = Annotated[int, Meta(ge=0, description="Seconds since the epoch.")]
RouteProtocol = Annotated[Literal["http", "https"], Meta(extra={"not_yet": NOT_YET_PROTOCOLS})]
PluginProtocol = Literal["grpc", "grpcs", "http", "https", "tcp", "tls", "tls_passthrough", "udp", "ws", "wss"]
HttpMethod = Annotated[str, Meta(pattern="^[A-Z]+$")]
HostPattern = Annotated[str, Meta(min_length=1, extra={"check": rules.host_pattern_problem})]
PathPattern = Annotated[str, Meta(min_length=1, extra={"check": rules.path_pattern_problem})]
HeaderValues = Annotated[tuple[str, ...], Meta(min_length=1, extra={"check": rules.header_values_problem})]
SniName = Annotated[
    str,
    Meta(
        min_length=1,
        description="A host name; its first label may be `*`.",
        extra={"check": rules.sni_problem},
    ),
]

RouteSni = Annotated[
    str,
    Meta(
        min_length=1,
        description="A host name; its first or last label may be `*`.",
        extra={"check": rules.route_sni_problem},
    ),
]


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """What all entities carry."""

    kind: ClassVar[str]
    """Kong's name of the collection: `services`."""
    unique: ClassVar[tuple[str, ...]] = ()
    """Fields no two entities of the kind may share. The first is what others may refer to it by."""
    not_yet: ClassVar[frozenset[str]] = frozenset()
    """Kong's fields that are not supported yet: refused by name rather than as unknown."""

    id: Uuid
    tags: Annotated[tuple[Tag, ...], Meta(description="For grouping and filtering; no `,` and `/`.", extra=IS_SET)] = ()
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None


class Service(Entity, frozen=True, kw_only=True):
    """An upstream API."""

    kind = "services"
    unique = ("name",)
    not_yet = frozenset({"client_certificate", "tls_verify_depth", "ca_certificates", "tls_sans"})

    name: Name | None = None
    protocol: Annotated[
        Literal["http", "https"], Meta(description="How to talk to it.", extra={"not_yet": NOT_YET_PROTOCOLS})
    ] = "http"
    host: Annotated[str, Meta(description="Host name or IP address.", extra={"check": rules.host_problem})]
    port: Annotated[int, Meta(ge=0, le=65535, description="80, or 443 when `url` says https.")] = 80
    path: (
        Annotated[str, Meta(description="Prefix of every upstream path.", extra={"check": rules.service_path_problem})]
        | None
    ) = None
    retries: Annotated[
        int, Meta(ge=0, le=32767, description="Accepted, not yet used: each address of the host is tried once.")
    ] = 5
    connect_timeout: Annotated[Milliseconds, Meta(description="Milliseconds to connect.")] = 60000
    write_timeout: Annotated[Milliseconds, Meta(description="Milliseconds without progress in sending.")] = 60000
    read_timeout: Annotated[Milliseconds, Meta(description="Milliseconds to the head and between reads.")] = 60000
    enabled: Annotated[bool, Meta(description="False: its routes are not loaded.")] = True
    tls_verify: Annotated[bool, Meta(description="Verify the upstream's certificate; unset means true.")] | None = None

    def violations(self) -> list[tuple[str, str]]:
        """Rules across fields."""
        return [("tls_verify", "value must be null")] if self.tls_verify is not None and self.protocol == "http" else []

    @classmethod
    def expand(cls, raw: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """Replace the shorthand `url` by protocol, host, port and path."""
        return rules.expand_url(raw)


class Route(Entity, frozen=True, kw_only=True):
    """Which requests go to a service."""

    kind = "routes"
    unique = ("name",)
    not_yet = frozenset({"sources", "destinations", "expression", "priority"})

    name: Name | None = None
    service: Annotated[str, foreign("services", "Where matching requests go.")] | None = None
    protocols: Annotated[
        tuple[RouteProtocol, ...],
        Meta(min_length=1, description="Without `http`, plain requests are sent to https.", extra=IS_SET),
    ] = ("https",)
    methods: Annotated[tuple[HttpMethod, ...], Meta(description="Upper-case methods.", extra=IS_SET)] | None = None
    hosts: (
        Annotated[
            tuple[HostPattern, ...], Meta(description="Names; one `*` as first or last label; a port may follow.")
        ]
        | None
    ) = None
    paths: (
        Annotated[tuple[PathPattern, ...], Meta(description="Prefixes, or RE2 regular expressions after `~`.")] | None
    ) = None
    headers: (
        Annotated[
            dict[Annotated[str, Meta(extra={"check": rules.route_header_problem})], HeaderValues],
            Meta(description="Name to accepted values, compared in lower case; after `~*` a regular expression."),
        ]
        | None
    ) = None
    snis: (
        Annotated[tuple[RouteSni, ...], Meta(description="TLS server names; ignored for http.", extra=IS_SET)] | None
    ) = None
    regex_priority: Annotated[int, Meta(description="Among routes with regex paths, higher first.")] = 0
    path_handling: Annotated[
        Literal["v0", "v1"], Meta(description="Joining service and request path: one slash between, or verbatim.")
    ] = "v0"
    strip_path: Annotated[bool, Meta(description="Remove the matched part of the path.")] = True
    preserve_host: Annotated[bool, Meta(description="Send the client's Host to the upstream.")] = False
    https_redirect_status_code: Annotated[
        Literal[426, 301, 302, 307, 308], Meta(description="The answer to plain requests on an https route.")
    ] = 426
    request_buffering: Annotated[bool, Meta(description="Accepted; bodies always stream.")] = True
    response_buffering: Annotated[bool, Meta(description="Accepted; bodies always stream.")] = True

    def violations(self) -> list[tuple[str, str]]:
        """Rules across fields."""
        return rules.route_violations(
            self.protocols, (self.methods, self.hosts, self.headers, self.paths, self.snis), self.snis
        )


class ConsumerGroup(Entity, frozen=True, kw_only=True):
    """Consumers that share plugins."""

    kind = "consumer_groups"
    unique = ("name",)

    name: Name


class Consumer(Entity, frozen=True, kw_only=True):
    """Who calls."""

    kind = "consumers"
    unique = ("username", "custom_id")

    username: Annotated[str, Meta(min_length=1, description="Unique.")] | None = None
    custom_id: Annotated[str, Meta(min_length=1, description="Unique; the consumer's id elsewhere.")] | None = None
    groups: Annotated[tuple[str, ...], foreign("consumer_groups", "Names of its consumer groups.")] = ()

    def violations(self) -> list[tuple[str, str]]:
        """Rules across fields."""
        if self.username is None and self.custom_id is None:
            return [("@entity", "at least one of these fields must be non-empty: 'custom_id', 'username'")]
        return []


class Credential(Entity, frozen=True, kw_only=True):
    """What a consumer proves itself with; the secret itself is kept only as a digest."""

    auth_type: ClassVar[str] = ""
    """The plugin that knows credentials of this kind."""

    consumer: Annotated[str, foreign("consumers", "Whose it is.")]
    expires_at: Annotated[Timestamp, Meta(description="From then on it is refused.")] | None = None


class KeyAuthCredential(Credential, frozen=True, kw_only=True):
    """An API key, as its digest."""

    kind = "keyauth_credentials"
    auth_type = "key-auth"
    unique = ("key_sha256",)

    key_sha256: (
        Annotated[
            str,
            Meta(
                pattern="^[0-9a-f]{64}$",
                description="SHA-256 of the key, lower-case hex. Files usually have `key` instead.",
                extra={"message": "expected 64 lower-case hex digits"},
            ),
        ]
        | None
    ) = None
    """None when the key is a reference without a value: nobody holds it."""

    @classmethod
    def expand(cls, raw: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """Replace `key` by its digest, and `ttl` (seconds from `created_at`) by `expires_at`."""
        return rules.expand_key(raw)


class Certificate(Entity, frozen=True, kw_only=True):
    """A server certificate with its key, PEM, and the names it is for."""

    kind = "certificates"
    not_yet = frozenset({"cert_alt", "key_alt", "passphrase"})

    cert: Annotated[str, Meta(description="The chain, PEM, leaf first.", extra={"check": rules.certificate_problem})]
    key: Annotated[Secret, Meta(description="The private key, PEM.")]
    snis: Annotated[tuple[SniName, ...], Meta(description="Names it is for; the same as `snis` entities.")] = ()


class Sni(Entity, frozen=True, kw_only=True):
    """A name that clients ask for in TLS, and its certificate."""

    kind = "snis"
    unique = ("name",)

    name: SniName
    certificate: Annotated[str, foreign("certificates", "What to present.")]


class PluginInstance(Entity, frozen=True, kw_only=True):
    """A plugin with its configuration, and for which requests it runs; an unset scope means any."""

    kind = "plugins"
    unique = ("instance_name",)
    not_yet = frozenset({"ordering", "partials", "condition", "model"})

    name: Annotated[str, Meta(min_length=1, description="Which plugin.")]
    instance_name: Name | None = None
    enabled: Annotated[bool, Meta(description="False: it is checked but never runs.")] = True
    protocols: Annotated[
        tuple[PluginProtocol, ...],
        Meta(min_length=1, description="Accepted for Kong's files; plugins run for http.", extra=IS_SET),
    ] = ("grpc", "grpcs", "http", "https")
    service: Annotated[str, foreign("services", "Only for requests to it.")] | None = None
    route: Annotated[str, foreign("routes", "Only for requests of it.")] | None = None
    consumer: Annotated[str, foreign("consumers", "Only for requests by it.")] | None = None
    consumer_group: Annotated[str, foreign("consumer_groups", "Only for requests by its consumers.")] | None = None
    config: Annotated[Any, Meta(description="The plugin's own fields; once loaded, its typed configuration.")] = None


ENTITIES: Final[tuple[type[Entity], ...]] = (
    Service,
    Route,
    ConsumerGroup,
    Consumer,
    KeyAuthCredential,
    Certificate,
    Sni,
    PluginInstance,
)
"""Every kind, each after the kinds it refers to."""
