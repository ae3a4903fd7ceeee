"""How the authorization server is set up. Whoever wires the application fills it from its own settings."""

from typing import Literal
from urllib.parse import urlsplit

import msgspec

Trust = Literal["allow", "ask", "deny"]
"""Of clients by the domain of their metadata document: `allow` asks people for consent as for any client, `ask` warns
them besides that nobody here knows the client, `deny` refuses it."""


class OAuthSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Set once, at the start."""

    issuer: str
    """Our issuer: a URL without query and without a slash at the end."""
    request_lifetime_s: int = 600
    """How long somebody may take to sign in and to consent."""
    code_lifetime_s: int = 60
    requests_per_minute: int = 120
    """At the authorization endpoint, from one address: each is kept until somebody finishes it."""
    documents_per_minute: int = 20
    """Metadata documents of clients that one address can make us read."""
    pushed_lifetime_s: int = 90
    registration: Literal["off", "token", "open"] = "off"
    """Who may register clients (RFC 7591): nobody, whoever has an initial access token, anybody."""
    registrations_per_hour: int = 10
    """From one address, where registration is open."""
    max_registered_clients: int = 10_000
    unused_client_lifetime_s: int = 86_400
    """A client that registered itself and was never used is removed after this."""
    metadata_clients: bool = True
    """Whether a client may be the URL of its metadata document (CIMD)."""
    metadata_client_trust: Trust = "ask"
    """For domains that `metadata_client_domains` does not have."""
    metadata_client_domains: dict[str, Trust] = {}
    """By host, or `*.` and a domain for all hosts below it. The longest entry that fits counts."""
    max_metadata_clients: int = 5_000
    extra_redirect_schemes: tuple[str, ...] = ()
    """Custom schemes without a dot that clients may return to, such as `cursor`."""

    @property
    def path(self) -> str:
        """The issuer's path, empty or starting with a slash: all endpoints are below it."""
        return urlsplit(self.issuer).path.rstrip("/")

    @property
    def origin(self) -> str:
        """Scheme and host of the issuer."""
        parts = urlsplit(self.issuer)
        return f"{parts.scheme}://{parts.netloc}"
