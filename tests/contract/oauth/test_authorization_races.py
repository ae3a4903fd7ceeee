"""At the authorization endpoint, too, what counts once counts once in real stores, however many ask at once."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from starlette.types import ASGIApp

from contract.store.databases import new_database, running_postgres
from entresol.auth_server.app import authorization_server
from entresol.core.fetching import FetchResponse
from entresol.core.record import Record
from entresol.identity.oauth.clients import create_initial_access_token
from entresol.identity.oauth.consents import revoke_grant
from entresol.identity.oauth.registration import sweep_unused
from entresol.identity.oauth.settings import OAuthSettings
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import AuthorizationCode, AuthorizationRequest, Consent
from entresol.store.envelope import Envelope
from entresol.store.sql.migrate import migrate
from entresol.store.sql.opening import SqlStore, open_store
from unit.auth_server.gateway import Gateway, token_for
from unit.identity.oauth.authorization import ADA, ISSUER, NATIVE, NOW, SETTINGS, WEB, asking

AT_ONCE = 8
Ask = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]
BASIC = {"redirect_uris": ["https://app.example/cb"]}


@pytest.fixture(scope="module")
def postgres() -> Iterator[Any]:
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqlStore]:
    url = f"sqlite:///{tmp_path / 'entresol.db'}"
    if request.param == "postgresql":
        url = await new_database(request.getfixturevalue("postgres").get_uri())
    opened = open_store(url, Envelope({"test": b"t" * 32}, "test"), lambda: NOW)
    await opened.on_tables(migrate)
    records: tuple[Record, ...] = (ADA, WEB, NATIVE)
    await opened.write(lambda found: [found.insert(record) for record in records])
    yield opened
    await opened.close()


class Racing:
    """The endpoints over a real store; each client is a node of its own."""

    def __init__(self, store: SqlStore, settings: OAuthSettings = SETTINGS) -> None:
        self.store = store
        self.gateway = Gateway(settings=settings)
        server = dataclasses.replace(self.gateway.server, store=store)
        self.apps = [authorization_server(server, browser=self.gateway.browser) for _ in range(AT_ONCE)]

    async def at_once(self, *asks: Ask) -> list[httpx.Response]:
        """All at the same moment, each on a node of its own."""
        return await asyncio.gather(*(_on(app, ask) for app, ask in zip(self.apps, asks, strict=True)))

    async def everywhere(self, ask: Ask) -> list[httpx.Response]:
        """The same on all nodes at the same moment."""
        return await self.at_once(*[ask] * AT_ONCE)

    async def once(self, ask: Ask) -> httpx.Response:
        """On one node."""
        return await _on(self.apps[0], ask)

    async def count(self, cls: type[Record], **equal: str) -> int:
        return await self.store.read(lambda records: records.count(cls, **equal))


async def _on(app: ASGIApp, ask: Ask) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=ISSUER, cookies={"user": "ada"}) as client:
        return await ask(client)


def authorizing(**changes: str | None) -> Ask:
    return lambda client: client.get("/authorize", params=dict(asking(**changes)))


def agreeing(form: dict[str, str]) -> Ask:
    return lambda client: client.post("/consent", data=form)


def statuses(answers: list[httpx.Response]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


@pytest.mark.anyio
async def test_one_approval_gives_one_code(store: SqlStore) -> None:
    racing = Racing(store)
    await racing.once(authorizing())
    handle = racing.gateway.browser.asked[0].handle
    form = {"request": handle, "decision": "allow", "csrf": token_for("ada")}
    answers = await racing.everywhere(lambda client: client.post("/consent", data=form))
    assert statuses(answers) == [303, *[400] * (AT_ONCE - 1)]
    assert await racing.count(AuthorizationCode) == await racing.count(Consent) == 1
    assert await racing.count(AuthorizationRequest) == 0


@pytest.mark.anyio
async def test_a_user_who_agrees_on_many_nodes_has_one_consent_and_takes_it_back_at_once(store: SqlStore) -> None:
    racing = Racing(store)
    scopes = ["llm", "mcp", "agents", "openid", "profile", "email", "offline_access", "llm mcp"]
    await racing.at_once(*(authorizing(scope=scope) for scope in scopes))
    forms = [
        {"request": question.handle, "decision": "allow", "csrf": token_for("ada")}
        for question in racing.gateway.browser.asked
    ]
    answers = await racing.at_once(*(agreeing(form) for form in forms))
    assert statuses(answers) == [303] * AT_ONCE
    [consent] = await store.read(lambda records: records.find(Consent, user="ada"))
    assert set(consent.scopes) == set(" ".join(scopes).split())
    await store.write(lambda records: revoke_grant(records, "ada", "web", NOW))
    assert await racing.count(Consent) == await racing.count(AuthorizationCode) == 0


@pytest.mark.anyio
async def test_a_pushed_request_is_used_once(store: SqlStore) -> None:
    racing = Racing(store)
    pushed = (await racing.once(lambda client: client.post("/par", data=dict(asking(NATIVE))))).json()
    parameters = {"client_id": "native", "request_uri": pushed["request_uri"]}
    answers = await racing.everywhere(lambda client: client.get("/authorize", params=parameters))
    assert statuses(answers) == [200, *[400] * (AT_ONCE - 1)]


@pytest.mark.anyio
async def test_an_initial_access_token_lets_as_many_in_as_it_says(store: SqlStore) -> None:
    racing = Racing(store, msgspec.structs.replace(SETTINGS, registration="token"))
    token = await store.write(
        lambda records: create_initial_access_token(
            records, name="ci", uses=3, lifetime_s=60, created_by="root", now=NOW
        )
    )
    headers = {"authorization": f"Bearer {token}"}
    answers = await racing.everywhere(lambda client: client.post("/register", json=BASIC, headers=headers))
    assert statuses(answers) == [201] * 3 + [401] * (AT_ONCE - 3)
    assert await racing.count(OAuthClient, source="registered") == 3


@pytest.mark.anyio
async def test_an_address_registers_as_many_clients_as_it_may_on_all_nodes_together(store: SqlStore) -> None:
    racing = Racing(store, msgspec.structs.replace(SETTINGS, registrations_per_hour=3))
    answers = await racing.everywhere(lambda client: client.post("/register", json=BASIC))
    assert statuses(answers) == [201] * 3 + [429] * (AT_ONCE - 3)
    removed = await store.write(lambda records: sweep_unused(records, SETTINGS, NOW + 86_400))
    assert removed == 3
    assert await racing.count(OAuthClient) == 2


@pytest.mark.anyio
async def test_nodes_that_read_the_same_document_agree(store: SqlStore) -> None:
    racing = Racing(store)
    url = "https://tool.example/client.json"
    body = {"client_id": url, "client_name": "Tool", "redirect_uris": ["https://tool.example/cb"]}
    racing.gateway.web[url] = FetchResponse(
        status=200, headers={"content-type": "application/json"}, body=json.dumps(body).encode()
    )
    answers = await racing.everywhere(authorizing(client_id=url, redirect_uri="https://tool.example/cb"))
    assert statuses(answers) == [200] * AT_ONCE
    assert len(racing.gateway.fetched) > 1
    assert await racing.count(OAuthClient, source="metadata") == 1
