import hashlib
from typing import Any

import msgspec
import pytest

from entresol.api_floor.entities import Consumer, KeyAuthCredential
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.plugin import Plugin, PluginConfig
from entresol.core.decision import Deny
from entresol.core.http import HeaderPairs, SeenHead
from entresol.plugins.ai_proxy import AiProxy
from entresol.plugins.key_auth import KeyAuth
from entresol.store.declarative import load
from playbooks.harness import START, Gateway, Reply

ALICE = Consumer(id="00000000-0000-4000-8000-0000000000a1", username="alice", custom_id="ä-1")
ANYONE = Consumer(id="00000000-0000-4000-8000-0000000000a2", username="anyone")


def credential(number: int, key: str, expires_at: int | None = None) -> KeyAuthCredential:
    return KeyAuthCredential(
        id=f"00000000-0000-4000-8000-0000000000c{number}",
        consumer=ALICE.id,
        key_sha256=hashlib.sha256(key.encode()).hexdigest(),
        expires_at=expires_at,
    )


CREDENTIALS = [credential(1, "good key+1"), credential(2, "short-lived", int(START) + 10)]


def gateway(**config: Any) -> Gateway:
    return Gateway((KeyAuth, config), consumers=[ALICE, ANYONE], credentials=CREDENTIALS)


def identity(reply: Reply) -> dict[str, str]:
    assert reply.sent is not None
    names = ("x-consumer-id", "x-consumer-username", "x-consumer-custom-id", "x-credential-identifier")
    fields = {name: reply.sent.headers.get_all(name.encode()) for name in (*names, "x-anonymous-consumer")}
    return {name: values[0].decode() for name, values in fields.items() if len(values) == 1}


AS_ALICE = {
    "x-consumer-id": ALICE.id,
    "x-consumer-username": "alice",
    "x-consumer-custom-id": "ä-1",
    "x-credential-identifier": CREDENTIALS[0].id,
}


@pytest.mark.parametrize(
    ("config", "target", "headers", "body"),
    [
        ({}, "/", [(b"apikey", b"good key+1")], b""),
        ({}, "/?a=b&apikey=good%20key%2B1", [], b""),
        ({}, "/?apikey=good+key%2B1", [], b""),
        ({}, "/?%61pikey=good+key%2B1", [], b""),
        ({"key_names": ["X-Api-Key"]}, "/", [(b"x-api-key", b"good key+1")], b""),
        ({"key_names": ["other", "x_key"]}, "/", [(b"x_key", b"good key+1")], b""),
        ({"key_names": ["authorization"]}, "/", [(b"authorization", b"Bearer good key+1")], b""),
        ({"key_names": ["Authorization"]}, "/", [(b"authorization", b"bearer  good key+1")], b""),
        ({"key_names": ["authorization"]}, "/", [(b"authorization", b"good key+1")], b""),
        ({"key_names": ["x-goog-api-key", "key"]}, "/?key=good+key%2b1", [], b""),
        ({"key_in_body": True}, "/", [(b"content-type", b"application/json")], b'{"apikey":"good key+1","a":[1]}'),
        (
            {"key_in_body": True},
            "/",
            [(b"content-type", b"application/x-www-form-urlencoded")],
            b"a=b&apikey=good+key%2B1",
        ),
        (
            {"key_in_body": True},
            "/",
            [(b"content-type", b'multipart/form-data; boundary="xyz"')],
            b'--xyz\r\nContent-Disposition: form-data; name="apikey"\r\n\r\ngood key+1\r\n--xyz--\r\n',
        ),
    ],
)
def test_a_good_key_is_found_wherever_it_may_be(
    config: dict[str, Any], target: str, headers: HeaderPairs, body: bytes
) -> None:
    reply = gateway(**config).call("POST", target, headers, body)
    assert reply.status == 200
    assert identity(reply) == AS_ALICE
    assert reply.exchange.consumer is ALICE
    assert reply.exchange.credential is CREDENTIALS[0]


