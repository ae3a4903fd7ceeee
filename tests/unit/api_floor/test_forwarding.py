"""Which fields go on to the upstream and which come back."""

import pytest

from entresol.api_floor.entities import Consumer, Route
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.forwarding import IDENTITY_FIELDS, end_to_end_fields, trailer_fields
from entresol.api_floor.plan import CompiledRoute, CompiledService, RouteMatch
from entresol.core.http import HOP_BY_HOP, HeaderPairs, Headers, Origin, Timeouts
from playbooks.floor import SERVICE, Playbook
from playbooks.harness import Gateway
from unit.api_floor.recording import Recorder, plugin


def sent(headers: HeaderPairs, **options: str) -> dict[bytes, bytes]:
    play = Playbook()
    play.client_sends(headers=headers, **options)  # type: ignore[arg-type]
    return dict(play.upstream.request.headers.pairs)


def test_end_to_end_fields_are_kept_in_order() -> None:
    play = Playbook()
    play.client_sends(headers=[(b"x-b", b"1"), (b"x-a", b"2"), (b"x-b", b"3")])
    assert play.upstream.request.headers.pairs[:3] == [(b"x-b", b"1"), (b"x-a", b"2"), (b"x-b", b"3")]


@pytest.mark.parametrize("name", sorted(HOP_BY_HOP | {b"host", b"content-length", b"expect"}))
def test_fields_of_the_connection_are_not_forwarded(name: bytes) -> None:
    assert name not in sent([(name, b"x")])


def test_fields_that_connection_names_are_not_forwarded() -> None:
    fields = sent([(b"connection", b"close, X-Private"), (b"x-private", b"1"), (b"x-public", b"2")])
    assert b"x-private" not in fields
    assert fields[b"x-public"] == b"2"


@pytest.mark.parametrize("name", sorted(IDENTITY_FIELDS))
def test_a_client_cannot_say_who_it_is(name: bytes) -> None:
    assert name not in sent([(name, b"admin")])


def test_the_upstream_learns_whom_it_serves() -> None:
    fields = sent([(b"x-forwarded-for", b"198.51.100.1"), (b"x-real-ip", b"6.6.6.6"), (b"x-forwarded-proto", b"https")])
    assert fields[b"x-real-ip"] == b"203.0.113.7"
    assert fields[b"x-forwarded-for"] == b"198.51.100.1, 203.0.113.7"
    assert fields[b"x-forwarded-proto"] == b"http"
    assert fields[b"x-forwarded-host"] == b"gateway.test"
    assert fields[b"x-forwarded-port"] == b"8000"
    assert fields[b"x-forwarded-path"] == b"/x"


