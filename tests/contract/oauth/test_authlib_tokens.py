"""Authlib as a program: its own name, signed assertions, devices, exchange, introspection and revocation."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from authlib.integrations.base_client import OAuthError  # type: ignore[import-untyped]
from authlib.integrations.httpx_client import OAuth2Client  # type: ignore[import-untyped]
from authlib.oauth2.rfc7523 import ClientSecretJWT, PrivateKeyJWT  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from contract.oauth.stand import Stand
from entresol.identity.oauth.clients import GRANTS, create_client
from entresol.identity.oauth.device import approve_device, deny_device
from entresol.identity.records.accounts import ServiceAccount
from entresol.identity.records.oauth_clients import OAuthClient
from unit.identity.oauth.authorization import session
from unit.identity.oauth.keys import jwks

KEY = ECKey.generate_key("P-256", {"kid": "app-1"}, private=True)
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


@pytest.fixture(scope="module", autouse=True)
def account(stand: Stand) -> None:
    stand.gateway.records.insert(ServiceAccount(id="ci", organisation="org", name="ci"))


def client_of(stand: Stand, method: str, **fields: Any) -> OAuth2Client:
    """A client of Authlib's for a program that an administrator has just registered."""
    draft = OAuthClient(
        id="",
        name="Program",
        organisation="org",
        authentication=method,  # type: ignore[arg-type]
        redirect_uris=("https://app.example/cb",),
        grant_types=("refresh_token", DEVICE) if method == "none" else tuple(sorted(GRANTS)),
        service_account=None if method == "none" else "ci",
        **fields,
    )
    kept, secret = create_client(stand.gateway.records, draft)
    return OAuth2Client(kept.id, secret or None, token_endpoint_auth_method=method, verify=stand.trust)


@pytest.fixture(params=["client_secret_basic", "client_secret_post"])
def program(stand: Stand, request: pytest.FixtureRequest) -> Iterator[OAuth2Client]:
    with client_of(stand, request.param, may_exchange=True) as client:
        yield client


def url(stand: Stand, path: str) -> str:
    return f"{stand.issuer}{path}"


def test_a_program_gets_a_token_in_its_own_name(stand: Stand, program: OAuth2Client) -> None:
    token = program.fetch_token(url(stand, "/token"), grant_type="client_credentials", scope="mcp")
    assert (token["token_type"], token["scope"]) == ("Bearer", "mcp")
    assert program.get(stand.resource.url).json()["sub"] == "ci"


def test_an_access_token_is_what_rfc_9068_says(stand: Stand, program: OAuth2Client) -> None:
    """By Authlib's own reading of the specification, with the keys that we publish."""
    from authlib.oauth2.rfc9068.claims import JWTAccessTokenClaims  # type: ignore[import-untyped]

    token = program.fetch_token(url(stand, "/token"), grant_type="client_credentials", scope="mcp")["access_token"]
    keys = KeySet.import_key_set(program.request("GET", url(stand, "/jwks"), withhold_token=True).json())
    decoded = jwt.decode(token, keys, algorithms=["ES256"])
    assert decoded.header["typ"] == "at+jwt"
    options = {
        "iss": {"essential": True, "value": stand.issuer},
        "aud": {"essential": True, "value": stand.resource.url},
        **{name: {"essential": True} for name in ("exp", "sub", "client_id", "iat", "jti")},
    }
    JWTAccessTokenClaims(decoded.claims, decoded.header, options=options).validate(now=stand.gateway.now)


def test_a_program_signs_its_own_assertions(stand: Stand) -> None:
    with client_of(stand, "private_key_jwt", jwks=jwks(KEY)) as client:
        client.client_secret = KEY
        client.register_client_auth_method(PrivateKeyJWT(url(stand, "/token"), alg="ES256", headers={"kid": KEY.kid}))
        for _ in range(2):
            token = client.fetch_token(url(stand, "/token"), grant_type="client_credentials")
            assert token["access_token"]


def test_an_assertion_made_with_a_shared_secret_is_refused(stand: Stand) -> None:
    with client_of(stand, "private_key_jwt", jwks=jwks(KEY)) as client:
        client.client_secret = KEY.thumbprint() * 2
        client.token_endpoint_auth_method = "client_secret_jwt"
        client.register_client_auth_method(ClientSecretJWT(url(stand, "/token")))
        with pytest.raises(OAuthError) as refusal:
            client.fetch_token(url(stand, "/token"), grant_type="client_credentials")
        assert refusal.value.error == "invalid_client"


def test_a_device_is_let_in_by_its_user(stand: Stand) -> None:
    with client_of(stand, "none") as client:
        begun = client.request(
            "POST",
            url(stand, "/device_authorization"),
            data={"client_id": client.client_id, "scope": "openid mcp"},
            withhold_token=True,
        ).json()
        with pytest.raises(OAuthError) as refusal:
            client.fetch_token(url(stand, "/token"), grant_type=DEVICE, device_code=begun["device_code"])
        assert refusal.value.error == "authorization_pending"
        approve_device(stand.gateway.records, begun["user_code"], session(), stand.gateway.now)
        token = client.fetch_token(url(stand, "/token"), grant_type=DEVICE, device_code=begun["device_code"])
        assert {"access_token", "refresh_token", "id_token"} <= token.keys()
        assert client.get(stand.resource.url).json()["sub"] == "ada"


def test_a_device_is_refused_by_its_user(stand: Stand) -> None:
    with client_of(stand, "none") as client:
        begun = client.request(
            "POST",
            url(stand, "/device_authorization"),
            data={"client_id": client.client_id},
            withhold_token=True,
        ).json()
        deny_device(stand.gateway.records, begun["user_code"], stand.gateway.now)
        with pytest.raises(OAuthError) as refusal:
            client.fetch_token(url(stand, "/token"), grant_type=DEVICE, device_code=begun["device_code"])
        assert refusal.value.error == "access_denied"


def test_a_token_is_exchanged_introspected_and_revoked(stand: Stand, program: OAuth2Client) -> None:
    own = program.fetch_token(url(stand, "/token"), grant_type="client_credentials", scope="mcp")["access_token"]
    narrowed = program.fetch_token(
        url(stand, "/token"), grant_type=EXCHANGE, subject_token=own, subject_token_type=ACCESS_TOKEN, scope="mcp"
    )
    assert narrowed["issued_token_type"] == ACCESS_TOKEN
    found = program.introspect_token(url(stand, "/introspect"), token=narrowed["access_token"]).json()
    assert (found["active"], found["sub"], found["iss"]) == (True, "ci", stand.issuer)
    assert found["exp"] > int(time.time())
    answer = program.revoke_token(url(stand, "/revoke"), token=narrowed["access_token"])
    assert answer.status_code == 200
    found = program.introspect_token(url(stand, "/introspect"), token=narrowed["access_token"]).json()
    assert found == {"active": False}
