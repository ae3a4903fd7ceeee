import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.api_floor.ai_slots import AI_LOG_STATISTICS, AI_META, AI_PAYLOAD, AI_USAGE, AiMeta, AiPayload, AiUsage
from entresol.api_floor.entities import Consumer, KeyAuthCredential
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.log_record import log_line
from entresol.api_floor.log_slots import CORRELATION_ID, SECRET_NAMES
from entresol.api_floor.plugin import Plugin, PluginConfig
from entresol.core.errors import ClientError, GatewayError, UpstreamError
from entresol.core.http import Connection, Headers, ResponseHead, TlsInfo
from entresol.plugins.file_log import FileLog
from entresol.plugins.key_auth import KeyAuth
from playbooks.harness import START, Gateway

from .plain_log_record import plain_log_record

ALICE = Consumer(id="00000000-0000-4000-8000-0000000000a1", username="alice")
KEY = KeyAuthCredential(
    id="00000000-0000-4000-8000-0000000000c1", consumer=ALICE.id, key_sha256=hashlib.sha256(b"SECRET").hexdigest()
)
LOG = (FileLog, {"path": "/log"})


def record_of(exchange: Exchange) -> Any:
    return msgspec.json.decode(log_line(exchange))


def test_a_proxied_request_has_kongs_record() -> None:
    gate = Gateway((KeyAuth, {}), LOG, consumers=[ALICE], credentials=[KEY])
    gate.call("POST", "/a/b?x=1&x=%32&flag&y", [(b"apikey", b"SECRET"), (b"x-a", b"1"), (b"x-a", b"2")], b"hello")
    (record,) = gate.records()
    service = record.pop("service")
    route = record.pop("route")
    request_id = record["request"].pop("id")
    response_headers = record["response"].pop("headers")
    assert record == {
        "request": {
            "method": "POST",
            "uri": "/a/b?x=1&x=%32&flag&y",
            "url": "http://gateway.test:8000/a/b?x=1&x=%32&flag&y",
            "querystring": {"x": ["1", "2"], "flag": True, "y": True},
            "headers": {"host": "gateway.test:8000", "apikey": "REDACTED", "x-a": ["1", "2"]},
            "size": len(
                b"POST /a/b?x=1&x=%32&flag&y HTTP/1.1\r\nhost: gateway.test:8000\r\napikey: SECRET\r\n"
                b"x-a: 1\r\nx-a: 2\r\n\r\nhello"
            ),
            "version": "1.1",
        },
        "response": {"status": 200, "size": 11},
        "latencies": {"request": 0, "kong": 0, "proxy": 0, "receive": 0},
        "tries": [{"balancer_start": int(START * 1000), "balancer_latency": 0, "ip": "upstream.test", "port": 8080}],
        "client_ip": "203.0.113.7",
        "started_at": int(START * 1000),
        "source": "service",
        "workspace": "0dc6f45b-8f8d-40d2-a504-473544ee190b",
        "workspace_name": "default",
        "upstream_uri": "/a/b?x=1&x=%32&flag&y",
        "upstream_status": "200",
        "consumer": {
            "id": ALICE.id,
            "username": "alice",
            "custom_id": None,
            "groups": [],
            "tags": [],
            "created_at": None,
            "updated_at": None,
        },
        "authenticated_entity": {"id": KEY.id, "consumer_id": ALICE.id},
        "auth_type": "key-auth",
    }
    assert (service["name"], service["host"], route["service"]) == ("upstream", "upstream.test", {"id": service["id"]})
    assert response_headers["x-entresol-request-id"] == request_id


