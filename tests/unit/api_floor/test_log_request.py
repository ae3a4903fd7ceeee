from typing import Any

import msgspec
import pytest

from entresol.api_floor.exchange import Exchange
from entresol.api_floor.log_fields import shown_fields
from entresol.api_floor.log_request import masked_query, masked_target, request_json
from entresol.core.http import Connection, HeaderPairs, Headers, RequestHead, SeenHead, TlsInfo
from playbooks.harness import Gateway

CONNECTION = Connection("203.0.113.7", 40000, "192.0.2.1", 8000)
PAIRS = [(b"host", b"a.test"), (b"content-length", b"5"), (b"authorization", b"SECRET"), (b"x-a", b"1")]
NONE: frozenset[str] = frozenset()


@pytest.fixture
def exchange() -> Exchange:
    return Gateway().call().exchange


def shown(exchange: Exchange, secrets: frozenset[str] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(request_json(exchange, secrets, shown_fields(secrets)))
    return found


def head(pairs: HeaderPairs, known: SeenHead | None) -> RequestHead:
    return RequestHead("POST", PATH, QUERY, Headers(pairs), CONNECTION, VERSION, False, known)


PATH, QUERY, VERSION = "/a", "x=1", "1.1"


def test_a_head_that_comes_again_is_shown_with_its_own_id_size_and_length(exchange: Exchange) -> None:
    known = SeenHead()
    for size in (b"5", b"17", b"5"):
        pairs = [(b"content-length", size) if pair[0] == b"content-length" else pair for pair in PAIRS]
        exchange.request, exchange.request_id, exchange.request_bytes = head(pairs, known), f"id{int(size)}", int(size)
        first = known.shown
        assert shown(exchange) == {
            "id": f"id{int(size)}",
            "method": "POST",
            "uri": "/a?x=1",
            "url": "http://a.test:8000/a?x=1",
            "querystring": {"x": "1"},
            "headers": {"host": "a.test", "content-length": size.decode(), "authorization": "REDACTED", "x-a": "1"},
            "size": int(size) + len(b"POST /a?x=1 HTTP/1.1\r\n") + sum(len(b"%b: %b\r\n" % pair) for pair in pairs) + 2,
            "version": "1.1",
        }
        assert known.shown is first or first is None


OTHERS: list[HeaderPairs] = [
    PAIRS[:3],
    [*PAIRS, (b"x-b", b"2")],
    [*PAIRS[:3], (b"x-a", b"2")],
    [PAIRS[0], (b"content-length", b"odd"), *PAIRS[2:]],
    [PAIRS[0], (b"x-length", b"5"), *PAIRS[2:]],
    [*PAIRS, (b"content-length", b"6")],
    [*PAIRS, (b"x-a", b"3")],
    [],
]


@pytest.mark.parametrize("others", OTHERS)
def test_what_a_plugin_has_changed_is_shown_changed(exchange: Exchange, others: HeaderPairs) -> None:
    known = SeenHead()
    for pairs in (PAIRS, others, PAIRS):
        exchange.request = head(pairs, known)
        exchange.request.headers.pairs = pairs.copy()
        seen = shown(exchange)
        exchange.request = head(pairs, None)
        assert seen == shown(exchange)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("method", "PUT"),
        ("path", "/b"),
        ("query", ""),
        ("version", "1.0"),
        ("connection", Connection("203.0.113.7", 40000, "192.0.2.1", 9000, TlsInfo("TLSv1.3", "C"))),
    ],
)
def test_a_part_that_a_plugin_has_changed_is_shown_changed(exchange: Exchange, name: str, value: Any) -> None:
    exchange.request = head(PAIRS, SeenHead())
    before = shown(exchange)
    setattr(exchange.request, name, value)
    after = shown(exchange)
    exchange.request.known = None
    assert before != after == shown(exchange)


def test_names_that_hold_a_credential_once_are_hidden_then(exchange: Exchange) -> None:
    exchange.request = head(PAIRS, SeenHead())
    assert shown(exchange)["headers"]["x-a"] == "1"
    assert shown(exchange, frozenset(("x-a", "x")))["headers"]["x-a"] == "REDACTED"
    assert shown(exchange, frozenset(("x-a", "x")))["uri"] == "/a?x=REDACTED"
    assert shown(exchange, frozenset(("content-length",)))["headers"]["content-length"] == "REDACTED"
    assert shown(exchange)["headers"] == {
        "host": "a.test", "content-length": "5", "authorization": "REDACTED", "x-a": "1",
    }  # fmt: skip


def test_what_is_kept_of_a_head_goes_with_it(exchange: Exchange) -> None:
    known = SeenHead()
    exchange.request = head(PAIRS, known)
    shown(exchange)
    assert known.shown is not None
    assert all(getattr(known.shown, name, None) is not exchange.request for name in dir(known.shown))


@pytest.mark.parametrize("query", ["a=1&key=s&b", "%61pikey=s", "token=s", "mine=s", "MINE=s"])
def test_values_of_secret_parameters_are_masked(query: str) -> None:
    secrets = frozenset(("mine",))
    assert "=s" not in masked_query(query, secrets)
    assert masked_target("/p?" + query, secrets) == "/p?" + masked_query(query, secrets)
    assert masked_target("/p") == "/p"
