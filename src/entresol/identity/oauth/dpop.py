"""Proofs of possession (RFC 9449): a token is worth nothing without the key that it was issued to.

`check_proof` is all of §4.3 but for the replay, which needs a memory: whoever calls it sees to it that `jti` counts
once per key (`DpopProof.replay_key`), in the store at the token endpoint, in memory at a resource.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

import msgspec
from joserfc.jwk import Key

from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.signed_tokens import ASYMMETRIC, BadToken, SignedToken, public_key, read_signed_by

ALGORITHMS: Final = ASYMMETRIC
"""For `dpop_signing_alg_values_supported`."""
MAX_PROOF: Final = 8_192
MAX_JTI: Final = 256
NONCE_WINDOW_S: Final = 300
KEPT_KEYS: Final = 1_024
"""A client proves the same key again and again: as many are kept ready to check with."""
_PORTS: Final = {"http": 80, "https": 443}


class DpopProof(msgspec.Struct, frozen=True, kw_only=True):
    """A proof that has been found good."""

    thumbprint: str
    """Of the key (RFC 7638, SHA-256): `cnf.jkt` of the tokens that are bound to it."""
    jti: str
    fresh_until: int
    """The second from which on the proof is refused as too old."""

    @property
    def replay_key(self) -> tuple[str, str, str]:
        """What may be seen once until `fresh_until`."""
        return "dpop", self.thumbprint, self.jti


class DpopNonces:
    """Nonces for proofs (RFC 9449 §8), made of the time and a secret: nothing has to be remembered."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def issue(self, now: int) -> str:
        """The nonce of this moment; good until the window after its own is over."""
        return self._made_in(now // NONCE_WINDOW_S)

    def accepts(self, nonce: str, now: int) -> bool:
        """Whether it was issued in this window or the one before."""
        given = nonce.encode("utf-8", "replace")
        window = now // NONCE_WINDOW_S
        return any(hmac.compare_digest(self._made_in(w).encode(), given) for w in (window, window - 1))

    def _made_in(self, window: int) -> str:
        return _base64url(hmac.digest(self._secret, b"dpop nonce %d" % window, "sha256"))


def only_proof(values: Sequence[str]) -> str | None:
    """The proof of a request; None if there is none. Raises OAuthError when there are several (§4.3, check 1)."""
    if len(values) > 1 or any("," in value for value in values):
        raise _bad("there is more than one DPoP header field")
    return values[0] if values else None


def check_proof(
    proof: str,
    method: str,
    url: str,
    now: int,
    *,
    access_token: str | None = None,
    thumbprint: str | None = None,
    max_age_s: int = 300,
    nonces: DpopNonces | None = None,
) -> DpopProof:
    """Check one proof for a request with this method at this URL.

    `access_token` comes with the request and must be the one of `ath`; `thumbprint` is what it is bound to.
    `nonces`: the proof must hold one of these. Raises OAuthError `invalid_dpop_proof`, or `use_dpop_nonce`, with
    which the answer must carry a DPoP-Nonce.
    """
    token, found = _signed_by_its_own_key(proof)
    if token.text("htm") != method:
        raise _bad("htm is not the method of the request")
    if _bare_url(token.text("htu")) != _bare_url(url):
        raise _bad("htu is not the URL of the request")
    jti = token.text("jti")
    if not jti or len(jti) > MAX_JTI:
        raise _bad("jti is missing or too long")
    if nonces is not None and not nonces.accepts(token.text("nonce"), now):
        raise OAuthError("use_dpop_nonce", "the proof must hold the nonce of the DPoP-Nonce header field")
    try:
        issued = token.second("iat")
    except BadToken as error:
        raise _bad(str(error)) from error
    if issued is None or not now - max_age_s <= issued <= now + max_age_s:
        raise _bad("iat is missing, too old or in the future")
    if access_token is not None and not _same(token.text("ath"), access_token_hash(access_token)):
        raise _bad("ath is not the hash of the access token")
    if thumbprint is not None and not _same(found, thumbprint):
        raise _bad("the key of the proof is not the one that the token is bound to")
    return DpopProof(thumbprint=found, jti=jti, fresh_until=issued + max_age_s + 1)


def access_token_hash(access_token: str) -> str:
    """`ath` (§4.2)."""
    return _base64url(hashlib.sha256(access_token.encode("utf-8", "replace")).digest())


def _signed_by_its_own_key(proof: str) -> tuple[SignedToken, str]:
    if len(proof) > MAX_PROOF:
        raise _bad("the proof is too long")
    try:
        token = read_signed_by(proof, lambda unproven: (_own_key(unproven)[0],), ALGORITHMS)
    except BadToken as error:
        raise _bad(str(error)) from error
    return token, _own_key(token)[1]


def _own_key(unproven: SignedToken) -> tuple[Key, str]:
    """The key in the header, without the name that it gives itself, and its thumbprint."""
    if unproven.header.get("typ") != "dpop+jwt":
        raise _bad("typ is not dpop+jwt")
    jwk = unproven.header.get("jwk")
    if not isinstance(jwk, dict):
        raise _bad("jwk is missing")
    texts = ((name, value) for name, value in jwk.items() if isinstance(value, str) and name != "kid")
    return _imported(tuple(sorted(texts)))


@lru_cache(maxsize=KEPT_KEYS)
def _imported(jwk: tuple[tuple[str, str], ...]) -> tuple[Key, str]:
    key = public_key(dict(jwk))
    return key, key.thumbprint()


def _bare_url(url: str) -> tuple[str, str, int | None, str]:
    """Without query and fragment, in the one spelling of RFC 3986 §6.2.2 and §6.2.3; no URL is equal to none."""
    try:
        parts = urlsplit(url)
        scheme = parts.scheme.lower()
        return scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(scheme), parts.path or "/"
    except ValueError as error:
        raise _bad("htu is no URL") from error


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bad(why: str) -> OAuthError:
    return OAuthError("invalid_dpop_proof", why)
