"""Attacks on the authorization endpoint, over HTTP. Each test fails without the defence that it is about."""

import asyncio
import dataclasses
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import msgspec
import pytest

from entresol.auth_server.client_documents import ClientDocuments
from entresol.core.fetching import FetchFailed, FetchResponse
from entresol.identity.oauth.authorize import PageError
from entresol.identity.oauth.clients import create_client
from entresol.identity.oauth.handles import handle_digest
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import AuthorizationCode, AuthorizationRequest, Consent
from entresol.net.clock import SystemClock
from entresol.net.fetcher import Fetcher
from unit.auth_server.gateway import Gateway, token_for
from unit.identity.oauth.authorization import CHALLENGE, ISSUER, LLM, MCP, NATIVE, SETTINGS, WEB, answered, asking

EVIL = "https://evil.example/cb"
FORM = {"content-type": "application/x-www-form-urlencoded"}


def evil_client(gateway: Gateway) -> OAuthClient:
    """Registered by the attacker, as anybody may where registration is open."""
    members = {"redirect_uris": [EVIL], "client_name": "Web app", "token_endpoint_auth_method": "none"}
    return gateway.records.need(OAuthClient, gateway.post("/register", json=members).json()["client_id"])


def codes(gateway: Gateway) -> int:
    return gateway.records.count(AuthorizationCode)


def form_of(page: httpx.Response) -> dict[str, str]:
    return {name: page.text.split(f'name="{name}" value="')[1].split('"')[0] for name in ("request", "csrf")}


# Confused deputy


def test_a_consent_to_one_client_is_none_to_another() -> None:
    gateway = Gateway()
    gateway.decide(gateway.authorize(asking()))
    evil = evil_client(gateway)
    before = codes(gateway)
    answer = gateway.authorize(asking(evil))
    assert answer.status_code == 200
    question = gateway.browser.asked[-1]
    assert question.client_id == evil.id
    assert question.to.host == "evil.example"
    assert "self-registered" in question.warnings
    assert codes(gateway) == before


def test_a_consent_to_one_client_is_none_to_another_that_returns_to_the_same_place() -> None:
    other = msgspec.structs.replace(WEB, id="other")
    gateway = Gateway(clients=[WEB, other])
    gateway.decide(gateway.authorize(asking()))
    assert gateway.authorize(asking(other)).status_code == 200
    assert codes(gateway) == 1


def test_a_consent_at_one_redirect_uri_is_none_at_another() -> None:
    two = msgspec.structs.replace(WEB, redirect_uris=("https://app.example/cb", "https://app.example/old"))
    gateway = Gateway(clients=[two])
    gateway.decide(gateway.authorize(asking(two)))
    assert gateway.authorize(asking(two, redirect_uri="https://app.example/old")).status_code == 200
    assert codes(gateway) == 1