@pytest.mark.parametrize(
    ("config", "target", "headers"),
    [
        ({}, "/?apikey=SECRET", []),
        ({}, "/?a=1&%61pikey=SECRET", []),
        ({"hide_credentials": False}, "/?apikey=SECRET&key=SECRET", []),
        ({"key_names": ["x-My-Key"]}, "/?x-my-key=SECRET", [(b"x-my-key", b"SECRET")]),
        ({}, "/", [(b"apikey", b"SECRET"), (b"authorization", b"SECRET"), (b"proxy-authorization", b"SECRET")]),
        ({}, "/", [(b"cookie", b"sid=SECRET"), (b"x-api-key", b"SECRET"), (b"x-goog-api-key", b"SECRET")]),
    ],
)
def test_no_credential_is_ever_in_the_record(config: Any, target: str, headers: Any) -> None:
    pairs = [(b"set-cookie", b"sid=SECRET")]
    gate = Gateway(
        (KeyAuth, config), LOG,
        consumers=[ALICE], credentials=[KEY], upstream=lambda request, body: (200, pairs, b""),
    )  # fmt: skip
    gate.call("GET", target, headers)
    gate.has_route = False
    gate.call("GET", target, [pair for pair in headers if pair[0] != b"x-my-key"])
    first, second = (line for _, line, _ in gate.lines.lines)
    assert b"SECRET" not in first
    if "My" not in str(config):  # a name that only key-auth knows, and it did not run
        assert b"SECRET" not in second


def test_an_empty_query_keeps_its_mark() -> None:
    gate = Gateway(LOG)
    gate.call("GET", "/a?")
    gate.call("GET", "/a")
    with_mark, without = gate.records()
    for record, uri in ((with_mark, "/a?"), (without, "/a")):
        assert (record["request"]["uri"], record["upstream_uri"]) == (uri, uri)
        assert record["request"]["url"].endswith(uri)
    assert with_mark["request"]["size"] == without["request"]["size"] + 1


def test_the_gateways_own_answer_says_why() -> None:
    gate = Gateway((KeyAuth, {}), LOG)
    gate.call()
    (record,) = gate.records()
    assert (record["source"], record["response"]["status"]) == ("exit", 401)
    assert record["error"] == {"code": "no_api_key"}
    assert (record["latencies"]["proxy"], record["tries"]) == (-1, [])
    assert not {"upstream_status", "consumer", "authenticated_entity", "auth_type"} & set(record)


def test_an_upstream_that_failed_is_a_failed_try() -> None:
    error = UpstreamError("upstream_timeout", "The upstream server is timing out", status=504)
    gate = Gateway(LOG, upstream=lambda request, body: error)
    gate.call()
    (record,) = gate.records()
    assert record["source"] == "error"
    assert record["error"] == {"code": "upstream_timeout", "message": "The upstream server is timing out"}
    (attempt,) = record["tries"]
    assert (attempt["state"], attempt["code"]) == ("failed", 504)


class Slow(Plugin[PluginConfig]):
    """Takes 30 ms in access; the upstream's head takes 200 ms, its body 50 ms."""

    name = "slow"
    priority = 1
    config_type = PluginConfig

    def access(self, exchange: Exchange) -> None:
        exchange.times.started -= 0.030

    def header_filter(self, exchange: Exchange) -> None:
        times = exchange.times
        times.started -= 0.250
        times.upstream_sent -= 0.250
        times.response_head -= 0.050


def test_latencies_split_the_whole_time() -> None:
    gate = Gateway((Slow, {}), LOG)
    gate.call()
    assert gate.records()[0]["latencies"] == {"request": 280, "kong": 30, "proxy": 200, "receive": 50}


class Model(Plugin[PluginConfig]):
    """Tells what ai-proxy tells."""

    name = "model"
    priority = 2
    config_type = PluginConfig
    statistics = True

    def access(self, exchange: Exchange) -> None:
        exchange[AI_META] = AiMeta(plugin_id="p", provider="openai", request_model="m", request_mode="oneshot")
        exchange[AI_USAGE] = AiUsage(prompt_tokens=3, completion_tokens=4, total_tokens=7, cost=0.5)
        exchange[AI_LOG_STATISTICS] = self.statistics


class ModelWithPayload(Model):
    name = "model-with-payload"
    statistics = False

    def access(self, exchange: Exchange) -> None:
        super().access(exchange)
        exchange[AI_PAYLOAD] = AiPayload(request="{}")


