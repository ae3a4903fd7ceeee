"""Credentials for upstreams, asked for when they are needed."""

import asyncio
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from entresol.core.errors import ClientError
from entresol.core.fetching import FetchRequest, FetchResponse, Steps
from entresol.identity.outgoing.granted import Caller, Granted, MustConnect, TokenRefused
from entresol.identity.outgoing.token_request import ACCESS_TOKEN, ID_JAG
from entresol.identity.outgoing.user_oauth import keep
from entresol.identity.records.upstreams import UpstreamAuth, UserGrant
from entresol.net.upstream_tokens import Credential, UpstreamTokens
from fake_records import MemoryStore
from unit.identity.outgoing.asking import ADA, CALLER, NOW, form_of, refusal, token_answer, upstream
from unit.net.scripted_upstream import ManualClock

T = TypeVar("T")


class TokenEndpoint:
    """Runs Steps; answers wait for `open`."""

    def __init__(self, *answers: FetchResponse) -> None:
        self.answers = list(answers)
        self.asked: list[FetchRequest] = []
        self.open = asyncio.Event()
        self.open.set()

    async def run(self, steps: Steps[T]) -> T:
        try:
            request = next(steps)
            while True:
                self.asked.append(request)
                await self.open.wait()
                request = steps.send(self.answers.pop(0))
        except StopIteration as ended:
            result: T = ended.value
            return result


class Signer:
    issuer = "https://gateway.example"

    def sign(self, claims: dict[str, Any], typ: str) -> str:
        return "signed"


class Here:
    """A worker with its store, clock and a token endpoint."""

    def __init__(self, *answers: FetchResponse) -> None:
        self.store = MemoryStore()
        self.endpoint = TokenEndpoint(*answers)
        self.clock = ManualClock()
        self.clock.seconds = float(NOW)
        self.tokens = UpstreamTokens(self.store, self.endpoint, Signer(), self.clock)

    async def value(self, auth: UpstreamAuth, caller: Caller = CALLER) -> str:
        found = await self.tokens.credential(auth, caller)
        assert isinstance(found, Credential)
        return found.value


EXCHANGED = token_answer(issued_token_type=ACCESS_TOKEN)
EXCHANGE = upstream(mode="token_exchange", audience="a")
OAUTH = upstream(mode="user_oauth")


@pytest.mark.anyio
async def test_an_upstream_that_wants_nothing_gets_nothing() -> None:
    assert await Here().tokens.credential(upstream(), CALLER) is None


@pytest.mark.anyio
async def test_a_static_secret_goes_where_the_upstream_wants_it() -> None:
    auth = upstream(mode="static", secret="k1", header="x-api-key", scheme="")
    found = await Here().tokens.credential(auth, CALLER)
    assert found == Credential("x-api-key", "k1")
    assert "k1" not in repr(found)


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["client_credentials", "entra_obo", "signed_identity"])
async def test_a_token_is_asked_for_once_and_then_kept(mode: str) -> None:
    here = Here(token_answer())
    auth = upstream(mode=mode, audience="a")
    first = await here.value(auth)
    assert first in ("Bearer fresh", "Bearer signed")
    assert await here.value(auth) == first


