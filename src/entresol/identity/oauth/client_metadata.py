"""What clients say of themselves (RFC 7591 §2, OpenID Connect Dynamic Client Registration §2): read and checked.

What we do not offer is left out of lists, as RFC 7591 §2 lets a server do, and refused where nothing is left.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

import msgspec

from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.redirects import check_redirect_uri, destination, is_native_redirect
from entresol.identity.oauth.scopes import GRANTABLE, parse_scope
from entresol.identity.records.oauth_clients import OAuthClient

SELF_SERVED_GRANTS: Final = (
    "authorization_code",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:device_code",
)
"""What a client may have without an administrator: grants in which a user decides."""
SelfServedAuthentication = Literal["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
SECRET_METHODS: Final = ("client_secret_basic", "client_secret_post")
MAX_REDIRECT_URIS: Final = 20
MAX_KEYS: Final = 10
_MAX_NAME: Final = 80
_MAX_TEXT: Final = 500
_PRIVATE_MEMBERS: Final = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth", "k"))


class ClientMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """The members that count. Others are ignored (RFC 7591 §2)."""

    redirect_uris: tuple[str, ...] = ()
    token_endpoint_auth_method: str = "client_secret_basic"  # noqa: S105 - the name of a method
    grant_types: tuple[str, ...] = ("authorization_code",)
    response_types: tuple[str, ...] = ("code",)
    client_name: str = ""
    client_uri: str = ""
    logo_uri: str = ""
    scope: str = ""
    contacts: tuple[str, ...] = ()
    application_type: Literal["", "web", "native"] = ""
    jwks_uri: str = ""
    jwks: dict[str, object] | None = None
    software_statement: str = ""
    require_pushed_authorization_requests: bool = False
    dpop_bound_access_tokens: bool = False
    id_token_signed_response_alg: str = ""


def read_client_metadata(document: bytes) -> ClientMetadata:
    """From JSON. A member that is null counts as left out. Raises OAuthError `invalid_client_metadata`."""
    try:
        members = msgspec.json.decode(document, type=dict[str, object])
        given = {name: value for name, value in members.items() if value is not None}
        return msgspec.convert(given, ClientMetadata)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError, UnicodeDecodeError) as error:
        raise _bad(f"the metadata of the client cannot be read: {error}") from error


def client_from(metadata: ClientMetadata, *, client_id: str, extra_schemes: Sequence[str] = ()) -> OAuthClient:
    """The client that the metadata describe, without credentials.

    Raises OAuthError `invalid_client_metadata`, `invalid_redirect_uri` or `invalid_software_statement`.
    """
    if metadata.software_statement:
        raise OAuthError(
            "invalid_software_statement", "software statements are not taken here: nobody vouches for them"
        )
    if metadata.token_endpoint_auth_method not in get_args(SelfServedAuthentication):
        raise _bad(f"token_endpoint_auth_method may be one of {' '.join(get_args(SelfServedAuthentication))}")
    grants = tuple(name for name in SELF_SERVED_GRANTS if name in metadata.grant_types)
    if not grants or grants == ("refresh_token",):
        raise _bad(f"grant_types has none of those that a client may have here: {' '.join(SELF_SERVED_GRANTS)}")
    if "authorization_code" in grants and "code" not in metadata.response_types:
        raise _bad("the only response_type is code")
    is_native = _check_redirects(metadata, grants, extra_schemes)
    return OAuthClient(
        id=client_id,
        name=_name(metadata),
        authentication=metadata.token_endpoint_auth_method,  # type: ignore[arg-type] # checked above
        jwks=_keys(metadata),
        jwks_uri=_page(metadata.jwks_uri, "jwks_uri"),
        redirect_uris=metadata.redirect_uris,
        grant_types=grants,
        response_types=("code",) if "authorization_code" in grants else (),
        scopes=_scopes(metadata),
        is_native=is_native,
        requires_par=metadata.require_pushed_authorization_requests,
        requires_dpop=metadata.dpop_bound_access_tokens,
        client_uri=_page(metadata.client_uri, "client_uri"),
        logo_uri=_page(metadata.logo_uri, "logo_uri"),
        contacts=tuple(plain_text(contact, _MAX_TEXT) for contact in metadata.contacts[:10]),
    )


def metadata_of(client: OAuthClient) -> dict[str, object]:
    """A client's metadata as they are registered, without credentials (RFC 7591 §3.2.1)."""
    document: dict[str, object] = {
        "client_id": client.id,
        "client_name": client.name,
        "redirect_uris": list(client.redirect_uris),
        "token_endpoint_auth_method": client.authentication,
        "grant_types": list(client.grant_types),
        "response_types": list(client.response_types),
        "application_type": "native" if client.is_native else "web",
        "require_pushed_authorization_requests": client.requires_par,
        "dpop_bound_access_tokens": client.requires_dpop,
    }
    optional: dict[str, object] = {
        "scope": " ".join(client.scopes),
        "client_uri": client.client_uri,
        "logo_uri": client.logo_uri,
        "jwks_uri": client.jwks_uri,
        "contacts": list(client.contacts),
    }
    document.update({name: value for name, value in optional.items() if value})
    if client.jwks:
        document["jwks"] = msgspec.Raw(client.jwks.encode())
    return document


