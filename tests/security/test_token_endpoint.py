"""Attacks on the token endpoint and what is around it, over HTTP. Each test fails without the defence it is about."""

import base64
import hmac
import json
from typing import Any

import httpx
import msgspec
import pytest

from entresol.identity.oauth.delegation import chain_of
from entresol.identity.oauth.device import approve_device
from entresol.identity.oauth.grant_exchange import ACCESS_TOKEN
from entresol.identity.oauth.handles import handle_digest
from entresol.identity.oauth.signed_tokens import peek
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import AuthorizationCode, DeviceGrant
from unit.auth_server.token_gateway import (
    BACKEND,
    BASIC,
    CHALLENGE,
    IDP,
    KEYED,
    PUBLIC,
    TOKEN_URL,
    VERIFIER,
    TokenGateway,
    client,
    error_of,
)
from unit.identity.oauth.authorization import ISSUER, LLM, MCP, session
from unit.identity.oauth.keys import EC, OTHER_EC, RSA, jwks, public, signed
from unit.identity.oauth.token_scene import asserted

CODE = "authorization_code"
OWN = "client_credentials"
REFRESH = "refresh_token"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
REFUSED = (400, "invalid_grant")


def refreshed(gateway: TokenGateway, token: str, headers: dict[str, str] | None = None, **more: str) -> httpx.Response:
    return gateway.token(REFRESH, headers, **{"client_id": "public", "refresh_token": token, **more})


def exchanged(gateway: TokenGateway, token: str, headers: dict[str, str] = BASIC, /, **more: str) -> httpx.Response:
    return gateway.token(EXCHANGE, headers, subject_token=token, subject_token_type=ACCESS_TOKEN, **more)


