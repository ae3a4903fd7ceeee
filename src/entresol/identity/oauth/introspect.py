"""Introspection (RFC 7662): what a token is worth now, for those that it concerns.

A client learns of tokens that it holds, and of tokens for resources that it has been made responsible for
(`OAuthClient.audiences`). Of all others it learns as much as of a token that does not exist.
"""

from typing import Any

from entresol.core.storage import Records
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.handles import handle_digest
from entresol.identity.oauth.own_tokens import active_account, read_own
from entresol.identity.oauth.signed_tokens import BadToken
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import RefreshToken

INACTIVE: dict[str, Any] = {"active": False}


def introspect(records: Records, client: OAuthClient, token: str, issuer: str, now: int) -> dict[str, Any]:
    """The answer of §2.2. Raises OAuthError `unauthorized_client` for clients without credentials."""
    if client.authentication == "none":
        raise OAuthError("unauthorized_client", "only clients with credentials may ask what tokens are worth")
    return _refresh_token(records, client, token, issuer, now) or _access_token(records, client, token, issuer, now)


def _access_token(records: Records, client: OAuthClient, token: str, issuer: str, now: int) -> dict[str, Any]:
    try:
        read = read_own(records, token, issuer, now)
    except BadToken:
        return INACTIVE
    concerns = read.text("client_id") == client.id or bool(set(read.audiences) & set(client.audiences))
    account = active_account(records, read.text("sub"))
    if not concerns or account is None:
        return INACTIVE
    confirmation = read.claims.get("cnf")
    is_dpop = isinstance(confirmation, dict) and "jkt" in confirmation
    username = getattr(account, "username", "")
    return {
        "active": True,
        "token_type": "DPoP" if is_dpop else "Bearer",
        **read.claims,
        **({"username": username} if username else {}),
    }


def _refresh_token(records: Records, client: OAuthClient, token: str, issuer: str, now: int) -> dict[str, Any] | None:
    found = records.get(RefreshToken, handle_digest(token))
    if found is None:
        return None
    is_good = found.used_at is None and now < min(found.expires_at, found.family_ends_at)
    if not is_good or found.client != client.id or active_account(records, found.user) is None:
        return INACTIVE
    return {
        "active": True,
        "iss": issuer,
        "sub": found.user,
        "client_id": found.client,
        "scope": " ".join(found.scopes),
        "exp": min(found.expires_at, found.family_ends_at),
        "iat": found.created_at,
    }
