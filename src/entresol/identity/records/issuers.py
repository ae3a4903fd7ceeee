"""Issuers that are trusted: to sign people in, to vouch for tokens, or both."""

from typing import Literal

import msgspec

from entresol.core.record import Record

Profile = Literal["generic", "okta", "entra", "auth0", "keycloak", "google", "github-actions", "kubernetes"]


class ClaimMapping(msgspec.Struct, frozen=True, kw_only=True):
    """What claims mean: CEL expressions over `claims`. None: as the issuer's profile says."""

    subject: str | None = None
    """Gives the text that stays the same for one person."""
    groups: str | None = None
    """Gives a list of texts."""
    scopes: str | None = None
    username: str | None = None
    email: str | None = None
    display_name: str | None = None
    roles: tuple[tuple[str, str], ...] = ()
    """Pairs of a condition and the role that it gives."""
    teams: tuple[tuple[str, str], ...] = ()
    """Pairs of a condition and the name of a team."""
    attributes: tuple[tuple[str, str], ...] = ()
    """Pairs of a name and an expression for its text."""
    admit: str | None = None
    """A condition that must hold, or nobody comes in."""


class Issuer(Record, frozen=True, kw_only=True):
    """One issuer of identities, of one organisation."""

    kind = "issuers"
    unique = (("organisation", "name"), ("organisation", "issuer", "purpose"))
    sealed = ("client_secret", "client_key")

    name: str
    """Stands in paths: letters, digits and hyphens."""
    display_name: str = ""
    issuer: str
    """Exactly as in `iss`; of a SAML provider its entity id."""
    purpose: Literal["sign-in", "tokens", "both"] = "both"
    protocol: Literal["oidc", "saml"] = "oidc"
    profile: Profile = "generic"
    is_enabled: bool = True

    # Tokens that it issues.
    audiences: tuple[str, ...] = ()
    """What `aud` may be in tokens that are sent here; empty: only this gateway's own resource ids."""
    algorithms: tuple[str, ...] = ("RS256", "ES256", "PS256", "EdDSA")
    jwks_uri: str = ""
    """Empty: from its metadata."""
    jwks: str = ""
    """Keys that are configured instead of fetched, a JWK Set in JSON."""
    clock_skew_s: int = 60
    stands_for: Literal["user", "service", "agent"] = "user"
    """What its tokens stand for where the profile cannot tell."""
    required_claims: tuple[str, ...] = ()

    graph_uri: str = ""
    """Where Entra's groups are asked for when a token has too many; empty: Microsoft Graph of the issuer's cloud."""

    # Signing people in.
    client_id: str = ""
    client_secret: str = ""
    client_key: str = ""
    """A private JWK for `private_key_jwt`, in JSON."""
    client_authentication: Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"] = (
        "client_secret_basic"
    )
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    extra_parameters: tuple[tuple[str, str], ...] = ()
    """For the authorization request."""
    saml_metadata: str = ""
    """The SAML provider's metadata, XML."""
    creates_users: bool = True
    """Makes a user at the first sign-in."""
    links_directory: bool = False
    """A user whom SCIM made is found at the first sign-in, by `external_id` being the issuer's subject (Entra: `oid`).
    Only for the one issuer that belongs to the directory."""
    default_roles: tuple[str, ...] = ()
    mapping: ClaimMapping = ClaimMapping()
