"""The principal: who makes a call, however it was proven.

Sources: RFC 8693 §4.1 (`act`), RFC 9068 (claims of access tokens), OpenID Connect Core §2 (`auth_time`, `acr`).
"""

from typing import Literal

import msgspec

PrincipalKind = Literal["user", "service", "agent", "key"]


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who acts for the subject."""

    issuer: str
    subject: str


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What a credential narrows beyond its owner's rights. None: not narrowed; an empty set allows nothing."""

    models: frozenset[str] | None = None
    """Names of models; `*` at the end stands for any rest."""
    tools: frozenset[str] | None = None
    addresses: tuple[str, ...] | None = None
    """Networks in CIDR notation from which it may be used."""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking. Equal persons have equal (tenant, issuer, subject): an e-mail address identifies nobody."""

    tenant: str
    """Id of the organisation."""
    issuer: str
    """Who vouches for the subject: an issuer's URL; ours for local accounts and virtual keys."""
    subject: str
    """Never empty. The issuer's `sub`, or what its profile says is stable (Entra: `tid` and `oid`)."""
    kind: PrincipalKind
    account: str = ""
    """Id of our user or service account; empty where none stands behind it."""
    actors: tuple[Actor, ...] = ()
    """The chain of `act`, who acts now first; empty when the subject acts by itself."""
    client: str = ""
    """`client_id` of the OAuth client through which it comes."""
    groups: frozenset[str] = frozenset()
    """As the issuer names them."""
    teams: frozenset[str] = frozenset()
    """Ids of teams, those above them included."""
    roles: frozenset[str] = frozenset()
    """Ids of roles, built-in ones by name."""
    scopes: frozenset[str] = frozenset()
    bounds: Bounds = Bounds()
    auth_time: int | None = None
    """When the user last proved to be there."""
    acr: str = ""
    token_id: str = ""
    """`jti`, or the id of the virtual key."""
    fingerprint: str = ""
    """First 16 hexadecimal digits of the SHA-256 of the credential, for logs and for binding what belongs to it."""
    expires_at: int | None = None
    """When the credential ends."""
    impersonator: str = ""
    """Id of the administrator who acts as this principal, to be marked wherever it shows."""
    attributes: dict[str, str] = {}
    """What claims were mapped to beyond the above, such as `department`."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it the same somebody."""
        return self.tenant, self.issuer, self.subject
