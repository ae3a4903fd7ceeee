"""Which keys of a set may check which signatures."""

import json
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey

from entresol.identity.jwks_keys import MAX_KEYS, UnusableKeySet, read_key_set
from unit.identity.issuing import ALL_ALGORITHMS, ED25519, ES256, KEYS, RS256, key_set

MESSAGE = b"message"


def public(key: Any, **changes: Any) -> dict[str, Any]:
    whole = key.as_dict(private=False) | changes
    return {name: value for name, value in whole.items() if value is not None}


def read(*entries: object) -> list[str]:
    return [key.kid for key in read_key_set(json.dumps({"keys": [*entries, public(ES256, kid="good")]})).keys]


def test_keys_are_found_by_id_and_algorithm() -> None:
    keys = read_key_set(key_set(*KEYS))
    assert [key.kid for key in keys.matching("rs-1", "RS256")] == ["rs-1"]
    assert keys.matching("rs-1", "ES256") == ()
    assert keys.matching("nobody", "RS256") == ()


@pytest.mark.parametrize("algorithm", ALL_ALGORITHMS)
def test_a_key_is_used_with_algorithms_of_its_own_kind_only(algorithm: str) -> None:
    fits = {
        "rs-1": algorithm[:2] in ("RS", "PS"),
        "es-1": algorithm == "ES256",
        "ed-1": algorithm in ("EdDSA", "Ed25519"),
    }
    for key in read_key_set(key_set(*KEYS)).keys:
        assert (algorithm in key.algorithms) is fits[key.kid]
        if not fits[key.kid]:
            assert not key.verifies(algorithm, MESSAGE, b"")


def test_without_an_id_a_key_is_taken_only_if_it_alone_fits() -> None:
    assert [key.kid for key in read_key_set(key_set(*KEYS)).matching("", "ES256")] == ["es-1"]
    two = read_key_set(key_set(ES256, ECKey.generate_key("P-256", {"kid": "es-2"})))
    assert two.matching("", "ES256") == ()


@pytest.mark.parametrize(
    "entry",
    [
        public(ES256, use="enc"),
        public(ES256, key_ops=["sign"]),
        public(ES256, key_ops="verify"),
        public(ES256, alg="HS256"),
        public(ES256, alg="none"),
        public(ES256, alg=["ES256"]),
        public(ES256, crv="P-384"),
        public(ES256, crv="secp256k1"),
        public(ES256, x="AA"),
        public(ES256, x=None),
        public(ES256, kid=7),
        public(ES256, kty="oct", k="AAAA"),
        public(RS256, e="AQ"),
        public(RS256, e="Ag"),
        public(RS256, n="AQAB"),
        public(RS256, n="!"),
        public(OKPKey.generate_key("X25519", {"kid": "x"})),
        OctKey.generate_key(256).as_dict(private=True),
        {"kty": ["EC"]} | {"kid": "x"},
        "es-1",
        None,
    ],
)
def test_what_is_no_public_key_for_signatures_is_passed_over(entry: object) -> None:
    if isinstance(entry, dict) and isinstance(entry.get("kty"), list):
        entry = {"kty": "list"}
    assert read(entry) == ["good"]


def test_private_members_of_a_set_are_not_held() -> None:
    (key,) = read_key_set(json.dumps({"keys": [ES256.as_dict(private=True)]})).keys
    assert not key.material.is_private


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"{}", b'{"keys":{}}', b'{"keys":[]}', b'{"keys":[{"kty":"oct","k":"AAAA"}]}', b"[" * 100_000],
)
def test_a_set_without_usable_keys_is_refused(raw: bytes) -> None:
    with pytest.raises(UnusableKeySet):
        read_key_set(raw)


def test_a_set_of_too_many_keys_is_refused() -> None:
    with pytest.raises(UnusableKeySet, match="more than"):
        read_key_set(json.dumps({"keys": [public(ED25519)] * (MAX_KEYS + 1)}))
