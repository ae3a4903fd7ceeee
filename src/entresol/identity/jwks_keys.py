"""Public keys from a JWK Set: which of them may check a signature of which algorithm.

Sources: RFC 7517 §4 and §5, RFC 7518 §3 (sizes of RSA keys), RFC 8037 (Ed25519), RFC 8725 §3.1 (the algorithm belongs
to the key, never to the token alone).
"""

import base64
import binascii
import json
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

MAX_KEYS: Final = 100
MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
"""Larger ones take a long time to check with."""
RSA_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
EC_ALGORITHMS: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
EDWARDS_ALGORITHMS: Final = ("EdDSA", "Ed25519")
ASYMMETRIC: Final = frozenset((*RSA_ALGORITHMS, *EC_ALGORITHMS.values(), *EDWARDS_ALGORITHMS))
"""All that an issuer may be configured with. None with a shared secret: whoever can check could sign."""
_P256_BYTES: Final = 32
_ES256: Final = ECDSA(SHA256())
_PUBLIC_MEMBERS: Final = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}


class UnusableKeySet(ValueError):
    """No key in it can check a signature."""


class VerificationKey(msgspec.Struct, frozen=True):
    """One public key."""

    kid: str
    """Empty: the set does not name it."""
    algorithms: frozenset[str]
    """What its kind, its curve and its `alg` allow."""
    material: Key

    def verifies(self, algorithm: str, message: bytes, signature: bytes) -> bool:
        """Whether the signature is this key's, made by this algorithm."""
        if algorithm not in self.algorithms:
            return False
        if algorithm == "ES256":
            return _is_es256(self.material, message, signature)
        return JWSRegistry.algorithms[algorithm].verify(message, signature, self.material)


def _is_es256(key: Key, message: bytes, signature: bytes) -> bool:
    """RFC 7518 §3.4. What joserfc does, without its looking for the operation: most tokens are signed so, and the time
    of a first check is what a new caller waits for."""
    if len(signature) != 2 * _P256_BYTES:
        return False
    r, s = int.from_bytes(signature[:_P256_BYTES], "big"), int.from_bytes(signature[_P256_BYTES:], "big")
    public = key.public_key  # keys that must not verify were passed over when the set was read
    assert isinstance(public, EllipticCurvePublicKey)
    try:
        public.verify(encode_dss_signature(r, s), message, _ES256)
    except InvalidSignature:
        return False
    return True


class KeySet(msgspec.Struct, frozen=True):
    """The keys of one issuer."""

    keys: tuple[VerificationKey, ...]

    def matching(self, kid: str, algorithm: str) -> tuple[VerificationKey, ...]:
        """Those that may have signed. A token without `kid` is only taken if one key alone fits."""
        fitting = tuple(key for key in self.keys if algorithm in key.algorithms)
        if kid:
            return tuple(key for key in fitting if key.kid == kid)[:2]
        return fitting if len(fitting) == 1 else ()


def read_key_set(raw: bytes | str) -> KeySet:
    """The usable keys of a JWK Set; others are passed over. Raises UnusableKeySet if there are none."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        raise UnusableKeySet("it is no JSON") from None
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise UnusableKeySet("it has no list of keys")
    if len(entries) > MAX_KEYS:
        raise UnusableKeySet(f"it has more than {MAX_KEYS} keys")
    keys = tuple(_usable(entries))
    if not keys:
        raise UnusableKeySet("it has no public key for signatures: RSA of 2048 bits or more, EC or Ed25519")
    return KeySet(keys)


def _usable(entries: list[Any]) -> Iterable[VerificationKey]:
    for entry in entries:
        key = _read_key(entry) if isinstance(entry, dict) else None
        if key is not None:
            yield key


def _read_key(entry: dict[str, Any]) -> VerificationKey | None:
    kind, kid = entry.get("kty"), entry.get("kid", "")
    if kind not in _PUBLIC_MEMBERS or not isinstance(kid, str) or entry.get("use", "sig") != "sig":
        return None
    operations = entry.get("key_ops")
    if operations is not None and (not isinstance(operations, list) or "verify" not in operations):
        return None
    algorithms = _algorithms(kind, entry)
    if "alg" in entry:
        algorithms &= {entry["alg"]} if isinstance(entry["alg"], str) else set()
    if not algorithms:
        return None
    # Only what is public: a set that holds private members by mistake must not make us hold them too.
    members = {name: entry[name] for name in _PUBLIC_MEMBERS[kind] if isinstance(entry.get(name), str)}
    if kind == "RSA" and not _is_strong(members):
        return None
    material = _imported(kind, members | {"kty": kind})
    return None if material is None else VerificationKey(kid, frozenset(algorithms), material)


def _algorithms(kind: str, entry: dict[str, Any]) -> set[str]:
    curve = entry.get("crv")
    if kind == "RSA":
        return set(RSA_ALGORITHMS)
    if kind == "EC" and isinstance(curve, str) and curve in EC_ALGORITHMS:
        return {EC_ALGORITHMS[curve]}
    return set(EDWARDS_ALGORITHMS) if kind == "OKP" and curve == "Ed25519" else set()


def _imported(kind: str, members: dict[str, Any]) -> Key | None:
    classes: dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
    try:
        key: Key = classes[kind].import_key(members)
        key.get_op_key("verify")  # built once, here, and not with the first token
    except (JoseError, ValueError, TypeError, KeyError, binascii.Error):
        return None
    return key


def _is_strong(members: dict[str, Any]) -> bool:
    modulus, exponent = (_number(members.get(name, "")) for name in ("n", "e"))
    return MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS and 3 <= exponent < 2**32 and exponent % 2 == 1


def _number(text: str) -> int:
    """0 for what is no base64url."""
    try:
        return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        return 0