def test_a_cookie_alone_approves_nothing() -> None:
    gateway = Gateway()
    fields = form_of(gateway.authorize(asking(evil_client(gateway))))
    for csrf in ({}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": token_for("mallory")}):
        refused = gateway.post("/consent", data={"request": fields["request"], "decision": "allow", **csrf}, user="ada")
        assert refused.status_code == 403
        assert "location" not in refused.headers
    doubled = f"request={fields['request']}&decision=allow&csrf={fields['csrf']}&csrf={fields['csrf']}"
    assert gateway.post("/consent", content=doubled, headers=FORM, user="ada").status_code == 400
    query = f"/consent?request={fields['request']}&decision=allow&csrf={fields['csrf']}"
    assert gateway.get(query, user="ada").status_code == 405
    assert gateway.post(query, user="ada").status_code == 400
    assert gateway.post(query, content="", headers=FORM, user="ada").status_code == 403
    assert codes(gateway) == gateway.records.count(Consent) == 0


def test_a_form_alone_approves_nothing() -> None:
    gateway = Gateway()
    page = gateway.authorize(asking())
    assert gateway.decide(page, user="").status_code == 403
    assert gateway.decide(page, user="mallory").status_code == 403
    assert codes(gateway) == 0


def test_what_is_approved_is_what_the_request_said_whatever_the_form_says() -> None:
    gateway = Gateway()
    fields = form_of(gateway.authorize(asking(scope="llm")))
    more = {"scope": "llm mcp agents", "redirect_uri": EVIL, "client_id": "native", "state": "x", "decision": "allow"}
    done = gateway.post("/consent", data={**fields, **more}, user="ada")
    answer = answered(done.headers["location"])
    assert done.headers["location"].startswith("https://app.example/cb?")
    assert answer["state"] == "s1"
    code = gateway.records.need(AuthorizationCode, handle_digest(answer["code"]))
    assert (code.client, code.scopes) == ("web", ("llm",))


@pytest.mark.parametrize("changes", [{"scope": "llm mcp"}, {"scope": "offline_access"}, {"resource": MCP.url}])
def test_more_than_was_agreed_to_is_asked_again(changes: dict[str, str | None]) -> None:
    gateway = Gateway()
    gateway.decide(gateway.authorize(asking(scope="llm", resource=LLM.url)))
    assert gateway.authorize(asking(scope="llm", resource=LLM.url)).status_code == 303
    assert gateway.authorize(asking(**changes)).status_code == 200
    silent = gateway.authorize(asking(**changes, prompt="none"))
    assert answered(silent.headers["location"])["error"] == "consent_required"


def test_an_app_on_the_device_that_pretends_to_be_another_is_never_let_in_silently() -> None:
    gateway = Gateway()
    gateway.decide(gateway.authorize(asking(NATIVE)))
    for uri in ("http://127.0.0.1:6666/cb", "com.example.app:/cb"):
        assert gateway.authorize(asking(NATIVE, redirect_uri=uri)).status_code == 200


def test_a_request_that_somebody_else_began_needs_this_users_own_consent() -> None:
    gateway = Gateway()
    begun = gateway.authorize(asking(evil_client(gateway)), user="")
    return_to = parse_qs(urlsplit(begun.headers["location"]).query)["to"][0]
    assert gateway.get(return_to, user="ada").status_code == 200
    assert codes(gateway) == 0


def test_two_who_approve_at_once_get_one_code() -> None:
    gateway = Gateway()
    fields = {**form_of(gateway.authorize(asking())), "decision": "allow"}

    async def both(client: httpx.AsyncClient) -> list[httpx.Response]:
        return await asyncio.gather(*(client.post("/consent", data=fields) for _ in range(4)))

    statuses = sorted(answer.status_code for answer in gateway.run(both, user="ada"))
    assert statuses == [303, 400, 400, 400]
    assert codes(gateway) == 1


# Mix-up


def test_every_answer_says_who_it_is_from_as_the_metadata_do() -> None:
    gateway = Gateway()
    document = gateway.get("/.well-known/oauth-authorization-server").json()
    assert document["authorization_response_iss_parameter_supported"] is True
    answers = [
        gateway.decide(gateway.authorize(asking())),
        gateway.decide(gateway.authorize(asking(prompt="consent")), "deny"),
        gateway.authorize(asking(response_type="token")),
        gateway.authorize(asking(prompt="none"), user=""),
    ]
    assert [answered(answer.headers["location"])["iss"] for answer in answers] == [document["issuer"]] * 4


# Redirect tricks


@pytest.mark.parametrize(
    "uri",
    [
        EVIL,
        "https://app.example@evil.example/cb",
        "https://app.example%40evil.example/cb",
        "https://evil.example/cb#https://app.example/cb",
        "https://evil.example?https://app.example/cb",
        "https://evil.example\\@app.example/cb",
        "https://app.example.evil.example/cb",
        "https://app.example/cb/../../evil",
        "https://app.example/cb%2f..%2f..%2fevil",
        "https://app.example/%63b",
        "https://app.example/cb?next=https://evil.example",
        "https://app.example/cb#",
        "https://app.example:8443/cb",
        "https://APP.EXAMPLE/cb",
        "http://app.example/cb",
        "//app.example/cb",
        "/cb",
        "javascript:alert(1)//https://app.example/cb",
        "data:text/html,https://app.example/cb",
        "https://app.example/cb\r\nLocation: https://evil.example",
        "https://app.example/cb ",
        "https://app.example/cb\x00",
        "http://127.0.0.1:80/cb",
        "com.evil.app:/cb",
        "https://xn--pp-yia.example/cb",
        "https://\u0430pp.example/cb",
    ],
)
def test_nobody_is_sent_to_an_address_that_the_client_has_not_registered(uri: str) -> None:
    gateway = Gateway()
    for user in ("", "ada"):
        for parameters in (asking(redirect_uri=uri), asking(redirect_uri=uri, prompt="none", scope="nonsense")):
            answer = gateway.authorize(parameters, user=user)
            assert answer.status_code == 400
            assert "location" not in answer.headers
    assert gateway.records.count(AuthorizationRequest) == 0


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:1@evil.example/cb",
        "http://127.0.0.1:99999/cb",
        "http://127.0.0.1:08/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1.evil.example/cb",
        "http://127.0.0.1:80/other",
        "http://127.0.0.1:80/cb?x=1",
        "http://localhost:80/cb",
        "https://127.0.0.1:80/cb",
        "http://127.1:80/cb",
        "http://[::ffff:127.0.0.1]:80/cb",
    ],
)
def test_only_the_port_of_a_loopback_address_is_free(uri: str) -> None:
    answer = Gateway().authorize(asking(NATIVE, redirect_uri=uri))
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_a_web_client_on_the_device_has_the_port_that_it_has_registered() -> None:
    web = msgspec.structs.replace(WEB, redirect_uris=("http://localhost:3000/cb",))
    gateway = Gateway(clients=[web])
    assert gateway.authorize(asking(web, redirect_uri="http://localhost:3001/cb")).status_code == 400
    assert gateway.authorize(asking(web)).status_code == 200
    assert gateway.browser.asked[0].to.host == "localhost"


