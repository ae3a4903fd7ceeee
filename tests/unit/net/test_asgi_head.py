"""A scope becomes a request head, or a refusal that no server can be relied on to make."""

import ssl
from typing import Any

import pytest
import trustme

from entresol.core.errors import ClientError
from entresol.net.asgi_head import request_head
from entresol.net.asgi_types import Scope

HOST = (b"host", b"api.test")


def scope_with(*headers: tuple[bytes, bytes], **changes: Any) -> Scope:
    scope: Scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/a b",
        "raw_path": b"/a%20b",
        "query_string": b"x=%41",
        "headers": list(headers) or [HOST],
        "client": ("192.0.2.1", 5000),
        "server": ("192.0.2.2", 80),
    }
    scope.update(changes)
    return scope


def test_a_scope_becomes_a_request_head() -> None:
    head = request_head(scope_with(HOST, (b"X-Field", b" value\t")))
    assert (head.method, head.path, head.query, head.version) == ("GET", "/a%20b", "x=%41", "1.1")
    assert head.headers.pairs == [HOST, (b"x-field", b"value")]
    assert (head.connection.peer_ip, head.connection.local_port, head.connection.tls) == ("192.0.2.1", 80, None)
    assert not head.upgrade


def test_a_missing_raw_path_is_made_from_the_decoded_one() -> None:
    head = request_head(scope_with(raw_path=None, path="/a b/ü%/?"))
    assert head.path == "/a%20b/%C3%BC%25/%3F"


def test_a_unix_socket_has_no_addresses() -> None:
    connection = request_head(scope_with(client=None, server=("/run/socket", None))).connection
    assert (connection.peer_ip, connection.peer_port, connection.local_ip, connection.local_port) == ("", 0, "", 0)


REFUSED: list[tuple[str, Scope, int, str]] = [
    ("no host", scope_with((b"a", b"b")), 400, "host_missing"),
    ("two hosts", scope_with(HOST, HOST), 400, "header_repeated"),
    (
        "two authorizations",
        scope_with(HOST, (b"Authorization", b"a"), (b"authorization", b"a")),
        400,
        "header_repeated",
    ),
    ("two lengths", scope_with(HOST, (b"content-length", b"1"), (b"content-length", b"1")), 400, "framing_ambiguous"),
    ("a signed length", scope_with(HOST, (b"content-length", b"+1")), 400, "framing_ambiguous"),
    ("a list of lengths", scope_with(HOST, (b"content-length", b"1, 1")), 400, "framing_ambiguous"),
    (
        "length and chunked",
        scope_with(HOST, (b"content-length", b"1"), (b"transfer-encoding", b"chunked")),
        400,
        "framing_ambiguous",
    ),
    ("two codings", scope_with(HOST, *[(b"transfer-encoding", b"chunked")] * 2), 400, "framing_ambiguous"),
    ("unknown coding", scope_with(HOST, (b"transfer-encoding", b"gzip")), 501, "transfer_coding_unsupported"),
    ("NUL in a value", scope_with(HOST, (b"a", b"b\0")), 400, "request_malformed"),
    ("CR in a value", scope_with(HOST, (b"a", b"b\rc")), 400, "request_malformed"),
    ("LF in a value", scope_with(HOST, (b"a", b"b\nc: d")), 400, "request_malformed"),
    ("space in a name", scope_with(HOST, (b"a ", b"b")), 400, "request_malformed"),
    ("an empty name", scope_with(HOST, (b"", b"b")), 400, "request_malformed"),
    ("an absolute target", scope_with(raw_path=b"http://other/"), 400, "target_invalid"),
    ("an asterisk for GET", scope_with(raw_path=b"*"), 400, "target_invalid"),
    ("an authority", scope_with(raw_path=b"host:443", method="CONNECT"), 400, "target_invalid"),
    ("a space in the path", scope_with(raw_path=b"/a HTTP/1.1"), 400, "target_invalid"),
    ("a raw byte in the path", scope_with(raw_path=b"/\xff"), 400, "target_invalid"),
    ("an encoded NUL", scope_with(raw_path=b"/a%00"), 400, "target_invalid"),
    ("a path above the root", scope_with(raw_path=b"/a/%2e%2e/.."), 400, "target_invalid"),
    ("a bad host", scope_with((b"host", b"a/b")), 400, "host_invalid"),
    ("a line break in the query", scope_with(query_string=b"a\r\nb"), 400, "target_invalid"),
]


@pytest.mark.parametrize(("scope", "status", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_dangerous_scope_is_refused(scope: Scope, status: int, code: str) -> None:
    with pytest.raises(ClientError) as caught:
        request_head(scope)
    assert (caught.value.status, caught.value.code) == (status, code)


def test_options_may_ask_for_the_asterisk() -> None:
    assert request_head(scope_with(method="OPTIONS", raw_path=b"*")).path == "*"


def test_http_1_0_needs_no_host() -> None:
    assert request_head(scope_with((b"a", b"b"), http_version="1.0")).version == "1.0"


def test_https_without_the_tls_extension_is_still_https() -> None:
    connection = request_head(scope_with(scheme="https")).connection
    assert connection.scheme == "https"
    assert connection.tls is not None
    assert connection.tls.client_certificate is None


def test_a_verified_client_certificate_is_handed_on_as_der() -> None:
    pem = trustme.CA().issue_cert("client.test").cert_chain_pems[0].bytes().decode()
    tls = {"tls_version": 0x0304, "cipher_suite": 0x1301, "client_cert_chain": [pem], "client_cert_error": None}
    facts = request_head(scope_with(scheme="https", extensions={"tls": tls})).connection.tls
    assert facts is not None
    assert facts.version == "TLSv1.3"
    assert facts.client_certificate == ssl.PEM_cert_to_DER_cert(pem)
    assert facts.client_chain == (facts.client_certificate,)


def test_a_client_certificate_that_failed_to_verify_is_not_handed_on() -> None:
    pem = trustme.CA().issue_cert("client.test").cert_chain_pems[0].bytes().decode()
    tls = {"client_cert_chain": [pem], "client_cert_error": "self-signed"}
    facts = request_head(scope_with(scheme="https", extensions={"tls": tls})).connection.tls
    assert facts is not None
    assert facts.client_certificate is None
