"""How we prove at an upstream for whom we call: model providers and MCP servers."""

from typing import Literal

from entresol.core.record import Record

UpstreamMode = Literal[
    "none", "static", "client_credentials", "user_oauth", "token_exchange", "entra_obo", "id_jag", "signed_identity"
]


class UpstreamAuth(Record, frozen=True, kw_only=True):
    """How calls to one upstream are authorized. Its id is the upstream's."""

    kind = "upstream_auths"
    sealed = ("secret", "client_secret", "client_key")

    mode: UpstreamMode = "none"
    header: str = "Authorization"
    scheme: str = "Bearer"
    secret: str = ""
    """Of `static`."""
    issuer: str = ""
    """The upstream's authorization server; credentials there are never used at another one."""
    token_endpoint: str = ""
    authorization_endpoint: str = ""
    resource_token_endpoint: str = ""
    """Of `id_jag`: where the identity assertion is turned into an access token."""
    client_id: str = ""
    client_secret: str = ""
    client_key: str = ""
    client_authentication: Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"] = (
        "client_secret_basic"
    )
    scopes: tuple[str, ...] = ()
    audience: str = ""
    resource: str = ""
    delegates: bool = False
    """Send an `actor_token`, so that the upstream sees who acts for whom; else it sees the subject alone."""
    extra_parameters: tuple[tuple[str, str], ...] = ()
    """Sent along to the authorization and token endpoints; they replace nothing that the mode says."""
    lifetime_s: int = 300
    """The longest a token is kept."""


class UserGrant(Record, frozen=True, kw_only=True):
    """A user's own tokens for an upstream. Its id is made of upstream and principal."""

    kind = "user_grants"
    indexed = ("user", "upstream")
    sealed = ("access_token", "refresh_token")

    upstream: str
    user: str
    issuer: str
    """Of the principal."""
    subject: str
    access_token: str
    refresh_token: str = ""
    scopes: tuple[str, ...] = ()
    expires_at: int | None = None
    state: Literal["good", "broken"] = "good"
    """`broken`: the upstream refused to refresh it, the user must connect again."""


class ConnectAttempt(Record, frozen=True, kw_only=True):
    """A user who connects to an upstream. Its id is the SHA-256 of `state`."""

    kind = "connect_attempts"
    ends_at = "expires_at"

    upstream: str
    user: str
    issuer: str
    subject: str
    browser: str
    code_verifier: str
    return_to: str = ""
    expires_at: int
