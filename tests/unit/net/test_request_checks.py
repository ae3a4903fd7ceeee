"""The rules for a head, one by one."""

import pytest

from entresol.core.http import HeaderPairs
from entresol.net import refusals
from entresol.net.refusals import Refusal
from entresol.net.request_checks import (
    CHECKED_FIELDS,
    METHODS,
    head_facts,
    is_valid_host,
    refuse_fields,
    refuse_first_bytes,
    refuse_line,
    split_target,
)

HOST = (b"host", b"gateway.test")


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"", None),
        (b"G", None),
        (b"get", refusals.NOT_HTTP),
        (b"\x16\x03\x01", refusals.TLS_ON_PLAIN_PORT),
        (b"\x00", refusals.NOT_HTTP),
        (b" GET", refusals.NOT_HTTP),
        (b"\n", refusals.BARE_LINE_FEED),
        (b"\r", refusals.NOT_HTTP),
        (b"\rG", refusals.NOT_HTTP),
    ],
)
def test_the_first_byte_tells_what_is_no_request(data: bytes, refusal: Refusal | None) -> None:
    assert refuse_first_bytes(data) == refusal


def test_a_carriage_return_may_begin_the_one_empty_line_that_is_ignored() -> None:
    assert refuse_first_bytes(b"\r", is_empty_line_skipped=False) is None
    assert refuse_first_bytes(b"\rG", is_empty_line_skipped=False) == refusals.NOT_HTTP


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        (b"PRI * HTTP/2.0", refusals.HTTP2_PREFACE),
        (b"GET /", refusals.REQUEST_LINE),
        (b"GET  / HTTP/1.1", refusals.REQUEST_LINE),
        (b"GET / HTTP/1.1 ", refusals.REQUEST_LINE),
        (b"GET / http/1.1", refusals.REQUEST_LINE),
        (b"GET / HTTP/11", refusals.REQUEST_LINE),
        (b"GET / HTTP/1.10", refusals.REQUEST_LINE),
        (b"GET / HTTP/2.0", refusals.VERSION_UNSUPPORTED),
        (b"GET / HTTP/1.2", refusals.VERSION_UNSUPPORTED),
        (b"GET / HTTP/0.9", refusals.VERSION_UNSUPPORTED),
        (b"GET / HTTP/3", refusals.VERSION_UNSUPPORTED),
        (b"CONNECT a:1 HTTP/1.1", refusals.CONNECT_UNSUPPORTED),
        (b"BREW / HTTP/1.1", refusals.METHOD_UNSUPPORTED),
        (b"DESCRIBE / HTTP/1.1", refusals.METHOD_UNSUPPORTED),
        (b"DESCRIBE / RTSP/1.0", refusals.REQUEST_LINE),
        (b"G(T / HTTP/1.1", refusals.NOT_HTTP),
        (b"", refusals.REQUEST_LINE),
    ],
)
def test_a_bad_request_line_says_what_is_wrong(line: bytes, refusal: Refusal) -> None:
    assert refuse_line(line) == refusal


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("Content-Length can't be present with Transfer-Encoding", "framing_ambiguous"),
        ("Invalid char in url path", "target_invalid"),
        ("Invalid header token", "request_malformed"),
    ],
)
def test_llhttps_reasons_become_stable_codes(reason: str, code: str) -> None:
    assert refuse_fields(reason).code == code


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ([], refusals.HOST_MISSING),
        ([HOST, HOST], refusals.HOST_REPEATED),
        ([HOST, (b"authorization", b"a"), (b"authorization", b"a")], refusals.AUTHORIZATION_REPEATED),
        ([HOST, (b"transfer-encoding", b"gzip, chunked")], refusals.TRANSFER_CODING_UNSUPPORTED),
        (
            [HOST, (b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")],
            refusals.TRANSFER_CODING_UNSUPPORTED,
        ),
        ([HOST, (b"expect", b"200-ok"), (b"content-length", b"1")], refusals.EXPECTATION_FAILED),
    ],
)
def test_fields_that_are_refused(fields: HeaderPairs, refusal: Refusal) -> None:
    assert head_facts(fields, is_11=True) == refusal


def test_http_10_needs_no_host_and_knows_no_transfer_coding() -> None:
    assert head_facts([], is_11=False) == (None, 0, False, False, False, False)
    coded = head_facts([HOST, (b"transfer-encoding", b"chunked")], is_11=False)
    assert isinstance(coded, Refusal)
    assert coded.code == "framing_ambiguous"