@pytest.mark.parametrize(
    ("config", "target", "headers", "code", "message"),
    [
        ({}, "/", [], "no_api_key", "No API key found in request"),
        ({}, "/?apikey", [], "no_api_key", "No API key found in request"),
        ({}, "/", [(b"apikey", b"")], "no_api_key", "No API key found in request"),
        ({"key_in_header": False}, "/", [(b"apikey", b"good key+1")], "no_api_key", "No API key found in request"),
        ({"key_in_query": False}, "/?apikey=good+key%2B1", [], "no_api_key", "No API key found in request"),
        ({}, "/?APIKEY=good+key%2B1", [], "no_api_key", "No API key found in request"),
        ({}, "/", [(b"apikey", b"good key+2")], "invalid_api_key", "Unauthorized"),
        ({"key_names": ["authorization"]}, "/", [(b"authorization", b"Basic Zm9v")], "invalid_api_key", "Unauthorized"),
        (
            {"key_names": ["authorization"]},
            "/",
            [(b"authorization", b"Bearer ")],
            "no_api_key",
            "No API key found in request",
        ),
        ({}, "/", [(b"apikey", b"\xff\xfe")], "invalid_api_key", "Unauthorized"),
        ({}, "/?apikey=%ff", [], "invalid_api_key", "Unauthorized"),
        (
            {},
            "/",
            [(b"apikey", b"good key+1"), (b"apikey", b"good key+1")],
            "duplicate_api_key",
            "Duplicate API key found",
        ),
        ({}, "/?apikey=good+key%2B1&apikey=x", [], "duplicate_api_key", "Duplicate API key found"),
    ],
)
def test_no_good_key_is_401_with_kongs_words(
    config: dict[str, Any], target: str, headers: HeaderPairs, code: str, message: str
) -> None:
    reply = gateway(**config).call("GET", target, headers)
    assert (reply.status, reply.json["message"], reply.header("x-entresol-error")) == (401, message, code)
    assert reply.header("www-authenticate") == "Key"
    assert reply.sent is None


def test_the_realm_is_named_in_the_challenge() -> None:
    reply = gateway(realm='the "inner" ring').call()
    assert reply.header("www-authenticate") == 'Key realm="the \\"inner\\" ring"'


def test_an_expired_key_is_refused_and_says_so() -> None:
    gate = gateway()
    headers = [(b"apikey", b"short-lived")]
    assert gate.call(headers=headers).status == 200
    gate.clock.time += 10
    reply = gate.call(headers=headers)
    assert (reply.status, reply.header("x-entresol-error")) == (401, "credential_expired")
    assert reply.json["message"] == "Unauthorized: this API key has expired"


def test_the_first_name_that_is_sent_counts() -> None:
    gate = gateway(key_names=["first", "second"])
    reply = gate.call(headers=[(b"second", b"good key+1"), (b"first", b"bad")])
    assert reply.status == 401


HIDDEN_MULTIPART = (
    b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nbytes\xff\r\n'
    b'--xyz\r\nContent-Disposition: form-data; name="apikey"\r\n\r\ngood key+1\r\n--xyz--\r\n'
)


@pytest.mark.parametrize(
    ("content_type", "body", "left"),
    [
        ("application/json", b'{"x": 1.50, "apikey":"good key+1", "y":[ ]}', b'{"x":1.50,"y":[ ]}'),
        ("application/x-www-form-urlencoded", b"x=%7e&apikey=good+key%2B1&y=%ff", b"x=%7e&y=%ff"),
        (
            "multipart/form-data; boundary=xyz",
            HIDDEN_MULTIPART,
            b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nbytes\xff\r\n--xyz--\r\n',
        ),
    ],
)
def test_the_key_is_taken_out_of_the_body(content_type: str, body: bytes, left: bytes) -> None:
    reply = gateway(key_in_body=True).call("POST", "/", [(b"content-type", content_type.encode())], body)
    assert (reply.status, reply.sent_body) == (200, left)
    shown = gateway(key_in_body=True, hide_credentials=False).call(
        "POST", "/", [(b"content-type", content_type.encode())], body
    )
    assert shown.sent_body == body


def json_body(size: int) -> bytes:
    """With a good key, `size` bytes long."""
    body = b'{"apikey":"good key+1","a":""}'
    return body[:-2] + b"x" * (size - len(body)) + body[-2:]


