"""`refresh_token` (RFC 6749 §6), with rotation and detection of replays (RFC 9700 §4.14.2).

Each use brings a new refresh token and ends the old one. An old one that comes again means that two hold it, and the
family ends. The one exception is an answer that was lost: for a few seconds, and as long as its successor has not been
used, the old token brings the very same successor. That successor is made of the old token and a salt kept beside it,
so nothing that could be stolen is kept, and no second line of tokens comes into being: thief and owner would hold the
same successor, and the second to use it ends the family.
"""

import base64
import hmac
import secrets
from typing import Final

import msgspec

from entresol.core.storage import Records
from entresol.identity.oauth.access_tokens import Authority
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.families import revoke_family
from entresol.identity.oauth.handles import handle_digest
from entresol.identity.oauth.scopes import parse_scope, scopes_of
from entresol.identity.oauth.token_issue import REFRESH_PREFIX, issue
from entresol.identity.oauth.token_request import (
    ReplayDetected,
    TokenAnswer,
    TokenContext,
    TokenRequest,
    active_user,
    audiences_for,
    check_bound_key,
    invalid_grant,
)
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import RefreshToken

GRANT_TYPE: Final = "refresh_token"


def refresh_grant(records: Records, context: TokenContext, request: TokenRequest) -> TokenAnswer:
    """Exchange a refresh token for tokens of the same family. Raises OAuthError."""
    client = request.client_for(GRANT_TYPE)
    presented = request.form.need("refresh_token")
    old = _good_token(records, context, client, presented)
    _check_key(request, old)
    _check_replay(records, context, old)
    resources = audiences_for(request, context, client, old.resources)
    scopes = _narrowed(request, client, old)
    user = active_user(records, old.user, client, old.created_at, session=old.session, family=old.family)
    authority = Authority(
        subject=user.id,
        organisation=user.organisation,
        client_id=client.id,
        scopes=scopes,
        audiences=tuple(resource.url for resource in resources),
        auth_time=old.auth_time,
        acr=old.acr,
        groups=old.groups,
        family=old.family,
        session=old.session,
        impersonator=old.impersonator,
    )
    refresh_token = _successor(records, context, request, old, presented)
    return issue(records, context, request, authority, user=user, refresh_token=refresh_token)


def _good_token(records: Records, context: TokenContext, client: OAuthClient, presented: str) -> RefreshToken:
    token = records.get(RefreshToken, handle_digest(presented))
    if token is None or token.expires_at <= context.now or token.family_ends_at <= context.now:
        raise invalid_grant("the refresh token is unknown or over")
    if token.client != client.id:
        revoke_family(records, token.family, context.now)
        raise ReplayDetected("the refresh token was issued to another client", token.client, token.family)
    return token


def _check_key(request: TokenRequest, token: RefreshToken) -> None:
    """A public client's token is bound to its key. A client with credentials is bound by these and may change its key
    (RFC 9449 §5), but not go back to tokens without one."""
    if request.client is not None and request.client.is_public:
        check_bound_key(request, token.dpop_thumbprint)
    elif token.dpop_thumbprint and request.proof is None:
        raise OAuthError("invalid_dpop_proof", "tokens of this family are bound to a key: a DPoP proof is required")


def _check_replay(records: Records, context: TokenContext, token: RefreshToken) -> None:
    if token.used_at is None:
        return
    successor = records.get(RefreshToken, token.successor)
    in_time = context.now <= token.used_at + context.settings.refresh_grace_s
    if not in_time or successor is None or successor.used_at is not None:
        revoke_family(records, token.family, context.now)
        raise ReplayDetected("the refresh token has been used before", token.client, token.family)


def _narrowed(request: TokenRequest, client: OAuthClient, token: RefreshToken) -> tuple[str, ...]:
    """What is asked, all of which was granted. What the client may no longer have is left out."""
    asked = parse_scope(request.form.get("scope")) or token.scopes
    if not set(asked) <= set(token.scopes):
        raise OAuthError("invalid_scope", "scope holds more than was granted")
    may = scopes_of(client)
    scopes = tuple(name for name in asked if name in may)
    if not scopes:
        raise invalid_grant("the client may no longer have any of these scopes")
    return scopes


def _successor(
    records: Records, context: TokenContext, request: TokenRequest, old: RefreshToken, presented: str
) -> str:
    """The text of the token that comes after, which is made if this is the first time that it is asked for."""
    salt = old.successor_salt or secrets.token_hex(32)
    digest = hmac.digest(bytes.fromhex(salt), presented.encode(), "sha256")
    text = REFRESH_PREFIX + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    if old.used_at is not None:
        return text
    new = RefreshToken(
        id=handle_digest(text),
        organisation=old.organisation,
        family=old.family,
        client=old.client,
        user=old.user,
        scopes=old.scopes,
        resources=old.resources,
        auth_time=old.auth_time,
        acr=old.acr,
        groups=old.groups,
        issuer=old.issuer,
        session=old.session,
        nonce=old.nonce,
        dpop_thumbprint=request.thumbprint,
        certificate_thumbprint=request.certificate_thumbprint,
        impersonator=old.impersonator,
        expires_at=min(context.now + context.settings.refresh_lifetime_s, old.family_ends_at),
        family_ends_at=old.family_ends_at,
    )
    # The old one first: of two requests at once, the second finds it changed, and is run again.
    records.replace(msgspec.structs.replace(old, used_at=context.now, successor=new.id, successor_salt=salt))
    records.insert(new)
    return text
