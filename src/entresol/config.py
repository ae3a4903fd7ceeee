"""Settings: how a node is installed (listeners, workers, limits), not what it serves (that is the declarative file).

Sources, later ones win: defaults, a YAML file, `ENTRESOL_<SECTION>__<NAME>` variables, command-line flags. Whatever is
wrong is reported at once, each with its path and where it came from (docs/reference/settings.md).
"""

import ipaddress
import os
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, inspect

from entresol.core.schema import Violation, Violations, parse
from entresol.net.limits import Limits

PREFIX: Final = "ENTRESOL_"


class Listen(msgspec.Struct, frozen=True):
    """One listening address, as in Kong: `127.0.0.1:8000`, `[::1]:8443 ssl`, `unix:/run/entresol.sock`."""

    host: str = ""
    """An IP address, or `localhost`; empty for a Unix socket."""
    port: int = 0
    """0 takes any free port."""
    path: str | None = None
    """Of a Unix socket."""
    ssl: bool = False
    proxy_protocol: bool = False

    @classmethod
    def parse(cls, text: str) -> "Listen":
        """Read the notation above. Raises ValueError with what is wrong."""
        address, *words = text.split() or [""]
        for word in words:
            if word not in ("ssl", "proxy_protocol"):
                raise ValueError(f"unknown word {word!r}; known: ssl, proxy_protocol")
        ssl, proxy_protocol = "ssl" in words, "proxy_protocol" in words
        if address.startswith("unix:"):
            if address == "unix:":
                raise ValueError("expected a path after unix:")
            return cls(path=address.removeprefix("unix:"), ssl=ssl, proxy_protocol=proxy_protocol)
        host, colon, port = address.rpartition(":")
        if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise ValueError("expected ADDRESS:PORT or unix:PATH")
        if ":" in host:
            if not (host.startswith("[") and host.endswith("]")):
                raise ValueError("expected [ADDRESS]:PORT for IPv6")
            host = host[1:-1]
        if host != "localhost":
            try:
                ipaddress.ip_address(host)
            except ValueError:
                raise ValueError(f"{host!r} is not an IP address") from None
        return cls(host, int(port), ssl=ssl, proxy_protocol=proxy_protocol)

    def __str__(self) -> str:
        address = f"[{self.host}]" if ":" in self.host else self.host
        return f"unix:{self.path}" if self.path is not None else f"{address}:{self.port}"


def _wrong_listen(text: str) -> str | None:
    try:
        Listen.parse(text)
    except ValueError as error:
        return str(error)
    return None


def _wrong_network(text: str) -> str | None:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return "expected an IP address or network"
    return None


def _wrong_count(count: int | str) -> str | None:
    is_count = count == "auto" or (isinstance(count, int) and 1 <= count <= 1024)
    return None if is_count else "expected a number from 1 to 1024, or auto"


ListenText = Annotated[str, Meta(extra={"check": _wrong_listen})]
Network = Annotated[str, Meta(extra={"check": _wrong_network})]


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the sections."""


class ProxySettings(Section, frozen=True, kw_only=True):
    """Where clients connect."""

    listen: tuple[ListenText, ...] = ("127.0.0.1:8000",)
    """`ADDRESS:PORT` or `unix:PATH`, each with any of the words `ssl` and `proxy_protocol` after it."""
    trusted_ips: tuple[Network, ...] = ()
    """Who may send a PROXY protocol header: addresses and networks."""
    certificate: str | None = None
    """PEM file: the certificate for names that no certificate entity is for."""
    certificate_key: str | None = None
    """PEM file with its key."""
    client_certificates: Literal["none", "optional", "required"] = "none"
    """Whether TLS clients may or must present a certificate."""
    client_ca: str | None = None
    """PEM file with the authorities that client certificates are verified against."""

    def violations(self) -> list[tuple[str, str]]:
        """Rules across fields."""
        found = []
        if (self.certificate is None) != (self.certificate_key is None):
            missing = "certificate" if self.certificate is None else "certificate_key"
            found.append((missing, "required, as the other of certificate and certificate_key is set"))
        if self.client_certificates != "none" and self.client_ca is None:
            found.append(("client_ca", "required when client certificates are verified"))
        return found


class StatusSettings(Section, frozen=True, kw_only=True):
    """Where operators look: status, readiness, metrics. Not for the open internet."""

    listen: tuple[ListenText, ...] = ("127.0.0.1:8100",)
    """Like `proxy.listen`; empty for none."""
    kong_metric_names: bool = True
    """Show metrics that Kong has a second time under Kong's names."""


class WorkerSettings(Section, frozen=True, kw_only=True):
    """The processes."""

    count: Annotated[int | str, Meta(extra={"check": _wrong_count})] = 1
    """How many worker processes; `auto` is one for each core."""
    drain_s: Annotated[float, Meta(ge=0)] = 30.0
    """How long a stop waits for requests under way."""


