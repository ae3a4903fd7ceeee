"""api_floor.entity_rules"""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.api_floor import entity_rules as rules
from entresol.core.secret import Secret

OUTSIDE = "(characters outside of the reserved list of RFC 3986 found)"
HOST_HEADER = "cannot contain 'host' header, which must be specified in the 'hosts' attribute"
ONLY_NAMES = "the only accepted ascii characters are alphanumerics or ., -, _, and ~"
ONLY_TAGS = "expected printable ascii (except `,` and `/`) or valid utf-8 sequences"

GOOD: list[tuple[Callable[[str], str | None], list[str]]] = [
    (rules.name_problem, ["a", "my-route_1.x~", "überall", "路由→🦊"]),
    (rules.tag_problem, ["a b", "team:x", "équipe 🦊", "!+-.~"]),
    (rules.host_problem, ["a", "a.test", "a.test.", "127.0.0.1", "::1", "[::1]", "_srv._tcp.a", "a-b.c"]),
    (rules.sni_problem, ["a.test", "*.a.test"]),
    (rules.route_sni_problem, ["a.test", "*.a.test", "a.*"]),
    (rules.host_pattern_problem, ["a.test", "*.a.test", "a.*", "a.test:80", "*.a:65535", "[::1]", "[::1]:80"]),
    (rules.path_pattern_problem, ["/", "/a/b", "/a%20b", "/a;b=c", r"~/\d+", "~/(?<x>a)", "~/(?P<x>a)"]),
    (rules.service_path_problem, ["/", "/v1/"]),
    (rules.regex_problem, ["", "a|b", "(?i)x", r"\pL+"]),
    (rules.route_header_problem, ["X-Team", "x_1"]),
]
BAD: list[tuple[Callable[[str], str | None], str, str]] = [
    (rules.name_problem, "a b", f"invalid value 'a b': {ONLY_NAMES}"),
    (rules.name_problem, "a\n", f"invalid value 'a\n': {ONLY_NAMES}"),
    (rules.tag_problem, "a\t", f"invalid tag 'a\t': {ONLY_TAGS}"),
    (rules.tag_problem, "a/b", f"invalid tag 'a/b': {ONLY_TAGS}"),
    (rules.host_problem, "a.test:80", "must not have a port"),
    (rules.host_problem, "a b", "invalid value: a b"),
    (rules.host_problem, "-a", "invalid value: -a"),
    (rules.host_problem, "a\n", "invalid value: a\n"),
    (rules.sni_problem, "192.0.2.1", "must not be an IP"),
    (rules.route_sni_problem, "*.a.*", "wildcard must be leftmost or rightmost character"),
    (rules.route_sni_problem, "192.0.2.1", "must not be an IP"),
    (rules.sni_problem, "a.*", "wildcard must be leftmost or rightmost character"),
    (rules.host_pattern_problem, "*.*", "invalid wildcard: must have at most one wildcard"),
    (rules.host_pattern_problem, "a.*.b", "invalid wildcard: must be placed at leftmost or rightmost label"),
    (rules.host_pattern_problem, "*a.b", "invalid wildcard: must be placed at leftmost or rightmost label"),
    (rules.host_pattern_problem, "a:b", "invalid hostname: a:b"),
    (rules.host_pattern_problem, "a:0", "invalid port number"),
    (rules.host_pattern_problem, "a:99999999", "invalid port number"),
    (rules.host_pattern_problem, "a b", "invalid hostname: a b"),
    (rules.host_pattern_problem, "*.", "invalid hostname: *."),
    (rules.path_pattern_problem, "a", "should start with: / (fixed path) or ~/ (regex path)"),
    (rules.path_pattern_problem, "~a", "should start with: / (fixed path) or ~/ (regex path)"),
    (rules.path_pattern_problem, "/a//b", "must not have empty segments"),
    (rules.path_pattern_problem, "/a%2", "invalid url-encoded value: '%2'"),
    (rules.path_pattern_problem, "/a%zz", "invalid url-encoded value: '%zz'"),
    (rules.path_pattern_problem, "/a b", f"invalid path: '/a b' {OUTSIDE}"),
    (rules.path_pattern_problem, "/a?b", f"invalid path: '/a?b' {OUTSIDE}"),
    (rules.path_pattern_problem, "/a/../b", "non-normalized path, consider use '/b' instead"),
    (rules.path_pattern_problem, "/%61", "non-normalized path, consider use '/a' instead"),
    (rules.service_path_problem, "v1", "should start with: /"),
    (rules.route_header_problem, "Host", HOST_HEADER),
    (rules.route_header_problem, "a b", "bad header name 'a b', allowed characters are A-Z, a-z, 0-9, '_', and '-'"),
    (rules.regex_problem, "a" * 5000, "invalid regex: longer than 4096 characters"),
    (rules.regex_problem, "\ud800", "invalid regex: not Unicode text"),
]  # fmt: skip
REGEX_FAULTS = {
    "(?=a)": "invalid perl operator: (?=",
    "(?<!a)b": "invalid perl operator: (?<!",
    r"(a)\1": r"invalid escape sequence: \1",
    "(a": "missing ): (a",
    "a{2000}": "invalid repetition size: {2000}",
    "(?>a+)": "invalid perl operator: (?>",
    "a++": "bad repetition operator: ++",
}


