"""Redirect URIs: a table of what is registered and what is not, and properties of matching."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.redirects import (
    check_redirect_uri,
    destination,
    is_native_redirect,
    matching_redirect,
    with_answer,
)

GOOD = [
    ("https://app.example/cb", "https"),
    ("https://app.example", "https"),
    ("https://app.example:8443/a/b.c/~d?x=1&y=%C3%A4", "https"),
    ("https://app.example/cb?next=%2Fhome", "https"),
    ("https://203.0.113.7/cb", "https"),
    ("https://[2001:db8::1]/cb", "https"),
    ("https://xn--bcher-kva.example/cb", "https"),
    ("http://127.0.0.1/cb", "loopback"),
    ("http://127.0.0.1:49152/cb", "loopback"),
    ("http://[::1]:8080/cb", "loopback"),
    ("http://localhost:6274/oauth/callback", "loopback"),
    ("https://localhost/cb", "loopback"),
    ("com.example.app:/oauth2redirect", "private-use"),
    ("com.example.app://callback?x=1", "private-use"),
]
BAD = [
    # user information
    "https://app.example@evil.example/cb",
    "https://app.example:pw@evil.example/cb",
    "https://app.example%40evil.example/cb",
    "http://127.0.0.1@evil.example/cb",
    "http://127.0.0.1:80@evil.example/cb",
    "com.example.app://user@host/cb",
    # fragment
    "https://app.example/cb#",
    "https://app.example/cb#x",
    "https://evil.example#@app.example/cb",
    # hidden slashes, dots, controls, half and double escapes
    "https://app.example/cb%2f..%2fevil",
    "https://app.example%2f@evil.example",
    "https://app.example/cb%5cevil",
    "https://app.example/%2e%2e/evil",
    "https://app.example/cb%00",
    "https://app.example/cb%0d%0aSet-Cookie:x",
    "https://app.example/cb%252f",
    "https://app.example/cb%2",
    "https://app.example/cb%zz",
    "https://app.example/cb?x=%0a",
    "https://app.example/cb?x=%%2Fab",
    "com.example.app:/a%2e%2e/b",
    # dot segments
    "https://app.example/a/../b",
    "https://app.example/./b",
    "https://app.example/b/..",
    # backslashes
    "https://app.example\\@evil.example/cb",
    "https:\\\\evil.example/cb",
    "https://app.example/\\evil",
    # case, white space, characters beyond ASCII
    "HTTPS://app.example/cb",
    "https://App.Example/cb",
    " https://app.example/cb",
    "https://app.example/c b",
    "https://app.example/cb\n",
    "https://app.example/cb\x7f",
    "https://b\u00fccher.example/cb",
    "https://app.example/\u202e",
    # ports and hosts
    "https://app.example:/cb",
    "https://app.example:0/cb",
    "https://app.example:0443/cb",
    "https://app.example:65536/cb",
    "https://2130706433/cb",
    "https://0x7f.0.0.1/cb",
    "https://127.1/cb",
    "https://010.0.0.1/cb",
    "https://[::0001]/cb",
    "https://[v1.x]/cb",
    "https://[::1%25lo]/cb",
    "https://app..example/cb",
    "https://-app.example/cb",
    "https://app.example./cb",
    "https:///cb",
    "https:/cb",
    "https://*.example/cb",
    "https://app.example/*",
    # http beyond the device
    "http://app.example/cb",
    "http://127.0.0.2/cb",
    "http://localhost.evil.example/cb",
    "http://127.0.0.1.evil.example/cb",
    "http://0.0.0.0/cb",
    # schemes
    "javascript:alert(1)",
    "javascript://app.example/%0aalert(1)",
    "data:text/html,x",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://app.example/x",
    "view-source:https://app.example/",
    "myapp:/cb",
    "myapp://cb",
    "urn:ietf:wg:oauth:2.0:oob",
    "com..example:/cb",
    "com.example.:/cb",
    "//app.example/cb",
    "/cb",
    "",
    "app.example/cb",
    # parameters of the answer
    "https://app.example/cb?code=x",
    "https://app.example/cb?a=1&state=2",
    "https://app.example/cb?iss=https://evil.example",
    "https://app.example/cb?%63ode=x",
    "https://app.example/" + "a" * 2000,
]


@pytest.mark.parametrize(("uri", "kind"), GOOD)
def test_a_plain_uri_may_be_registered(uri: str, kind: str) -> None:
    assert check_redirect_uri(uri) == kind
    assert destination(uri).kind == kind


@pytest.mark.parametrize("uri", BAD)
def test_what_could_be_read_in_two_ways_or_leads_astray_may_not(uri: str) -> None:
    with pytest.raises(OAuthError) as caught:
        check_redirect_uri(uri)
    assert caught.value.error == "invalid_redirect_uri"


def test_an_administrator_may_trust_a_scheme_without_a_dot_but_never_one_that_runs_code() -> None:
    assert check_redirect_uri("cursor://editor/cb", extra_schemes=["cursor"]) == "private-use"
    with pytest.raises(OAuthError):
        check_redirect_uri("javascript:alert(1)", extra_schemes=["javascript"])


@pytest.mark.parametrize(
    ("presented", "registered", "is_native", "matches"),
    [
        ("https://app.example/cb", "https://app.example/cb", False, True),
        ("https://app.example/cb/", "https://app.example/cb", False, False),
        ("https://app.example/CB", "https://app.example/cb", False, False),
        ("https://APP.example/cb", "https://app.example/cb", False, False),
        ("https://app.example:443/cb", "https://app.example/cb", False, False),
        ("https://app.example/cb?x=1", "https://app.example/cb", False, False),
        ("https://app.example/c%62", "https://app.example/cb", False, False),
        ("https://app.example.evil.example/cb", "https://app.example/cb", False, False),
        ("http://127.0.0.1:51004/cb", "http://127.0.0.1/cb", True, True),
        ("http://127.0.0.1:51004/cb", "http://127.0.0.1:3000/cb", True, True),
        ("http://[::1]:51004/cb", "http://[::1]/cb", True, True),
        ("http://localhost:51004/cb", "http://localhost/cb", True, True),
        ("http://127.0.0.1:51004/cb", "http://127.0.0.1/cb", False, False),
        ("http://127.0.0.1:51004/cb", "http://localhost/cb", True, False),
        ("http://127.0.0.1:51004/other", "http://127.0.0.1/cb", True, False),
        ("http://127.0.0.1:51004/cb?x", "http://127.0.0.1/cb", True, False),
        ("http://127.0.0.1:51004/cb#x", "http://127.0.0.1/cb", True, False),
        ("http://127.0.0.1:99999/cb", "http://127.0.0.1/cb", True, False),
        ("http://127.0.0.1:1@evil.example/cb", "http://127.0.0.1/cb", True, False),
        ("https://127.0.0.1:51004/cb", "https://127.0.0.1/cb", True, False),
        ("https://app.example:8443/cb", "https://app.example/cb", True, False),
        ("com.example.app:/cb", "com.example.app:/cb", True, True),
        ("com.example.app:/cb/x", "com.example.app:/cb", True, False),
    ],
)
def test_matching_is_by_characters_but_for_the_port_of_loopback(
    presented: str, registered: str, is_native: bool, matches: bool
) -> None:
    assert matching_redirect(presented, [registered], is_native=is_native) == (registered if matches else None)


@given(st.sampled_from([uri for uri, _ in GOOD]), st.text(max_size=6), st.integers(0, 60), st.integers(0, 4))
def test_no_change_of_a_web_clients_uri_matches(uri: str, text: str, at: int, gone: int) -> None:
    changed = uri[:at] + text + uri[at + gone :]
    assert (matching_redirect(changed, [uri], is_native=False) is not None) == (changed == uri)


@given(st.sampled_from([uri for uri, _ in GOOD]), st.text(max_size=6), st.integers(0, 60), st.integers(0, 4))
def test_a_change_that_a_native_client_may_make_is_of_the_port_alone(uri: str, text: str, at: int, gone: int) -> None:
    changed = uri[:at] + text + uri[at + gone :]
    if matching_redirect(changed, [uri], is_native=True) is None or changed == uri:
        return
    before, after = urlsplit(uri), urlsplit(changed)
    assert after.hostname == before.hostname
    assert after.hostname in ("127.0.0.1", "::1", "localhost")
    assert (after.scheme, after.path, after.query, after.fragment) == (before.scheme, before.path, before.query, "")
    assert after.username is None


@given(st.text(max_size=80))
def test_what_may_be_registered_has_one_reading(text: str) -> None:
    for uri in (text, f"https://{text}", f"https://app.example/{text}", f"com.example.app:{text}"):
        try:
            check_redirect_uri(uri)
        except OAuthError:
            continue
        parts = urlsplit(uri)
        assert parts.fragment == ""
        assert parts.username is None
        assert uri.isascii()
        assert parts.geturl() in (uri, uri + "/", uri.removesuffix("?"), uri.replace(":///", ":/", 1))


def test_people_see_the_host_as_it_is_written_in_the_name_system() -> None:
    shown = destination("https://xn--pple-43d.example:444/cb")
    assert shown.host == "xn--pple-43d.example"
    assert shown.is_international
    assert shown.form_target == "https://xn--pple-43d.example:444"
    assert destination("com.example.app:/cb").form_target == "com.example.app:"
    assert destination("com.example.app:/cb").host == "com.example.app"
    assert is_native_redirect("http://[::1]:7/cb")
    assert not is_native_redirect("https://app.example/cb")


@pytest.mark.parametrize("uri", ["https://app.example/cb", "https://app.example/cb?a=1", "com.example.app:/cb"])
def test_an_answer_is_put_behind_what_the_uri_has(uri: str) -> None:
    answer = [("code", "a b&c"), ("state", "ü=&"), ("iss", "https://gateway.example")]
    sent = with_answer(uri, answer)
    assert sent.startswith(uri)
    assert parse_qsl(urlsplit(sent).query)[-3:] == answer