def test_a_model_call_is_shown_below_ai_proxy() -> None:
    gate = Gateway((Model, {}), LOG)
    gate.call()
    assert gate.records()[0]["ai"] == {
        "proxy": {
            "meta": {
                "plugin_id": "p",
                "provider_name": "openai",
                "request_model": "m",
                "request_mode": "oneshot",
            },
            "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7, "cost": 0.5, "price_id": None},
        }
    }


def test_statistics_and_payloads_are_logged_only_when_asked_for() -> None:
    gate = Gateway((ModelWithPayload, {}), LOG)
    gate.call()
    assert gate.records()[0]["ai"] == {"proxy": {"payload": {"request": "{}"}}}


def test_a_tls_connection_is_described() -> None:
    gate = Gateway(LOG)
    exchange = gate.call().exchange
    tls = TlsInfo("TLSv1.3", "TLS_AES_128_GCM_SHA256", client_certificate=b"der")
    was = exchange.request.connection
    exchange.request.connection = Connection(was.peer_ip, was.peer_port, was.local_ip, was.local_port, tls)
    shown = record_of(exchange)["request"]
    assert shown["tls"] == {"version": "TLSv1.3", "cipher": "TLS_AES_128_GCM_SHA256", "client_verify": "SUCCESS"}
    assert shown["url"].startswith("https://gateway.test:8000/")


@pytest.mark.parametrize("value", [b"\xff\xfe", "ü".encode(), b'"\\', bytes(range(1, 32))])
def test_any_bytes_in_a_header_make_a_valid_line(value: bytes) -> None:
    gate = Gateway(LOG)
    exchange = gate.call(headers=[(b"x-odd", value)]).exchange
    line = log_line(exchange)
    assert b"\n" not in line
    assert isinstance(msgspec.json.decode(line)["request"]["headers"]["x-odd"], str)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        (b"a.test", "http://a.test:8000/"),
        (b"a.test:99", "http://a.test:8000/"),
        (b"[::1]", "http://[::1]:8000/"),
        (b"[::1]:99", "http://[::1]:8000/"),
        (b"", "http://:8000/"),
        (b":99", "http://:99:8000/"),
    ],
)
def test_the_url_has_the_host_that_was_asked_for_and_our_port(host: bytes, url: str) -> None:
    exchange = Gateway(LOG).call().exchange
    exchange.request.headers.set(b"host", host)
    assert record_of(exchange)["request"]["url"] == url


def test_a_route_that_was_reloaded_is_shown_as_it_is_now() -> None:
    gate = Gateway(LOG)
    gate.call()
    changed = Gateway(LOG, route=msgspec.structs.replace(gate.route.entity, name="renamed"))
    changed.call()
    assert (gate.records()[0]["route"]["name"], changed.records()[0]["route"]["name"]) == ("all", "renamed")


def test_a_client_that_went_away_is_499() -> None:
    exchange = Gateway(LOG).call().exchange
    exchange.response = None
    exchange.error = ClientError("client_closed_request", "the client closed the connection", status=499)
    assert record_of(exchange)["response"] == {"status": 499, "headers": {}, "size": 11}


NAMES = st.sampled_from([b"accept", b"x-a", b"x-a", b"x-b", b"authorization", b"cookie", b"apikey", b"x-secret"]) | (
    st.binary(min_size=1, max_size=4)
)
FIELDS = st.lists(st.tuples(NAMES, st.binary(max_size=6) | st.text(max_size=6).map(str.encode)), max_size=6)
SECONDS = st.floats(0, 100)