@pytest.mark.parametrize(("rule", "value"), [(rule, value) for rule, values in GOOD for value in values])
def test_good_values_have_no_problem(rule: Callable[[str], str | None], value: str) -> None:
    assert rule(value) is None


@pytest.mark.parametrize(("rule", "value", "message"), BAD)
def test_bad_values_are_told_in_kongs_words(rule: Callable[[str], str | None], value: str, message: str) -> None:
    assert rule(value) == message


@pytest.mark.parametrize(("pattern", "construct"), REGEX_FAULTS.items())
def test_a_pattern_re2_refuses_is_named_with_the_construct(pattern: str, construct: str) -> None:
    expected = f"invalid regex: '{pattern}' ({construct}; patterns are RE2: no look-around, no back-references)"
    assert rules.regex_problem(pattern) == expected


def test_a_refused_pattern_writes_nothing_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    rules.regex_problem("(?=a)")
    assert capfd.readouterr().err == ""


@given(st.sampled_from([rule for rule, _ in GOOD]), st.text(max_size=40))
def test_rules_never_raise(rule: Callable[[str], str | None], value: str) -> None:
    assert rule(value) is None or rule(value)


URLS: list[tuple[str, dict[str, Any]]] = [
    ("http://a.test", {"protocol": "http", "host": "a.test", "port": 80}),
    ("https://a.test/", {"protocol": "https", "host": "a.test", "port": 443, "path": "/"}),
    ("https://a.test:8443/v1", {"protocol": "https", "host": "a.test", "port": 8443, "path": "/v1"}),
    ("http://[::1]:90/x", {"protocol": "http", "host": "::1", "port": 90, "path": "/x"}),
    ("grpc://a.test", {"protocol": "grpc", "host": "a.test", "port": 80}),
]
BAD_URLS: list[tuple[Any, str]] = [
    ("a.test/v1", "missing scheme in url"),
    ("http:///v1", "missing host in url"),
    ("http://a.test:x", "could not parse url"),
    ("http://[::1", "could not parse url"),
    ("http://user:pass@a.test", "must not have credentials, a query or a fragment"),
    ("http://a.test?x=1", "must not have credentials, a query or a fragment"),
    (5, "expected a string"),
    (Secret(None, missing=("{vault://env/url}",)), "no value for {vault://env/url}"),
]


@pytest.mark.parametrize(("url", "fields"), URLS)
def test_a_url_stands_for_protocol_host_port_and_path(url: str, fields: dict[str, Any]) -> None:
    assert rules.expand_url({"name": "s", "port": 1, "url": url}) == ({"name": "s", **fields}, [])


def test_a_url_may_be_a_reference() -> None:
    assert rules.expand_url({"url": Secret("http://a.test")}) == (
        {"protocol": "http", "host": Secret("a.test"), "port": 80},
        [],
    )


def test_no_url_changes_nothing() -> None:
    assert rules.expand_url({"url": None, "host": "a"}) == ({"host": "a"}, [])


@pytest.mark.parametrize(("url", "message"), BAD_URLS)
def test_a_bad_url_is_said_once(url: Any, message: str) -> None:
    expanded, problems = rules.expand_url({"url": url})
    assert problems == [("url", message)]
    assert expanded["host"]


KEYS: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"key": "k"}, []),
    ({"key": Secret("k")}, []),
    ({"key": Secret(None)}, []),
    ({"key_sha256": "ab"}, []),
    ({"key": "k", "ttl": 60, "created_at": 1000}, []),
    ({}, [("key", "required field missing")]),
    ({"key": ""}, [("key", "length must be at least 1")]),
    ({"key": 5}, [("key", "expected a string")]),
    ({"key": "k", "ttl": 60}, [("ttl", "counts from 'created_at', which is missing; or set 'expires_at'")]),
    ({"key": "k", "ttl": "x", "created_at": 1000}, [("ttl", "expected an integer")]),
    ({"key": "k", "ttl": True, "created_at": 1000}, [("ttl", "expected an integer")]),
]


@pytest.mark.parametrize(("raw", "problems"), KEYS)
def test_a_key_becomes_a_digest_and_a_life_an_end(raw: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    expanded, found = rules.expand_key(raw)
    assert found == problems
    assert "key" not in expanded
    assert "ttl" not in expanded


def test_the_end_of_a_keys_life_counts_from_its_creation() -> None:
    assert rules.expand_key({"key": "k", "ttl": 60, "created_at": 1000})[0]["expires_at"] == 1060