class UpstreamSettings(Section, frozen=True, kw_only=True):
    """Connections to upstreams, for each worker and origin."""

    transport: Literal["http1", "http2"] = "http1"
    """`http2` needs the extra `entresol[http2]`: HTTP/2 where an https upstream offers it, and forward proxies."""
    forward_proxy: str | None = None
    """Reach upstreams through this proxy, such as `http://proxy:3128`; with `http2` only."""
    dns_ttl_s: Annotated[float, Meta(ge=0)] = 30.0
    """How long the addresses of a name are kept."""
    max_connections: Annotated[int, Meta(ge=0)] = 0
    """0 means no bound."""
    max_waiting: Annotated[int, Meta(ge=0)] = 1024
    """Calls that may wait while all of `max_connections` are busy."""
    max_idle: Annotated[int, Meta(ge=0)] = 512
    """Idle connections that are kept."""
    idle_timeout_s: Annotated[float, Meta(ge=0)] = 60.0
    """How long they are kept; 0 means as long as the upstream keeps them."""
    max_age_s: Annotated[float, Meta(ge=0)] = 3600.0
    """An older connection is not used again; 0 means no bound."""
    max_head: Annotated[int, Meta(ge=1024)] = 65_536
    """Bytes of a response head."""
    max_headers: Annotated[int, Meta(ge=1)] = 200
    """Fields of a response head."""

    def violations(self) -> list[tuple[str, str]]:
        """Rules across fields."""
        if self.forward_proxy is not None and self.transport != "http2":
            return [("forward_proxy", "needs 'transport' to be http2")]
        return []


class HeaderSettings(Section, frozen=True, kw_only=True):
    """Names of our own response header fields."""

    brand: Literal["Entresol", "Kong"] = "Entresol"
    """`X-<brand>-Proxy-Latency` and so on; `Kong` for clients that read Kong's."""


class LogSettings(Section, frozen=True, kw_only=True):
    """The node's own log, on standard error. Access logs are plugins."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class ConfigurationSettings(Section, frozen=True, kw_only=True):
    """The declarative file."""

    file: str | None = None
    """Its path; the flag `-c` as a rule."""
    watch: bool = True
    """Reload when the file changes. SIGHUP reloads in any case."""
    compat: Literal["3.15", "3.9"] = "3.15"
    """Which Kong version's defaults the file is written for."""


class PriceSettings(Section, frozen=True, kw_only=True):
    """Where prices are, beside the table in the package."""

    table_file: str | None = None
    """The price table that `entresol prices update` writes; the newer of it and the package's is used."""
    overrides_file: str | None = None
    """The operator's own prices, YAML."""
    key_file: str | None = None
    """PEM file with an Ed25519 public key: updates must be signed with it."""


class StoreSettings(Section, frozen=True, kw_only=True):
    """Where accounts, keys, clients and tokens are. Without a store there are none, and no authorization server."""

    url: str | None = None
    """`sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/DATABASE`."""
    master_key: str | None = None
    """What encrypts secrets: `file:PATH` or `env:NAME`. With SQLite a file beside the database, unless said."""