@pytest.mark.parametrize(
    ("config", "size", "status"),
    [
        ({"max_request_body_size": 100}, 100, 200),
        ({"max_request_body_size": 100}, 101, 413),
        ({}, 8_388_608, 200),
        ({}, 8_388_609, 413),
        ({"max_request_body_size": 0}, 8_388_609, 200),
    ],
)
def test_bodies_of_strangers_are_held_back_up_to_a_limit(config: dict[str, Any], size: int, status: int) -> None:
    gate = gateway(key_in_body=True, **config)
    reply = gate.call("POST", "/", [(b"content-type", b"application/json")], json_body(size))
    assert reply.status == status
    if status == 413:
        assert (reply.header("x-entresol-error"), reply.sent) == ("request_too_large", None)
        assert "request body is larger than" in reply.json["message"]


def test_bodies_that_are_not_looked_at_have_no_limit_here() -> None:
    gate = gateway(max_request_body_size=1)
    assert gate.call("POST", "/", [(b"apikey", b"good key+1")], b"123").status == 200


def test_a_body_that_is_too_large_is_refused_in_the_callers_format() -> None:
    config = {
        "route_type": "llm/v1/chat",
        "llm_format": "anthropic",
        "model": {"provider": "openai", "name": "m", "options": {"upstream_url": "http://mock.test:9"}},
    }
    gate = Gateway((KeyAuth, {"key_in_body": True, "max_request_body_size": 100}), (AiProxy, config))
    reply = gate.chat(json_body(101))
    assert (reply.status, reply.json["type"], reply.json["error"]["type"]) == (413, "error", "request_too_large")


def test_the_key_is_taken_out_of_header_and_query_under_every_name() -> None:
    gate = gateway(key_names=["apikey", "authorization"])
    headers = [(b"apikey", b"good key+1"), (b"authorization", b"Bearer good key+1"), (b"x-other", b"kept")]
    reply = gate.call("GET", "/p?a=1&apikey=x&b=%20&apikey=y", headers)
    assert reply.sent is not None
    assert reply.sent.target == "/p?a=1&b=%20"
    assert (b"apikey" in reply.sent.headers, b"authorization" in reply.sent.headers) == (False, False)
    assert reply.sent.headers.get(b"x-other") == b"kept"


def test_a_query_that_was_only_the_key_goes_away_with_its_mark() -> None:
    reply = gateway().call("GET", "/p?apikey=good+key%2B1")
    assert reply.sent is not None
    assert reply.sent.target == "/p"


def test_the_key_is_passed_on_when_asked_to() -> None:
    reply = gateway(hide_credentials=False).call("GET", "/p?apikey=good+key%2B1")
    assert reply.sent is not None
    assert reply.sent.target == "/p?apikey=good+key%2B1"


def test_a_client_cannot_say_who_it_is() -> None:
    forged = [(b"x-consumer-username", b"root"), (b"x-anonymous-consumer", b"true"), (b"x-consumer-groups", b"g")]
    reply = gateway().call(headers=[(b"apikey", b"good key+1"), *forged])
    assert identity(reply) == AS_ALICE
    preflight = gateway(run_on_preflight=False).call("OPTIONS", headers=forged)
    assert (preflight.status, identity(preflight)) == (200, {})


def test_a_preflight_needs_a_key_unless_told_otherwise() -> None:
    assert gateway().call("OPTIONS").status == 401
    assert gateway(run_on_preflight=False).call("OPTIONS").status == 200
    assert gateway(run_on_preflight=False).call("GET").status == 401


@pytest.mark.parametrize("key", [b"", b"bad"])
@pytest.mark.parametrize("anonymous", ["anyone", ANYONE.id])
def test_whoever_has_no_good_key_goes_on_as_the_anonymous_consumer(anonymous: str, key: bytes) -> None:
    reply = gateway(anonymous=anonymous).call(headers=[(b"apikey", key), (b"x-credential-identifier", b"forged")])
    assert reply.status == 200
    expected = {"x-consumer-id": ANYONE.id, "x-consumer-username": "anyone", "x-anonymous-consumer": "true"}
    assert identity(reply) == expected
    assert reply.sent is not None
    assert b"apikey" not in reply.sent.headers


def test_keys_that_are_sent_twice_are_both_taken_out_before_going_on_as_anonymous() -> None:
    reply = gateway(anonymous="anyone").call(headers=[(b"apikey", b"good key+1"), (b"x", b"kept"), (b"apikey", b"bad")])
    assert reply.sent is not None
    assert b"apikey" not in reply.sent.headers
    assert reply.sent.headers.get(b"x") == b"kept"