def b64(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


# Codes: injection, reuse, confusion of clients


def test_a_stolen_code_is_worth_nothing_without_its_verifier() -> None:
    gateway = TokenGateway()
    stolen = gateway.code()
    attacker = "a" * 43
    assert error_of(gateway.redeemed(stolen, code_verifier=attacker)) == REFUSED


def test_an_injected_code_does_not_fit_the_victims_request() -> None:
    """The attacker's own code, put into the victim's client, which adds the victim's verifier."""
    gateway = TokenGateway()
    attackers = gateway.code(code_challenge="A" * 43)
    assert error_of(gateway.redeemed(attackers)) == REFUSED


def test_a_verifier_cannot_be_searched_for() -> None:
    gateway = TokenGateway()
    code = gateway.code()
    assert error_of(gateway.redeemed(code, code_verifier="w" * 43)) == REFUSED
    assert error_of(gateway.redeemed(code)) == REFUSED


def test_a_second_use_of_a_code_ends_what_the_first_brought() -> None:
    gateway = TokenGateway()
    code = gateway.code()
    first = gateway.redeemed(code).json()
    assert gateway.active(first["access_token"])
    assert error_of(gateway.redeemed(code)) == REFUSED
    assert not gateway.active(first["access_token"])
    assert error_of(refreshed(gateway, first["refresh_token"])) == REFUSED


def test_a_code_is_not_another_clients() -> None:
    gateway = TokenGateway()
    code = gateway.code()
    assert error_of(gateway.redeemed(code, BASIC, client_id="backend")) == REFUSED
    confidential = gateway.code(BACKEND)
    assert error_of(gateway.redeemed(confidential)) == REFUSED
    assert error_of(gateway.redeemed(confidential, client_id="backend")) == (401, "invalid_client")


def test_a_code_is_not_good_at_another_redirect_uri() -> None:
    gateway = TokenGateway()
    assert error_of(gateway.redeemed(gateway.code(), redirect_uri="https://app.example/cb/../evil")) == REFUSED


# PKCE downgrade


def test_a_plain_challenge_is_never_one() -> None:
    gateway = TokenGateway()
    code = gateway.code()
    kept = gateway.records.need(AuthorizationCode, handle_digest(code))
    gateway.records.replace(msgspec.structs.replace(kept, code_challenge=VERIFIER))
    assert error_of(gateway.redeemed(code, code_challenge_method="plain")) == REFUSED


def test_the_challenge_is_not_its_own_verifier() -> None:
    gateway = TokenGateway()
    assert error_of(gateway.redeemed(gateway.code(), code_verifier=CHALLENGE)) == REFUSED


def test_a_verifier_cannot_be_left_out() -> None:
    gateway = TokenGateway()
    for missing in ("", " "):
        assert error_of(gateway.redeemed(gateway.code(), code_verifier=missing)) == REFUSED


@pytest.mark.parametrize("verifier", [VERIFIER, ""])
def test_a_code_without_challenge_fits_nothing(verifier: str) -> None:
    """A challenge that was stripped from the authorization request (RFC 9700 §4.8)."""
    gateway = TokenGateway()
    code = gateway.code()
    kept = gateway.records.need(AuthorizationCode, handle_digest(code))
    gateway.records.replace(msgspec.structs.replace(kept, code_challenge=""))
    assert error_of(gateway.redeemed(code, code_verifier=verifier)) == REFUSED


# Refresh tokens


def test_a_replayed_refresh_token_ends_the_family_of_thief_and_owner() -> None:
    gateway = TokenGateway()
    stolen = gateway.signed_in()["refresh_token"]
    thief = refreshed(gateway, stolen).json()
    gateway.now += 60
    assert error_of(refreshed(gateway, stolen)) == REFUSED
    assert error_of(refreshed(gateway, thief["refresh_token"])) == REFUSED
    assert not gateway.active(thief["access_token"])


def test_the_patience_with_lost_answers_makes_no_second_line() -> None:
    gateway = TokenGateway()
    stolen = gateway.signed_in()["refresh_token"]
    owner, thief = refreshed(gateway, stolen).json(), refreshed(gateway, stolen).json()
    assert owner["refresh_token"] == thief["refresh_token"]
    first = refreshed(gateway, owner["refresh_token"]).json()
    gateway.now += 60
    assert error_of(refreshed(gateway, thief["refresh_token"])) == REFUSED
    assert error_of(refreshed(gateway, first["refresh_token"])) == REFUSED


def test_a_stolen_token_that_was_used_twice_over_ends_the_family_at_once() -> None:
    gateway = TokenGateway()
    stolen = gateway.signed_in()["refresh_token"]
    second = refreshed(gateway, stolen).json()
    third = refreshed(gateway, second["refresh_token"]).json()
    assert error_of(refreshed(gateway, stolen)) == REFUSED
    assert error_of(refreshed(gateway, third["refresh_token"])) == REFUSED


def test_a_refresh_token_is_not_another_clients() -> None:
    gateway = TokenGateway()
    token = gateway.signed_in()["refresh_token"]
    assert error_of(refreshed(gateway, token, BASIC, client_id="backend")) == REFUSED
    assert error_of(refreshed(gateway, token)) == REFUSED


@pytest.mark.parametrize("scope", ["llm mcp", "llm admin:*", "llm openid offline_access", "admin:read"])
def test_scopes_do_not_grow_at_refresh(scope: str) -> None:
    gateway = TokenGateway()
    token = gateway.signed_in(scope="llm")["refresh_token"]
    assert error_of(refreshed(gateway, token, scope=scope)) == (400, "invalid_scope")


def test_audiences_do_not_grow_at_refresh() -> None:
    gateway = TokenGateway()
    token = gateway.signed_in(resource=MCP.url)["refresh_token"]
    assert error_of(refreshed(gateway, token, resource=LLM.url)) == (400, "invalid_target")


# Proofs of possession


def test_a_proof_counts_once() -> None:
    gateway = TokenGateway()
    header = gateway.dpop()
    assert gateway.token(OWN, BASIC | header).status_code == 200
    assert error_of(gateway.token(OWN, BASIC | header)) == (400, "invalid_dpop_proof")


def test_a_proof_stays_used_even_when_the_request_was_refused() -> None:
    gateway = TokenGateway()
    header = gateway.dpop()
    assert error_of(gateway.redeemed("wrong", header)) == REFUSED
    assert error_of(gateway.redeemed(gateway.code(), header)) == (400, "invalid_dpop_proof")


@pytest.mark.parametrize(
    "changed",
    [
        {"url": f"{ISSUER}/revoke"},
        {"url": TOKEN_URL.replace("https", "http")},
        {"url": "https://evil.example/token"},
        {"method": "GET"},
        {"iat": 1_600_000_000},
        {"iat": 1_800_000_000},
        {"jti": ""},
    ],
)
def test_a_proof_for_something_else_is_none(changed: dict[str, Any]) -> None:
    gateway = TokenGateway()
    assert error_of(gateway.token(OWN, BASIC | gateway.dpop(**changed))) == (400, "invalid_dpop_proof")


def test_the_host_that_a_request_names_does_not_make_a_proof_fit() -> None:
    gateway = TokenGateway()
    headers = BASIC | gateway.dpop(url="https://evil.example/token") | {"host": "evil.example"}
    assert error_of(gateway.token(OWN, headers)) == (400, "invalid_dpop_proof")


def test_a_stripped_proof_does_not_make_a_bearer_token_of_a_bound_one() -> None:
    gateway = TokenGateway()
    bound = gateway.signed_in(gateway.dpop())["refresh_token"]
    for headers in ({}, gateway.dpop(OTHER_EC)):
        assert error_of(refreshed(gateway, bound, headers)) == (400, "invalid_dpop_proof")
    assert refreshed(gateway, bound, gateway.dpop()).json()["token_type"] == "DPoP"


def test_a_bound_token_cannot_be_exchanged_for_an_unbound_one() -> None:
    gateway = TokenGateway()
    bound = gateway.signed_in(gateway.dpop())["access_token"]
    for headers in ({}, gateway.dpop(OTHER_EC)):
        assert error_of(exchanged(gateway, bound, BASIC | headers)) == (400, "invalid_dpop_proof")


def test_a_code_that_is_bound_to_a_key_is_not_redeemed_with_another() -> None:
    gateway = TokenGateway()
    for headers in ({}, gateway.dpop(OTHER_EC)):
        code = gateway.code(dpop_jkt=EC.thumbprint())
        assert error_of(gateway.redeemed(code, headers)) == (400, "invalid_dpop_proof")


# Assertions of clients


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "https://other.example"},
        {"aud": [ISSUER, "https://other.example"]},
        {"iss": "backend"},
        {"exp": 1_600_000_000},
        {"exp": 1_700_090_000},
        {"jti": ""},
        {"iat": 1_600_000_000},
    ],
)
def test_an_assertion_for_another_server_or_time_is_refused(changed: dict[str, Any]) -> None:
    gateway = TokenGateway()
    assert error_of(gateway.token(OWN, **gateway.asserted(**changed))) == (401, "invalid_client")