class IdentitySettings(Section, frozen=True, kw_only=True):
    """The authorization server."""

    issuer: str = "http://127.0.0.1:8002"
    """Its URL as clients see it, without a slash at the end. https, but on this machine alone."""
    listen: tuple[ListenText, ...] = ("127.0.0.1:8002",)
    """Like `proxy.listen`; empty for none."""
    resources: tuple[str, ...] = ("http://127.0.0.1:8000",)
    """What tokens are for: URLs of this gateway as clients see them."""
    registration: Literal["off", "token", "open"] = "off"
    """Who may register clients (RFC 7591): nobody, whoever has an initial access token, anybody."""
    metadata_clients: Literal["allow", "ask", "deny"] = "ask"
    """Clients that are the URL of their metadata document: whether people are asked, warned, or the client refused."""
    outside_hosts: tuple[str, ...] = ()
    """Hosts that may be called for keys and metadata although they are private or plain http."""

    def violations(self) -> list[tuple[str, str]]:
        """Rules across fields."""
        parts = urlsplit(self.issuer)
        if parts.scheme not in ("http", "https") or not parts.hostname or self.issuer.endswith("/") or parts.query:
            return [("issuer", "expected https://HOST, without a query and a slash at the end")]
        if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            return [("issuer", "must be https: tokens and passwords pass there")]
        return []


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about an installation."""

    proxy: ProxySettings = ProxySettings()
    status: StatusSettings = StatusSettings()
    workers: WorkerSettings = WorkerSettings()
    limits: Limits = Limits()
    upstream: UpstreamSettings = UpstreamSettings()
    headers: HeaderSettings = HeaderSettings()
    log: LogSettings = LogSettings()
    configuration: ConfigurationSettings = ConfigurationSettings()
    prices: PriceSettings = PriceSettings()
    store: StoreSettings = StoreSettings()
    identity: IdentitySettings = IdentitySettings()

    @property
    def worker_count(self) -> int:
        """How many workers to start."""
        return self.workers.count if isinstance(self.workers.count, int) else (os.cpu_count() or 1)

    @property
    def proxy_listens(self) -> tuple[Listen, ...]:
        """`proxy.listen`, parsed."""
        return tuple(Listen.parse(text) for text in self.proxy.listen)

    @property
    def status_listens(self) -> tuple[Listen, ...]:
        """`status.listen`, parsed."""
        return tuple(Listen.parse(text) for text in self.status.listen)

    @property
    def identity_listens(self) -> tuple[Listen, ...]:
        """`identity.listen`, parsed; none without a store."""
        return tuple(Listen.parse(text) for text in self.identity.listen) if self.store.url is not None else ()

    @property
    def all_listens(self) -> tuple[Listen, ...]:
        """Where a node listens for anything."""
        return self.proxy_listens + self.status_listens + self.identity_listens

    def violations(self) -> list[tuple[str, str]]:
        """Rules across sections."""
        found = []
        if not self.proxy.listen:
            found.append(("proxy.listen", "length must be at least 1"))
        negative = [name for name in self.limits.__struct_fields__ if getattr(self.limits, name) < 0]
        found += [(f"limits.{name}", "value must be at least 0") for name in negative]
        if not self.proxy.trusted_ips and any(listen.proxy_protocol for listen in self.proxy_listens):
            found.append(("proxy.trusted_ips", "required, as a listener takes the PROXY protocol"))
        return found


def load_settings(
    file_text: str | bytes | None, environment: Mapping[str, str], flags: Mapping[str, object]
) -> Settings | Violations:
    """Settings from all sources. `flags` are dotted names with their values, such as `{"workers.count": 4}`."""
    raw, violations = _from_file(file_text)
    origins: dict[str, str] = {}
    for variable, value in environment.items():
        if variable.startswith(PREFIX) and "__" in variable:
            path = variable.removeprefix(PREFIX).lower().replace("__", ".", 1)
            _put(raw, path, _from_text(path, value))
            origins[path] = variable
    for path, given in flags.items():
        _put(raw, path, given)
        origins.pop(path, None)
    settings = parse(Settings, raw)
    if isinstance(settings, list):
        violations += [_with_origin(violation, origins) for violation in settings]
    return violations if violations or isinstance(settings, list) else settings


def _from_file(text: str | bytes | None) -> tuple[dict[str, Any], Violations]:
    if text is None:
        return {}, []
    from entresol.store.text_reading import UnreadableText, read_text  # most nodes have no settings file

    try:
        raw = read_text(text)
    except UnreadableText as error:
        return {}, [Violation("", str(error))]
    if raw is None:
        return {}, []
    return (raw, []) if isinstance(raw, dict) else ({}, [Violation("", "expected a record")])


def _put(raw: dict[str, Any], path: str, value: object) -> None:
    """Set a value over what the file says, unless the file is wrong in that place anyway."""
    section, _, name = path.partition(".")
    fields = raw.setdefault(section, {})
    if fields is None:
        fields = raw[section] = {}
    if isinstance(fields, dict):
        fields[name] = value


def _from_text(path: str, text: str) -> object:
    """A variable's text as the kind of value that its field wants: a list is separated by commas."""
    kind = _KINDS.get(path)
    if kind == "list":
        return [item.strip() for item in text.split(",") if item.strip()]
    if kind == "text" or kind is None:
        return text
    try:
        return msgspec.json.decode(text.lower())
    except msgspec.DecodeError:
        return text


def _kinds() -> dict[str, str]:
    """Which fields take lists, text, or something else, by dotted name."""
    kinds = {}
    for section in msgspec.structs.fields(Settings):
        for field in msgspec.structs.fields(section.type):
            info = inspect.type_info(field.type)
            options = info.types if isinstance(info, inspect.UnionType) else (info,)
            if any(isinstance(option, inspect.VarTupleType) for option in options):
                kind = "list"
            elif all(
                isinstance(option, inspect.StrType | inspect.LiteralType | inspect.NoneType) for option in options
            ):
                kind = "text"
            else:
                kind = "other"
            kinds[f"{section.name}.{field.name}"] = kind
    return kinds


_KINDS: Final = _kinds()


def _with_origin(violation: Violation, origins: Mapping[str, str]) -> Violation:
    variable = next((name for path, name in origins.items() if violation.path.split("[")[0] == path), None)
    return violation if variable is None else Violation(f"{violation.path} ({variable})", violation.message)