@pytest.mark.parametrize(
    ("options", "is_11", "keeps"),
    [
        (b"close", True, False),
        (b"Close, TE", True, False),
        (b"keep-alive, close", True, False),
        (b"TE", True, True),
        (b"keep-alive", True, True),
        (b"Keep-Alive", False, True),
        (b"close", False, False),
        (b"", False, False),
    ],
)
def test_the_connection_options_decide_about_reuse(options: bytes, is_11: bool, keeps: bool) -> None:
    facts = head_facts([HOST, (b"connection", options)], is_11)
    assert not isinstance(facts, Refusal)
    assert facts[3] is keeps


@pytest.mark.parametrize(
    ("protocol", "options", "length", "is_upgrade"),
    [
        (b"websocket", b"Upgrade", b"0", True),
        (b"websocket", b"keep-alive, upgrade", b"0", True),
        (b"websocket", b"keep-alive", b"0", False),
        (b"websocket", b"upgrade", b"5", False),
        (b"h2c", b"upgrade, http2-settings", b"0", False),
        (b"HTTP/2.0", b"upgrade", b"0", False),
        (b"TLS/1.2", b"upgrade", b"0", False),
        (b"h2c, websocket", b"upgrade", b"0", False),
        (b"websocket, h2c", b"upgrade", b"0", False),
    ],
)
def test_only_a_single_foreign_protocol_is_an_upgrade(
    protocol: bytes, options: bytes, length: bytes, is_upgrade: bool
) -> None:
    facts = head_facts(
        [HOST, (b"content-length", length), (b"upgrade", protocol), (b"connection", options)], is_11=True
    )
    assert not isinstance(facts, Refusal)
    assert facts[4] is is_upgrade


def test_a_request_without_a_body_waits_for_nothing() -> None:
    facts = head_facts([HOST, (b"expect", b"100-continue")], is_11=True)
    assert not isinstance(facts, Refusal)
    assert facts[5] is False


def test_expectations_of_http_10_are_ignored() -> None:
    facts = head_facts([HOST, (b"expect", b"anything"), (b"content-length", b"1")], is_11=False)
    assert not isinstance(facts, Refusal)
    assert facts[5] is False


@pytest.mark.parametrize(
    "host", [b"a", b"a.b-c_d", b"a:80", b"a:", b"[::1]", b"[::1]:8000", b"192.0.2.1:1", b"xn--bcher-kva.test", b"a%20b"]
)
def test_a_valid_host_is_taken(host: bytes) -> None:
    assert is_valid_host(host)


@pytest.mark.parametrize(
    "host",
    [
        *[b"", b"a b", b"a,b", b"a/b", b"a@b", b"a:b", b"a:123456", b"[::1", b"::1", b"a?b", b"a#b", b"a\\b"],
        *[b"\xe9", b'"a"', b"a:80:80", b"[::1]x", b"a\tb", b"a<b", b":80"],
    ],
)
def test_an_invalid_host_is_refused(host: bytes) -> None:
    assert not is_valid_host(host)


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("GET", b"/a?b?c", ("/a", "b?c", None)),
        ("GET", b"/a/%2e%2E//x/./", ("/a/%2e%2E//x/./", "", None)),
        ("GET", b"/..a/.b/...?/../..", ("/..a/.b/...", "/../..", None)),
        ("GET", b"/?", ("/", "", None)),
        ("OPTIONS", b"*", ("*", "", None)),
        ("GET", b"http://h:1/a?b", ("/a", "b", b"h:1")),
        ("GET", b"HTTPS://h", ("/", "", b"h")),
        ("GET", b"http://h?b", ("/", "b", b"h")),
        ("OPTIONS", b"http://h", ("*", "", b"h")),
        ("GET", b"http://u@h/", ("/", "", b"u@h")),
    ],
)
def test_a_target_is_split(method: str, target: bytes, expected: tuple[str, str, bytes | None]) -> None:
    assert split_target(method, target) == expected


@pytest.mark.parametrize(
    ("method", "target"),
    [
        *(("GET", b"*"), ("GET", b"a"), ("GET", b"/a#b"), ("GET", b"/\xe9"), ("GET", b"ftp://h/"), ("GET", b"h:80")),
        *(("GET", b"/a%00b"), ("GET", b"/.."), ("GET", b"/a/../.."), ("GET", b"//%2e%2e"), ("GET", b"http://h/..")),
    ],
)
def test_a_bad_target_is_refused(method: str, target: bytes) -> None:
    refusal = split_target(method, target)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "target_invalid"


def test_connect_is_no_method_that_is_forwarded() -> None:
    assert b"CONNECT" not in METHODS
    assert b"host" in CHECKED_FIELDS