@pytest.mark.parametrize(
    ("host", "name"),
    [("A.Test:8000", "a.test"), ("a.test", "a.test"), ("a.test:", "a.test"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]")],
)
def test_the_upstream_learns_the_name_that_was_addressed_without_its_port(host: str, name: str) -> None:
    play = Playbook()
    play.client_starts(host=host).sends(b"", last=True)
    assert play.upstream.header("x-forwarded-host") == name


def test_a_prefix_that_is_the_whole_site_is_not_told() -> None:
    service = CompiledService(SERVICE, Origin("http", "backend.test", 8080), "/", Timeouts())
    route = CompiledRoute(Route(id="r", paths=("/",)), service)
    play = Playbook(match=RouteMatch(route, "/up", prefix="/"))
    play.client_sends()
    assert b"x-forwarded-prefix" not in dict(play.upstream.request.headers.pairs)


def test_a_service_learns_the_way_and_the_id_of_a_request() -> None:
    play = Playbook()
    client = play.client_sends(headers=[(b"via", b"1.0 before"), (b"x-entresol-request-id", b"mine")])
    play.upstream.answers(200)
    headers = play.upstream.request.headers
    assert headers.get_all(b"via") == [b"1.0 before", b"1.1 entresol/1.0"]
    sent_id = headers.get_all(b"x-entresol-request-id")
    assert [value.decode() for value in sent_id] == [client.header("x-entresol-request-id")]


def test_the_query_goes_with_the_path() -> None:
    play = Playbook()
    play.client_sends(query="a=1&b=%20")
    assert play.upstream.request.target == "/up?a=1&b=%20"


@pytest.mark.parametrize("target", ["/x?", "/x??", "/x?a", "/x"])
def test_a_question_mark_goes_on_even_with_nothing_behind_it(target: str) -> None:
    sent = Gateway().call("GET", target).sent
    assert sent is not None
    assert sent.target == target


def test_a_body_that_goes_on_as_it_comes_is_announced_as_the_client_announced_it() -> None:
    play = Playbook()
    client = play.client_starts("POST", headers=[(b"content-length", b"7")])
    client.sends(b"par")
    assert play.upstream.header("content-length") == "7"
    client.sends(b"tial", last=True)
    assert (play.upstream.body, play.upstream.is_complete) == (b"partial", True)


@pytest.mark.parametrize(("preserve", "host"), [(False, "backend.test:8080"), (True, "gateway.test")])
def test_the_host_is_the_services_unless_the_route_preserves_it(preserve: bool, host: str) -> None:
    route = Route(id="r", paths=("/",), preserve_host=preserve)
    service = CompiledService(SERVICE, Origin("http", "backend.test", 8080), "/", Timeouts())
    play = Playbook(match=RouteMatch(CompiledRoute(route, service), "/up", prefix="/x"))
    play.client_sends()
    assert play.upstream.request.host == host
    assert play.upstream.header("x-forwarded-prefix") == "/x"


def test_responses_lose_the_fields_of_their_connection() -> None:
    headers = Headers([(b"connection", b"x-hop"), (b"x-hop", b"1"), (b"keep-alive", b"5"), (b"x-kept", b"2")])
    assert end_to_end_fields(headers) == [(b"x-kept", b"2")]


ELSEWHERE = Origin("https", "model.test", 443)


def redirect(exchange: Exchange) -> None:
    assert exchange.upstream is not None
    exchange.upstream.origin, exchange.upstream.host = ELSEWHERE, "model.test"


@pytest.mark.parametrize("service", [True, False])
def test_a_request_that_a_plugin_redirects_takes_end_to_end_fields_and_nothing_of_ours(service: bool) -> None:
    play = Playbook([plugin(Recorder(), "redirecting", 1, replaces_upstream=True, access=redirect)], service=service)
    forged = [(b"x-forwarded-for", b"1.2.3.4"), (b"x-consumer-id", b"admin"), (b"te", b"trailers")]
    play.client_sends("POST", headers=[(b"x-mine", b"1"), *forged], query="a=1", body=b"{}")
    request = play.upstream.request
    assert request.headers.pairs == [(b"x-mine", b"1")]
    assert (request.origin, request.host, request.method, request.target) == (
        ELSEWHERE, "model.test", "POST", "/up?a=1",
    )  # fmt: skip


def test_a_redirecting_plugin_may_come_with_the_consumer_to_a_route_without_a_service() -> None:
    vip = Consumer(id="vip", username="vip")
    auth = plugin(Recorder(), "auth", 100, access=lambda exchange: setattr(exchange, "consumer", vip))
    mine = plugin(Recorder(), "mine", 50, replaces_upstream=True, access=redirect)
    play = Playbook(plugins_for=lambda consumer: [auth, mine] if consumer is vip else [auth], service=False)
    play.client_sends()
    assert play.upstream.request.origin is ELSEWHERE


@pytest.mark.parametrize(
    "name",
    [
        b"authorization", b"apikey", b"x-api-key", b"x_api_key", b"cookie", b"set-cookie", b"x-consumer-id",
        b"content-length",
    ],
)  # fmt: skip
def test_a_trailer_that_frames_identifies_or_authenticates_is_not_passed_on(name: bytes) -> None:
    assert trailer_fields([(name, b"1"), (b"x-checksum", b"2")]) == [(b"x-checksum", b"2")]


@pytest.mark.parametrize("values", [[b"x-mine"], [b"keep-alive", b"x-mine"], [b"close, X-Mine", b"keep-alive"]])
def test_fields_that_any_connection_field_names_stay_behind(values: list[bytes]) -> None:
    fields = [*((b"connection", value) for value in values), (b"x-mine", b"1"), (b"x-kept", b"2")]
    assert end_to_end_fields(Headers(fields)) == [(b"x-kept", b"2")]
