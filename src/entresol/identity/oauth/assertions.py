"""Tokens of other issuers that are presented to the token endpoint.

Who the issuers are and how their keys are found is the verifier's business; the grants say what a token must be for.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from entresol.core.errors import ClientError
from entresol.core.fetching import Steps


class VerifiedAssertion(msgspec.Struct, frozen=True, kw_only=True):
    """A token of a trusted issuer, whose signature, times, issuer and audience have been found good."""

    organisation: str
    """The tenant that trusts the issuer."""
    issuer: str
    """`iss`, exactly."""
    subject: str
    """What stays the same for one subject, as the issuer's profile and mapping say; never empty."""
    stands_for: Literal["user", "service", "agent"]
    type: str = ""
    """`typ` of the header, in lower case, without `application/`."""
    claims: Mapping[str, Any]
    groups: tuple[str, ...] = ()
    """As the issuer names them."""
    expires_at: int


class AssertionRefused(ClientError):
    """401 `assertion_refused`: no token of a trusted issuer, or not good for this."""

    def __init__(self, why: str) -> None:
        super().__init__("assertion_refused", why, status=401)


class AssertionVerifier(Protocol):
    """Checks tokens of trusted issuers."""

    def verify(self, token: str, audiences: Sequence[str], now: int) -> Steps[VerifiedAssertion]:
        """The token's content. `audiences`: what its `aud` has to name one of, besides those that are configured for
        its issuer. Raises AssertionRefused; calls that fail raise FetchFailed."""
