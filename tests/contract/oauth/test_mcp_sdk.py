"""The MCP SDK's OAuth client against our metadata, registration, documents and tokens."""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

from contract.oauth.stand import Stand
from entresol.core.fetching import FetchResponse
from entresol.identity.records.oauth_clients import OAuthClient

DOCUMENT = "https://desktop.example/client.json"


class Memory:
    """The SDK's storage."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


async def call(stand: Stand, memory: Memory, document: str | None) -> dict[str, Any]:
    """Call the protected resource as the SDK does: without a token first."""
    answers: list[str] = []

    async def open_browser(url: str) -> None:
        answers.append(await asyncio.to_thread(stand.person().allow, url))

    async def callback() -> AuthorizationCodeResult:
        answer = {name: values[0] for name, values in parse_qs(urlsplit(answers[-1]).query).items()}
        return AuthorizationCodeResult(code=answer["code"], state=answer["state"], iss=answer["iss"])

    provider = OAuthClientProvider(
        stand.resource.url,
        OAuthClientMetadata(
            redirect_uris=[AnyUrl("http://127.0.0.1:53999/cb")],
            client_name="Desktop",
            grant_types=["authorization_code", "refresh_token"],
            token_endpoint_auth_method="none",
        ),
        memory,
        open_browser,
        callback,
        client_metadata_url=document,
    )
    async with httpx2.AsyncClient(auth=provider, verify=stand.trust) as client:
        answer = await client.get(stand.resource.url)
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found


@pytest.mark.parametrize("document", [None, DOCUMENT], ids=["registers", "has a metadata document"])
def test_the_mcp_sdk_finds_its_way_from_a_401_to_an_answer(stand: Stand, document: str | None) -> None:
    members = {"client_id": DOCUMENT, "client_name": "Desktop", "redirect_uris": ["http://127.0.0.1/cb"]}
    members["grant_types"] = ["authorization_code", "refresh_token"]
    stand.gateway.web[DOCUMENT] = FetchResponse(
        status=200, headers={"content-type": "application/json"}, body=json.dumps(members).encode()
    )
    memory = Memory()
    answer = asyncio.run(call(stand, memory, document))
    assert answer["sub"] == "ada"
    assert "mcp" in answer["scope"].split()
    client = stand.gateway.records.need(OAuthClient, answer["client"])
    assert client.source == ("registered" if document is None else "metadata")
    assert client.is_native
    assert memory.tokens is not None
    assert memory.tokens.refresh_token