def test_an_assertion_counts_once() -> None:
    gateway = TokenGateway()
    assertion = gateway.asserted()
    assert gateway.token(OWN, **assertion).status_code == 200
    assert error_of(gateway.token(OWN, **assertion)) == (401, "invalid_client")


def forged(gateway: TokenGateway) -> dict[str, str]:
    """Assertions that the client's key has not signed, by what is wrong with them."""
    claims = {"iss": "keyed", "sub": "keyed", "aud": ISSUER, "exp": gateway.now + 60}
    good = signed({**claims, "jti": "0"})
    message = f"{b64({'alg': 'HS256', 'kid': 'ec-1'})}.{b64({**claims, 'jti': '2'})}"
    mac = hmac.digest(EC.as_pem(private=False), message.encode(), "sha256")
    return {
        "alg none": f"{b64({'alg': 'none'})}.{b64({**claims, 'jti': '1'})}.",
        "HS256 with the public key": f"{message}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}",
        "another key": signed({**claims, "jti": "3"}, OTHER_EC, kid="ec-1"),
        "embedded key": signed({**claims, "jti": "4"}, OTHER_EC, kid=None, jwk=public(OTHER_EC)),
        "jku": signed({**claims, "jti": "5"}, OTHER_EC, jku="https://evil.example/jwks"),
        "kid traversal": signed({**claims, "jti": "6"}, OTHER_EC, kid="../../../dev/null"),
        "another algorithm": signed({**claims, "jti": "7"}, RSA, "RS256", kid="ec-1"),
        "changed claims": good.replace(good.split(".")[1], b64({**claims, "sub": "keyed", "jti": "8"})),
    }


@pytest.mark.parametrize("what", forged(TokenGateway()))
def test_an_assertion_that_its_key_has_not_signed_is_refused(what: str) -> None:
    gateway = TokenGateway()
    assertion = gateway.asserted() | {"client_assertion": forged(gateway)[what]}
    assert error_of(gateway.token(OWN, **assertion)) == (401, "invalid_client")
    assert gateway.fetched == []


