"""The token endpoint over HTTP."""

import pytest

from entresol.core.storage import StoreDown
from entresol.identity.oauth.signed_tokens import peek
from unit.auth_server.token_gateway import BASIC, IDP, PUBLIC, TokenGateway, error_of
from unit.identity.oauth.authorization import ISSUER
from unit.identity.oauth.token_scene import asserted

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def test_a_sign_in_ends_in_tokens_that_no_cache_keeps() -> None:
    gateway = TokenGateway()
    answer = gateway.redeemed(gateway.code(scope="openid llm"), {"origin": "https://app.example"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.json().keys() >= {"access_token", "refresh_token", "id_token"}


def test_scripts_may_ask_with_their_proofs() -> None:
    answer = TokenGateway().run(lambda client: client.options("/token", headers={"origin": "https://app.example"}))
    assert answer.status_code == 204
    assert "DPoP" in answer.headers["access-control-allow-headers"]


def test_a_workload_needs_no_client() -> None:
    gateway = TokenGateway()
    gateway.trusted["jwt"] = asserted(issuer=IDP, subject="repo:main", stands_for="service")
    assert gateway.token(JWT_BEARER, assertion="jwt").status_code == 200
    assert error_of(gateway.token(JWT_BEARER, assertion="other")) == (400, "invalid_grant")
    assert error_of(gateway.token("client_credentials")) == (401, "invalid_client")
    assert error_of(gateway.token(JWT_BEARER, client_id="nobody", assertion="jwt")) == (401, "invalid_client")


def test_what_is_no_form_is_refused() -> None:
    gateway = TokenGateway()
    assert error_of(gateway.post("/token", json={"grant_type": "client_credentials"}, headers=BASIC))[0] == 400
    assert gateway.get("/token").status_code == 405
    in_the_url = gateway.post("/token?grant_type=client_credentials&client_id=backend&client_secret=s3cret")
    assert in_the_url.status_code == 400


def test_the_store_may_be_down() -> None:
    gateway = TokenGateway()

    def down(work: object) -> None:
        raise StoreDown("no connection")

    gateway.store.read = down  # type: ignore[method-assign, assignment]
    assert error_of(gateway.token("client_credentials", BASIC)) == (503, "temporarily_unavailable")


def test_a_replay_is_logged_without_what_was_replayed(caplog: pytest.LogCaptureFixture) -> None:
    gateway = TokenGateway()
    code = gateway.code()
    family = peek(gateway.redeemed(code).json()["access_token"]).text("fam")
    caplog.clear()
    gateway.redeemed(code)
    (line,) = [record for record in caplog.records if record.name == "entresol.auth_server.token"]
    assert line.levelname == "WARNING"
    assert family in line.getMessage()
    assert "127.0.0.1" in line.getMessage()
    assert code not in line.getMessage()


def test_the_metadata_say_what_there_is() -> None:
    document = TokenGateway().get("/.well-known/oauth-authorization-server").json()
    assert document["token_endpoint"] == f"{ISSUER}/token"
    assert document["jwks_uri"] == f"{ISSUER}/jwks"
    assert document["device_authorization_endpoint"] == f"{ISSUER}/device_authorization"
    assert document["introspection_endpoint"] == f"{ISSUER}/introspect"
    assert document["revocation_endpoint"] == f"{ISSUER}/revoke"
    assert JWT_BEARER in document["grant_types_supported"]
    assert "private_key_jwt" in document["token_endpoint_auth_methods_supported"]
    assert "none" not in document["introspection_endpoint_auth_methods_supported"]
    assert "ES256" in document["dpop_signing_alg_values_supported"]


def test_a_client_s_code_is_redeemed_with_its_credentials() -> None:
    gateway = TokenGateway()
    code = gateway.code(PUBLIC)
    assert error_of(gateway.redeemed(code, BASIC, client_id="backend")) == (400, "invalid_grant")
