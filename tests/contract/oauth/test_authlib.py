"""Authlib as a relying party."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from authlib.common.security import generate_token  # type: ignore[import-untyped]
from authlib.integrations.httpx_client import OAuth2Client  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.jwk import KeySet

from contract.oauth.stand import Stand
from entresol.identity.oauth.clients import create_client
from entresol.identity.records.oauth_clients import OAuthClient

CALLBACK = "https://app.example/cb"


@pytest.fixture(params=["client_secret_basic", "client_secret_post", "none"])
def client(stand: Stand, request: pytest.FixtureRequest) -> Iterator[OAuth2Client]:
    draft = OAuthClient(id="", name="App", authentication=request.param, redirect_uris=(CALLBACK,))
    kept, secret = create_client(stand.gateway.records, draft)
    with OAuth2Client(
        kept.id,
        secret or None,
        token_endpoint_auth_method=request.param,
        redirect_uri=CALLBACK,
        scope="openid profile mcp offline_access",
        code_challenge_method="S256",
        verify=stand.trust,
    ) as session:
        yield session


def test_authlib_signs_a_user_in_and_uses_and_refreshes_the_tokens(stand: Stand, client: OAuth2Client) -> None:
    server = client.request("GET", f"{stand.issuer}/.well-known/openid-configuration", withhold_token=True).json()
    verifier, nonce = generate_token(64), generate_token(20)
    url, state = client.create_authorization_url(
        server["authorization_endpoint"], code_verifier=verifier, nonce=nonce, resource=stand.resource.url
    )
    answer = stand.person().allow(url)
    assert parse_qs(urlsplit(answer).query)["iss"] == [stand.issuer]
    token = client.fetch_token(
        server["token_endpoint"], authorization_response=answer, state=state, code_verifier=verifier
    )
    assert client.get(stand.resource.url).json() == {
        "sub": "ada",
        "scope": token["scope"],
        "client": client.client_id,
    }
    keys = KeySet.import_key_set(client.request("GET", server["jwks_uri"], withhold_token=True).json())
    claims = jwt.decode(token["id_token"], keys, algorithms=server["id_token_signing_alg_values_supported"]).claims
    assert (claims["iss"], claims["sub"], claims["nonce"]) == (stand.issuer, "ada", nonce)
    assert client.client_id in claims["aud"]
    fresh = client.refresh_token(server["token_endpoint"], refresh_token=token["refresh_token"])
    assert fresh["refresh_token"] != token["refresh_token"]
    assert client.get(stand.resource.url).status_code == 200
