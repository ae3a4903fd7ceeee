"""Credentials for upstreams, asked for when they are needed: one at a time for each key, however many calls wait.

found = await tokens.credential(auth, caller)
if isinstance(found, MustConnect): ...
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Final, Protocol, TypeVar

import msgspec

from entresol.core.errors import GatewayError
from entresol.core.fetching import Steps
from entresol.core.ports import Clock
from entresol.core.storage import Store
from entresol.identity.outgoing.cache import CacheKey, TokenCache, cache_key
from entresol.identity.outgoing.client_credentials import by_client_credentials
from entresol.identity.outgoing.entra_obo import by_entra_obo
from entresol.identity.outgoing.granted import Caller, Granted, MustConnect, TokenRefused
from entresol.identity.outgoing.id_jag import by_id_jag
from entresol.identity.outgoing.signed_identity import Signer, by_signed_identity
from entresol.identity.outgoing.token_exchange import by_token_exchange
from entresol.identity.outgoing.token_request import needed
from entresol.identity.outgoing.user_oauth import grant_id, keep, note_broken, renew
from entresol.identity.records.upstreams import UpstreamAuth, UserGrant

T = TypeVar("T")
RENEWED_AHEAD_S: Final = 60
"""How long before its end a user's stored token is renewed."""


class Runner(Protocol):
    """What runs Steps: `net.fetcher.Fetcher`."""

    async def run(self, steps: Steps[T]) -> T:
        """Drive a piece of work to its end."""


class Credential(msgspec.Struct, frozen=True):
    """A field of the request to the upstream."""

    header: str
    value: str
    token: str = ""
    """What may be given to `refused_by_upstream`."""

    def __repr__(self) -> str:
        return f"Credential({self.header}, ***)"


class UpstreamTokens:
    """Credentials of one worker, on its event loop."""

    def __init__(self, store: Store, runner: Runner, signer: Signer, clock: Clock) -> None:
        self._store = store
        self._runner = runner
        self._signer = signer
        self._clock = clock
        self._cache = TokenCache()
        self._flights: dict[CacheKey, asyncio.Task[Granted | MustConnect]] = {}

    async def credential(self, auth: UpstreamAuth, caller: Caller) -> Credential | MustConnect | None:
        """What to send to the upstream for this caller; None where it wants nothing.

        Raises GatewayError: TokenRefused, FetchFailed, StoreDown, `no_subject_token`, `upstream_auth_incomplete`.
        """
        if auth.mode == "none":
            return None
        if auth.mode == "static":
            return _credential(auth, needed(auth, "secret"))
        key = cache_key(auth, _for_whom(auth, caller))
        known = self._cache.get(key, int(self._clock.now()))
        found = await self._asked(key, auth, caller) if known is None else known
        return found if isinstance(found, MustConnect) else _credential(auth, found.access_token)

    def refused_by_upstream(self, auth: UpstreamAuth, caller: Caller, credential: Credential) -> bool:
        """The upstream answered 401. True if another credential may be asked for, once."""
        if not credential.token:
            return False
        return self._cache.forget(cache_key(auth, _for_whom(auth, caller)), credential.token)

    async def _asked(self, key: CacheKey, auth: UpstreamAuth, caller: Caller) -> Granted | MustConnect:
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.get_running_loop().create_task(self._ask(key, auth, caller))
            self._flights[key] = flight
            flight.add_done_callback(partial(self._landed, key))
        return await asyncio.shield(flight)  # one caller who goes away must not fail the others

    def _landed(self, key: CacheKey, flight: "asyncio.Task[Granted | MustConnect]") -> None:
        self._flights.pop(key, None)
        if not flight.cancelled():
            flight.exception()  # whoever waits raises it; nobody may be left

    async def _ask(self, key: CacheKey, auth: UpstreamAuth, caller: Caller) -> Granted | MustConnect:
        now = int(self._clock.now())
        try:
            found = await _BY_MODE[auth.mode](self, auth, caller, now)
        except GatewayError as refusal:
            self._cache.put_refusal(key, refusal, now)
            raise
        if isinstance(found, Granted):
            self._cache.put(key, found, auth, caller, now)
        return found

    def _run(self, steps: Steps[Granted]) -> Coroutine[Any, Any, Granted]:
        return self._runner.run(steps)

    async def _by_user_oauth(self, auth: UpstreamAuth, caller: Caller, now: int) -> Granted | MustConnect:
        principal = caller.principal
        record_id = grant_id(auth.id, principal)
        grant = await self._store.read(lambda records: records.get(UserGrant, record_id))
        if grant is None:
            return MustConnect(upstream=auth.id, reason="never")
        if grant.expires_at is None or grant.expires_at - RENEWED_AHEAD_S > now:
            return Granted(access_token=grant.access_token, expires_at=grant.expires_at, scopes=grant.scopes)
        if grant.state == "broken" or not grant.refresh_token:
            return MustConnect(upstream=auth.id, reason="broken")
        try:
            fresh = await self._run(renew(auth, grant, now))
        except TokenRefused as refusal:
            if refusal.error != "invalid_grant":
                raise
            return await self._after_refusal(grant, now)
        await self._store.write(lambda records: keep(records, auth, principal, fresh))
        return fresh

    async def _after_refusal(self, grant: UserGrant, now: int) -> Granted | MustConnect:
        """Another worker may have used the refresh token just before us: then its tokens are good."""
        await self._store.write(lambda records: note_broken(records, grant))
        newer = await self._store.read(lambda records: records.get(UserGrant, grant.id))
        if newer is None or newer.state == "broken" or (newer.expires_at or now + 1) <= now:
            return MustConnect(upstream=grant.upstream, reason="broken")
        return Granted(access_token=newer.access_token, expires_at=newer.expires_at, scopes=newer.scopes)

    async def _signed(self, auth: UpstreamAuth, caller: Caller, now: int) -> Granted:
        return by_signed_identity(auth, caller.principal, self._signer, now)


_Mode = Callable[[UpstreamTokens, UpstreamAuth, Caller, int], Awaitable[Granted | MustConnect]]
_BY_MODE: Final[dict[str, _Mode]] = {
    "client_credentials": lambda tokens, auth, caller, now: tokens._run(by_client_credentials(auth, now)),
    "token_exchange": lambda tokens, auth, caller, now: tokens._run(by_token_exchange(auth, caller, now)),
    "entra_obo": lambda tokens, auth, caller, now: tokens._run(by_entra_obo(auth, caller, now)),
    "id_jag": lambda tokens, auth, caller, now: tokens._run(by_id_jag(auth, caller, now)),
    "user_oauth": UpstreamTokens._by_user_oauth,
    "signed_identity": UpstreamTokens._signed,
}


def _credential(auth: UpstreamAuth, token: str) -> Credential:
    value = f"{auth.scheme} {token}" if auth.scheme else token
    return Credential(auth.header, value, "" if auth.mode == "static" else token)


def _for_whom(auth: UpstreamAuth, caller: Caller) -> Caller:
    """A stored grant and a signed identity do not depend on the token that the caller came with."""
    if auth.mode in ("user_oauth", "signed_identity", "client_credentials"):
        return Caller(principal=caller.principal)
    return caller
