"""The faults of the upstream side, each with its stable code, Kong's opening words, the origin and what to do.

Refused, reset or garbled: 502. Too slow: 504. Nobody to ask (name resolution, no free connection): 503.
"""

import errno
import ssl

from entresol.core.errors import UpstreamError
from entresol.core.http import Origin

_INVALID = "An invalid response was received from the upstream server"
_SLOW = "The upstream server is timing out"


def peer_of(origin: Origin) -> str:
    """How messages name an upstream: `host:port`, or `host (unix:/path)`."""
    if origin.unix_path is not None:
        return f"{origin.host} (unix:{origin.unix_path})"
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return f"{host}:{origin.port}"


def connect_failed(origin: Origin, error: OSError) -> UpstreamError:
    """Opening a connection failed, for the reason the operating system gives."""
    if isinstance(error, ssl.SSLError):
        return tls_failed(origin, error)
    if isinstance(error, ConnectionRefusedError):
        return _invalid("upstream_connect_refused", origin, "connection refused", "check that it listens there")
    if isinstance(error, TimeoutError):
        return connect_timeout(origin)
    reason = errno.errorcode.get(error.errno or 0, type(error).__name__)
    advice = "check the address, the route to it and firewalls"
    return _invalid("upstream_connect_failed", origin, f"connecting failed ({reason})", advice)


def tls_failed(origin: Origin, error: OSError) -> UpstreamError:
    """The TLS handshake failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = f"its certificate was not accepted ({error.verify_message.rstrip('.')})"
        advice = "check its certificate, the CA that is configured for it, and the host name"
    else:
        reason = f"TLS handshake failed ({getattr(error, 'reason', None) or type(error).__name__})"
        advice = "check that it speaks TLS on this port, and which versions and client certificates it wants"
    return _invalid("upstream_tls_failed", origin, reason, advice)


def address_refused(origin: Origin, address: str) -> UpstreamError:
    """Every address of the host is one that we must not connect to."""
    advice = "use another host, or allow this address range in the configuration"
    return _invalid("upstream_address_refused", origin, f"address {address} is not allowed", advice)


def name_resolution_failed(origin: Origin) -> UpstreamError:
    """The host name has no address."""
    text = f"name resolution failed: {origin.host!r} has no address; check the host name and the DNS server"
    return UpstreamError("upstream_name_resolution_failed", text, status=503)


def no_free_connection(origin: Origin, limit: int) -> UpstreamError:
    """All connections that the limit allows are busy, and the queue for them is full or too slow."""
    text = f"no free connection to {peer_of(origin)}: all {limit} are busy; raise the limit or add targets"
    return UpstreamError("upstream_connections_exhausted", text, status=503)


def transport_closed(origin: Origin) -> UpstreamError:
    """The gateway stops while a call is under way."""
    text = f"the gateway is stopping and broke off the call to {peer_of(origin)}; try again"
    return UpstreamError("upstream_transport_closed", text, status=503)


def reset(origin: Origin, detail: str) -> UpstreamError:
    """The upstream closed the connection before the response was whole."""
    return _invalid("upstream_reset", origin, detail, "look into its log; it may have crashed or be restarting")


def protocol_error(origin: Origin, detail: str) -> UpstreamError:
    """The upstream sent what is no HTTP/1.1 response."""
    return _invalid("upstream_protocol_error", origin, detail, "check that it speaks HTTP/1.1 on this port")


def unsupported(origin: Origin, detail: str, advice: str) -> UpstreamError:
    """The transport in use cannot do what the request needs."""
    return _invalid("upstream_unsupported", origin, detail, advice)


def connect_timeout(origin: Origin, limit_s: float = 0.0) -> UpstreamError:
    """No connection in time."""
    advice = "check the address and firewalls, or raise connect_timeout"
    return _slow("upstream_connect_timeout", origin, "no connection", limit_s, advice)


def write_timeout(origin: Origin, limit_s: float) -> UpstreamError:
    """The upstream stopped reading the request."""
    return _slow("upstream_write_timeout", origin, "it took no request bytes", limit_s, "raise write_timeout")


def first_byte_timeout(origin: Origin, limit_s: float) -> UpstreamError:
    """No response head in time."""
    return _slow("upstream_first_byte_timeout", origin, "no response", limit_s, "raise read_timeout if it needs longer")


def idle_timeout(origin: Origin, limit_s: float) -> UpstreamError:
    """The response stalled."""
    return _slow("upstream_idle_timeout", origin, "no more response bytes", limit_s, "raise read_timeout")


def total_timeout(origin: Origin, limit_s: float) -> UpstreamError:
    """The exchange as a whole took too long."""
    return _slow("upstream_total_timeout", origin, "not finished", limit_s, "raise the total timeout")


def _invalid(code: str, origin: Origin, what: str, advice: str) -> UpstreamError:
    return UpstreamError(code, f"{_INVALID}: {peer_of(origin)}: {what}; {advice}")


def _slow(code: str, origin: Origin, what: str, limit_s: float, advice: str) -> UpstreamError:
    within = f" within {limit_s:g} s" if limit_s else ""
    return UpstreamError(code, f"{_SLOW}: {peer_of(origin)}: {what}{within}; {advice}", status=504)
