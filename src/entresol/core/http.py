"""The HTTP vocabulary every ring shares: heads as plain parsed parts, never raw bytes.

Header names are lower-case bytes, values are bytes without surrounding white space, order and repetitions are
kept (RFC 9110 §5.3). A head that exists has passed the checks of RFC 9112 at the edge.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Final

import msgspec

HeaderPairs = list[tuple[bytes, bytes]]

HOP_BY_HOP: Final = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
"""Fields that belong to one connection and are never forwarded (RFC 9110 §7.6.1)."""


class Headers:
    """Header fields in order. Lookups are linear: a request has about ten fields, and a dict costs more to build."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: HeaderPairs | None = None) -> None:
        self.pairs: HeaderPairs = [] if pairs is None else pairs

    def get(self, name: bytes) -> bytes | None:
        """The first value of `name` (lower-case), or None."""
        for key, value in self.pairs:
            if key == name:
                return value
        return None

    def get_all(self, name: bytes) -> list[bytes]:
        """Every value of `name` (lower-case), in order."""
        return [value for key, value in self.pairs if key == name]

    def set(self, name: bytes, value: bytes) -> None:
        """Replace every field called `name` by one."""
        self.remove(name)
        self.pairs.append((name, value))

    def add(self, name: bytes, value: bytes) -> None:
        """Append a field, keeping those that are there."""
        self.pairs.append((name, value))

    def remove(self, name: bytes) -> None:
        """Drop every field called `name`."""
        for key, _ in self.pairs:
            if key == name:
                self.pairs = [pair for pair in self.pairs if pair[0] != name]
                return

    def copy(self) -> "Headers":
        """Headers that change independently of these."""
        return Headers(self.pairs.copy())

    def __contains__(self, name: bytes) -> bool:
        return self.get(name) is not None

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        return iter(self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self.pairs == other.pairs

    def __repr__(self) -> str:
        names = ", ".join(key.decode("latin-1") for key, _ in self.pairs)
        return f"Headers({names})"  # values may hold credentials

    __hash__ = None  # type: ignore[assignment]  # mutable


class TlsInfo(msgspec.Struct, frozen=True):
    """What the TLS handshake with the client established."""

    version: str
    cipher: str
    server_name: str | None = None
    client_certificate: bytes | None = None
    """The client's leaf certificate, DER, present only when its chain was verified."""
    client_chain: tuple[bytes, ...] = ()
    """The verified chain, leaf first, DER."""


class Connection(msgspec.Struct, frozen=True, dict=True):
    """The client connection a request came in on."""

    peer_ip: str
    peer_port: int
    local_ip: str
    local_port: int
    tls: TlsInfo | None = None

    @property
    def scheme(self) -> str:
        """`http` or `https`, as the client addressed us."""
        return "http" if self.tls is None else "https"

    @cached_property
    def forwarded_fields(self) -> HeaderPairs:
        """The X-Forwarded fields that are the same for every request of the connection."""
        return [
            (b"x-real-ip", self.peer_ip.encode("ascii")),
            (b"x-forwarded-proto", self.scheme.encode("ascii")),
            (b"x-forwarded-port", b"%d" % self.local_port),
        ]


class RequestHead(msgspec.Struct):
    """A request up to its body."""

    method: str
    path: str
    """The path as received, percent-encoding untouched, always starting with `/` (or `*` for OPTIONS)."""
    query: str
    """What follows `?`, without it; empty when there is none."""
    headers: Headers
    connection: Connection
    version: str = "1.1"
    upgrade: bool = False
    """True when the client asks to switch protocols on this connection (RFC 9110 §7.8)."""


class ResponseHead(msgspec.Struct):
    """A response up to its body. The framing fields are not in `headers`: adapters frame."""

    status: int
    headers: Headers
    content_length: int | None = None
    """The announced body size in bytes; None when the body is delimited otherwise."""


class Timeouts(msgspec.Struct, frozen=True):
    """The clocks of one upstream exchange, in seconds; 0 switches a clock off."""

    connect_s: float = 60.0
    first_byte_s: float = 60.0
    """From the last request byte to the response head."""
    idle_s: float = 60.0
    """Between two reads of a response body."""
    write_s: float = 60.0
    """Without progress while the request is being sent."""
    total_s: float = 0.0


class TlsClient(msgspec.Struct, frozen=True):
    """How to open TLS to an upstream."""

    verify: bool = True
    server_name: str | None = None
    ca_pem: str | None = None
    """Trust these certificates instead of the system's."""
    certificate_pem: str | None = None
    key_pem: str | None = None

    def __repr__(self) -> str:
        return f"TlsClient(verify={self.verify}, server_name={self.server_name!r})"


class Origin(msgspec.Struct, frozen=True):
    """Where an upstream listens: the key of a connection pool."""

    scheme: str
    """`http` or `https`."""
    host: str
    port: int
    tls: TlsClient | None = None
    unix_path: str | None = None
    """Connect to this Unix socket; `host` then only names the peer."""

    @property
    def authority(self) -> str:
        """The Host field for this origin; a default port is left out (RFC 9112 §3.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.scheme == "https" else 80
        return host if self.port == default else f"{host}:{self.port}"


class UpstreamRequest(msgspec.Struct):
    """A request as it goes to an upstream, re-built from parsed parts, never copied bytes."""

    origin: Origin
    method: str
    target: str
    """Path and query, already percent-encoded."""
    headers: Headers
    """Without Host, framing and hop-by-hop fields: the transport writes those."""
    host: str
    timeouts: Timeouts
    upgrade: bytes | None = None
    """The protocol of an Upgrade that is being tunnelled, such as `websocket`."""
