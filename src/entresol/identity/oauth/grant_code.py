"""`authorization_code` (RFC 6749 §4.1.3) with PKCE (RFC 7636): S256 only, always.

A code counts once. Presented again, it has been in other hands, and all tokens that came of it end (RFC 6749 §4.1.2).
One wrong verifier ends it too: whoever has the code without the verifier is not who asked for it.
"""

import base64
import hashlib
import hmac
import re
import secrets
from typing import Final

import msgspec

from entresol.core.storage import Records
from entresol.identity.oauth.access_tokens import Authority
from entresol.identity.oauth.families import revoke_family
from entresol.identity.oauth.handles import handle_digest
from entresol.identity.oauth.token_issue import first_refresh_token, issue
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
from entresol.identity.records.sessions import AuthorizationCode

GRANT_TYPE: Final = "authorization_code"
USED_CODE_KEPT_S: Final = 86_400
"""So long a second use of a code is noticed."""
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def code_grant(records: Records, context: TokenContext, request: TokenRequest) -> TokenAnswer:
    """Exchange a code for tokens. Raises OAuthError."""
    client = request.client_for(GRANT_TYPE)
    code = _good_code(records, context, request, client)
    check_bound_key(request, code.dpop_thumbprint)
    resources = audiences_for(request, context, client, code.resources)
    user = active_user(records, code.user, client, code.created_at, session=code.session)
    family = secrets.token_urlsafe(16)
    authority = Authority(
        subject=user.id,
        organisation=user.organisation,
        client_id=client.id,
        scopes=code.scopes,
        audiences=tuple(resource.url for resource in resources),
        auth_time=code.auth_time,
        acr=code.acr,
        groups=code.groups,
        family=family,
        session=code.session,
        impersonator=code.impersonator,
    )
    kept = context.now + USED_CODE_KEPT_S
    records.replace(msgspec.structs.replace(code, family=family, expires_at=kept))
    refresh_token = first_refresh_token(
        records, context, request, client, authority, resources=code.resources, issuer=code.issuer, nonce=code.nonce
    )
    return issue(records, context, request, authority, user=user, nonce=code.nonce, refresh_token=refresh_token)


def _good_code(
    records: Records, context: TokenContext, request: TokenRequest, client: OAuthClient
) -> AuthorizationCode:
    code = records.get(AuthorizationCode, handle_digest(request.form.need("code")))
    if code is None:
        raise invalid_grant("the code is unknown")
    if code.family:
        revoke_family(records, code.family, context.now)
        raise ReplayDetected("the code has been used before", code.client, code.family)
    if code.client != client.id:
        raise invalid_grant("the code was issued to another client")
    if code.expires_at <= context.now:
        raise invalid_grant("the code is over")
    redirect_uri = request.form.get("redirect_uri")
    if redirect_uri and redirect_uri != code.redirect_uri:
        raise invalid_grant("redirect_uri is not the one of the authorization request")
    if not _fits(request.form.get("code_verifier"), code.code_challenge):
        records.delete(AuthorizationCode, code.id)
        raise invalid_grant("code_verifier is missing or wrong: the code is void")
    return code


def _fits(verifier: str, challenge: str) -> bool:
    """RFC 7636 §4.6, for S256. A code without a challenge fits no verifier."""
    if not challenge or not _VERIFIER.fullmatch(verifier):
        return False
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(made, challenge.encode())
