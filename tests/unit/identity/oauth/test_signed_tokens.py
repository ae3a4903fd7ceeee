"""Signed JWTs."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OctKey

from entresol.identity.oauth.signed_tokens import BadToken, peek, public_key, public_keys, read_signed, sign
from unit.identity.oauth.keys import EC, OTHER_EC, RSA, jwks, public, signed


def b64(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def raw(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


QUOTED = '"alg"'


def test_what_is_signed_is_read_by_the_public_key() -> None:
    token = sign({"sub": "a"}, json.dumps(EC.as_dict(private=True)), algorithm="ES256", kid="ec-1", type="at+jwt")
    read = read_signed(token, public_keys(jwks(OTHER_EC, EC)))
    assert (read.claims, read.type, read.header["kid"]) == ({"sub": "a"}, "at+jwt", "ec-1")


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(f"{b64({'alg': 'none'})}.{b64({'sub': 'a'})}.", id="none"),
        pytest.param(signed({"sub": "a"}, OTHER_EC), id="another key"),
        pytest.param(signed({"sub": "a"}, OTHER_EC, kid="ec-1"), id="another key under this kid"),
        pytest.param(signed({"sub": "a"}, EC, kid="ec-2"), id="another kid"),
        pytest.param(signed({"sub": "a"}, OTHER_EC, kid="ec-1", jwk=public(OTHER_EC)), id="embedded key"),
        pytest.param(signed({"sub": "a"})[:-4] + "AAAA", id="changed signature"),
        pytest.param(signed(["a"]), id="no object"),
        pytest.param(signed({"sub": "a"}).rpartition(".")[0] + ".AAAA", id="short signature"),
        pytest.param("a.b", id="two parts"),
        pytest.param("é.é.é", id="not ASCII"),
        pytest.param(signed({"sub": "a" * 20_000}), id="too long"),
        pytest.param(f"{b64({'alg': 'ES256'})}.{raw('[' * 8_000)}.AA", id="nested without end"),
        pytest.param(f"{b64({'alg': 'ES256'})}.{raw('{' + chr(34) + 'a' + chr(34) + ':' * 1_000)}.AA", id="no JSON"),
        pytest.param(f"{raw('{' + QUOTED + ':1,' + QUOTED + ':2}')}.{b64({})}.AA", id="a name twice"),
        pytest.param(signed({"sub": "a"}) + "=", id="padding"),
    ],
)
def test_what_the_key_has_not_signed_is_refused(token: str) -> None:
    with pytest.raises(BadToken):
        read_signed(token, public_keys(jwks(EC)))


def test_a_public_key_is_no_shared_secret() -> None:
    pem = RSA.as_pem(private=False)
    forged = jws.serialize_compact({"alg": "HS256"}, b"{}", OctKey.import_key(pem.hex()), algorithms=["HS256"])
    with pytest.raises(BadToken, match="alg"):
        read_signed(forged, public_keys(jwks(RSA)))


def test_critical_extensions_are_not_skipped() -> None:
    token = signed({"sub": "a"})
    header = b64({"alg": "ES256", "crit": ["b64"], "b64": False})
    with pytest.raises(BadToken, match="extensions"):
        peek(header + token[token.index(".") :])


def test_sets_keep_only_public_signature_keys_that_are_strong() -> None:
    short = {"kty": "RSA", "n": b64("x" * 100), "e": "AQAB"}
    long = {"kty": "RSA", "n": "_" * 5000, "e": "AQAB"}
    secret = {"kty": "oct", "k": "AAAA"}
    sealing = public(EC) | {"use": "enc"}
    broken = {"kty": "EC", "crv": "P-256", "x": "a", "y": "b"}
    strange = {"kty": ["EC"]}
    unreadable = [{"kty": "RSA", "n": n, "e": "AQAB"} for n in (7, "é", "A")]
    leaked = EC.as_dict(private=True)
    document = {"keys": [short, long, secret, sealing, broken, strange, *unreadable, "x", leaked, public(RSA)]}
    assert [key.kid for key in public_keys(json.dumps(document))] == ["rsa-1"]


@pytest.mark.parametrize("document", ["{", "[]", '{"keys": 1}', "[" * 100_000])
def test_what_is_no_set_is_refused(document: str) -> None:
    with pytest.raises(BadToken):
        public_keys(document)


def test_private_keys_are_refused() -> None:
    with pytest.raises(BadToken, match="public"):
        public_key(EC.as_dict(private=True))


def test_claims_are_read_by_their_type() -> None:
    token = peek(signed({"aud": ["a", 1, "b"], "exp": 12.9, "iat": True, "sub": 7}, typ="Application/AT+jwt"))
    assert (token.audiences, token.second("exp"), token.text("sub"), token.type) == (("a", "b"), 12, "", "at+jwt")
    assert token.second("nbf") is None
    with pytest.raises(BadToken, match="iat"):
        token.second("iat")


@given(st.one_of(st.text(), st.tuples(*[st.binary().map(lambda part: b64(part.hex()))] * 3).map(".".join)))
def test_whatever_is_presented_is_read_or_refused(text: str) -> None:
    try:
        read_signed(text, public_keys(jwks(EC)))
    except BadToken:
        return
    raise AssertionError("nobody has signed this")


@given(
    st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "n", "e", "use", "alg", "kid"]), st.text() | st.integers())
)
def test_whatever_is_called_a_key_is_one_or_refused(jwk: dict[str, Any]) -> None:
    try:
        public_key(jwk)
    except BadToken:
        return
