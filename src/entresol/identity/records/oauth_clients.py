"""OAuth clients: what programs may ask for tokens, and how they prove to be who they are."""

from typing import Literal

from entresol.core.record import Record

ClientAuthentication = Literal[
    "none", "client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth"
]


class OAuthClient(Record, frozen=True, kw_only=True):
    """A client (RFC 6749 §2, RFC 7591 §2). Its id is the `client_id`; of a CIMD client that is a URL."""

    kind = "oauth_clients"
    indexed = ("organisation", "service_account", "source")

    name: str
    source: Literal["admin", "registered", "metadata"] = "admin"
    """Who made it: an administrator, the client itself (RFC 7591), its metadata document (CIMD)."""
    authentication: ClientAuthentication = "none"
    secret_digests: tuple[str, ...] = ()
    """SHA-256 of the secrets that are good, the newest first: two while one is being replaced."""
    secret_until: int | None = None
    """When all but the newest of them end."""
    jwks: str = ""
    """The client's public keys, a JWK Set in JSON."""
    jwks_uri: str = ""
    certificate_subject: str = ""
    """For `tls_client_auth`: the subject's DN (RFC 8705 §2.1.2)."""
    redirect_uris: tuple[str, ...] = ()
    grant_types: tuple[str, ...] = ("authorization_code", "refresh_token")
    response_types: tuple[str, ...] = ("code",)
    scopes: tuple[str, ...] = ()
    """What it may ask for; empty: whatever scopes people may grant, none of `admin:*`."""
    service_account: str | None = None
    """Whom it is with `client_credentials`."""
    is_native: bool = False
    """`application_type: native`: loopback redirects may name any port (RFC 8252 §7.3)."""
    is_enabled: bool = True
    may_exchange: bool = False
    """May exchange others' tokens for delegated ones (RFC 8693)."""
    audiences: tuple[str, ...] = ()
    """Resources it may ask tokens for; empty: all of this gateway's."""
    requires_par: bool = False
    requires_dpop: bool = False
    client_uri: str = ""
    logo_uri: str = ""
    contacts: tuple[str, ...] = ()
    registration_digest: str = ""
    """SHA-256 of the registration access token (RFC 7592)."""
    fetched_at: int | None = None
    """When the metadata document or `jwks_uri` was last read."""
    fresh_until: int | None = None
    """Until when the metadata document need not be read again."""
    keys_fetched_at: int | None = None
    """When `jwks` was last read from `jwks_uri`, or tried to be."""
    last_used_at: int | None = None


class InitialAccessToken(Record, frozen=True, kw_only=True):
    """Lets its holder register clients (RFC 7591 §3). Its id is the SHA-256 of the token."""

    kind = "initial_access_tokens"
    ends_at = "expires_at"

    name: str
    uses_left: int = 1
    created_by: str = ""
    expires_at: int
