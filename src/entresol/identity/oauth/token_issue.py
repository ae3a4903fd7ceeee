"""What all grants end in: tokens are made, and the answer is put together (RFC 6749 §5.1)."""

import msgspec

from entresol.core.storage import Records
from entresol.identity.oauth.access_tokens import Authority, mint_access_token, mint_id_token
from entresol.identity.oauth.handles import handle_digest, new_handle
from entresol.identity.oauth.signing_keys import active_key
from entresol.identity.oauth.token_request import TokenAnswer, TokenContext, TokenRequest
from entresol.identity.records.accounts import User
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import RefreshToken

REFRESH_PREFIX = "ert_"
"""Names what it is, so that scanners for leaked secrets find it."""


def issue(
    records: Records,
    context: TokenContext,
    request: TokenRequest,
    authority: Authority,
    *,
    user: User | None = None,
    nonce: str | None = None,
    refresh_token: str = "",
) -> TokenAnswer:
    """The answer with a new access token, bound to the key of the request's proof or certificate.

    With an ID token when the `user` has granted `openid`.
    """
    authority = msgspec.structs.replace(
        authority,
        dpop_thumbprint=request.thumbprint,
        certificate_thumbprint=request.certificate_thumbprint,
    )
    key = active_key(records, context.settings, context.now)
    minted = mint_access_token(key, context, authority)
    answer: TokenAnswer = {
        "access_token": minted.token,
        "token_type": "DPoP" if request.proof is not None else "Bearer",
        "expires_in": minted.expires_in,
        "scope": " ".join(authority.scopes),
    }
    if refresh_token:
        answer["refresh_token"] = refresh_token
    if user is not None and "openid" in authority.scopes:
        answer["id_token"] = mint_id_token(key, context, authority, user, nonce=nonce, access_token=minted.token)
    return answer


def first_refresh_token(
    records: Records,
    context: TokenContext,
    request: TokenRequest,
    client: OAuthClient,
    authority: Authority,
    *,
    resources: tuple[str, ...],
    issuer: str,
    nonce: str | None = None,
) -> str:
    """The first refresh token of a family; empty when the client does not use them.

    It carries all that was granted, not only what this access token is for. An administrator who acts as a user gets
    none: what is done in another's name ends with the access token.
    """
    if "refresh_token" not in client.grant_types or authority.impersonator:
        return ""
    token = new_handle(REFRESH_PREFIX)
    ends = context.now + context.settings.family_lifetime_s
    records.insert(
        RefreshToken(
            id=handle_digest(token),
            organisation=authority.organisation,
            family=authority.family,
            client=client.id,
            user=authority.subject,
            scopes=authority.scopes,
            resources=resources,
            auth_time=authority.auth_time or context.now,
            acr=authority.acr,
            groups=authority.groups,
            issuer=issuer,
            session=authority.session,
            nonce=nonce,
            dpop_thumbprint=request.thumbprint,
            certificate_thumbprint=request.certificate_thumbprint,
            impersonator=authority.impersonator,
            expires_at=min(context.now + context.settings.refresh_lifetime_s, ends),
            family_ends_at=ends,
        )
    )
    return token
