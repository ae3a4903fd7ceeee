"""The authorization server's metadata: what it offers, and nothing that it does not.

Every part that is mounted says what it offers; the document is made of that. Sources: RFC 8414, OpenID Connect
Discovery §3, RFC 9207 §3, RFC 9126 §5, draft-ietf-oauth-client-id-metadata-document.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from entresol.identity.oauth.authorize import PROMPTS
from entresol.identity.oauth.scopes import GRANTABLE
from entresol.identity.oauth.settings import OAuthSettings

OAUTH: Final = "/.well-known/oauth-authorization-server"
OPENID: Final = "/.well-known/openid-configuration"


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What one part adds to the document."""

    endpoints: dict[str, str] = {}
    """Paths below the issuer, by the member that names them: `{"token_endpoint": "/token"}`."""
    members: dict[str, object] = {}
    """Other members. Lists of several parts are joined."""


def authorization_offer(settings: OAuthSettings) -> Offer:
    """Of the authorization endpoint."""
    members: dict[str, object] = {
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "prompt_values_supported": list(PROMPTS),
        "scopes_supported": list(GRANTABLE),
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "claims_parameter_supported": False,
    }
    if settings.metadata_clients:
        members["client_id_metadata_document_supported"] = True
    return Offer(endpoints={"authorization_endpoint": "/authorize"}, members=members)


def pushed_offer() -> Offer:
    """Of the endpoint for pushed requests."""
    return Offer(
        endpoints={"pushed_authorization_request_endpoint": "/par"},
        members={"require_pushed_authorization_requests": False},
    )


def registration_offer(settings: OAuthSettings) -> Offer:
    """Of the registration endpoint: nothing while nobody may register."""
    return Offer(endpoints={"registration_endpoint": "/register"} if settings.registration != "off" else {})


def server_metadata(settings: OAuthSettings, offers: Iterable[Offer]) -> dict[str, object]:
    """The document, the same for RFC 8414 and OpenID Connect Discovery.

    Raises ValueError when two parts say different things of one member.
    """
    document: dict[str, object] = {"issuer": settings.issuer}
    for offer in offers:
        for name, path in offer.endpoints.items():
            _add(document, name, f"{settings.issuer}{path}")
        for name, value in offer.members.items():
            _add(document, name, value)
    return document


def well_known_paths(settings: OAuthSettings) -> tuple[str, ...]:
    """Where clients look for it: the well-known path before the issuer's path (RFC 8414 §3.1, and the same for OpenID
    Connect), or behind it (OpenID Connect Discovery §4)."""
    path = settings.path
    places = (f"{OAUTH}{path}", f"{OPENID}{path}", f"{path}{OAUTH}", f"{path}{OPENID}")
    return tuple(dict.fromkeys(places))


def _add(document: dict[str, object], name: str, value: object) -> None:
    old = document.get(name)
    if isinstance(old, list) and isinstance(value, list):
        document[name] = [*old, *(item for item in value if item not in old)]
    elif old is None:
        document[name] = value
    elif old != value:
        raise ValueError(f"two parts of the authorization server disagree about {name}")
