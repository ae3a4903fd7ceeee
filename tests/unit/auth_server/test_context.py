"""What endpoints are given."""

import asyncio
from collections.abc import Sequence

import pytest
from starlette.requests import Request

from entresol.auth_server.context import AuthServer, peer_of
from entresol.core.fetching import FetchFailed, FetchRequest, FetchResponse, Steps
from entresol.core.storage import Records
from entresol.identity.oauth.assertions import AssertionRefused, VerifiedAssertion
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.resources import ProtectedResources
from entresol.identity.oauth.settings import OAuthSettings
from entresol.identity.records.sessions import UsedOnce
from fake_records import MemoryStore


class NoIssuers:
    def verify(self, token: str, audiences: Sequence[str], now: int) -> Steps[VerifiedAssertion]:
        raise AssertionRefused("no issuer is trusted")
        yield


async def fetch(request: FetchRequest) -> FetchResponse:
    if request.url.endswith("/down"):
        raise FetchFailed(request.url, "down")
    return FetchResponse(status=200, body=request.url.encode())


def server(store: MemoryStore | None = None) -> AuthServer:
    return AuthServer(
        store=store or MemoryStore(),
        clock=lambda: 1_700_000_000,
        settings=OAuthSettings(issuer="https://gw.example/auth"),
        resources=lambda: ProtectedResources(()),
        fetch=fetch,
        verifier=NoIssuers(),
    )


def two_calls() -> Steps[bytes]:
    first = yield FetchRequest(url="https://a.example/up")
    try:
        yield FetchRequest(url="https://a.example/down")
    except FetchFailed:
        return first.body
    return b"the second answered"


def test_steps_get_their_answers_and_their_failures() -> None:
    assert asyncio.run(server().run(two_calls())) == b"https://a.example/up"


def test_what_steps_do_not_catch_comes_out() -> None:
    def steps() -> Steps[None]:
        yield FetchRequest(url="https://a.example/down")

    with pytest.raises(FetchFailed):
        asyncio.run(server().run(steps()))


def test_what_a_refusal_wrote_stays_written() -> None:
    store = MemoryStore()

    def work(records: Records) -> None:
        records.insert(UsedOnce(id="jti", expires_at=1))
        raise OAuthError("invalid_grant", "no")

    with pytest.raises(OAuthError):
        asyncio.run(server(store).settle(work))
    assert store.records.get(UsedOnce, "jti") is not None


def test_what_a_fault_wrote_is_undone() -> None:
    store = MemoryStore()

    def work(records: Records) -> None:
        records.insert(UsedOnce(id="jti", expires_at=1))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        asyncio.run(server(store).settle(work))
    assert store.records.get(UsedOnce, "jti") is None


def test_endpoints_are_below_the_issuer() -> None:
    assert server().url("/token") == "https://gw.example/auth/token"


def test_the_peer_is_the_socket_s() -> None:
    scope = {"type": "http", "client": ("192.0.2.1", 1), "headers": [(b"x-forwarded-for", b"203.0.113.9")]}
    assert peer_of(Request(scope)).address == "192.0.2.1"
