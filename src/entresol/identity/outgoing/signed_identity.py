"""Mode `signed_identity`: a short JWT of ours that says who calls, for servers of the same house.

They verify it by our published keys. Shape: RFC 9068, with `act` (RFC 8693 §4.1). A minute is enough for one call.
"""

import secrets
from typing import Any, Final, Protocol

from entresol.identity.outgoing.granted import Granted
from entresol.identity.outgoing.token_request import needed
from entresol.identity.principal import Actor, Principal
from entresol.identity.records.upstreams import UpstreamAuth

LIFETIME_S: Final = 60


class Signer(Protocol):
    """Signs with the current key of the authorization server."""

    issuer: str

    def sign(self, claims: dict[str, Any], typ: str) -> str:
        """A compact JWS."""


def by_signed_identity(auth: UpstreamAuth, principal: Principal, signer: Signer, now: int) -> Granted:
    """A token that names the principal, for this upstream only. Raises ConfigError `upstream_auth_incomplete`."""
    expires_at = now + LIFETIME_S
    claims: dict[str, Any] = {
        "iss": signer.issuer,
        "sub": principal.subject,
        "aud": needed(auth, "audience"),
        "iat": now,
        "exp": expires_at,
        "jti": secrets.token_urlsafe(16),
        "org": principal.tenant,
        "kind": principal.kind,
    }
    if principal.issuer != signer.issuer:
        claims["sub_issuer"] = principal.issuer  # the same `sub` of another issuer is somebody else
    if principal.client:
        claims["client_id"] = principal.client
    if principal.groups:
        claims["groups"] = sorted(principal.groups)
    if auth.scopes:
        claims["scope"] = " ".join(auth.scopes)
    if principal.actors:
        claims["act"] = _chain(principal.actors)
    if principal.impersonator:
        claims["impersonator"] = principal.impersonator
    return Granted(access_token=signer.sign(claims, "at+jwt"), expires_at=expires_at, scopes=auth.scopes)


def _chain(actors: tuple[Actor, ...]) -> dict[str, Any]:
    chain: dict[str, Any] = {}
    for actor in reversed(actors):
        chain = {"iss": actor.issuer, "sub": actor.subject} | ({"act": chain} if chain else {})
    return chain
