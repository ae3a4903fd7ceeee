"""Our own access tokens at a resource, checked from memory (RFC 9068 §4)."""

from base64 import urlsafe_b64decode
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

import msgspec
from joserfc.jwk import Key

from entresol.core.decision import Deny
from entresol.identity.jwt_claims import actors_of, audiences_of, confirmation_of
from entresol.identity.jwt_results import Mapped, Verified
from entresol.identity.oauth.signed_tokens import ASYMMETRIC, BadToken, SignedToken, peek, read_signed
from entresol.identity.principal import Principal

TOKEN_TYPE = "at+jwt"  # noqa: S105  # the value of `typ`


class _Said(msgspec.Struct):
    iss: str = ""


_said: Final = msgspec.json.Decoder(_Said).decode


class OwnTokens:
    """Reads the tokens of one issuer, ours. Made anew when keys or resources change."""

    def __init__(self, issuer: str, keys: Mapping[str, Key], audiences: frozenset[str]) -> None:
        """`keys`: public ones by `kid`; `audiences`: the resources that are served here."""
        self.issuer = issuer
        self._keys = keys
        self._audiences = audiences

    def is_ours(self, token: str) -> bool:
        """Whether it says that we have issued it. That only chooses who checks it; either checks all of it."""
        payload = token.partition(".")[2].partition(".")[0]
        try:
            return _said(urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).iss == self.issuer
        except (ValueError, msgspec.DecodeError):
            return False

    def check(self, token: str, now: int) -> Verified | Deny:
        """What it proves, but for revocation and the state of its account. Refusals: 401 `invalid_token`."""
        try:
            read = self._read(token)
            ends, issued = read.second("exp"), read.second("iat")
        except BadToken as fault:
            return _invalid(str(fault))
        if read.type != TOKEN_TYPE or read.text("iss") != self.issuer or not read.text("sub") or not read.text("org"):
            return _invalid("it is no access token of this gateway")
        if ends is None or issued is None or ends <= now:
            return _invalid("the token is over")
        meant = audiences_of(read.claims) & self._audiences
        if not meant:
            return _invalid("the token is not meant for this gateway")
        return self._verified(token, read, meant, issued, ends)

    def _read(self, token: str) -> SignedToken:
        kid = peek(token).header.get("kid")
        key = self._keys.get(kid) if isinstance(kid, str) else None
        if key is None:
            raise BadToken("it is signed with a key that is not ours, or no longer")
        return read_signed(token, (key,), ASYMMETRIC)

    def _verified(self, token: str, read: SignedToken, meant: frozenset[str], issued: int, ends: int) -> Verified:
        claims = read.claims
        listed = claims.get("groups")
        groups = [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
        principal = Principal(
            tenant=read.text("org"),
            issuer=self.issuer,
            subject=read.text("sub"),
            kind="user",
            account=read.text("sub"),
            actors=actors_of(claims, self.issuer),
            client=read.text("client_id"),
            groups=frozenset(groups),
            scopes=frozenset(read.text("scope").split()),
            auth_time=read.second("auth_time"),
            acr=read.text("acr"),
            token_id=read.text("jti"),
            fingerprint=sha256(token.encode()).hexdigest()[:16],
            expires_at=ends,
            impersonator=read.text("impersonator"),
        )
        return Verified(
            principal=principal,
            mapped=Mapped(subject=principal.subject),
            claims=claims,
            header=read.header,
            audiences=meant,
            issuer="",
            issued_at=issued,
            expires_at=ends,
            bound_to=confirmation_of(claims),
        )


def _invalid(why: str) -> Deny:
    return Deny(401, "invalid_token", why)
