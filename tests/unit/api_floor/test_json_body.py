import pytest

from entresol.api_floor.exchange import Exchange
from entresol.api_floor.json_body import json_body, rewrite_json_body
from entresol.core.errors import ClientError
from entresol.llm.format import raw_json
from playbooks.harness import Gateway


def exchange_with(body: bytes) -> Exchange:
    exchange = Gateway().call().exchange
    exchange.body = body
    return exchange


def test_a_body_is_decoded_once() -> None:
    exchange = exchange_with(b'{"a":1}')
    assert json_body(exchange) is json_body(exchange)
    assert not json_body(exchange).is_rewritten


def test_another_body_is_decoded_afresh_whoever_assigned_it() -> None:
    exchange = exchange_with(b'{"a":1}')
    json_body(exchange)
    exchange.body = b'{"b":1}'
    assert list(json_body(exchange).fields) == ["b"]


def test_a_rewritten_body_is_known_and_has_no_repeated_key() -> None:
    exchange = exchange_with(b'{"a":1, "a" : 2}')
    known = json_body(exchange)
    known.fields["b"] = raw_json(True)
    rewrite_json_body(exchange, known)
    assert exchange.body == b'{"a":2,"b":true}'
    assert json_body(exchange) is known
    assert known.is_rewritten


@pytest.mark.parametrize("body", [b"", b"[]", b'{"a":', b"\xff"])
def test_what_is_no_json_object_is_bad_json(body: bytes) -> None:
    with pytest.raises(ClientError, match="bad_json"):
        json_body(exchange_with(body))
