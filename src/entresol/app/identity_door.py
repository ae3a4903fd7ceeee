"""The door: who is asking, kept up to date with the store.

A snapshot is taken beside the event loop whenever records that it is made of change, and swapped in; keys and issuers
likewise. With the store down the last snapshot goes on answering.
"""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, Protocol, TypeVar

import msgspec
from joserfc.jwk import Key

from entresol.core.decision import Deny
from entresol.core.fetching import Steps
from entresol.core.ports import Clock
from entresol.core.storage import Records, Store, StoreDown
from entresol.identity.authenticate import Authenticator, Pending
from entresol.identity.issuer_trust import TrustedIssuers
from entresol.identity.jwks import KeyCaches
from entresol.identity.jwt_results import NeedKeys
from entresol.identity.jwt_verification import Verifier
from entresol.identity.oauth.signed_tokens import public_key
from entresol.identity.own_access import OwnTokens
from entresol.identity.presented import Presented
from entresol.identity.principal import Principal
from entresol.identity.records.issuers import Issuer
from entresol.identity.records.signing_keys import SigningKey
from entresol.identity.snapshot import READ, Snapshot, take
from entresol.identity.virtual_keys import pepper_of

logger = logging.getLogger("entresol.identity")

T = TypeVar("T")
_TRUSTED: Final = frozenset((Issuer.kind, SigningKey.kind))
_TRIES: Final = 3
_RETRY_S: Final = 1.0


class Runner(Protocol):
    """What runs Steps: `net.fetcher.Fetcher`."""

    async def run(self, steps: Steps[T]) -> T:
        """Drive a piece of work to its end."""


class IdentityDoor:
    """Authenticates for one worker, on its event loop. `open` it before use."""

    def __init__(
        self,
        store: Store,
        runner: Runner,
        clock: Clock,
        issuer: str,
        resources: frozenset[str],
        reserved: frozenset[str] = frozenset(),
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`reserved`: see Authenticator; they are resources, too."""
        self._pause = pause
        self._reserved = reserved
        self._store = store
        self._runner = runner
        self._clock = clock
        self._issuer = issuer
        self._resources = resources | reserved
        self._caches = KeyCaches()
        self.flights: dict[str, asyncio.Task[None]] = {}
        """What is being fetched, by what it is needed for."""
        self._stale: set[str] = set()
        self._refreshing: asyncio.Task[None] | None = None
        self.verifier = Verifier(TrustedIssuers((), self._caches))
        self.authenticator: Authenticator

    async def open(self) -> None:
        """Take the first snapshot. Raises StoreDown."""
        pepper = await self._store.write(pepper_of)
        own, self.verifier = await self._store.read(self._trust)
        self.authenticator = Authenticator(pepper, own, self.verifier, self._reserved)
        self.authenticator.use(await self._store.read(partial(_taken, self._issuer)))

    def authenticate(self, presented: Presented) -> "Principal | Deny | Awaitable[Principal | Deny]":
        """Who is asking. Memory answers as a rule; a token whose issuer's keys are not here yet is waited for."""
        found = self.authenticator.authenticate(presented, int(self._clock.now()))
        return self._settle(found, presented) if isinstance(found, Pending) else found

    async def authenticate_waiting(self, presented: Presented) -> Principal | Deny:
        """The same for whoever can wait."""
        found = self.authenticate(presented)
        return found if isinstance(found, Principal | Deny) else await found

    def changed(self, kinds: frozenset[str]) -> None:
        """Records of these kinds have changed: take over what concerns the door (`store.sql.feed`)."""
        self._stale |= kinds & (READ | _TRUSTED)
        if self._stale and self._refreshing is None:
            self._refreshing = asyncio.get_running_loop().create_task(self._refresh())

    @property
    def is_refreshing(self) -> bool:
        """Whether changes are being taken over."""
        return self._refreshing is not None

    def every_second(self) -> None:
        """Fetch keys before they are missed."""
        for need in self.verifier.due(int(self._clock.now())):
            self._fly(need)

    def take_uses(self) -> list[tuple[str, int]]:
        """Which keys were used since this was last asked, and in which second."""
        return self.authenticator.take_uses()

    def close(self) -> None:
        """Fetch and refresh nothing any more."""
        for task in (*self.flights.values(), *([self._refreshing] if self._refreshing is not None else [])):
            task.cancel()

    # Other issuers' keys.

    async def _settle(self, pending: Pending, presented: Presented) -> Principal | Deny:
        found: Principal | Deny | Pending = pending
        for _ in range(_TRIES):
            if not isinstance(found, Pending):
                return found
            await asyncio.shield(self._fly(found))
            found = self.authenticator.authenticate(presented, int(self._clock.now()))
        return found if not isinstance(found, Pending) else _NOT_YET

    def _fly(self, need: Pending | NeedKeys) -> "asyncio.Task[None]":
        flight = self.flights.get(need.key)
        if flight is None:
            flight = asyncio.get_running_loop().create_task(self._runner.run(need.start()))
            self.flights[need.key] = flight
            flight.add_done_callback(partial(self._landed, need.key))
        return flight

    def _landed(self, key: str, flight: "asyncio.Task[None]") -> None:
        self.flights.pop(key, None)
        if not flight.cancelled() and flight.exception() is not None:
            logger.error("fetching %s failed", key, exc_info=flight.exception())

    # Changes.

    async def _refresh(self) -> None:
        try:
            while self._stale:
                kinds, self._stale = self._stale, set()
                try:
                    await self._take_over(kinds)
                except StoreDown as down:
                    self._stale |= kinds
                    logger.error("changes cannot be taken over: %s", down.message)
                    await self._pause(_RETRY_S)
        except Exception:  # a background task has nobody to raise to
            logger.exception("changes could not be taken over")
        finally:
            self._refreshing = None

    async def _take_over(self, kinds: set[str]) -> None:
        if kinds & _TRUSTED:
            own, self.verifier = await self._store.read(self._trust)
            self.authenticator.trust(own, self.verifier)
        if kinds & READ:
            self.authenticator.use(await self._store.read(partial(_taken, self._issuer)))

    def _trust(self, records: Records) -> tuple[OwnTokens, Verifier]:
        issuers = TrustedIssuers(records.find(Issuer), self._caches, self._resources)
        for name, fault in issuers.faults.items():
            logger.error("issuer %s is left out: %s", name, fault)
        return OwnTokens(self._issuer, _public_keys(records), self._resources), Verifier(issuers)


def _taken(issuer: str, records: Records) -> Snapshot:
    """In a thread, where it makes tens of thousands of objects that all stay. Looking for cycles among them would keep
    every thread waiting for a tenth of a second."""
    gc.disable()
    try:
        return take(records, issuer)
    finally:
        gc.enable()


def _public_keys(records: Records) -> dict[str, Key]:
    return {
        key.id: public_key(msgspec.json.decode(key.public_jwk, type=dict[str, str])) for key in records.find(SigningKey)
    }


_NOT_YET: Final = Deny(503, "issuer_unavailable", "the keys of the token's issuer cannot be had now")
