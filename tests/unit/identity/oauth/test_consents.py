"""Consent."""

import msgspec
import pytest

from entresol.identity.oauth.authorize import read_request
from entresol.identity.oauth.consents import (
    consent_id,
    grants_of,
    must_ask,
    record_consent,
    recorded,
    registered_redirect,
    revoke_grant,
)
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import (
    AuthorizationCode,
    AuthorizationRequest,
    Consent,
    RefreshToken,
    RevokedToken,
)
from fake_records import MemoryRecords
from unit.identity.oauth.authorization import CHALLENGE, LLM, MCP, NATIVE, NOW, RESOURCES, WEB, asking, world


def request(client: OAuthClient = WEB, /, **changes: str | None) -> AuthorizationRequest:
    return read_request(client, RESOURCES, asking(client, **changes))


def agreed(records: MemoryRecords, client: OAuthClient = WEB, /, **changes: str | None) -> OAuthClient:
    kept = records.need(OAuthClient, client.id)
    record_consent(records, kept, request(client, **changes), "ada")
    return kept


def refresh_token(name: str, family: str, client: str = "web", user: str = "ada") -> RefreshToken:
    return RefreshToken(
        id=name,
        family=family,
        client=client,
        user=user,
        scopes=("llm",),
        auth_time=NOW,
        expires_at=NOW + 9,
        family_ends_at=NOW + 99,
    )


def test_what_was_agreed_to_is_not_asked_again() -> None:
    records = world()
    assert must_ask(records, records.need(OAuthClient, "web"), request(), "ada")
    client = agreed(records, scope="llm openid", resource=LLM.url)
    assert not must_ask(records, client, request(scope="llm openid", resource=LLM.url), "ada")
    assert not must_ask(records, client, request(scope="openid", resource=None), "ada")


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": "llm mcp"},
        {"scope": "llm", "resource": MCP.url},
        {"prompt": "consent"},
        {"prompt": "login consent"},
        {"redirect_uri": "https://app.example/other"},
    ],
)
def test_more_than_was_agreed_to_is_asked(changes: dict[str, str | None]) -> None:
    two = msgspec.structs.replace(WEB, redirect_uris=("https://app.example/cb", "https://app.example/other"))
    records = world(two)
    client = agreed(records, two)
    assert must_ask(records, client, request(two, **changes), "ada")
    assert must_ask(records, client, request(two), "bob")


def test_another_client_with_the_same_redirect_uri_is_asked_about() -> None:
    other = msgspec.structs.replace(WEB, id="other")
    records = world(WEB, other)
    agreed(records)
    assert must_ask(records, records.need(OAuthClient, "other"), request(other), "ada")


def test_a_client_that_anybody_on_the_device_could_be_is_asked_about_each_time() -> None:
    records = world()
    client = agreed(records, NATIVE)
    assert must_ask(records, client, request(NATIVE), "ada")
    secret = msgspec.structs.replace(client, authentication="private_key_jwt")
    assert not must_ask(records, secret, request(NATIVE), "ada")


def test_a_client_that_was_made_anew_is_asked_about() -> None:
    records = world()
    client = agreed(records)
    newer = msgspec.structs.replace(client, created_at=NOW + 1)
    assert must_ask(records, newer, request(), "ada")
    assert not must_ask(records, msgspec.structs.replace(newer, source="metadata"), request(), "ada")


def test_the_free_port_of_a_loopback_address_is_no_part_of_the_record() -> None:
    records = world()
    for port in (1, 2):
        agreed(records, NATIVE, redirect_uri=f"http://127.0.0.1:{port}/cb", scope=("llm", "mcp")[port - 1])
    [consent] = records.find(Consent, user="ada")
    assert (consent.redirect_uri, consent.scopes) == ("http://127.0.0.1/cb", ("llm", "mcp"))
    assert recorded(records, NATIVE, "http://127.0.0.1:3/cb", "ada") == consent
    assert registered_redirect(NATIVE, "https://gone.example/") == "https://gone.example/"


def test_ids_of_consents_cannot_run_into_each_other() -> None:
    assert consent_id("a", "bc", "d") != consent_id("ab", "c", "d")
    assert consent_id('a","b', "c", "d") != consent_id("a", 'b","c', "d")


def test_a_user_sees_what_was_allowed_to_whom() -> None:
    two = msgspec.structs.replace(WEB, redirect_uris=("https://app.example/cb", "https://app.example/other"))
    records = world(two, NATIVE)
    agreed(records, two, resource=LLM.url)
    agreed(records, two, redirect_uri="https://app.example/other", scope="mcp")
    agreed(records, NATIVE)
    records.insert(refresh_token("t", "f"))
    records.delete(OAuthClient, "native")
    web, native = sorted(grants_of(records, "ada"), key=lambda g: g.client_id, reverse=True)
    assert (web.client_name, set(web.scopes), web.resources) == ("Web app", {"llm", "mcp"}, (LLM.url,))
    assert set(web.redirect_uris) == set(two.redirect_uris)
    assert (web.is_used, native.is_used, native.client_name) == (True, False, "native")
    assert grants_of(records, "bob") == []


def test_what_is_taken_back_takes_all_families_of_tokens_along_and_nothing_of_others() -> None:
    records = world()
    client = agreed(records)
    records.insert(refresh_token("t1", "f1"))
    records.insert(refresh_token("t2", "f2"))
    records.insert(refresh_token("t3", "f3", client="native"))
    records.insert(refresh_token("t4", "f4", user="bob"))
    for name, family in (("unused", ""), ("used", "f5")):
        records.insert(
            AuthorizationCode(
                id=name,
                client="web",
                user="ada",
                redirect_uri="https://app.example/cb",
                scopes=("llm",),
                code_challenge=CHALLENGE,
                auth_time=NOW,
                family=family,
                expires_at=NOW + 9,
            )
        )
    assert revoke_grant(records, "ada", "web", NOW) == 3
    assert revoke_grant(records, "ada", "web", NOW + 1) == 1  # what a used code was exchanged for, once more
    assert {row.id for row in records.find(RefreshToken)} == {"t3", "t4"}
    assert {row.id for row in records.find(RevokedToken)} == {"family:f1", "family:f2", "family:f5"}
    assert [row.id for row in records.find(AuthorizationCode)] == ["used"]
    assert must_ask(records, client, request(), "ada")
