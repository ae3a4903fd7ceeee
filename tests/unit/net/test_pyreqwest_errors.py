"""The texts of reqwest's causes, as its present version writes them, and what they mean."""

import pytest
from pyreqwest.exceptions import (
    BuilderError,
    ConnectError,
    ConnectTimeoutError,
    DecodeError,
    DetailedPyreqwestError,
    ReadError,
    RequestError,
)

from entresol.core.http import Origin
from entresol.net.pyreqwest_errors import error_from

ORIGIN = Origin("https", "api.example.test", 443)


@pytest.mark.parametrize(
    ("kind", "causes", "code"),
    [
        (ConnectError, ["client error (Connect)", "tcp connect error", "Connection refused (os error 111)"],
         "upstream_connect_refused"),
        (ConnectError, ["client error (Connect)", "dns error", "failed to lookup address information"],
         "upstream_name_resolution_failed"),
        (ConnectError, ["client error (Connect)", "invalid peer certificate: UnknownIssuer"], "upstream_tls_failed"),
        (ConnectError, ["client error (Connect)", "tcp connect error", "No route to host"], "upstream_connect_failed"),
        (ConnectTimeoutError, ["operation timed out"], "upstream_connect_timeout"),
        (ConnectError, ["client error (SendRequest)", "connection closed before message completed"], "upstream_reset"),
        (RequestError, ["error reading a body", "end of file before message length reached"], "upstream_reset"),
        (ReadError, ["error reading a body", "unexpected EOF during chunk size line"], "upstream_reset"),
        (ReadError, ["error reading a body", "Connection reset by peer (os error 104)"], "upstream_reset"),
        (DecodeError, ["client error (SendRequest)", "invalid HTTP version parsed"], "upstream_protocol_error"),
        (RequestError, ["something new"], "upstream_reset"),
        (BuilderError, ["relative URL without a base"], "request_not_sendable"),
    ],
)  # fmt: skip
def test_each_cause_has_its_code(kind: type[DetailedPyreqwestError], causes: list[str], code: str) -> None:
    error = kind("failed", {"causes": [{"message": cause} for cause in causes]})
    assert error_from(ORIGIN, error, has_head=False).code == code


def test_an_error_without_causes_is_not_lost() -> None:
    assert "went wrong" in error_from(ORIGIN, RequestError("went wrong", {"causes": None}), True).message
