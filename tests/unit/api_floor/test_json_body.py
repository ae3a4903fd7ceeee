import pytest

from entresol.api_floor.exchange import Exchange
from entresol.api_floor.json_body import json_body, rewrite_chat_body, rewrite_json_body
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
    assert list(json_body(exchange).fields) == ["a"]
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
        json_body(exchange_with(body)).fields  # noqa: B018  # it is read when it is asked for
    assert json_body(exchange_with(body)).chat() is None


CHAT = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'


def test_a_plain_chat_request_is_read_once_and_written_without_its_fields() -> None:
    exchange = exchange_with(CHAT)
    known = json_body(exchange)
    chat = known.chat()
    assert chat is not None
    assert (known.chat(), known.is_rewritten) == (chat, True)
    assert chat.put("n", b"2")
    rewrite_chat_body(exchange, known, chat)
    assert exchange.body == CHAT[:-1] + b',"n":2}'
    assert (json_body(exchange), json_body(exchange).chat()) == (known, chat)
    assert list(known.fields) == ["model", "messages", "n"]


def test_whoever_reads_the_fields_first_gets_no_chat() -> None:
    known = json_body(exchange_with(CHAT))
    assert list(known.fields) == ["model", "messages"]
    assert known.chat() is None


def test_a_body_written_from_its_fields_is_no_chat_any_more() -> None:
    exchange = exchange_with(CHAT)
    known = json_body(exchange)
    assert known.chat() is not None
    known.fields["n"] = raw_json(2)
    rewrite_json_body(exchange, known)
    assert (known.chat(), exchange.body) == (None, CHAT[:-1] + b',"n":2}')
