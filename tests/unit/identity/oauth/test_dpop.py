"""Proofs of possession."""

from typing import Any

import pytest

from entresol.identity.oauth.dpop import DpopNonces, access_token_hash, check_proof, only_proof
from entresol.identity.oauth.errors import OAuthError
from unit.identity.oauth.keys import EC, OTHER_EC, RSA, proof, public

NOW = 1_700_000_000
URL = "https://gw.example/auth/token"
CLAIMS = {"jti": "1", "htm": "POST", "htu": URL, "iat": NOW}


def refusal(text: str, **options: Any) -> str:
    with pytest.raises(OAuthError) as error:
        check_proof(text, "POST", URL, NOW, **options)
    return error.value.error


def test_a_good_proof_names_its_key() -> None:
    found = check_proof(proof(CLAIMS), "POST", URL, NOW)
    assert (found.thumbprint, found.jti, found.fresh_until) == (EC.thumbprint(), "1", NOW + 301)
    assert check_proof(proof(CLAIMS, RSA, "PS256"), "POST", URL, NOW).thumbprint == RSA.thumbprint()


@pytest.mark.parametrize(
    ("htu", "url"),
    [
        ("HTTPS://GW.example:443/auth/token", URL),
        (URL, URL + "?a=b#c"),
        (URL + "?a=b", URL),
        ("https://gw.example", "https://gw.example/"),
    ],
)
def test_spellings_of_one_url_are_equal(htu: str, url: str) -> None:
    assert check_proof(proof(CLAIMS | {"htu": htu}), "POST", url, NOW).jti == "1"


@pytest.mark.parametrize(
    "changed",
    [
        {"htm": "GET"},
        {"htm": "post"},
        {"htm": None},
        {"htu": "https://gw.example/auth/other"},
        {"htu": "http://gw.example/auth/token"},
        {"htu": "https://gw.example:8443/auth/token"},
        {"htu": "https://gw.example:x/auth/token"},
        {"htu": "https://evil.example/auth/token"},
        {"htu": None},
        {"jti": ""},
        {"jti": 7},
        {"jti": "x" * 257},
        {"iat": NOW - 301},
        {"iat": NOW + 301},
        {"iat": None},
        {"iat": str(NOW)},
        {"iat": True},
    ],
)
def test_a_proof_for_something_else_is_refused(changed: dict[str, Any]) -> None:
    assert refusal(proof(CLAIMS | changed)) == "invalid_dpop_proof"


@pytest.mark.parametrize(
    "text",
    [
        proof(CLAIMS, typ="JWT"),
        proof(CLAIMS, typ=None),
        proof(CLAIMS, jwk=None),
        proof(CLAIMS, jwk="x"),
        proof(CLAIMS, jwk=public(EC) | {"x": 7}),
        proof(CLAIMS, jwk={}),
        proof(CLAIMS, jwk=public(OTHER_EC)),
        proof(CLAIMS, jwk=EC.as_dict(private=True)),
        proof(CLAIMS)[:-6] + "AAAAAA",
        proof(CLAIMS | {"x": "x" * 9_000}),
        "",
        "a.b.c",
    ],
)
def test_a_proof_that_its_own_key_has_not_signed_is_refused(text: str) -> None:
    assert refusal(text) == "invalid_dpop_proof"


def test_a_key_is_taken_whatever_it_is_called() -> None:
    nameless = {name: value for name, value in public(EC).items() if name != "kid"}
    exported = public(EC) | {"key_ops": ["verify"], "ext": True}  # as browsers write it
    for jwk in (public(EC), nameless, exported):
        assert check_proof(proof(CLAIMS, jwk=jwk), "POST", URL, NOW).thumbprint == EC.thumbprint()
    for text in (proof(CLAIMS, kid="elsewhere"), proof(CLAIMS, jwk=nameless, kid="x")):
        assert check_proof(text, "POST", URL, NOW).thumbprint == EC.thumbprint()


def test_a_proof_goes_with_its_access_token() -> None:
    text = proof(CLAIMS | {"ath": access_token_hash("token")})
    assert check_proof(text, "POST", URL, NOW, access_token="token", thumbprint=EC.thumbprint()).jti == "1"
    assert refusal(text, access_token="other") == "invalid_dpop_proof"
    assert refusal(proof(CLAIMS), access_token="token") == "invalid_dpop_proof"
    assert refusal(text, access_token="token", thumbprint=OTHER_EC.thumbprint()) == "invalid_dpop_proof"


def test_the_hash_of_an_access_token_is_that_of_the_specification() -> None:
    """RFC 9449 §7.1."""
    token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
    assert access_token_hash(token) == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"


def test_a_nonce_is_good_until_the_window_after_its_own_is_over() -> None:
    nonces = DpopNonces(b"secret")
    nonce = nonces.issue(3_000)
    assert [nonces.accepts(nonce, now) for now in (3_000, 3_599, 3_600, 2_999)] == [True, True, False, False]
    assert not DpopNonces(b"other").accepts(nonce, 3_000)


def test_where_nonces_are_asked_for_a_proof_needs_one() -> None:
    nonces = DpopNonces(b"secret")
    good = proof(CLAIMS | {"nonce": nonces.issue(NOW)})
    assert check_proof(good, "POST", URL, NOW, nonces=nonces).jti == "1"
    assert refusal(proof(CLAIMS), nonces=nonces) == "use_dpop_nonce"
    assert refusal(proof(CLAIMS | {"nonce": "é"}), nonces=nonces) == "use_dpop_nonce"


def test_there_is_one_proof_a_request() -> None:
    assert only_proof(["a"]) == "a"
    assert only_proof([]) is None
    for values in (["a", "b"], ["a, b"]):
        with pytest.raises(OAuthError, match="more than one"):
            only_proof(values)


def test_a_proof_counts_once_for_its_key() -> None:
    one, two = (check_proof(proof(CLAIMS, key), "POST", URL, NOW) for key in (EC, OTHER_EC))
    assert one.replay_key != two.replay_key
