"""Access tokens (RFC 9068) and ID tokens (OpenID Connect Core §2)."""

import base64
import hashlib
import secrets
from typing import Any, Final

import msgspec

from entresol.identity.oauth.signed_tokens import sign
from entresol.identity.oauth.token_request import TokenContext
from entresol.identity.records.accounts import User
from entresol.identity.records.signing_keys import SigningKey

HEADER_TYPE: Final = "at+jwt"


class Authority(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says: about whom, for what, through whom."""

    subject: str
    """Id of our user or service account."""
    organisation: str
    client_id: str
    scopes: tuple[str, ...]
    audiences: tuple[str, ...]
    auth_time: int | None = None
    acr: str = ""
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    family: str = ""
    session: str = ""
    act: dict[str, Any] | None = None
    """Who acts for the subject, those before it nested (RFC 8693 §4.1)."""
    dpop_thumbprint: str = ""
    certificate_thumbprint: str = ""
    impersonator: str = ""
    ends_at: int | None = None
    """It does not live longer than this, whatever the settings say."""


class MintedToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token and how many seconds it lives."""

    token: str
    expires_in: int

    def __repr__(self) -> str:
        return f"MintedToken(expires_in={self.expires_in})"


def mint_access_token(key: SigningKey, context: TokenContext, authority: Authority) -> MintedToken:
    """A new access token."""
    ends = context.now + context.settings.access_lifetime_s
    if authority.ends_at is not None:
        ends = min(ends, authority.ends_at)
    audiences = authority.audiences
    claims: dict[str, Any] = {
        "iss": context.issuer,
        "sub": authority.subject,
        "aud": audiences[0] if len(audiences) == 1 else list(audiences),
        "exp": ends,
        "iat": context.now,
        "jti": secrets.token_urlsafe(16),
        "client_id": authority.client_id,
        "scope": " ".join(authority.scopes),
        "org": authority.organisation,
    }
    claims |= _present(
        auth_time=authority.auth_time,
        acr=authority.acr,
        groups=list(authority.groups),
        roles=list(authority.roles),
        fam=authority.family,
        sid=authority.session,
        act=authority.act,
        cnf=_confirmation(authority),
        impersonator=authority.impersonator,
    )
    token = sign(claims, key.private_jwk, algorithm=key.algorithm, kid=key.id, type=HEADER_TYPE)
    return MintedToken(token=token, expires_in=ends - context.now)


def mint_id_token(
    key: SigningKey, context: TokenContext, authority: Authority, user: User, *, nonce: str | None, access_token: str
) -> str:
    """Tells the client who has signed in, in as many words as the scopes allow (OpenID Connect Core §5.4)."""
    claims: dict[str, Any] = {
        "iss": context.issuer,
        "sub": user.id,
        "aud": authority.client_id,
        "exp": context.now + context.settings.access_lifetime_s,
        "iat": context.now,
        "at_hash": _half_hash(access_token),
    }
    claims |= _present(auth_time=authority.auth_time, acr=authority.acr, nonce=nonce, sid=authority.session)
    if "profile" in authority.scopes:
        claims |= _present(
            name=user.display_name,
            given_name=user.given_name,
            family_name=user.family_name,
            preferred_username=user.username,
        )
    if "email" in authority.scopes:
        claims |= _present(email=user.email)
    return sign(claims, key.private_jwk, algorithm=key.algorithm, kid=key.id, type="JWT")


def _confirmation(authority: Authority) -> dict[str, str]:
    return _present(jkt=authority.dpop_thumbprint, **{"x5t#S256": authority.certificate_thumbprint})


def _present(**claims: Any) -> dict[str, Any]:
    """Without those that have nothing to say."""
    return {name: value for name, value in claims.items() if value is not None and value not in ("", [], {})}


def _half_hash(token: str) -> str:
    digest = hashlib.sha256(token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