def any_exchange(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Exchange:
    """A request that went any way there is."""
    gate = Gateway((KeyAuth, {}), consumers=[ALICE], credentials=[KEY])
    gate.has_route = draw(st.booleans())
    target = draw(st.sampled_from(["/", "/a%20b", '/"\\', "/ü"]))
    exchange = gate.call(
        "POST", target, [*draw(FIELDS), (b"apikey", draw(st.sampled_from([b"SECRET", b"x"])))]
    ).exchange
    exchange.response = draw(st.none() | st.builds(ResponseHead, st.just(200), FIELDS.map(Headers)))
    exchange.error = draw(st.sampled_from(ERRORS))
    exchange.upstream_status = draw(st.sampled_from([0, 200, 503]))
    exchange.request_bytes, exchange.response_bytes = draw(st.tuples(st.integers(0, 2**40), st.integers(0, 2**40)))
    times = exchange.times
    times.started = draw(SECONDS)
    times.upstream_sent = draw(st.just(0.0) | SECONDS.map(lambda seconds: times.started + seconds))
    if times.upstream_sent:
        times.response_head = draw(st.just(0.0) | SECONDS.map(lambda seconds: times.upstream_sent + seconds))
    times.finished = max(times.started, times.upstream_sent, times.response_head) + draw(SECONDS)
    for slot, values in SLOTS:
        value = draw(st.none() | values)
        if value is not None:
            exchange[slot] = value
    return exchange


ERRORS: list[GatewayError | None] = [
    None,
    UpstreamError("upstream_reset", 'said "no"'),
    ClientError("client_closed_request", "the client closed the connection", status=499),
]
SLOTS: list[Any] = [
    (CORRELATION_ID, st.text(max_size=8)),
    (SECRET_NAMES, st.sets(st.sampled_from(["x-secret", "x-a"])).map(frozenset)),
    (AI_META, st.builds(AiMeta, plugin_id=st.text(), provider=st.text(), llm_latency_ms=st.none() | st.integers(0, 9))),
    (AI_USAGE, st.builds(AiUsage, prompt_tokens=st.none() | st.integers(0, 9), cost=st.none() | st.floats(0, 1))),
    (AI_PAYLOAD, st.builds(AiPayload, request=st.none() | st.text())),
    (AI_LOG_STATISTICS, st.booleans()),
]


@given(st.data())
def test_the_line_is_the_record_that_the_plainest_code_would_build(data: st.DataObject) -> None:
    exchange = any_exchange(data.draw)
    assert record_of(exchange) == plain_log_record(exchange)


@given(st.data())
def test_the_line_is_what_an_encoder_would_write(data: st.DataObject) -> None:
    line = log_line(any_exchange(data.draw))
    assert line == msgspec.json.encode(msgspec.json.decode(line))


def test_the_parts_of_a_record_have_an_order() -> None:
    gate = Gateway((KeyAuth, {}), (Model, {}), LOG, consumers=[ALICE], credentials=[KEY])
    exchange = gate.call(headers=[(b"apikey", b"SECRET")]).exchange
    exchange[CORRELATION_ID] = "c"
    exchange.error = ClientError("bad_json", "no")
    record = record_of(exchange)
    assert list(record) == [
        "request", "response", "latencies", "tries", "client_ip", "started_at", "source", "workspace",
        "workspace_name", "upstream_uri", "upstream_status", "route", "service", "consumer", "authenticated_entity",
        "auth_type", "correlation_id", "error", "ai",
    ]  # fmt: skip
    assert list(record["request"]) == ["id", "method", "uri", "url", "querystring", "headers", "size", "version"]


def test_a_host_that_held_a_credential_is_not_in_the_url() -> None:
    exchange = Gateway(LOG).call().exchange
    exchange[SECRET_NAMES] = frozenset(("host",))
    shown = record_of(exchange)["request"]
    assert (shown["headers"]["host"], shown["url"]) == ("REDACTED", "http://REDACTED:8000/")


def test_a_host_that_is_said_twice_is_shown_twice_and_the_first_one_counts() -> None:
    exchange = Gateway(LOG).call().exchange
    exchange.request.headers = Headers([(b"host", b"a.test"), (b"host", b"b.test")])
    shown = record_of(exchange)["request"]
    assert (shown["headers"]["host"], shown["url"]) == (["a.test", "b.test"], "http://a.test:8000/")
