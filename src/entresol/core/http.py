"""The HTTP vocabulary every ring shares: heads as plain parsed parts, never raw bytes.

Header names are lower-case bytes, values are bytes without surrounding white space, order and repetitions are
kept (RFC 9110 §5.3). A head that exists has passed the checks of RFC 9112 at the edge.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

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


@dataclass(frozen=True)
class TlsInfo:
    """What the TLS handshake with the client established."""

    version: str
    cipher: str
    server_name: str | None = None
    client_certificate: bytes | None = None
    """The client's leaf certificate, DER, present only when its chain was verified."""
    client_chain: tuple[bytes, ...] = ()
    """The verified chain, leaf first, DER."""


class Connection:
    """The client connection a request came in on. Never changed."""

    __slots__ = ("forwarded_fields", "local_ip", "local_port", "peer_ip", "peer_port", "scheme", "tls")

    def __init__(
        self, peer_ip: str, peer_port: int, local_ip: str, local_port: int, tls: TlsInfo | None = None
    ) -> None:
        self.peer_ip = peer_ip
        self.peer_port = peer_port
        self.local_ip = local_ip
        self.local_port = local_port
        self.tls = tls
        self.scheme = "http" if tls is None else "https"
        """`http` or `https`, as the client addressed us."""
        self.forwarded_fields: HeaderPairs = [
            (b"x-real-ip", peer_ip.encode("ascii")),
            (b"x-forwarded-proto", self.scheme.encode("ascii")),
            (b"x-forwarded-port", b"%d" % local_port),
        ]
        """The X-Forwarded fields that are the same for every request of the connection."""

    def _parts(self) -> tuple[object, ...]:
        return (self.peer_ip, self.peer_port, self.local_ip, self.local_port, self.tls)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Connection) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash(self._parts())

    def __repr__(self) -> str:
        return f"Connection({self.peer_ip}:{self.peer_port} to {self.local_ip}:{self.local_port}, {self.scheme})"


class SeenHead:
    """A request head that a connection has sent before, byte for byte but for the digits of its Content-Length.

    One object stands for all repetitions. Whoever takes requests may keep in `prepared` what follows from the head
    alone, whoever authenticates them in `credential` the digest of what is in it, and whoever logs them in `shown` how
    it is written; it goes with the connection.
    """

    __slots__ = ("credential", "prepared", "shown")

    def __init__(self) -> None:
        self.prepared: object | None = None
        self.credential: object | None = None
        self.shown: object | None = None


class RequestHead:
    """A request up to its body."""

    __slots__ = ("connection", "has_empty_query", "headers", "known", "method", "path", "query", "upgrade", "version")

    def __init__(
        self,
        method: str,
        path: str,
        query: str,
        headers: Headers,
        connection: Connection,
        version: str = "1.1",
        upgrade: bool = False,
        known: SeenHead | None = None,
    ) -> None:
        self.method = method
        self.path = path
        """The path as received, percent-encoding untouched, always starting with `/` (or `*` for OPTIONS)."""
        self.query = query
        """What follows `?`, without it; empty when there is none."""
        self.has_empty_query = False
        """True when the target ends in a `?` with nothing behind it, which is another resource than one without
        (RFC 3986 §6.2.3)."""
        self.headers = headers
        self.connection = connection
        self.version = version
        self.upgrade = upgrade
        """True when the client asks to switch protocols on this connection (RFC 9110 §7.8)."""
        self.known = known
        """Set when the connection may send this head again: the same object for each repetition."""

    @property
    def query_part(self) -> str:
        """The query with its `?`; empty when there is none."""
        return "?" + self.query if self.query or self.has_empty_query else ""

    def _parts(self) -> tuple[object, ...]:
        line = (self.method, self.path, self.query_part, self.version)
        return (*line, self.headers, self.connection, self.upgrade)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RequestHead) and self._parts() == other._parts()

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"RequestHead({self.method} {self.path}, {self.headers!r})"  # without the query: it may hold credentials


class ResponseHead:
    """A response up to its body. The framing fields are not in `headers`: adapters frame."""

    __slots__ = ("content_length", "headers", "status")

    def __init__(self, status: int, headers: Headers, content_length: int | None = None) -> None:
        self.status = status
        self.headers = headers
        self.content_length = content_length
        """The announced body size in bytes; None when the body is delimited otherwise."""

    def _parts(self) -> tuple[object, ...]:
        return (self.status, self.headers, self.content_length)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ResponseHead) and self._parts() == other._parts()

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"ResponseHead({self.status}, {self.headers!r}, {self.content_length})"


@dataclass(frozen=True)
class Timeouts:
    """The clocks of one upstream exchange, in seconds; 0 switches a clock off."""

    connect_s: float = 60.0
    first_byte_s: float = 60.0
    """From the last request byte to the response head."""
    idle_s: float = 60.0
    """Between two reads of a response body."""
    write_s: float = 60.0
    """Without progress while the request is being sent."""
    total_s: float = 0.0


@dataclass(frozen=True)
class TlsClient:
    """How to open TLS to an upstream."""

    verify: bool = True
    server_name: str | None = None
    ca_pem: str | None = None
    """Trust these certificates instead of the system's."""
    certificate_pem: str | None = None
    key_pem: str | None = None

    def __repr__(self) -> str:
        return f"TlsClient(verify={self.verify}, server_name={self.server_name!r})"


class Origin:
    """Where an upstream listens: the key of a connection pool. Never changed."""

    __slots__ = ("_hash", "authority", "host", "port", "scheme", "tls", "unix_path")

    def __init__(
        self, scheme: str, host: str, port: int, tls: TlsClient | None = None, unix_path: str | None = None
    ) -> None:
        self.scheme = scheme
        """`http` or `https`."""
        self.host = host
        self.port = port
        self.tls = tls
        self.unix_path = unix_path
        """Connect to this Unix socket; `host` then only names the peer."""
        name = f"[{host}]" if ":" in host else host
        self.authority = name if port == (443 if scheme == "https" else 80) else f"{name}:{port}"
        """The Host field for this origin; a default port is left out (RFC 9112 §3.2)."""
        self._hash = hash((scheme, host, port, tls, unix_path))  # looked up for every request

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Origin)
            and self._hash == other._hash
            and (self.scheme, self.host, self.port) == (other.scheme, other.host, other.port)
            and (self.tls, self.unix_path) == (other.tls, other.unix_path)
        )

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"Origin({self.scheme}://{self.authority}, unix_path={self.unix_path!r})"


class UpstreamRequest:
    """A request as it goes to an upstream, re-built from parsed parts, never copied bytes."""

    __slots__ = ("headers", "host", "method", "origin", "target", "timeouts", "upgrade")

    def __init__(
        self,
        origin: Origin,
        method: str,
        target: str,
        headers: Headers,
        host: str,
        timeouts: Timeouts,
        upgrade: bytes | None = None,
    ) -> None:
        self.origin = origin
        self.method = method
        self.target = target
        """Path and query, already percent-encoded."""
        self.headers = headers
        """Without Host, framing and hop-by-hop fields: the transport writes those."""
        self.host = host
        self.timeouts = timeouts
        self.upgrade = upgrade
        """The protocol of an Upgrade that is being tunnelled, such as `websocket`."""

    def _parts(self) -> tuple[object, ...]:
        return (self.origin, self.method, self.target, self.headers, self.host, self.timeouts, self.upgrade)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UpstreamRequest) and self._parts() == other._parts()

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"UpstreamRequest({self.method} to {self.origin!r}, {self.headers!r})"