class Masks(Plugin[PluginConfig]):
    """Writes the key's field anew before key-auth runs."""

    name = "masks"
    priority = 2000
    config_type = PluginConfig

    def access(self, exchange: Exchange) -> None:
        assert exchange.upstream is not None
        exchange.upstream.headers.set(b"apikey", b"masked")


def test_the_key_is_taken_out_although_another_plugin_has_changed_its_field() -> None:
    gate = Gateway((Masks, {}), (KeyAuth, {}), consumers=[ALICE], credentials=CREDENTIALS)
    reply = gate.call(headers=[(b"apikey", b"good key+1")])
    assert reply.sent is not None
    assert (reply.status, b"apikey" in reply.sent.headers) == (200, False)


def test_a_good_key_counts_with_an_anonymous_consumer_too() -> None:
    assert identity(gateway(anonymous="anyone").call(headers=[(b"apikey", b"good key+1")])) == AS_ALICE


def test_an_anonymous_consumer_that_does_not_exist_is_our_fault() -> None:
    reply = gateway(anonymous="nobody").call()
    assert (reply.status, reply.header("x-entresol-error")) == (500, "anonymous_consumer_missing")
    assert reply.json["message"] == "anonymous consumer nobody is configured but doesn't exist"


def test_a_custom_id_cannot_break_out_of_its_field() -> None:
    tricky = msgspec.structs.replace(ALICE, custom_id="a\r\nx-admin: 1")
    gate = Gateway((KeyAuth, {}), consumers=[tricky], credentials=CREDENTIALS)
    reply = gate.call(headers=[(b"apikey", b"good key+1")])
    assert identity(reply)["x-consumer-custom-id"] == "ax-admin: 1"


def test_every_field_of_kong_at_its_default_loads() -> None:
    reply = gateway(
        anonymous=None,
        hide_credentials=True,
        identity_realms=[{"scope": "cp"}],
        key_in_body=False,
        key_in_header=True,
        key_in_query=True,
        key_names=["apikey"],
        max_request_body_size=8_388_608,
        principals={"directory": "default", "enabled": False, "error_on_miss": True},
        realm=None,
        run_on_preflight=True,
    ).call(headers=[(b"apikey", b"good key+1")])
    assert reply.status == 200


def test_a_consumer_cannot_have_it_for_without_it_nobody_knows_who_that_is() -> None:
    assert frozenset(("service", "route")) == KeyAuth.scopes
    plugin = "plugins: [{name: key-auth}]"
    found = load(f"{{_format_version: '3.0', consumers: [{{username: a, {plugin}}}]}}", {})
    assert isinstance(found, list)
    assert str(found[0]) == "consumers[0].plugins[0].consumer: value must be null"


def again(gate: Gateway, exchange: Exchange, seen: SeenHead, value: bytes) -> Deny | None:
    """Ask the plugin once more about a head that its connection repeats: its values are the same objects then."""
    request = exchange.request
    request.known = seen
    request.headers.pairs = [(b"apikey", value)]
    outcome = gate.plugins[0].access(exchange)
    assert outcome is None or isinstance(outcome, Deny)
    return outcome


def test_a_repeated_head_is_asked_for_its_key_each_time_and_only_its_digest_is_kept() -> None:
    gate, other = gateway(), Gateway((KeyAuth, {}), consumers=[ALICE], credentials=[])
    exchange, seen, key = gate.call(headers=[(b"apikey", b"good key+1")]).exchange, SeenHead(), b"good key+1"
    assert again(gate, exchange, seen, key) is None
    kept = seen.credential
    assert again(gate, exchange, seen, key) is None
    assert seen.credential is kept
    refused = again(other, exchange, seen, key)  # the credential was taken away meanwhile
    assert refused is not None
    assert refused.code == "invalid_api_key"


def test_another_value_in_a_repeated_head_is_another_key() -> None:
    gate = gateway()
    exchange, seen = gate.call(headers=[(b"apikey", b"good key+1")]).exchange, SeenHead()
    assert again(gate, exchange, seen, b"good key+1") is None
    refused = again(gate, exchange, seen, b"wrong")
    assert refused is not None
    assert refused.code == "invalid_api_key"
    assert again(gate, exchange, seen, b"good key+1") is None
