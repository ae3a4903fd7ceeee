"""The gateway's own answers, in Kong's two shapes and in a wire format."""

import json
import re

import pytest

from entresol.api_floor.answers import Identity, Milliseconds, RequestIds
from entresol.api_floor.plugin import ErrorFormat, Plugin, PluginConfig
from entresol.core.decision import Answer, Deny
from entresol.core.http import HeaderPairs
from playbooks.floor import Playbook
from unit.api_floor.recording import Recorder, plugin

DENY = Deny(401, "unauthorized", 'say "please"', ((b"www-authenticate", b"Key"),))


def denied(outcome: Deny, headers: HeaderPairs | None = None) -> tuple[dict[str, str], bytes]:
    play = Playbook([plugin(Recorder(), "p", 1, access=lambda _: outcome)])
    client = play.client_sends(headers=headers)
    assert client.head is not None
    assert client.head.content_length == len(client.body)
    return {k.decode(): v.decode() for k, v in client.head.headers}, client.body


def test_a_refusal_has_kongs_error_body_with_the_request_id() -> None:
    headers, body = denied(DENY)
    assert re.fullmatch(rb'\{\n  "message":"say \\"please\\"",\n  "request_id":"[0-9a-f]{32}"\n\}', body)
    assert json.loads(body)["request_id"] == headers["x-entresol-request-id"]
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["x-entresol-error"] == "unauthorized"
    assert headers["www-authenticate"] == "Key"
    assert headers["server"] == "entresol/1.0"


def test_a_bare_refusal_has_kongs_exit_body() -> None:
    _, body = denied(Deny(400, "odd", "odd", bare=True))
    assert body == b'{"message":"odd"}'


def test_a_client_that_wants_text_gets_text() -> None:
    headers, body = denied(DENY, [(b"accept", b"text/plain")])
    assert headers["content-type"] == "text/plain; charset=utf-8"
    assert body.startswith(b'say "please"\nrequest_id: ')


class WireFormat:
    """Renders as a made-up provider would."""

    def encode_error(self, status: int, code: str, message: str, request_id: str) -> tuple[bytes, bytes]:
        return b"application/json", json.dumps({"error": {"code": code, "message": message}}).encode()

    def error_fields(self, status: int) -> HeaderPairs:
        return [(b"x-kind", b"%d" % status)]


class Knowing(Plugin[PluginConfig]):
    """Denies, and knows how clients of the route want errors."""

    name = "knowing"
    priority = 1
    config_type = PluginConfig

    @property
    def error_format(self) -> ErrorFormat:
        return WireFormat()


def test_on_a_route_with_a_wire_format_errors_are_in_it() -> None:
    from unit.api_floor.recording import context

    knowing = Knowing(PluginConfig(), context())
    play = Playbook([plugin(Recorder(), "auth", 2, access=lambda _: DENY), knowing])
    client = play.client_sends()
    assert json.loads(client.body) == {"error": {"code": "unauthorized", "message": 'say "please"'}}
    assert (client.header("x-entresol-error"), client.header("x-kind")) == ("unauthorized", "401")


def test_a_plugins_own_answer_goes_out_as_it_is() -> None:
    play = Playbook([plugin(Recorder(), "p", 1, access=lambda _: Answer(200, b"hi", ((b"content-type", b"x/y"),)))])
    client = play.client_sends()
    assert (client.status, client.body, client.header("content-type")) == (200, b"hi", "x/y")
    assert client.header("x-entresol-error") is None


@pytest.mark.parametrize("brand", ["Entresol", "Kong"])
def test_proxied_responses_carry_latencies_and_ids_under_the_brand(brand: str) -> None:
    play = Playbook()
    play.floor.identity = Identity(brand, "3.15")
    client = play.client_starts("POST")
    play.clock.advance(0.0055)
    client.sends(b"", last=True)
    play.clock.advance(0.2505)
    play.upstream.answers(200)
    prefix = f"x-{brand.lower()}-"
    assert client.header(prefix + "proxy-latency") == "5"
    assert client.header(prefix + "upstream-latency") == "250"
    assert len(client.header(prefix + "request-id") or "") == 32
    assert client.header("via") == f"1.1 {brand.lower()}/3.15"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, b"0"), (0.2559, b"255"), (0.256, b"256"), (75.5, b"75500"), (-0.0015, b"-1")]
)
def test_durations_are_whole_milliseconds(seconds: float, text: bytes) -> None:
    assert Milliseconds(b"x").field(seconds) == (b"x", text)


def test_request_ids_are_32_hex_digits_and_differ() -> None:
    source, other = RequestIds(), RequestIds()
    ids = {source.new() for _ in range(500)} | {other.new() for _ in range(500)}
    assert len(ids) == 1000
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in ids)
