"""Keys and tokens of clients, for tests."""

import base64
import json
from typing import Any

from joserfc.jwk import ECKey, Key, RSAKey
from joserfc.jws import JWSRegistry

EC = ECKey.generate_key("P-256", {"kid": "ec-1"}, private=True)
OTHER_EC = ECKey.generate_key("P-256", {"kid": "ec-2"}, private=True)
RSA = RSAKey.generate_key(2048, {"kid": "rsa-1"}, private=True)


def public(key: Key) -> dict[str, Any]:
    """The public JWK."""
    return dict(key.as_dict(private=False))


def jwks(*keys: Key) -> str:
    """A JWK Set in JSON."""
    return json.dumps({"keys": [public(key) for key in keys]})


def signed(claims: Any, key: Key = EC, alg: str = "ES256", **header: Any) -> str:
    """A JWT, also one that no library would write; header members can be changed, or left out by None."""
    members = {"alg": alg, "kid": key.kid, **header}
    members = {name: value for name, value in members.items() if value is not None}
    message = f"{_base64url(json.dumps(members).encode())}.{_base64url(json.dumps(claims).encode())}"
    signature = JWSRegistry.algorithms[alg].sign(message.encode(), key)
    return f"{message}.{_base64url(signature)}"


def proof(claims: dict[str, Any], key: Key = EC, alg: str = "ES256", **header: Any) -> str:
    """A DPoP proof."""
    return signed(claims, key, alg, **{"typ": "dpop+jwt", "jwk": public(key), "kid": None, **header})


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