@pytest.mark.parametrize(
    "uri",
    ["javascript:alert(1)", "data:text/html,x", "http://evil.example/", "https://*.example/", "myapp:/cb"],
)
def test_such_addresses_are_not_registered_either(uri: str) -> None:
    refused = Gateway().post("/register", json={"redirect_uris": [uri]})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_redirect_uri")


def test_whoever_registers_a_client_cannot_use_us_to_send_people_somewhere() -> None:
    gateway = Gateway()
    evil = evil_client(gateway)
    for wrong in ({"scope": "admin:*"}, {"response_type": "token"}, {"code_challenge": None}, {"resource": "x:y"}):
        for user in ("", "ada"):
            answer = gateway.authorize(asking(evil, **wrong), user=user)
            assert (answer.status_code, "location" in answer.headers) == (400, False)


@pytest.mark.parametrize("state", ["a&code=evil&iss=https://evil.example#y", "x%0d%0aA: b", "\u00e4?=/;"])
def test_state_comes_back_as_it_is_and_adds_nothing(state: str) -> None:
    gateway = Gateway()
    answer = answered(gateway.decide(gateway.authorize(asking(state=state))).headers["location"])
    assert answer.keys() == {"code", "state", "iss"}
    assert (answer["state"], answer["iss"]) == (state, ISSUER)


def test_state_cannot_split_the_answer() -> None:
    answer = Gateway().authorize(asking(state="x\r\nSet-Cookie: a=b\r\n\r\n<script>"))
    assert answered(answer.headers["location"])["error"] == "invalid_request"
    assert "set-cookie" not in answer.headers


# PKCE downgrade


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None},
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": ""},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": "s256"},
        {"code_challenge": "a" * 42},
        {"code_challenge": "a" * 44},
    ],
)
@pytest.mark.parametrize("client", [WEB, NATIVE], ids=["confidential", "public"])
def test_no_client_gets_a_code_without_a_hashed_challenge(client: OAuthClient, changes: dict[str, str | None]) -> None:
    gateway = Gateway()
    answer = gateway.authorize(asking(client, **changes))
    assert answered(answer.headers["location"])["error"] == "invalid_request"
    pushed = gateway.post("/par", data=dict(asking(NATIVE, **changes)))
    assert pushed.json()["error"] == "invalid_request"
    assert gateway.records.count(AuthorizationRequest) == 0


def test_the_challenge_cannot_be_taken_back_by_the_form_or_the_browser() -> None:
    gateway = Gateway()
    pushed = gateway.post("/par", data=dict(asking(NATIVE))).json()
    other = "A" * 43
    page = gateway.authorize(
        [("client_id", "native"), ("request_uri", pushed["request_uri"]), ("code_challenge", other)]
    )
    done = gateway.post("/consent", data={**form_of(page), "decision": "allow", "code_challenge": other}, user="ada")
    code = gateway.records.need(AuthorizationCode, handle_digest(answered(done.headers["location"])["code"]))
    assert code.code_challenge == CHALLENGE


# Parameter pollution


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_client_and_redirect_uri_that_come_twice_are_refused_on_a_page(name: str) -> None:
    gateway = Gateway()
    value = dict(asking())[name]
    for second in (value, "native", EVIL):
        for parameters in ([*asking(), (name, second)], [(name, second), *asking()]):
            answer = gateway.authorize(parameters)
            assert (answer.status_code, "location" in answer.headers) == (400, False)