def test_a_client_is_not_whoever_else_has_a_key() -> None:
    gateway = TokenGateway()
    gateway.records.insert(client("evil", authentication="private_key_jwt", jwks=jwks(OTHER_EC)))
    assert error_of(gateway.token(OWN, **gateway.asserted(OTHER_EC)))[0] == 401
    evil = gateway.asserted(OTHER_EC, iss="evil", sub="evil")
    assert error_of(gateway.token(OWN, **evil, client_id=KEYED.id))[0] == 401


def test_two_ways_of_authentication_are_none() -> None:
    gateway = TokenGateway()
    for more in ({"client_secret": "s3cret", "client_id": "backend"}, gateway.asserted()):
        assert error_of(gateway.token(OWN, BASIC, **more)) == (400, "invalid_request")


def test_a_client_with_credentials_is_nobody_without_them() -> None:
    gateway = TokenGateway()
    for client_id in ("backend", "keyed", "mtls"):
        assert error_of(gateway.token(OWN, client_id=client_id)) == (401, "invalid_client")


def test_a_certificate_is_believed_from_the_connection_only() -> None:
    gateway = TokenGateway()
    headers = {"x-client-cert": "CN=mtls,O=Example", "x-ssl-client-s-dn": "CN=mtls,O=Example"}
    assert error_of(gateway.token(OWN, headers, client_id="mtls")) == (401, "invalid_client")


