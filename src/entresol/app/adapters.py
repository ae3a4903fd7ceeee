"""The adapters of a worker, made from settings."""

from typing import TYPE_CHECKING

from entresol.api_floor.configuration import Configuration
from entresol.config import Settings
from entresol.core.errors import ConfigError
from entresol.net.client import ClientLimits
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


def tls_contexts(settings: Settings, configuration: Configuration) -> "TlsContexts | None":
    """The certificates of the listeners with `ssl`; None without such listeners, so that nothing of TLS is loaded."""
    if not any(listen.ssl for listen in (*settings.proxy_listens, *settings.status_listens)):
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


def _pem(path: str | None) -> str | None:
    if path is None:
        return None
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("certificate_unreadable", f"{path} cannot be read: {error}") from None
