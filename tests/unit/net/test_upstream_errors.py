"""Upstream faults: status, stable code, Kong's words, the origin, and what to do."""

import errno
import ssl

import pytest

from entresol.core.errors import UpstreamError
from entresol.core.http import Origin
from entresol.net import upstream_errors

ORIGIN = Origin("https", "api.example.test", 8443)
INVALID = "An invalid response was received from the upstream server"
SLOW = "The upstream server is timing out"


@pytest.mark.parametrize(
    ("error", "status", "code", "opening"),
    [
        (upstream_errors.connect_failed(ORIGIN, ConnectionRefusedError()), 502, "upstream_connect_refused", INVALID),
        (
            upstream_errors.connect_failed(ORIGIN, OSError(errno.ENETUNREACH, "x")),
            502, "upstream_connect_failed", INVALID,
        ),
        (upstream_errors.connect_failed(ORIGIN, TimeoutError()), 504, "upstream_connect_timeout", SLOW),
        (upstream_errors.connect_failed(ORIGIN, ssl.SSLError(1, "bad")), 502, "upstream_tls_failed", INVALID),
        (upstream_errors.tls_failed(ORIGIN, ConnectionResetError()), 502, "upstream_tls_failed", INVALID),
        (upstream_errors.address_refused(ORIGIN, "10.0.0.1"), 502, "upstream_address_refused", INVALID),
        (
            upstream_errors.name_resolution_failed(ORIGIN),
            503, "upstream_name_resolution_failed", "name resolution failed",
        ),
        (upstream_errors.no_free_connection(ORIGIN, 4), 503, "upstream_connections_exhausted", "no free connection"),
        (upstream_errors.transport_closed(ORIGIN), 503, "upstream_transport_closed", "the gateway is stopping"),
        (upstream_errors.reset(ORIGIN, "it hung up"), 502, "upstream_reset", INVALID),
        (upstream_errors.protocol_error(ORIGIN, "garbage"), 502, "upstream_protocol_error", INVALID),
        (upstream_errors.unsupported(ORIGIN, "x", "y"), 502, "upstream_unsupported", INVALID),
        (upstream_errors.connect_timeout(ORIGIN, 5), 504, "upstream_connect_timeout", SLOW),
        (upstream_errors.write_timeout(ORIGIN, 5), 504, "upstream_write_timeout", SLOW),
        (upstream_errors.first_byte_timeout(ORIGIN, 5), 504, "upstream_first_byte_timeout", SLOW),
        (upstream_errors.idle_timeout(ORIGIN, 5), 504, "upstream_idle_timeout", SLOW),
        (upstream_errors.total_timeout(ORIGIN, 5), 504, "upstream_total_timeout", SLOW),
    ],
    ids=lambda value: value.code if isinstance(value, UpstreamError) else None,
)  # fmt: skip
def test_each_fault_has_its_status_code_and_words(error: UpstreamError, status: int, code: str, opening: str) -> None:
    assert (error.status, error.code) == (status, code)
    assert error.message.startswith(opening)
    assert "api.example.test" in error.message
    assert ";" in error.message, "what to do comes last"


def test_a_refused_certificate_says_why() -> None:
    error = ssl.SSLCertVerificationError(1, "x")
    error.verify_message = "self-signed certificate."
    assert "(self-signed certificate)" in upstream_errors.tls_failed(ORIGIN, error).message


def test_a_limit_is_named_in_seconds() -> None:
    assert "within 2.5 s" in upstream_errors.idle_timeout(ORIGIN, 2.5).message


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        (Origin("http", "a.test", 80), "a.test:80"),
        (Origin("http", "::1", 80), "[::1]:80"),
        (Origin("http", "a.test", 80, unix_path="/run/a.sock"), "a.test (unix:/run/a.sock)"),
    ],
)
def test_an_origin_is_named_as_people_write_it(origin: Origin, name: str) -> None:
    assert upstream_errors.peer_of(origin) == name