@pytest.mark.parametrize(
    "name", ["response_type", "scope", "state", "code_challenge", "code_challenge_method", "prompt", "nonce", "max_age"]
)
def test_any_other_parameter_that_comes_twice_is_refused(name: str) -> None:
    gateway = Gateway()
    good = asking(prompt="login", nonce="n", max_age="9")
    answer = gateway.authorize([*good, (name, dict(good)[name])])
    assert answered(answer.headers["location"])["error"] == "invalid_request"


def test_a_parameter_in_the_address_and_one_in_the_body_are_two() -> None:
    gateway = Gateway()
    answer = gateway.post(f"/authorize?redirect_uri={quote(EVIL)}", data=dict(asking()), user="ada")
    assert answer.status_code == 400
    answer = gateway.post("/authorize?scope=mcp", data=dict(asking()), user="ada")
    assert answered(answer.headers["location"])["error"] == "invalid_request"


# Clickjacking


def test_no_answer_can_be_framed_kept_or_told_to_others() -> None:
    gateway = Gateway()
    page = gateway.authorize(asking())
    answers = [
        page,
        gateway.authorize(asking(), user=""),
        gateway.authorize(asking(redirect_uri=EVIL)),
        gateway.decide(page),
        gateway.post("/consent", user="ada"),
        gateway.get("/authorize/resume?request=x", user="ada"),
        gateway.get("/nothing"),
    ]
    for answer in answers:
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in answer.headers


# SSRF through metadata documents of clients


@pytest.mark.parametrize(
    "client_id",
    [
        "http://tool.example/client.json",
        "https://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/client.json",
        "https://[::1]/client.json",
        "https://[::ffff:169.254.169.254]/client.json",
        "https://2130706433/client.json",
        "https://0x7f000001/client.json",
        "https://0177.0.0.1/client.json",
        "https://127.1/client.json",
        "https://localhost/client.json",
        "https://metadata/computeMetadata/v1",
        "https://user:pw@tool.example/client.json",
        "https://tool.example@169.254.169.254/client.json",
        "https://tool.example/client.json#x",
        "https://tool.example/client.json?url=http://10.0.0.1",
        "https://tool.example/../admin",
        "https://tool.example/%2e%2e/admin",
        "https://tool.example\\@10.0.0.1/x",
        "https://tool.example/",
        "file:///etc/passwd",
        "gopher://10.0.0.1/x",
    ],
)
def test_such_a_client_id_is_not_fetched(client_id: str) -> None:
    gateway = Gateway()
    answer = gateway.authorize(asking(client_id=client_id))
    assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert gateway.fetched == []


def document(url: str, **members: Any) -> FetchResponse:
    body = {"client_id": url, "client_name": "Tool", "redirect_uris": [f"https://{urlsplit(url).netloc}/cb"], **members}
    return FetchResponse(status=200, headers={"content-type": "application/json"}, body=json.dumps(body).encode())


def test_what_is_fetched_is_fetched_as_from_outside_small_and_without_redirects() -> None:
    url = "https://tool.example/client.json"
    gateway = Gateway()
    moved = document(url)
    moved.headers["location"] = "http://169.254.169.254/"
    gateway.web[url] = msgspec.structs.replace(moved, status=302)
    assert gateway.authorize(asking(client_id=url, redirect_uri="https://tool.example/cb")).status_code == 400
    [request] = gateway.fetched
    assert (request.url, request.origin, request.method, request.body) == (url, "outside", "GET", b"")
    assert request.max_bytes <= 16_384
    assert request.timeout_s <= 10
    assert not [name for name, _ in request.headers if name.lower() in ("authorization", "cookie")]


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fd00::1"])
def test_a_name_that_leads_inside_is_not_connected_to(address: str) -> None:
    gateway = Gateway()

    async def attempt() -> None:
        async def lookup(host: str) -> list[str]:
            return [address]

        fetcher = Fetcher(SystemClock(), lookup=lookup)
        try:
            server = dataclasses.replace(gateway.server, fetch=fetcher.fetch)
            with pytest.raises(PageError) as caught:
                await ClientDocuments(server).load("https://rebound.example/client.json", "192.0.2.1")
            assert isinstance(caught.value.__cause__, FetchFailed)
            assert caught.value.__cause__.code == "fetch_refused"
        finally:
            fetcher.close()

    asyncio.run(attempt())


