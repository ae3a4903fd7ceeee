"""Reading and writing signed JWTs (RFC 7515, RFC 7519) by a list of algorithms that the reader allows (RFC 8725).

Keys come from whoever calls; nothing in a token says where a key is: `jku`, `x5u` and embedded keys are never followed.
"""

import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec
from joserfc import jws
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from entresol.identity.jwt_parsing import MalformedToken, ParsedToken, parse

MAX_KEYS: Final = 32
RSA_BITS: Final = range(2048, 8193)
"""Shorter ones are weak, longer ones take a long time to check with."""
ASYMMETRIC: Final = ("ES256", "ES384", "ES512", "PS256", "RS256", "Ed25519")
"""What assertions and proofs of clients may be signed with."""
_KEY_CLASSES: Final[dict[str, type[ECKey] | type[RSAKey] | type[OKPKey]]] = {"EC": ECKey, "RSA": RSAKey, "OKP": OKPKey}
_ALGORITHMS: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("RSA", ""): ("PS256", "RS256"),
    ("OKP", "Ed25519"): ("Ed25519",),
}
"""By kind and curve of a key: the algorithm belongs to the key, not to the token (RFC 8725 §3.1)."""
_PRIVATE: Final = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth", "k"))


class BadToken(Exception):
    """No JWT, not signed by any of the keys, or not with an algorithm that is allowed. Says why, for developers."""


class SignedToken(msgspec.Struct, frozen=True, kw_only=True):
    """A JWT, taken apart."""

    header: dict[str, Any]
    claims: dict[str, Any]

    @property
    def type(self) -> str:
        """`typ` in lower case, without `application/` (RFC 7515 §4.1.9)."""
        typ = self.header.get("typ")
        return typ.lower().removeprefix("application/") if isinstance(typ, str) else ""

    def text(self, name: str) -> str:
        """A claim that is a text; empty if there is none or it is no text."""
        value = self.claims.get(name)
        return value if isinstance(value, str) else ""

    def second(self, name: str) -> int | None:
        """A claim that is a NumericDate, in whole seconds; None if there is none. Raises BadToken."""
        value = self.claims.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1 << 53:
            raise BadToken(f"{name} is no time")
        return int(value)

    @property
    def audiences(self) -> tuple[str, ...]:
        """`aud`, whether it is one text or several."""
        value = self.claims.get("aud")
        if isinstance(value, str):
            return (value,)
        return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def sign(claims: Mapping[str, Any], private_jwk: str, *, algorithm: str, kid: str, type: str) -> str:
    """A JWT in compact form."""
    header = {"alg": algorithm, "typ": type, "kid": kid}
    return jws.serialize_compact(header, msgspec.json.encode(claims), _imported(private_jwk), algorithms=[algorithm])


def peek(token: str) -> SignedToken:
    """What a token says, unproven: only to find out which keys to try. Raises BadToken."""
    parsed = _parsed(token)
    return SignedToken(header=parsed.header, claims=parsed.claims)


def read_signed(token: str, keys: Iterable[Key], algorithms: Sequence[str] = ASYMMETRIC) -> SignedToken:
    """What a token says, if one of the keys has signed it.

    A `kid` picks among the keys that have one. Raises BadToken.
    """
    return read_signed_by(token, lambda _: keys, algorithms)


def read_signed_by(
    token: str, choose: Callable[[SignedToken], Iterable[Key]], algorithms: Sequence[str] = ASYMMETRIC
) -> SignedToken:
    """As `read_signed`; `choose` gives the keys by what the token says, unproven. Raises BadToken."""
    parsed = _parsed(token)
    algorithm = parsed.algorithm
    if algorithm not in algorithms:
        raise BadToken(f"alg must be one of {' '.join(algorithms)}")
    unproven = SignedToken(header=parsed.header, claims=parsed.claims)
    kid = parsed.header.get("kid")
    for key in choose(unproven):
        fits = kid is None or key.kid is None or key.kid == kid
        if fits and _verifies(key, algorithm, parsed.signing_input, parsed.signature):
            return unproven
    raise BadToken("the token is not signed by any key that it may be signed by")


def public_keys(jwks: str) -> tuple[Key, ...]:
    """The public signature keys of a JWK Set, in JSON. Keys that are not understood are left out.

    Raises BadToken for what is no set.
    """
    try:
        document = json.loads(jwks) if jwks else {"keys": []}
    except (ValueError, RecursionError) as error:
        raise BadToken("the keys are no JSON") from error
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise BadToken("the keys are no JWK Set")
    found = []
    for entry in entries[:MAX_KEYS]:
        if isinstance(entry, dict) and entry.get("use", "sig") == "sig":
            try:
                found.append(public_key(entry))
            except BadToken:
                continue
    return tuple(found)


def public_key(jwk: Mapping[str, Any]) -> Key:
    """One asymmetric key. Raises BadToken for any other, also for one that holds private parts."""
    kind = jwk.get("kty")
    key_class = _KEY_CLASSES.get(kind) if isinstance(kind, str) else None
    if key_class is None or _PRIVATE & jwk.keys():
        raise BadToken("the key is no public asymmetric key")
    if kind == "RSA" and _bits(jwk.get("n")) not in RSA_BITS:
        raise BadToken(f"RSA keys have {RSA_BITS.start} to {RSA_BITS.stop - 1} bits here")
    try:
        return key_class.import_key(dict(jwk))
    except Exception as error:
        # What cryptography and joserfc raise for broken keys has no common base, and all of it means one thing.
        raise BadToken("the key cannot be read") from error


def _parsed(token: str) -> ParsedToken:
    try:
        parsed = parse(token.encode("ascii"))
    except (MalformedToken, UnicodeEncodeError) as error:
        raise BadToken("the token is no signed JWT") from error
    if "crit" in parsed.header or "b64" in parsed.header:
        raise BadToken("the token uses extensions that are not known here")
    return parsed


def _verifies(key: Key, algorithm: str, message: bytes, signature: bytes) -> bool:
    fitting = _ALGORITHMS.get((key.key_type, key.curve_name if isinstance(key, ECKey | OKPKey) else ""), ())
    if algorithm not in fitting:
        return False
    try:
        return JWSRegistry.algorithms[algorithm].verify(message, signature, key)
    except ValueError:
        return False


def _bits(modulus: object) -> int:
    if not isinstance(modulus, str) or len(modulus) > 2 * RSA_BITS.stop:
        return 0
    try:
        return int.from_bytes(base64.urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))).bit_length()
    except ValueError:
        return 0


@lru_cache(maxsize=16)
def _imported(private_jwk: str) -> Key:
    jwk = json.loads(private_jwk)
    return _KEY_CLASSES[jwk["kty"]].import_key(jwk)
