"""The tree of faults."""

import pytest

from entresol.core.errors import ClientError, ConfigError, GatewayError, InternalError, UpstreamError


@pytest.mark.parametrize(
    ("kind", "status", "side"),
    [
        (ClientError, 400, "client"),
        (UpstreamError, 502, "upstream"),
        (ConfigError, 500, "gateway"),
        (InternalError, 500, "gateway"),
    ],
)
def test_each_kind_has_its_status_and_its_side(kind: type[GatewayError], status: int, side: str) -> None:
    error = kind("some_code", "what happened")
    assert (error.status, error.side, str(error)) == (status, side, "some_code: what happened")


def test_status_and_headers_can_be_given() -> None:
    error = UpstreamError("slow", "too slow", status=504, headers=((b"retry-after", b"1"),))
    assert (error.status, error.headers, UpstreamError.status) == (504, ((b"retry-after", b"1"),), 502)