@pytest.mark.anyio
async def test_callers_who_come_together_share_one_call() -> None:
    here = Here(EXCHANGED)
    here.endpoint.open.clear()
    waiting = [asyncio.ensure_future(here.value(EXCHANGE)) for _ in range(20)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    here.endpoint.open.set()
    assert await asyncio.gather(*waiting[1:]) == ["Bearer fresh"] * 19
    assert len(here.endpoint.asked) == 1


@pytest.mark.anyio
async def test_two_users_have_two_tokens() -> None:
    here = Here(EXCHANGED, token_answer(access_token="eves", issued_token_type=ACCESS_TOKEN))
    eve = Caller(principal=replace(ADA, subject="eve"), subject_token="subject.token.eve")
    assert await here.value(EXCHANGE) == "Bearer fresh"
    assert await here.value(EXCHANGE, eve) == "Bearer eves"


@pytest.mark.anyio
async def test_a_refusal_is_not_asked_for_again_at_once() -> None:
    here = Here(refusal("access_denied"), EXCHANGED)
    for _ in range(2):
        with pytest.raises(TokenRefused, match="access_denied"):
            await here.value(EXCHANGE)
    here.clock.seconds += 5
    assert await here.value(EXCHANGE) == "Bearer fresh"
    assert len(here.endpoint.asked) == 2


@pytest.mark.anyio
async def test_after_a_401_one_more_token_is_asked_for_and_no_third_one() -> None:
    here = Here(EXCHANGED, token_answer(access_token="second", issued_token_type=ACCESS_TOKEN))
    first = await here.tokens.credential(EXCHANGE, CALLER)
    assert isinstance(first, Credential)
    assert here.tokens.refused_by_upstream(EXCHANGE, CALLER, first)
    assert not here.tokens.refused_by_upstream(EXCHANGE, CALLER, first)
    assert await here.value(EXCHANGE) == "Bearer second"
    static = Credential("x", "y")
    assert not here.tokens.refused_by_upstream(EXCHANGE, CALLER, static)


@pytest.mark.anyio
async def test_a_user_without_a_grant_must_connect() -> None:
    assert await Here().tokens.credential(OAUTH, CALLER) == MustConnect(upstream="github", reason="never")


@pytest.mark.anyio
async def test_a_stored_token_is_used_and_renewed_before_it_ends() -> None:
    here = Here(token_answer(refresh_token="r2"))
    granted = Granted(access_token="a1", refresh_token="r1", expires_at=NOW + 120)
    keep(here.store.records, OAUTH, ADA, granted)
    assert await here.value(OAUTH) == "Bearer a1"
    here.clock.seconds += 90
    assert await here.value(OAUTH) == "Bearer fresh"
    [stored] = here.store.records.find(UserGrant)
    assert (stored.access_token, stored.refresh_token) == ("fresh", "r2")


@pytest.mark.anyio
async def test_a_grant_that_is_not_renewed_is_broken_and_the_user_must_connect_again() -> None:
    here = Here(refusal("invalid_grant"))
    keep(here.store.records, OAUTH, ADA, Granted(access_token="a1", refresh_token="r1", expires_at=NOW + 10))
    for _ in range(2):
        assert await here.tokens.credential(OAUTH, CALLER) == MustConnect(upstream="github", reason="broken")
    assert len(here.endpoint.asked) == 1


@pytest.mark.anyio
async def test_a_trouble_of_the_server_does_not_break_a_grant() -> None:
    here = Here(refusal("temporarily_unavailable", 503))
    keep(here.store.records, OAUTH, ADA, Granted(access_token="a1", refresh_token="r1", expires_at=NOW + 10))
    with pytest.raises(TokenRefused):
        await here.value(OAUTH)
    assert here.store.records.find(UserGrant)[0].state == "good"


@pytest.mark.anyio
async def test_of_two_workers_that_renew_at_once_the_slower_one_takes_what_the_faster_one_got() -> None:
    here = Here(refusal("invalid_grant"))
    records = here.store.records
    keep(records, OAUTH, ADA, Granted(access_token="a1", refresh_token="r1", expires_at=NOW + 10))
    here.endpoint.open.clear()
    waiting = asyncio.ensure_future(here.value(OAUTH))
    await asyncio.sleep(0)
    keep(records, OAUTH, ADA, Granted(access_token="a2", refresh_token="r2", expires_at=NOW + 999))
    here.endpoint.open.set()
    assert await waiting == "Bearer a2"
    assert records.find(UserGrant)[0].state == "good"


@pytest.mark.anyio
async def test_a_virtual_key_cannot_be_exchanged() -> None:
    with pytest.raises(ClientError, match="no_subject_token"):
        await Here().value(EXCHANGE, Caller(principal=ADA))


@pytest.mark.anyio
@pytest.mark.parametrize(
    "mode", ["static", "client_credentials", "user_oauth", "token_exchange", "entra_obo", "id_jag", "signed_identity"]
)
async def test_the_token_that_came_in_never_goes_to_the_upstream(mode: str) -> None:
    here = Here(
        token_answer(issued_token_type=ID_JAG if mode == "id_jag" else ACCESS_TOKEN), token_answer(access_token="two")
    )
    auth = upstream(mode=mode, secret="s", audience="a", resource_token_endpoint="https://as.partner.example/token")
    keep(here.store.records, auth, ADA, Granted(access_token="stored"))
    caller = replace(CALLER, actor_token="actor.token")
    assert "subject.token.ada" not in await here.value(auth, caller)
    for request in here.endpoint.asked:
        form = form_of(request)
        shown = {name for name, value in form.items() if "subject.token.ada" in value}
        assert shown <= {"subject_token", "assertion"}
        assert not shown or request.url == auth.token_endpoint
        assert "subject.token.ada" not in str(request.headers)
