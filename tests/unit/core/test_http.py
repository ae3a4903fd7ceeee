"""The HTTP vocabulary."""

import pytest

from entresol.core.http import Connection, Headers, Origin, TlsClient, TlsInfo


def test_headers_keep_order_and_repetitions() -> None:
    headers = Headers([(b"a", b"1"), (b"b", b"2"), (b"a", b"3")])
    assert headers.get(b"a") == b"1"
    assert headers.get_all(b"a") == [b"1", b"3"]
    assert headers.get(b"c") is None
    assert b"b" in headers
    assert list(headers) == [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]
    assert len(headers) == 3


def test_set_replaces_all_and_add_appends() -> None:
    headers = Headers([(b"a", b"1"), (b"a", b"2")])
    headers.set(b"a", b"3")
    headers.add(b"a", b"4")
    assert headers.pairs == [(b"a", b"3"), (b"a", b"4")]


def test_a_copy_changes_alone() -> None:
    headers = Headers([(b"a", b"1")])
    copied = headers.copy()
    copied.remove(b"a")
    assert headers.get(b"a") == b"1"
    assert copied != headers


def test_removing_what_is_not_there_does_nothing() -> None:
    headers = Headers([(b"a", b"1")])
    headers.remove(b"b")
    assert headers == Headers([(b"a", b"1")])


def test_values_do_not_show_in_a_repr() -> None:
    assert "s3cret" not in repr(Headers([(b"authorization", b"s3cret")]))
    assert "PRIVATE" not in repr(TlsClient(key_pem="PRIVATE"))


@pytest.mark.parametrize(
    ("origin", "authority"),
    [
        (Origin("http", "a.test", 80), "a.test"),
        (Origin("http", "a.test", 8080), "a.test:8080"),
        (Origin("https", "a.test", 443), "a.test"),
        (Origin("https", "a.test", 80), "a.test:80"),
        (Origin("http", "::1", 8080), "[::1]:8080"),
    ],
)
def test_the_authority_leaves_a_default_port_out(origin: Origin, authority: str) -> None:
    assert origin.authority == authority


def test_equal_origins_share_a_pool() -> None:
    assert len({Origin("https", "a", 443, TlsClient()), Origin("https", "a", 443, TlsClient())}) == 1
    assert len({Origin("https", "a", 443, TlsClient()), Origin("https", "a", 443, TlsClient(verify=False))}) == 2


def test_the_scheme_is_how_the_client_came() -> None:
    assert Connection("1.2.3.4", 1, "5.6.7.8", 2).scheme == "http"
    assert Connection("1.2.3.4", 1, "5.6.7.8", 2, TlsInfo("TLSv1.3", "x")).scheme == "https"
