"""What counts once, counts once in real stores, too, however many ask at the same moment."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from contract.store.databases import new_database, running_postgres
from entresol.auth_server.context import AuthServer
from entresol.auth_server.token_parts import token_parts
from entresol.core.record import Record
from entresol.identity.oauth.handles import handle_digest
from entresol.identity.records.accounts import ServiceAccount, User
from entresol.identity.records.sessions import AuthorizationCode, RefreshToken
from entresol.identity.records.signing_keys import SigningKey
from entresol.store.envelope import Envelope
from entresol.store.sql.migrate import migrate
from entresol.store.sql.opening import SqlStore, open_store
from unit.auth_server.token_gateway import BACKEND, BASIC, CHALLENGE, KEYED, PUBLIC, REDIRECT, VERIFIER, TokenGateway
from unit.identity.oauth.authorization import NOW

AT_ONCE = 8


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
    records: tuple[Record, ...] = (
        User(id="ada", organisation="org", username="ada"),
        ServiceAccount(id="ci", organisation="org", name="ci"),
        PUBLIC,
        BACKEND,
        KEYED,
    )
    await opened.write(lambda found: [found.insert(record) for record in records])
    yield opened
    await opened.close()


class Racing:
    """The endpoints over a real store."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.gateway = TokenGateway()
        server: AuthServer = dataclasses.replace(self.gateway.server, store=store)
        self.app = Starlette(routes=[route for part in token_parts(server) for route in part.routes()])

    async def ask(self, *requests: Callable[[], dict[str, Any]], headers: Any = None) -> list[httpx.Response]:
        """All at once."""
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="https://gateway.example") as client:
            return await asyncio.gather(*(client.post("/token", data=made(), headers=headers) for made in requests))

    async def code(self) -> str:
        """A code for Ada."""
        code = AuthorizationCode(
            id=handle_digest("code"),
            client="public",
            user="ada",
            redirect_uri=REDIRECT,
            scopes=("llm",),
            code_challenge=CHALLENGE,
            auth_time=NOW,
            expires_at=NOW + 60,
        )
        await self.store.write(lambda records: records.insert(code))
        return "code"


def redeeming(code: str) -> dict[str, Any]:
    return {"grant_type": "authorization_code", "client_id": "public", "code": code, "code_verifier": VERIFIER}


@pytest.mark.anyio
async def test_a_code_is_redeemed_once(store: SqlStore) -> None:
    racing = Racing(store)
    code = await racing.code()
    answers = await racing.ask(*[lambda: redeeming(code)] * AT_ONCE)
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * (AT_ONCE - 1)
    assert {answer.json()["error"] for answer in answers if answer.status_code == 400} == {"invalid_grant"}
    assert await store.read(lambda records: records.count(RefreshToken)) == 0  # the second use ended the family


@pytest.mark.anyio
async def test_a_refresh_token_has_one_successor(store: SqlStore) -> None:
    racing = Racing(store)
    code = await racing.code()
    (first,) = await racing.ask(lambda: redeeming(code))
    token = first.json()["refresh_token"]
    asked = {"grant_type": "refresh_token", "client_id": "public", "refresh_token": token}
    answers = await racing.ask(*[lambda: asked] * AT_ONCE)
    assert [answer.status_code for answer in answers] == [200] * AT_ONCE
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    assert await store.read(lambda records: records.count(RefreshToken)) == 2


@pytest.mark.anyio
async def test_an_assertion_counts_once(store: SqlStore) -> None:
    racing = Racing(store)
    asked = {"grant_type": "client_credentials", **racing.gateway.asserted()}
    answers = await racing.ask(*[lambda: asked] * AT_ONCE)
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * (AT_ONCE - 1)


@pytest.mark.anyio
async def test_a_proof_counts_once(store: SqlStore) -> None:
    racing = Racing(store)
    headers = BASIC | racing.gateway.dpop()
    answers = await racing.ask(*[lambda: {"grant_type": "client_credentials"}] * AT_ONCE, headers=headers)
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * (AT_ONCE - 1)


@pytest.mark.anyio
async def test_all_workers_make_one_first_key(store: SqlStore) -> None:
    racing = Racing(store)
    answers = await racing.ask(*[lambda: {"grant_type": "client_credentials"}] * AT_ONCE, headers=BASIC)
    assert [answer.status_code for answer in answers] == [200] * AT_ONCE
    keys = await store.read(lambda records: records.find(SigningKey))
    assert [key.state for key in keys] == ["active"]
