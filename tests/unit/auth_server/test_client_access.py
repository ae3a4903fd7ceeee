"""What endpoints for clients begin with."""

import msgspec

from entresol.core.fetching import FetchResponse
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import UsedOnce
from unit.auth_server.token_gateway import BASIC, KEYED, SUBJECT, TokenGateway, error_of
from unit.identity.oauth.keys import EC, OTHER_EC, jwks

OWN = "client_credentials"
JWKS_URI = "https://app.example/jwks"


def test_all_ways_of_authentication_are_taken() -> None:
    gateway = TokenGateway()
    gateway.certificate = SUBJECT
    assert gateway.token(OWN, BASIC).status_code == 200
    assert gateway.token(OWN, client_id="backend", client_secret="s3cret").status_code == 200
    assert gateway.token(OWN, **gateway.asserted()).status_code == 200
    assert gateway.token(OWN, client_id="mtls").status_code == 200


def test_an_assertion_is_used_up_whatever_comes_after() -> None:
    gateway = TokenGateway()
    assertion = gateway.asserted()
    assert error_of(gateway.token("password", **assertion)) == (400, "unsupported_grant_type")
    assert gateway.records.count(UsedOnce) == 1
    assert error_of(gateway.token(OWN, **assertion)) == (401, "invalid_client")


def test_the_endpoint_s_own_url_is_an_audience() -> None:
    gateway = TokenGateway()
    assertion = gateway.asserted(aud=gateway.server.url("/revoke"))
    assert gateway.post("/revoke", data={"token": "x", **assertion}).status_code == 200
    assert error_of(gateway.token(OWN, **gateway.asserted(aud=gateway.server.url("/revoke"))))[0] == 401


def test_keys_that_a_client_publishes_are_read_when_they_are_needed() -> None:
    gateway = TokenGateway()
    record = gateway.records.need(OAuthClient, KEYED.id)
    gateway.records.replace(msgspec.structs.replace(record, jwks="", jwks_uri=JWKS_URI))
    assert error_of(gateway.token(OWN, **gateway.asserted()))[0] == 401
    assert [request.url for request in gateway.fetched] == [JWKS_URI]
    gateway.web[JWKS_URI] = FetchResponse(status=200, body=jwks(EC).encode())
    assert error_of(gateway.token(OWN, **gateway.asserted()))[0] == 401
    gateway.now += 60
    assert gateway.token(OWN, **gateway.asserted()).status_code == 200
    assert gateway.token(OWN, **gateway.asserted()).status_code == 200
    assert len(gateway.fetched) == 2
    gateway.now += 60
    assert error_of(gateway.token(OWN, **gateway.asserted(OTHER_EC)))[0] == 401
    assert len(gateway.fetched) == 3


def test_clients_of_domains_that_are_denied_now_are_not_let_in() -> None:
    gateway = TokenGateway()
    url = "https://denied.example/client"
    gateway.records.insert(OAuthClient(id=url, name="x", source="metadata"))
    gateway.server.settings.metadata_client_domains["denied.example"] = "deny"
    try:
        assert error_of(gateway.token("refresh_token", client_id=url, refresh_token="x")) == (401, "invalid_client")
    finally:
        del gateway.server.settings.metadata_client_domains["denied.example"]