@pytest.mark.parametrize(
    "members",
    [
        {"client_id": "https://other.example/client.json"},
        {"redirect_uris": [EVIL]},
        {"redirect_uris": ["https://tool.example.evil.example/cb"]},
        {"client_secret": "known to all"},
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://evil.example/keys"},
    ],
)
def test_a_document_speaks_for_its_own_site_only(members: dict[str, Any]) -> None:
    url = "https://tool.example/client.json"
    gateway = Gateway()
    gateway.web[url] = document(url, **members)
    answer = gateway.authorize(asking(client_id=url, redirect_uri=EVIL))
    assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert gateway.records.get(OAuthClient, url) is None


def test_a_client_of_an_unknown_site_is_shown_with_its_site_and_a_warning() -> None:
    url = "https://tool.example/client.json"
    gateway = Gateway()
    gateway.web[url] = document(url, client_name="Your bank\u202e")
    assert gateway.authorize(asking(client_id=url, redirect_uri="https://tool.example/cb")).status_code == 200
    [question] = gateway.browser.asked
    assert (question.client_host, question.client_name) == ("tool.example", "Your bank")
    assert question.warnings == ("unknown-domain",)


# Pushed requests


def test_a_pushed_request_is_used_once_by_its_own_client_only() -> None:
    gateway = Gateway()
    _, secret = create_client(gateway.records, msgspec.structs.replace(WEB, id="mine"))
    data = {**dict(asking(WEB, client_id="mine")), "client_secret": secret}
    uri = gateway.post("/par", data=data).json()["request_uri"]
    for thief in ("web", "native", evil_client(gateway).id):
        assert gateway.authorize([("client_id", thief), ("request_uri", uri)]).status_code == 400
    assert "Web app" in gateway.authorize([("client_id", "mine"), ("request_uri", uri)]).text
    again = gateway.authorize([("client_id", "mine"), ("request_uri", uri)])
    assert (again.status_code, "invalid_request_uri" in again.text) == (400, True)


def test_a_pushed_request_ends_soon() -> None:
    gateway = Gateway()
    uri = gateway.post("/par", data=dict(asking(NATIVE))).json()["request_uri"]
    gateway.now += SETTINGS.pushed_lifetime_s
    assert gateway.authorize([("client_id", "native"), ("request_uri", uri)]).status_code == 400


def test_nobody_pushes_in_the_name_of_a_client_with_credentials() -> None:
    gateway = Gateway()
    for data in (dict(asking()), {**dict(asking()), "client_secret": "guessed"}):
        assert gateway.post("/par", data=data).status_code == 401
    assert gateway.records.count(AuthorizationRequest) == 0


def test_a_client_that_has_to_push_cannot_be_made_to_ask_by_the_browser() -> None:
    gateway = Gateway(clients=[msgspec.structs.replace(WEB, requires_par=True)])
    assert answered(gateway.authorize(asking()).headers["location"])["error"] == "invalid_request"


@pytest.mark.parametrize("name", ["request", "request_uri"])
def test_nothing_is_fetched_or_read_in_place_of_the_parameters(name: str) -> None:
    gateway = Gateway()
    answer = gateway.authorize([*asking(), (name, "https://evil.example/request")])
    assert answered(answer.headers["location"])["error"] == f"{name}_not_supported"
    assert gateway.fetched == []


# Floods


def test_an_address_that_asks_too_much_has_to_wait_and_fills_nothing() -> None:
    gateway = Gateway(settings=msgspec.structs.replace(SETTINGS, requests_per_minute=3))
    asks: list[Callable[[], httpx.Response]] = [
        lambda: gateway.authorize(asking()),
        lambda: gateway.post("/par", data=dict(asking(NATIVE))),
    ]
    for ask in asks:
        before = gateway.records.count(AuthorizationRequest)
        answers = [ask() for _ in range(5)]
        assert [answer.status_code for answer in answers[3:]] == [429, 429]
        assert int(answers[-1].headers["retry-after"]) > 0
        assert gateway.records.count(AuthorizationRequest) == before + 3


# What is kept


def test_who_reads_the_store_can_use_none_of_what_browsers_and_clients_hold() -> None:
    gateway = Gateway()
    fields = form_of(gateway.authorize(asking()))
    uri = gateway.post("/par", data=dict(asking(NATIVE))).json()["request_uri"]
    registered = gateway.post("/register", json={"redirect_uris": [EVIL]}).json()
    code = answered(gateway.decide(gateway.authorize(asking(prompt="consent"))).headers["location"])["code"]
    kept = repr(gateway.records.tables)
    for secret in (
        fields["request"],
        uri,
        uri.rpartition(":")[2],
        registered["client_secret"],
        registered["registration_access_token"],
        code,
    ):
        assert secret not in kept
