"""The MCP SDK's extensions for programs and enterprises: client credentials, signed assertions, ID-JAG."""

import asyncio
import dataclasses
import time
from collections.abc import Iterator, Sequence
from typing import Any

import httpx2
import pytest
from joserfc.jwk import ECKey
from mcp.client.auth.extensions.client_credentials import (
    ClientCredentialsOAuthProvider,
    PrivateKeyJWTOAuthProvider,
    SignedJWTParameters,
)
from mcp.client.auth.extensions.identity_assertion import IdentityAssertionOAuthProvider
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken

from contract.oauth.stand import Protected, Stand
from entresol.auth_server.app import Part
from entresol.auth_server.context import AuthServer
from entresol.auth_server.token_parts import token_parts
from entresol.identity.oauth.clients import create_client
from entresol.identity.records.accounts import ExternalIdentity, ServiceAccount
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.workloads import FederatedAssertions
from unit.identity.issuing import ES256, ISSUER, issuer, sign, verifier
from unit.identity.oauth.keys import jwks

KEY = ECKey.generate_key("P-256", {"kid": "program-1"}, private=True)
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Enterprise(Stand):
    """A stand that trusts an enterprise's provider."""

    def _parts(self, server: AuthServer) -> Sequence[Part]:
        trusted = verifier(issuer(audiences=()))
        federated = dataclasses.replace(server, verifier=FederatedAssertions(lambda: trusted))
        return (*token_parts(federated), Protected(server, self.resource))


@pytest.fixture(scope="module")
def enterprise(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enterprise]:
    with Enterprise(tmp_path_factory.mktemp("enterprise")) as running:
        records = running.gateway.records
        records.insert(ServiceAccount(id="ci", organisation="org", name="ci"))
        records.insert(ExternalIdentity(id="x", organisation="org", user="ada", issuer=ISSUER, subject="idp-ada"))
        yield running


class Nothing:
    """The SDK's storage, which forgets."""

    async def get_tokens(self) -> OAuthToken | None:
        return None

    async def set_tokens(self, tokens: OAuthToken) -> None: ...

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return None

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None: ...


def program(stand: Stand, **fields: Any) -> tuple[OAuthClient, str]:
    """A client that an administrator has just registered, and its secret."""
    values: dict[str, Any] = {"service_account": "ci", "grant_types": ("client_credentials",), **fields}
    return create_client(stand.gateway.records, OAuthClient(id="", name="Program", organisation="org", **values))


def call(stand: Stand, auth: httpx2.Auth) -> dict[str, Any]:
    async def answer() -> dict[str, Any]:
        async with httpx2.AsyncClient(auth=auth, verify=stand.trust) as client:
            response = await client.get(stand.resource.url)
            assert response.status_code == 200, response.text
            found: dict[str, Any] = response.json()
            return found

    return asyncio.run(answer())


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_program_with_a_secret(enterprise: Enterprise, method: Any) -> None:
    client, secret = program(enterprise, authentication=method)
    auth = ClientCredentialsOAuthProvider(
        enterprise.resource.url,
        Nothing(),
        client.id,
        secret,
        token_endpoint_auth_method=method,
        issuer=enterprise.issuer,
    )
    assert call(enterprise, auth) == {"sub": "ci", "scope": "mcp", "client": client.id}


def test_a_program_that_signs_assertions(enterprise: Enterprise) -> None:
    client, _ = program(enterprise, authentication="private_key_jwt", jwks=jwks(KEY))
    signing = SignedJWTParameters(
        issuer=client.id,
        subject=client.id,
        signing_key=KEY.as_pem(private=True).decode(),
        signing_algorithm="ES256",
    )
    auth = PrivateKeyJWTOAuthProvider(
        enterprise.resource.url,
        Nothing(),
        client.id,
        signing.create_assertion_provider(),
        issuer=enterprise.issuer,
    )
    assert call(enterprise, auth) == {"sub": "ci", "scope": "mcp", "client": client.id}


def test_a_user_whom_the_enterprise_vouches_for(enterprise: Enterprise) -> None:
    client, secret = program(
        enterprise, authentication="client_secret_post", grant_types=(JWT_BEARER,), service_account=None
    )

    async def id_jag(audience: str, resource: str) -> str:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": "idp-ada",
            "aud": audience,
            "client_id": client.id,
            "resource": resource,
            "scope": "mcp",
            "iat": now,
            "exp": now + 300,
            "jti": str(time.monotonic_ns()),
        }
        return sign(claims, ES256, typ="oauth-id-jag+jwt").decode()

    auth = IdentityAssertionOAuthProvider(
        enterprise.resource.url, Nothing(), client.id, secret, enterprise.issuer, id_jag, scope="mcp"
    )
    assert call(enterprise, auth) == {"sub": "ada", "scope": "mcp", "client": client.id}
