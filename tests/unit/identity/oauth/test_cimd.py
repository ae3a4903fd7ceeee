"""Clients that are the URL of their metadata document."""

import json
from typing import Any

import msgspec
import pytest

from entresol.core.fetching import FetchFailed, FetchRequest, FetchResponse
from entresol.identity.oauth.cimd import (
    check_trusted,
    fetch_client,
    is_document_url,
    is_fresh,
    keep_client,
    may_be_stale,
    read_document,
    trust_of,
)
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import Consent, RefreshToken
from fake_records import MemoryRecords
from unit.identity.oauth.authorization import NOW, SETTINGS, WEB

URL = "https://tool.example/oauth/client.json"
DOCUMENT = {
    "client_id": URL,
    "client_name": "Tool",
    "redirect_uris": ["https://tool.example/cb", "http://127.0.0.1/cb", "http://localhost:7/cb"],
    "grant_types": ["authorization_code", "refresh_token"],
    "client_uri": "https://tool.example/",
}
KEY = {"kty": "EC", "crv": "P-256", "x": "x", "y": "y"}


def read(**members: Any) -> OAuthClient:
    return read_document(URL, json.dumps(DOCUMENT | members).encode(), SETTINGS)


@pytest.mark.parametrize(
    ("client_id", "is_url"),
    [
        (URL, True),
        ("https://tool.example:8443/c", True),
        ("https://tool.example", False),
        ("https://tool.example/", False),
        ("http://tool.example/c", False),
        ("https://tool.example/c?x=1", False),
        ("https://tool.example/c#x", False),
        ("https://user@tool.example/c", False),
        ("https://tool.example/../c", False),
        ("https://tool.example/%2e%2e/c", False),
        ("https://TOOL.example/c", False),
        ("https://localhost/c", False),
        ("https://10.0.0.1/c", False),
        ("https://[::1]/c", False),
        ("https://2130706433/c", False),
        ("https://tool.example/" + "c" * 400, False),
        ("client_abc", False),
        ("", False),
    ],
)
def test_a_client_id_is_a_document_only_as_a_plain_https_url_with_a_path(client_id: str, is_url: bool) -> None:
    assert is_document_url(client_id) is is_url


def test_a_document_makes_a_client() -> None:
    client = read()
    assert (client.id, client.name, client.source, client.authentication) == (URL, "Tool", "metadata", "none")
    assert client.client_uri == "https://tool.example/"
    assert read(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [KEY]}).jwks
    native = read(redirect_uris=["example.tool:/cb", "example.tool.app:/cb"])
    assert native.is_native


@pytest.mark.parametrize(
    "members",
    [
        {"client_id": "https://tool.example/oauth/other.json"},
        {"client_id": None},
        {"client_secret": "x"},
        {"client_secret_expires_at": 0},
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"token_endpoint_auth_method": "client_secret_post"},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"redirect_uris": ["https://evil.example/cb"]},
        {"redirect_uris": ["https://tool.example:8443/cb"]},
        {"redirect_uris": ["https://tool.example.evil.example/cb"]},
        {"redirect_uris": ["example.evil:/cb"]},
        {"redirect_uris": ["example.toolbox:/cb"]},
        {"redirect_uris": []},
        {"jwks_uri": "https://evil.example/keys", "token_endpoint_auth_method": "private_key_jwt"},
        {"jwks": {"keys": [{**KEY, "d": "x"}]}},
        {"software_statement": "x"},
    ],
)
def test_a_document_that_says_more_than_its_host_may_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(OAuthError):
        read(**members)


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b"\xff", b'{"client_id":'])
def test_what_is_no_document_is_refused(body: bytes) -> None:
    with pytest.raises(OAuthError):
        read_document(URL, body, SETTINGS)


def test_pages_of_other_sites_are_not_shown() -> None:
    assert read(client_uri="https://other.example/").client_uri == ""
    assert read(logo_uri="https://other.example/l.png").logo_uri == ""


def fetched(answer: FetchResponse) -> OAuthClient:
    steps = fetch_client(URL, SETTINGS, NOW)
    request = next(steps)
    assert isinstance(request, FetchRequest)
    assert (request.url, request.method, request.origin) == (URL, "GET", "outside")
    assert request.max_bytes <= 10_240
    with pytest.raises(StopIteration) as ended:
        steps.send(answer)
    client: OAuthClient = ended.value.value
    return client


