"""What every endpoint of the authorization server is given."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import msgspec
from starlette.requests import Request

from entresol.core.fetching import FetchFailed, FetchRequest, FetchResponse, Steps
from entresol.core.storage import Records, Store
from entresol.identity.oauth.assertions import AssertionVerifier
from entresol.identity.oauth.attempts import AttemptLimits, LocalAttempts
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.resources import ProtectedResources
from entresol.identity.oauth.settings import OAuthSettings
from entresol.identity.oauth.token_settings import TokenSettings

T = TypeVar("T")


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """Who is at the other end of a request, as the listener or a trusted proxy says."""

    address: str
    certificate_subject: str = ""
    """The DN of the client certificate that was verified (RFC 4514); empty without one."""
    certificate_thumbprint: str = ""
    """Its SHA-256, base64url without padding (RFC 8705 §3.1)."""


class Fetch(Protocol):
    """Makes one call to another server; see core.fetching."""

    def __call__(self, request: FetchRequest) -> Awaitable[FetchResponse]:
        """The answer. Raises FetchFailed."""


def peer_of(request: Request) -> Peer:
    """The peer as the socket says: without a proxy before us, and without a client certificate."""
    return Peer(address=request.client.host if request.client is not None else "")


@dataclass(frozen=True, kw_only=True)
class AuthServer:
    """The authorization server's surroundings. Endpoints keep nothing else."""

    store: Store
    clock: Callable[[], int]
    """Whole seconds since the epoch."""
    settings: OAuthSettings
    resources: Callable[[], ProtectedResources]
    """The resources there are now."""
    fetch: Fetch
    verifier: AssertionVerifier
    tokens: TokenSettings = field(default_factory=TokenSettings)
    attempts: AttemptLimits = field(default_factory=LocalAttempts)
    peer: Callable[[Request], Peer] = peer_of

    @property
    def issuer(self) -> str:
        """Our issuer's URL."""
        return self.settings.issuer

    def url(self, path: str) -> str:
        """The URL of an endpoint, whatever names the request used: `url("/token")`."""
        return f"{self.settings.issuer}{path}"

    async def run(self, steps: Steps[T]) -> T:
        """Make the calls that a piece of work asks for, and return what it comes to."""
        try:
            request = next(steps)
            while True:
                try:
                    response = await self.fetch(request)
                except FetchFailed as failure:
                    request = steps.throw(failure)
                else:
                    request = steps.send(response)
        except StopIteration as end:
            value: T = end.value
            return value

    async def settle(self, work: Callable[[Records], T]) -> T:
        """Run work that writes, and keep what it wrote even when it refuses.

        A replayed code revokes its family and an assertion stays used, although the request is refused. Work that
        refuses therefore writes only what is to stay. Raises the OAuthError after the transaction.
        """

        def kept(records: Records) -> T | OAuthError:
            try:
                return work(records)
            except OAuthError as refusal:
                return refusal

        result = await self.store.write(kept)
        if isinstance(result, OAuthError):
            raise result
        return result
