"""Who acts for whom: chains of `act`, and `may_act` (RFC 8693 §4.1 and §4.4).

A chain only ever comes out of tokens whose issuer we trust, never out of parameters. The one who acts now stands
outside, those before nested within, and there are only so many.
"""

from collections.abc import Mapping
from typing import Any

import msgspec


class BadDelegation(Exception):
    """The chain is malformed or too long, or the actor may not act for the subject. Says why, for developers."""


class ActingParty(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts."""

    issuer: str
    subject: str
    client_id: str = ""

    def as_claim(self, own_issuer: str) -> dict[str, Any]:
        """As it stands in `act`: our own parties without `iss`."""
        claim: dict[str, Any] = {"sub": self.subject}
        if self.issuer != own_issuer:
            claim["iss"] = self.issuer
        return claim


def chain_of(claims: Mapping[str, Any], issuer: str, own_issuer: str, limit: int) -> dict[str, Any] | None:
    """The chain in a token of `issuer`, with nothing but who acted. Actors without `iss` are that issuer's.

    None for a token that nobody has acted with. Raises BadDelegation.
    """
    links: list[dict[str, Any]] = []
    link = claims.get("act")
    while link is not None:
        if not isinstance(link, Mapping):
            raise BadDelegation("act is malformed")
        subject, actor_issuer = link.get("sub"), link.get("iss", issuer)
        if not isinstance(subject, str) or not subject or not isinstance(actor_issuer, str) or not actor_issuer:
            raise BadDelegation("act is malformed")
        links.append(ActingParty(issuer=actor_issuer, subject=subject).as_claim(own_issuer))
        if len(links) > limit:
            raise BadDelegation(f"more than {limit} act for one another")
        link = link.get("act")
    chain: dict[str, Any] | None = None
    for part in reversed(links):
        chain = part if chain is None else part | {"act": chain}
    return chain


def delegated(chain: dict[str, Any] | None, actor: ActingParty, own_issuer: str, limit: int) -> dict[str, Any]:
    """The chain with one more before it. Raises BadDelegation."""
    depth, link = 1, chain
    while link is not None:
        depth, link = depth + 1, link.get("act")
    if depth > limit:
        raise BadDelegation(f"more than {limit} would act for one another")
    claim = actor.as_claim(own_issuer)
    return claim if chain is None else claim | {"act": chain}


def check_may_act(claims: Mapping[str, Any], issuer: str, actor: ActingParty) -> None:
    """A subject token that names who may act for it, is for nobody else. Raises BadDelegation."""
    if "may_act" not in claims:
        return
    allowed = claims["may_act"]
    if not isinstance(allowed, Mapping) or not isinstance(allowed.get("sub"), str):
        raise BadDelegation("may_act is malformed")
    actual = {"sub": actor.subject, "iss": actor.issuer, "client_id": actor.client_id}
    expected = {"iss": issuer, **allowed}
    if any(actual.get(name) != value for name, value in expected.items()):
        raise BadDelegation("may_act names somebody else")