def answer(**headers: str) -> FetchResponse:
    return FetchResponse(
        status=200,
        headers={"content-type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()},
        body=json.dumps(DOCUMENT).encode(),
    )


@pytest.mark.parametrize(
    ("control", "lifetime"),
    [
        (None, 3600),
        ("max-age=1200", 1200),
        ('public, max-age="1200"', 1200),
        ("max-age=1", 300),
        ("max-age=99999999", 86_400),
        ("no-store", 300),
        ("no-cache, max-age=9999", 300),
        ("s-maxage=9", 3600),
        ("max-age=x", 3600),
    ],
)
def test_a_document_is_kept_as_long_as_it_says_within_bounds(control: str | None, lifetime: int) -> None:
    client = fetched(answer(cache_control=control) if control else answer())
    assert client.fresh_until == NOW + lifetime
    assert is_fresh(client, NOW + lifetime - 1)
    assert not is_fresh(client, NOW + lifetime)


@pytest.mark.parametrize(
    "bad",
    [
        FetchResponse(status=404, headers={"content-type": "application/json"}, body=b"{}"),
        FetchResponse(status=302, headers={"location": "https://10.0.0.1/"}),
        FetchResponse(status=200, headers={"content-type": "text/html"}, body=json.dumps(DOCUMENT).encode()),
        FetchResponse(status=200, headers={}, body=json.dumps(DOCUMENT).encode()),
    ],
)
def test_only_json_with_status_200_is_a_document(bad: FetchResponse) -> None:
    with pytest.raises(OAuthError):
        fetched(bad)


def test_what_cannot_be_reached_stays_a_failure_of_the_call() -> None:
    steps = fetch_client(URL, SETTINGS, NOW)
    next(steps)
    with pytest.raises(FetchFailed):
        steps.throw(FetchFailed(URL, "no route", "fetch_refused"))


def test_a_client_counts_as_last_read_for_a_day_at_most() -> None:
    client = fetched(answer())
    assert may_be_stale(client, NOW + 86_399)
    assert not may_be_stale(client, NOW + 86_400)
    assert not may_be_stale(WEB, NOW)


@pytest.mark.parametrize(
    ("client_id", "trust"),
    [
        ("https://tool.example/c", "allow"),
        ("https://a.good.example/c", "allow"),
        ("https://b.a.good.example/c", "allow"),
        ("https://bad.good.example/c", "deny"),
        ("https://x.bad.good.example/c", "deny"),
        ("https://good.example/c", "ask"),
        ("https://nogood.example/c", "ask"),
    ],
)
def test_the_nearest_entry_for_a_domain_counts(client_id: str, trust: str) -> None:
    settings = msgspec.structs.replace(
        SETTINGS,
        metadata_client_domains={
            "tool.example": "allow",
            "*.good.example": "allow",
            "bad.good.example": "deny",
            "*.bad.good.example": "deny",
        },
    )
    assert trust_of(settings, client_id) == trust
    assert trust_of(msgspec.structs.replace(settings, metadata_clients=False), client_id) == "deny"


def test_a_client_of_a_domain_that_is_denied_now_is_not_let_in_any_more() -> None:
    denying = msgspec.structs.replace(SETTINGS, metadata_client_trust="deny")
    check_trusted(SETTINGS, read())
    check_trusted(denying, WEB)
    with pytest.raises(OAuthError):
        check_trusted(denying, read())


def test_what_is_read_again_takes_the_place_of_what_was_known_but_not_of_what_an_administrator_said() -> None:
    records = MemoryRecords()
    first = keep_client(records, SETTINGS, read())
    records.replace(msgspec.structs.replace(first, is_enabled=False, last_used_at=5))
    second = keep_client(records, SETTINGS, read(client_name="New"))
    assert (second.name, second.is_enabled, second.last_used_at) == ("New", False, 5)
    assert second.created_at == first.created_at


def test_keys_that_were_read_from_the_same_place_are_kept() -> None:
    records = MemoryRecords()
    signing = {"jwks_uri": "https://tool.example/keys", "token_endpoint_auth_method": "private_key_jwt"}
    first = keep_client(records, SETTINGS, read(**signing))
    records.replace(msgspec.structs.replace(first, jwks='{"keys":[]}', keys_fetched_at=7))
    second = keep_client(records, SETTINGS, read(**signing, client_name="New"))
    assert (second.name, second.jwks, second.keys_fetched_at) == ("New", '{"keys":[]}', 7)
    moved = keep_client(records, SETTINGS, read(**signing | {"jwks_uri": "https://tool.example/new"}))
    assert (moved.jwks, moved.keys_fetched_at) == ("", None)


def test_a_client_of_an_administrator_is_not_replaced_by_a_document() -> None:
    records = MemoryRecords()
    records.insert(msgspec.structs.replace(WEB, id=URL))
    with pytest.raises(OAuthError):
        keep_client(records, SETTINGS, read())


def test_when_there_are_too_many_the_one_that_nobody_uses_goes() -> None:
    few = msgspec.structs.replace(SETTINGS, max_metadata_clients=2)
    records = MemoryRecords()
    for n in range(2):
        client = msgspec.structs.replace(read(), id=f"https://t{n}.example/c", fetched_at=n)
        keep_client(records, few, client)
    records.insert(Consent(id="c", user="ada", client="https://t0.example/c", redirect_uri="x", scopes=("llm",)))
    keep_client(records, few, read())
    assert {client.id for client in records.find(OAuthClient)} == {"https://t0.example/c", URL}
    kept = records.need(OAuthClient, URL)
    records.replace(msgspec.structs.replace(kept, is_enabled=False))  # forgotten, it would come back enabled
    with pytest.raises(OAuthError) as caught:
        keep_client(records, few, msgspec.structs.replace(read(), id="https://t9.example/c"))
    assert caught.value.status == 503
    records.replace(msgspec.structs.replace(records.need(OAuthClient, URL), is_enabled=True))
    records.insert(
        RefreshToken(id="t", family="f", client=URL, user="ada", scopes=(), auth_time=0, expires_at=9, family_ends_at=9)
    )
    with pytest.raises(OAuthError):
        keep_client(records, few, msgspec.structs.replace(read(), id="https://t9.example/c"))
