"""What a failure of reqwest means in our terms. It only says so in the texts of its causes."""

from typing import Final

from pyreqwest.exceptions import (
    ConnectError,
    ConnectTimeoutError,
    DecodeError,
    DetailedPyreqwestError,
    PyreqwestError,
)

from entresol.core.errors import ClientError, GatewayError
from entresol.core.http import Origin
from entresol.net import upstream_errors

_TLS_WORDS: Final = ("certificate", "tls", "handshake", "alert")
_CLOSED_WORDS: Final = ("closed before message", "end of file", "unexpected eof", "connection reset", "broken pipe")


def error_from(origin: Origin, error: PyreqwestError, has_head: bool) -> GatewayError:
    """The UpstreamError for a failed call. `has_head` says that the response had begun."""
    causes = _causes(error)
    text = " / ".join(causes).lower()
    if isinstance(error, ConnectTimeoutError):
        return upstream_errors.connect_timeout(origin)
    if any(word in text for word in _CLOSED_WORDS):
        where = "in the middle of the response" if has_head else "before any response"
        return upstream_errors.reset(origin, f"the connection was closed {where}")
    if isinstance(error, DecodeError):
        return upstream_errors.protocol_error(origin, causes[-1])
    if isinstance(error, ConnectError) or "client error (connect)" in text:
        return _connect_error(origin, text)
    if isinstance(error, ValueError):
        return ClientError("request_not_sendable", "the request cannot be sent through this transport as it is")
    return upstream_errors.reset(origin, causes[-1])


def _connect_error(origin: Origin, text: str) -> GatewayError:
    if "dns error" in text:
        return upstream_errors.name_resolution_failed(origin)
    if "refused" in text:
        return upstream_errors.connect_failed(origin, ConnectionRefusedError())
    if any(word in text for word in _TLS_WORDS):
        return upstream_errors.tls_failed(origin, ConnectionError())
    return upstream_errors.connect_failed(origin, OSError())


def _causes(error: PyreqwestError) -> list[str]:
    causes = error.details["causes"] if isinstance(error, DetailedPyreqwestError) else None
    return [cause["message"] for cause in causes or []] or [error.message]