def plain_text(text: str, limit: int) -> str:
    """Text as it may be shown: composed, without control, format and private characters, with single spaces."""
    composed = unicodedata.normalize("NFKC", text)
    kept = "".join(
        c if unicodedata.category(c)[0] not in "CZ" else " " for c in composed if c not in "\u200b\u200c\u200d\ufeff"
    )
    return " ".join(kept.split())[:limit]


def _check_redirects(metadata: ClientMetadata, grants: Sequence[str], extra_schemes: Sequence[str]) -> bool:
    """Checks all redirect URIs. Returns whether the client is a native one.

    Clients that do not say count as native when they return to the user's own device only: many leave
    `application_type` out and listen on whatever port is free.
    """
    uris = metadata.redirect_uris
    if "authorization_code" in grants and not uris:
        raise OAuthError("invalid_redirect_uri", "the client needs redirect_uris")
    if len(uris) > MAX_REDIRECT_URIS:
        raise OAuthError("invalid_redirect_uri", f"a client may have {MAX_REDIRECT_URIS} redirect URIs")
    kinds = [check_redirect_uri(uri, extra_schemes=extra_schemes) for uri in uris]
    if metadata.application_type == "web" and "private-use" in kinds:
        raise OAuthError("invalid_redirect_uri", "a web client cannot return to a private-use scheme")
    if metadata.application_type:
        return metadata.application_type == "native"
    return bool(uris) and all(is_native_redirect(uri) for uri in uris)


def _name(metadata: ClientMetadata) -> str:
    name = plain_text(metadata.client_name, _MAX_NAME)
    if name:
        return name
    return destination(metadata.redirect_uris[0]).host if metadata.redirect_uris else "Unnamed client"


def _scopes(metadata: ClientMetadata) -> tuple[str, ...]:
    try:
        asked = parse_scope(metadata.scope)
    except OAuthError as error:
        raise _bad(error.message) from error
    scopes = tuple(name for name in asked if name in GRANTABLE)
    if asked and not scopes:
        raise _bad(f"scope has none of those that a client may have here: {' '.join(GRANTABLE)}")
    return scopes


def _keys(metadata: ClientMetadata) -> str:
    if metadata.jwks is not None and metadata.jwks_uri:
        raise _bad("there may be jwks or jwks_uri, not both")
    if metadata.token_endpoint_auth_method == "private_key_jwt" and not (metadata.jwks or metadata.jwks_uri):  # noqa: S105
        raise _bad("private_key_jwt needs jwks or jwks_uri")
    if metadata.jwks is None:
        return ""
    keys = metadata.jwks.get("keys")
    if not isinstance(keys, list) or not 0 < len(keys) <= MAX_KEYS:
        raise _bad(f"jwks has no list of 1 to {MAX_KEYS} keys")
    for key in keys:
        if not isinstance(key, Mapping) or key.get("kty") not in ("RSA", "EC", "OKP") or _PRIVATE_MEMBERS & key.keys():
            raise _bad("jwks may hold public keys only, of type RSA, EC or OKP")
    return msgspec.json.encode({"keys": keys}).decode()


def _page(url: str, name: str) -> str:
    """A URL that is shown or fetched later: plain https, to another machine."""
    if not url:
        return ""
    try:
        kind = check_redirect_uri(url)
    except OAuthError as error:
        raise _bad(f"{name} is no plain https URL") from error
    if kind != "https":
        raise _bad(f"{name} is no plain https URL")
    return url


def _bad(why: str) -> OAuthError:
    return OAuthError("invalid_client_metadata", why)
