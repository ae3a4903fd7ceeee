"""Faults of clients and limits of providers through the whole gateway: status, head and body are the client's own."""

from typing import Any

import msgspec
import pytest

from entresol.core.http import HeaderPairs, Headers
from entresol.llm.format import Format
from entresol.llm.registry import format_named
from entresol.plugins.ai_proxy import AiProxy
from entresol.plugins.schemas.ai_proxy import CLIENT_WIRES
from playbooks.harness import Gateway, Reply

CHATS = CLIENT_WIRES["llm/v1/chat"]
PATHS = {"gemini": "/v1beta/models/gpt-4o:generateContent", "bedrock": "/model/gpt-4o/converse"}
PROMPTS: dict[str, dict[str, Any]] = {
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]},
    "bedrock": {"messages": [{"role": "user", "content": [{"text": "hello"}]}]},
    "huggingface": {"inputs": "hello"},
}
HELLO = {"messages": [{"role": "user", "content": "hello"}]}
JSON = (b"content-type", b"application/json")
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "cut": b'{"messages":[',
    "no UTF-8": b'{"x":"\xff"}',
    "deep": b'{"messages":' * 50_000,
    "deep inside": b'{"messages":[%b%b],"contents":1,"inputs":1}' % (b'{"a":' * 5000, b"}" * 5000),
    "wrong types": b'{"messages":3,"contents":true,"inputs":[7],"prompt":{}}',
    "a strange role": b'{"messages":[{"role":"king","content":"x"}],"contents":[{"role":"king"}],"inputs":["x"]}',
    "no messages": b'{"messages":[],"contents":[],"inputs":""}',
}


def gateway(llm_format: str, status: int = 200, body: bytes = b"{}", fields: HeaderPairs | None = None) -> Gateway:
    """A route for clients of a format to a provider that speaks OpenAI's alone."""
    options = {"upstream_url": "http://mock.test:9"}
    config = {
        "route_type": "llm/v1/chat",
        "llm_format": llm_format,
        "auth": {"header_name": "Authorization", "header_value": "Bearer sk-provider-key"},
        "model": {"provider": "openai-compatible", "name": "gpt-4o", "options": options},
    }
    return Gateway((AiProxy, config), upstream=lambda request, sent: (status, [JSON, *(fields or [])], body))


def is_an_error(wire_format: Format, reply: Reply) -> bool:
    heard = wire_format.decode_error(reply.status, reply.body)
    return heard is not None and 0 < len(heard.message) <= 500


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("llm_format", CHATS)
def test_a_bad_body_is_a_400_in_the_clients_wire_and_goes_nowhere(llm_format: str, name: str) -> None:
    if (llm_format, name) == ("openai", "a strange role"):
        return  # what passes as bytes is the provider's to judge
    reply = gateway(llm_format).chat(BODIES[name], PATHS.get(llm_format, "/chat"))
    assert (reply.status, reply.sent) == (400, None)
    assert reply.headers.get(b"x-entresol-error") in (b"bad_json", b"bad_request", b"prompt_missing")
    assert is_an_error(format_named(CHATS[llm_format]), reply), reply.body
    kind = reply.headers.get(b"x-amzn-errortype")
    assert kind == (b"ValidationException" if llm_format == "bedrock" else None)


WAITS: dict[str, tuple[HeaderPairs, bytes, bytes | None]] = {
    "seconds": ([(b"retry-after", b"20")], b"", b"20"),
    "a date": ([(b"retry-after", b"Tue, 14 Nov 2023 22:13:40 GMT")], b"", b"20"),
    "milliseconds": ([(b"retry-after-ms", b"19500")], b"", b"20"),
    "limits": ([(b"x-ratelimit-remaining-requests", b"0"), (b"x-ratelimit-reset-requests", b"20s")], b"", b"20"),
    "details": (
        [],
        b',"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"19.2s"}]',
        b"20",
    ),
    "garbage": ([(b"retry-after", b"-1")], b"", None),
    "nothing": ([], b"", None),
}


@pytest.mark.parametrize("name", WAITS)
@pytest.mark.parametrize(("status", "heard_status"), [(429, 429), (503, 503), (529, 503)])
@pytest.mark.parametrize("llm_format", CHATS)
def test_a_provider_that_is_busy_says_when_to_come_back(
    llm_format: str, status: int, heard_status: int, name: str
) -> None:
    fields, details, wait = WAITS[name]
    body = b'{"error":{"message":"slow down","type":"requests","code":"busy"%b}}' % details
    made = gateway(llm_format, status, body, fields)
    reply = made.chat(PROMPTS.get(llm_format, HELLO | {"max_tokens": 9}), PATHS.get(llm_format, "/chat"))
    knows_overloaded = llm_format in ("anthropic", "openai")  # the same format passes
    assert reply.status == (status if knows_overloaded else heard_status)
    assert reply.headers.get(b"retry-after") == wait
    heard = format_named(CHATS[llm_format]).decode_error(reply.status, reply.body)
    assert heard is not None
    assert heard.message == "slow down"


def test_heads_are_whole() -> None:
    reply = gateway("anthropic", 529, msgspec.json.encode({"error": {"message": "x"}}), [(b"retry-after", b"1")]).chat(
        HELLO | {"max_tokens": 9}
    )
    assert Headers(reply.headers.pairs).get_all(b"retry-after") == [b"1"]
    assert reply.headers.get(b"x-entresol-error") == b"provider_error"
