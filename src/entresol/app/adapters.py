"""The adapters of a worker, made from settings."""

import asyncio
from typing import TYPE_CHECKING, Protocol

from entresol.api_floor.configuration import Configuration
from entresol.config import Settings
from entresol.core.errors import ConfigError
from entresol.core.ports import Clock, Transport
from entresol.net.client import ClientLimits, Http1Transport
from entresol.net.dns import DnsLimits, Resolver
from entresol.net.outgoing import Flusher
from entresol.net.pool import PoolLimits
from entresol.telemetry.line_sink import ThreadedLineSink
from entresol.telemetry.metrics import WorkerMetrics

if TYPE_CHECKING:
    from entresol.net.tls_server import TlsContexts


def line_sink(metrics: WorkerMetrics) -> ThreadedLineSink:
    """Where access log lines go; what is lost is counted."""
    dropped = metrics.counter("entresol_log_lines_dropped_total", "Log lines lost to a full queue.", (), ())
    failed = metrics.counter("entresol_log_lines_failed_total", "Log lines that could not be written.", (), ())
    return ThreadedLineSink(dropped, failed)


def client_limits(settings: Settings) -> ClientLimits:
    """Bounds of upstream connections."""
    upstream = settings.upstream
    pool = PoolLimits(
        max_connections=upstream.max_connections,
        max_idle=upstream.max_idle,
        idle_timeout_s=upstream.idle_timeout_s,
        max_age_s=upstream.max_age_s,
        max_waiting=upstream.max_waiting,
    )
    return ClientLimits(max_head_bytes=upstream.max_head, max_headers=upstream.max_headers, pool=pool)


class UpstreamTransport(Transport, Protocol):
    """What a gateway needs of a transport besides sending."""

    def sweep(self, now: float) -> None:
        """Let the clocks run; once a second."""

    def close(self) -> None:
        """Close every connection."""


def upstream_transport(
    settings: Settings, loop: asyncio.AbstractEventLoop, clock: Clock, flusher: Flusher
) -> UpstreamTransport:
    """How upstreams are reached. Raises ConfigError `extra_missing` when a package for it is not installed."""
    upstream = settings.upstream
    resolver = Resolver(loop, clock, DnsLimits(ttl_s=upstream.dns_ttl_s))
    if upstream.transport == "http1":
        return Http1Transport(loop, clock, resolver, client_limits(settings), flusher)
    try:
        from entresol.net.pyreqwest_transport import PyreqwestOptions, PyreqwestTransport
    except ImportError:
        raise ConfigError(
            "extra_missing", "upstream.transport http2 needs the package pyreqwest: pip install 'entresol[http2]'"
        ) from None
    options = PyreqwestOptions(
        proxy_url=upstream.forward_proxy,
        max_idle_per_host=upstream.max_idle,
        idle_timeout_s=upstream.idle_timeout_s,
    )
    # A forward proxy resolves names itself.
    return PyreqwestTransport(loop, clock, resolver if upstream.forward_proxy is None else None, options)


def tls_contexts(settings: Settings, configuration: Configuration) -> "TlsContexts | None":
    """The certificates of the listeners with `ssl`; None without such listeners, so that nothing of TLS is loaded."""
    if not any(listen.ssl for listen in settings.all_listens):
        return None
    from entresol.net.tls_server import TlsContexts, TlsSettings

    proxy = settings.proxy
    tls = TlsSettings(
        certificate=_pem(proxy.certificate),
        key=_pem(proxy.certificate_key),
        client_certificates=proxy.client_certificates,
        client_ca=_pem(proxy.client_ca),
    )
    return TlsContexts(tls, configuration.certificates)


def check_certificates(settings: Settings, configuration: Configuration) -> None:
    """Load what listeners will present, also where none has TLS yet. Raises ConfigError for what does not load."""
    if tls_contexts(settings, configuration) is None and configuration.certificates:
        from entresol.net.tls_server import TlsContexts, TlsSettings

        TlsContexts(TlsSettings(), configuration.certificates)


def _pem(path: str | None) -> str | None:
    if path is None:
        return None
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("certificate_unreadable", f"{path} cannot be read: {error}") from None