def test_secrets_are_compared_by_digests_of_one_length_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the comparison depends on how much of a secret is right, how long it is, or whether it exists."""
    gateway = TokenGateway()
    real, seen = hmac.compare_digest, []

    def counted(a: str, b: str) -> bool:
        seen.append((len(a), len(b)))
        return real(a, b)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    for client_id, secret in (("backend", "s3creT"), ("backend", "x"), ("backend", "x" * 999), ("nobody", "s3cret")):
        seen.clear()
        refused = gateway.token(OWN, client_id=client_id, client_secret=secret)
        assert error_of(refused) == (401, "invalid_client")
        assert refused.json() == {
            "error": "invalid_client",
            "error_description": "the client is unknown, or its credentials are wrong",
        }
        assert seen == [(64, 64), (64, 64)]


def test_parameters_are_read_from_one_place_once() -> None:
    gateway = TokenGateway()
    headers = BASIC | {"content-type": "application/x-www-form-urlencoded"}
    twice = gateway.post("/token", content=b"grant_type=client_credentials&scope=llm&scope=mcp", headers=headers)
    assert error_of(twice) == (400, "invalid_request")
    in_the_url = gateway.post("/token?grant_type=client_credentials", content=b"", headers=headers)
    assert error_of(in_the_url) == (400, "invalid_request")


# Exchange and assertions of other issuers


def test_scopes_do_not_grow_at_exchange() -> None:
    gateway = TokenGateway()
    token = gateway.signed_in(scope="llm")["access_token"]
    for scope in ("mcp", "llm mcp", "admin:*"):
        assert error_of(exchanged(gateway, token, scope=scope)) == (400, "invalid_scope")
    assert exchanged(gateway, token).json()["scope"] == "llm"


def test_lifetime_does_not_grow_at_exchange() -> None:
    gateway = TokenGateway()
    token = gateway.signed_in()["access_token"]
    gateway.now += 590
    again = exchanged(gateway, token).json()
    assert again["expires_in"] == 10
    gateway.now += 10
    assert error_of(exchanged(gateway, again["access_token"])) == (400, "invalid_request")


def test_nobody_passes_for_the_subject() -> None:
    """Exchange is delegation: who acts stands in the token, whatever the request says."""
    gateway = TokenGateway()
    token = gateway.signed_in()["access_token"]
    for more in ({}, {"act": '{"sub":"root"}'}, {"requested_actor": "root"}, {"may_act": '{"sub":"ci"}'}):
        claims = peek(exchanged(gateway, token, **more).json()["access_token"]).claims
        assert (claims["sub"], claims["act"], claims["client_id"]) == ("ada", {"sub": "ci"}, "backend")


def test_a_forged_chain_of_actors_is_not_signed_by_us() -> None:
    gateway = TokenGateway()
    claims = peek(gateway.signed_in()["access_token"]).claims
    kid = gateway.get("/jwks").json()["keys"][0]["kid"]
    for header in ({"kid": kid}, {"kid": None, "jwk": public(EC)}):
        chained = signed(claims | {"act": {"sub": "root"}}, **{"typ": "at+jwt", **header})
        assert error_of(exchanged(gateway, chained)) == (400, "invalid_request")


def test_a_chain_of_another_issuer_names_it() -> None:
    """Its actors cannot pass for ours."""
    gateway = TokenGateway()
    gateway.trusted["jwt"] = asserted(issuer=IDP, claims={"act": {"sub": "ci", "act": {"sub": "root"}}})
    claims = peek(exchanged(gateway, "jwt").json()["access_token"]).claims
    nested = {"sub": "ci", "iss": IDP, "act": {"sub": "root", "iss": IDP}}
    assert claims["act"] == {"sub": "ci", "act": nested}
    assert chain_of(claims, ISSUER, ISSUER, 4) == claims["act"]


def test_a_chain_does_not_grow_without_end() -> None:
    gateway = TokenGateway()
    act: dict[str, Any] = {"sub": "0"}
    for n in range(50):
        act = {"sub": str(n), "act": act}
    gateway.trusted["jwt"] = asserted(issuer=IDP, claims={"act": act})
    assert error_of(exchanged(gateway, "jwt")) == (400, "invalid_request")


def test_only_whom_the_subject_names_may_act() -> None:
    gateway = TokenGateway()
    gateway.trusted["jwt"] = asserted(issuer=IDP, claims={"may_act": {"sub": "somebody", "iss": ISSUER}})
    assert error_of(exchanged(gateway, "jwt")) == (400, "invalid_request")


def test_an_actors_token_that_was_stolen_proves_nothing() -> None:
    gateway = TokenGateway()
    gateway.records.insert(client("evil", authentication="private_key_jwt", jwks=jwks(OTHER_EC), may_exchange=True))
    stolen = gateway.token(OWN, BASIC).json()["access_token"]
    assertion = gateway.asserted(OTHER_EC, iss="evil", sub="evil")
    token = gateway.signed_in()["access_token"]
    refused = exchanged(gateway, token, {}, actor_token=stolen, actor_token_type=ACCESS_TOKEN, **assertion)
    assert error_of(refused) == (400, "invalid_request")


def test_a_client_that_may_not_exchange_does_not() -> None:
    gateway = TokenGateway()
    token = gateway.signed_in()["access_token"]
    assert error_of(exchanged(gateway, token, {}, client_id="public")) == (400, "unauthorized_client")
    assert error_of(exchanged(gateway, token, {}, **gateway.asserted())) == (400, "unauthorized_client")


def test_a_revoked_token_is_not_exchanged() -> None:
    gateway = TokenGateway()
    token = gateway.signed_in()["access_token"]
    gateway.post("/revoke", data={"client_id": "public", "token": token})
    assert error_of(exchanged(gateway, token)) == (400, "invalid_request")


def test_an_id_token_or_a_refresh_token_is_no_subject() -> None:
    gateway = TokenGateway()
    tokens = gateway.signed_in(scope="openid llm")
    for token in (tokens["id_token"], tokens["refresh_token"]):
        assert error_of(exchanged(gateway, token)) == (400, "invalid_request")


def id_jag(**claims: Any) -> Any:
    values = {"client_id": "backend", "aud": ISSUER, "jti": "1", **claims}
    return asserted(issuer=IDP, type="oauth-id-jag+jwt", claims=values)


def test_an_identity_assertion_counts_once() -> None:
    gateway = TokenGateway()
    gateway.trusted["jwt"] = id_jag()
    assert gateway.token(JWT_BEARER, BASIC, assertion="jwt").status_code == 200
    assert error_of(gateway.token(JWT_BEARER, BASIC, assertion="jwt")) == REFUSED


@pytest.mark.parametrize("claims", [{"client_id": "keyed"}, {"aud": "https://other.example"}, {"jti": ""}])
def test_an_identity_assertion_for_another_client_or_server_is_refused(claims: dict[str, Any]) -> None:
    gateway = TokenGateway()
    gateway.trusted["jwt"] = id_jag(**claims)
    assert error_of(gateway.token(JWT_BEARER, BASIC, assertion="jwt")) == REFUSED


def test_the_same_subject_at_another_issuer_is_somebody_else() -> None:
    gateway = TokenGateway()
    for kind in ("", "oauth-id-jag+jwt"):
        for subject in ("idp-ada", "repo:main"):
            gateway.trusted["jwt"] = msgspec.structs.replace(
                id_jag(jti=kind + subject), issuer="https://evil.example", subject=subject, type=kind
            )
            assert error_of(gateway.token(JWT_BEARER, BASIC, assertion="jwt")) == REFUSED


def test_a_token_for_another_purpose_is_no_assertion() -> None:
    gateway = TokenGateway()
    for kind in ("at+jwt", "dpop+jwt", "client-authentication+jwt"):
        gateway.trusted["jwt"] = asserted(issuer=IDP, subject="repo:main", type=kind)
        assert error_of(gateway.token(JWT_BEARER, assertion="jwt")) == REFUSED


# Devices


def begun(gateway: TokenGateway) -> dict[str, Any]:
    codes: dict[str, Any] = gateway.post("/device_authorization", data={"client_id": "public"}).json()
    return codes


def test_device_codes_cannot_be_guessed() -> None:
    gateway = TokenGateway()
    codes = begun(gateway)
    approve_device(gateway.records, codes["user_code"], session(), gateway.now)
    assert len(base64.urlsafe_b64decode(codes["device_code"].removeprefix("edc_") + "=")) == 32
    guesses = (codes["user_code"], codes["device_code"][:-1], gateway.records.find(DeviceGrant)[0].id)
    for guess in guesses:
        assert error_of(gateway.token(DEVICE, client_id="public", device_code=guess)) == REFUSED


def test_a_device_code_is_not_another_clients() -> None:
    gateway = TokenGateway()
    codes = begun(gateway)
    approve_device(gateway.records, codes["user_code"], session(), gateway.now)
    assert error_of(gateway.token(DEVICE, BASIC, device_code=codes["device_code"])) == REFUSED


def test_a_device_code_brings_tokens_once() -> None:
    gateway = TokenGateway()
    codes = begun(gateway)
    approve_device(gateway.records, codes["user_code"], session(), gateway.now)
    polled = {"client_id": "public", "device_code": codes["device_code"]}
    assert gateway.token(DEVICE, **polled).status_code == 200
    assert error_of(gateway.token(DEVICE, **polled)) == REFUSED


def test_bait_for_device_phishing_is_not_made_by_the_dozen() -> None:
    gateway = TokenGateway()
    answers = [gateway.post("/device_authorization", data={"client_id": "public"}).status_code for _ in range(12)]
    assert answers == [200] * 10 + [429] * 2


def test_who_polls_without_end_is_slowed_down() -> None:
    gateway = TokenGateway()
    polled = {"client_id": "public", "device_code": begun(gateway)["device_code"]}
    errors = [gateway.token(DEVICE, **polled).json()["error"] for _ in range(3)]
    assert errors == ["authorization_pending", "slow_down", "slow_down"]
    assert gateway.records.find(DeviceGrant)[0].interval_s == 15


# Tenants, people who are gone, and secrets


def test_a_client_of_one_tenant_gets_no_tokens_of_another() -> None:
    gateway = TokenGateway()
    code = gateway.code()
    token = gateway.signed_in()["access_token"]
    for known in (PUBLIC, BACKEND):
        record = gateway.records.need(OAuthClient, known.id)
        gateway.records.replace(msgspec.structs.replace(record, organisation="other"))
    assert error_of(gateway.redeemed(code)) == REFUSED
    assert error_of(exchanged(gateway, token)) == REFUSED


def test_no_answer_or_record_holds_a_secret_that_can_be_used() -> None:
    gateway = TokenGateway()
    code = gateway.code()
    tokens = gateway.redeemed(code).json()
    again = refreshed(gateway, tokens["refresh_token"]).json()
    device = begun(gateway)["device_code"]
    kept = repr(gateway.records.tables)
    for secret in (code, tokens["refresh_token"], again["refresh_token"], tokens["access_token"], device, "s3cret"):
        assert secret not in kept
    wrong = gateway.token(OWN, client_id="backend", client_secret="hunter2hunter2")
    assert "hunter2" not in wrong.text
