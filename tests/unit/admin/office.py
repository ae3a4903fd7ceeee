"""The Admin API over a store in memory, with real keys and a clock that a test moves.

office = Office()
answer = office.as_("ada").get("/users")
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpx
import msgspec

from entresol.admin.app import BASE, admin_api, admin_resource
from entresol.core.decision import Deny
from entresol.identity.authenticate import Authenticator, Pending
from entresol.identity.jit import assignment_id
from entresol.identity.own_access import OwnTokens
from entresol.identity.presented import Presented
from entresol.identity.principal import Principal
from entresol.identity.records.access import RoleAssignment
from entresol.identity.records.accounts import Organisation, ServiceAccount, Team, User
from entresol.identity.snapshot import take
from entresol.identity.virtual_keys import Wanted, create, pepper_of
from fake_records import MemoryStore

MODELS: Final = "https://models.example"
ISSUER: Final = "https://gateway.example"
NOW: Final = 1_900_000_000
EVERY: Final = frozenset(("llm", "mcp", "agents", "admin:read", "admin:write", "admin:*"))


class NoOthers:
    """No other issuer is trusted."""

    def check(self, token: bytes, now: int, *, proofs: frozenset[str] = frozenset()) -> Any:
        return Deny(401, "invalid_token", "nobody issues this")


class Office:
    """Ada owns `org`, Ben administers it, Cy reads it, Dora belongs to it; Eve owns `other`."""

    def __init__(self) -> None:
        self.now = NOW
        self.store = MemoryStore(lambda: self.now)
        self.records = self.store.records
        for name in ("org", "other"):
            self.records.insert(Organisation(id=name, organisation=name, name=name))
        for name, role in (("ada", "owner"), ("ben", "admin"), ("cy", "auditor"), ("dora", "")):
            self.add_user(name, role)
        self.add_user("eve", "owner", "other")
        pepper = pepper_of(self.records)
        self.door = Authenticator(
            pepper, OwnTokens(ISSUER, {}, frozenset()), NoOthers(), frozenset((admin_resource(ISSUER),))
        )
        self.authenticate: Callable[[Presented], Awaitable[Principal | Deny]] = self._authenticate
        self.app = admin_api(
            self.store,
            lambda presented: self.authenticate(presented),
            lambda: self.now,
            ISSUER,
            (MODELS,),
            lambda _: "192.0.2.1",
        )

    def add_user(self, name: str, role: str = "", organisation: str = "org", **fields: Any) -> User:
        """Somebody, perhaps with a built-in role."""
        user = self.records.insert(User(id=f"usr_{name}", organisation=organisation, username=name, **fields))
        if role:
            self.give(role, "user", user.id, organisation)
        return user

    def add_service(self, name: str, role: str = "") -> ServiceAccount:
        """A service account."""
        account = self.records.insert(ServiceAccount(id=f"svc_{name}", organisation="org", name=name))
        if role:
            self.give(role, "service_account", account.id)
        return account

    def add_team(self, name: str, role: str = "", parent: str | None = None) -> Team:
        """A team."""
        team = self.records.insert(Team(id=f"team_{name}", organisation="org", name=name, parent=parent))
        if role:
            self.give(role, "team", team.id)
        return team

    def give(self, role: str, kind: Any, grantee: str, organisation: str = "org") -> None:
        """A role."""
        self.records.insert(
            RoleAssignment(
                id=assignment_id(role, kind, grantee),
                organisation=organisation,
                role=role,
                grantee_kind=kind,
                grantee=grantee,
            )
        )

    def key_of(self, name: str, *scopes: str, **bounds: Any) -> str:
        """A key of a user, or of `svc_…`."""
        owner: Any = self.records.get(ServiceAccount, name) or self.records.need(User, f"usr_{name}")
        wanted = Wanted(name="test", scopes=scopes or ("admin:*",), **bounds)
        return create(self.records, owner, wanted, "test", EVERY, self.now).key

    def as_(self, name: str, *scopes: str, **bounds: Any) -> "Caller":
        """Somebody who calls the API with a key of theirs."""
        return Caller(self, self.key_of(name, *scopes, **bounds))

    async def _authenticate(self, presented: Presented) -> Principal | Deny:
        self.door.use(take(self.records, ISSUER))
        found = self.door.authenticate(presented, self.now)
        assert not isinstance(found, Pending)
        return found


class Caller:
    """Sends requests with a credential."""

    def __init__(self, office: Office, credential: str) -> None:
        self._office = office
        self.credential = credential

    def get(self, path: str, **how: Any) -> httpx.Response:
        return self.send("GET", path, **how)

    def post(self, path: str, body: Any = None, **how: Any) -> httpx.Response:
        return self.send("POST", path, content=msgspec.json.encode({} if body is None else body), **how)

    def patch(self, path: str, body: Any, **how: Any) -> httpx.Response:
        return self.send("PATCH", path, content=msgspec.json.encode(body), **how)

    def delete(self, path: str, **how: Any) -> httpx.Response:
        return self.send("DELETE", path, **how)

    def send(self, method: str, path: str, headers: dict[str, str] | None = None, **how: Any) -> httpx.Response:
        """One request. The application is called as it is mounted: its own paths only."""
        sent = {"authorization": f"Bearer {self.credential}"} if self.credential else {}

        async def request() -> httpx.Response:
            transport = httpx.ASGITransport(self._office.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=ISSUER) as client:
                return await client.request(method, path, headers=sent | (headers or {}), **how)

        return asyncio.run(request())


def code_of(answer: httpx.Response) -> str:
    """The code of an error, which has to be a problem."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"] == f"urn:entresol:error:{body['code']}"
    code: str = body["code"]
    return code


__all__ = ["BASE", "ISSUER", "NOW", "Caller", "Office", "code_of"]
