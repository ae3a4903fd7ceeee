"""Revocation (RFC 7009): a client gives a token back.

A refresh token takes its family with it, an access token ends alone. A token that is unknown, or over, is as good as
revoked, and answered so.
"""

from entresol.core.storage import Records
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.families import revoke, revoke_family
from entresol.identity.oauth.handles import handle_digest
from entresol.identity.oauth.own_tokens import read_own
from entresol.identity.oauth.signed_tokens import BadToken
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import RefreshToken


def revoke_token(records: Records, client: OAuthClient, token: str, issuer: str, now: int) -> None:
    """Revoke what the client holds. Raises OAuthError `unauthorized_client` for a token of another client (§2.1)."""
    found = records.get(RefreshToken, handle_digest(token))
    if found is not None:
        _check_owner(found.client, client)
        revoke_family(records, found.family, now)
        return
    try:
        read = read_own(records, token, issuer, now)
    except BadToken:
        return
    _check_owner(read.text("client_id"), client)
    ends = read.second("exp") or now
    revoke(records, f"jti:{read.text('jti')}", now, kept_s=max(1, ends - now + 1))


def _check_owner(owner: str, client: OAuthClient) -> None:
    if owner != client.id:
        raise OAuthError("unauthorized_client", "the token was issued to another client")
