"""Response heads: what is written, and what never is."""

import logging

import pytest

from entresol.core.http import HeaderPairs
from entresol.net.response_head import date_line, field_lines, status_line

DATE = b"date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"


def test_fields_keep_order_and_repetitions() -> None:
    fields = [(b"set-cookie", b"a=1"), (b"x-a", b""), (b"set-cookie", b"b=2")]
    assert field_lines(fields, DATE) == b"set-cookie: a=1\r\nx-a: \r\nset-cookie: b=2\r\n" + DATE


def test_no_fields_make_no_line() -> None:
    assert field_lines([]) == b""
    assert field_lines([], DATE) == DATE


@pytest.mark.parametrize("name", [b"content-length", b"transfer-encoding", b"connection", b"keep-alive", b"upgrade"])
def test_fields_that_frame_are_left_to_the_adapter(name: bytes) -> None:
    assert field_lines([(name, b"5"), (b"x-a", b"1")]) == b"x-a: 1\r\n"
    assert field_lines([(name, b"5")]) == b""


def test_the_date_of_the_upstream_stands() -> None:
    assert field_lines([(b"date", b"yesterday"), (b"x-a", b"1")], DATE) == b"date: yesterday\r\nx-a: 1\r\n"


def test_an_offered_upgrade_goes_out_with_its_connection_option() -> None:
    """RFC 9110 §15.5.22: 426 must say what to upgrade to; §7.8: and name the field in Connection."""
    fields = [(b"x-a", b"1"), (b"connection", b"Upgrade"), (b"upgrade", b"TLS/1.2, HTTP/1.1"), (b"date", b"today")]
    expected = b"x-a: 1\r\ndate: today\r\nupgrade: TLS/1.2, HTTP/1.1\r\nconnection: upgrade\r\n"
    assert field_lines(fields, DATE) == expected


@pytest.mark.parametrize(
    "fields",
    [
        [(b"connection", b"upgrade")],
        [(b"connection", b"close"), (b"upgrade", b"websocket")],
        [(b"connection", b"upgrade"), (b"upgrade", b"a\r\nx: y")],
    ],
)
def test_no_other_connection_field_is_an_offer(fields: HeaderPairs) -> None:
    assert b"upgrade:" not in field_lines(fields)


@pytest.mark.parametrize(
    "field",
    [
        (b"x-a", b"1\r\nset-cookie: evil=1"),
        (b"x-a", b"1\nx: y"),
        (b"x-a", b"1\r"),
        (b"x\r\nset-cookie", b"evil"),
        (b"x-a", b"a\0b"),
        (b"date", b"a\r\nb"),
    ],
)
def test_a_field_that_breaks_out_of_its_line_is_left_out(
    field: tuple[bytes, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    fields: HeaderPairs = [(b"x-b", b"2"), field]
    with caplog.at_level(logging.ERROR):
        assert field_lines(fields) == b"x-b: 2\r\n"
        assert field_lines([field]) == b""
    assert "left out 1 response header" in caplog.text
    assert "evil" not in caplog.text


@pytest.mark.parametrize(
    ("status", "line"),
    [(200, b"HTTP/1.1 200 OK\r\n"), (404, b"HTTP/1.1 404 Not Found\r\n"), (599, b"HTTP/1.1 599 \r\n")],
)
def test_an_unknown_status_has_an_empty_reason(status: int, line: bytes) -> None:
    assert status_line(status) == line


def test_a_date_is_written_as_imf_fixdate() -> None:
    assert date_line(0) == DATE
    assert date_line(784_111_777) == b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
