"""Tokens of other issuers: which are taken, and what they prove."""

import warnings
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, RSAKey

from entresol.core.decision import Deny
from entresol.identity.jwt_results import NeedKeys, Verified
from entresol.identity.jwt_rules import id_token_rules
from entresol.identity.principal import Actor
from entresol.identity.records.issuers import ClaimMapping
from unit.identity.issuing import (
    AUDIENCE,
    ED25519,
    ES256,
    ISSUER,
    KEYS,
    NOW,
    RS256,
    checked,
    claims,
    issuer,
    run,
    sign,
    verifier,
    web_of,
)


def test_a_good_token_becomes_a_principal() -> None:
    token = sign(claims(groups=["g1"], auth_time=NOW - 5, acr="mfa"))
    outcome = verifier().check(token, NOW)
    assert isinstance(outcome, Verified)
    principal = outcome.principal
    assert principal.key == ("org", ISSUER, "ada")
    assert (principal.kind, principal.client, principal.token_id) == ("user", "cli", "t-1")
    assert (principal.scopes, principal.groups) == (frozenset(("llm", "mcp")), frozenset(("g1",)))
    assert (principal.auth_time, principal.acr, principal.expires_at) == (NOW - 5, "mfa", NOW + 600)
    assert (outcome.audiences, outcome.issuer, outcome.issued_at) == (frozenset((AUDIENCE,)), "iss-1", NOW)
    assert len(principal.fingerprint) == 16


@pytest.mark.parametrize(
    ("key", "algorithm", "accepted"),
    [
        (ES256, "ES256", True),
        (RS256, "RS256", True),
        (RS256, "PS256", True),
        (ED25519, "EdDSA", True),
        (RS256, "RS512", False),  # not among the issuer's algorithms
        (ECKey.generate_key("P-384", {"kid": "es-1"}), "ES384", False),
    ],
)
def test_the_issuer_says_which_algorithms_it_signs_with(key: Any, algorithm: str, accepted: bool) -> None:
    assert isinstance(verifier().check(sign(claims(), key, alg=algorithm), NOW), Verified) is accepted


def refused(outcome: object, why: str = "", code: str = "invalid_token") -> bool:
    return isinstance(outcome, Deny) and outcome.code == code and why in outcome.message


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"exp": None}, "when it expires"),
        ({"exp": NOW - 60}, "expired"),
        ({"exp": True}, "when it expires"),
        ({"exp": str(NOW + 60)}, "when it expires"),
        ({"exp": 1e300}, "when it expires"),
        ({"nbf": NOW + 61}, "future"),
        ({"nbf": "soon"}, "future"),
        ({"iat": NOW + 61}, "future"),
        ({"sub": None}, "no subject"),
        ({"sub": " "}, "no subject"),
        ({"sub": 7}, "no subject"),
        ({"sub": ["ada"]}, "no subject"),
        ({"aud": None}, "not meant"),
        ({"aud": "https://other.example"}, "not meant"),
        ({"aud": [AUDIENCE, 1]}, "not meant"),
        ({"aud": {"a": AUDIENCE}}, "not meant"),
        ({"aud": [AUDIENCE] * 65}, "not meant"),
        ({"aud": AUDIENCE + "/"}, "not meant"),
        ({"iss": None}, "not trusted"),
        ({"iss": ISSUER + "/"}, "not trusted"),
        ({"iss": ISSUER.upper()}, "not trusted"),
        ({"iss": [ISSUER]}, "not trusted"),
        ({"cnf": {"jkt": "abc"}}, "bound to a key"),
        ({"cnf": {"jwk": {}}}, "bound to a key"),
        ({"cnf": "x"}, "bound to a key"),
        ({"act": "gateway"}, "actors"),
        ({"act": {"sub": ""}}, "actors"),
        ({"act": {"sub": "a", "act": {"sub": 1}}}, "actors"),
    ],
)
def test_claims_that_are_not_in_order_refuse(changes: dict[str, Any], why: str) -> None:
    assert refused(verifier().check(sign(claims(**changes)), NOW), why)


@pytest.mark.parametrize(
    "changes", [{"exp": NOW - 59}, {"exp": NOW + 0.5}, {"nbf": NOW + 60}, {"aud": ["x", AUDIENCE]}, {"iat": None}]
)
def test_clocks_may_differ_by_a_minute_and_audiences_be_several(changes: dict[str, Any]) -> None:
    assert isinstance(verifier().check(sign(claims(**changes)), NOW), Verified)


@pytest.mark.parametrize("kind", ["at+jwt", "application/at+jwt", "JWT", "at+JWT", None])
def test_types_of_access_tokens_are_taken(kind: str | None) -> None:
    assert isinstance(verifier().check(sign(claims(), typ=kind), NOW), Verified)


def test_chains_of_actors_are_kept_with_whoever_acts_now_first() -> None:
    token = sign(claims(act={"sub": "agent", "act": {"sub": "app", "iss": "https://other.example"}}))
    outcome = verifier().check(token, NOW)
    assert isinstance(outcome, Verified)
    assert outcome.principal.actors == (
        Actor(issuer=ISSUER, subject="agent"),
        Actor(issuer="https://other.example", subject="app"),
    )


def test_a_token_bound_to_a_key_counts_with_its_proof() -> None:
    token = sign(claims(cnf={"jkt": "thumb"}))
    outcome = verifier().check(token, NOW, proofs=frozenset(("jkt:thumb",)))
    assert isinstance(outcome, Verified)
    assert outcome.bound_to == "jkt:thumb"
    assert refused(verifier().check(token, NOW, proofs=frozenset(("x5t#S256:thumb",))), "bound to a key")


def test_claims_that_an_issuer_must_give_are_asked_for() -> None:
    record = issuer(required_claims=("department",))
    assert refused(verifier(record).check(sign(claims()), NOW), "department")
    assert isinstance(verifier(record).check(sign(claims(department="x")), NOW), Verified)


def test_an_issuer_without_audiences_takes_tokens_for_this_gateways_resources() -> None:
    mine = frozenset((AUDIENCE,))
    assert isinstance(verifier(issuer(audiences=()), resources=mine).check(sign(claims()), NOW), Verified)
    assert refused(verifier(issuer(audiences=())).check(sign(claims()), NOW), "not meant")


def test_keys_are_fetched_once_and_tokens_checked_again() -> None:
    subject, web = verifier(issuer(jwks="")), web_of()
    assert isinstance(checked(subject, sign(claims()), web), Verified)
    assert isinstance(subject.check(sign(claims(sub="bob")), NOW + 100), Verified)
    assert web.urls == [f"{ISSUER}/.well-known/openid-configuration", f"{ISSUER}/keys"]


def test_an_issuer_that_is_down_is_no_reason_to_let_anybody_in_nor_the_tokens_fault() -> None:
    subject, web = verifier(issuer(jwks="")), web_of()
    web.pages = dict.fromkeys(web.pages, "no route")
    outcome = checked(subject, sign(claims()), web)
    assert refused(outcome, code="issuer_unavailable")
    assert isinstance(outcome, Deny)
    assert outcome.headers == ((b"retry-after", b"5"),)


def test_keys_are_renewed_before_anybody_has_to_wait_for_them() -> None:
    subject, web = verifier(issuer(jwks="")), web_of()
    assert subject.due(NOW) == ()
    checked(subject, sign(claims()), web)
    assert subject.due(NOW + 100) == ()
    (need,) = subject.due(NOW + 3000)
    assert isinstance(need, NeedKeys)
    run(need.start(), web)
    assert isinstance(subject.check(sign(claims(exp=NOW + 9000)), NOW + 3700), Verified)


SIGN_IN = issuer(purpose="sign-in", client_id="web", audiences=())


@pytest.mark.parametrize(
    ("changes", "header", "accepted"),
    [
        ({}, {}, True),
        ({"nonce": "n", "at_hash": "h"}, {}, True),
        ({"azp": "web"}, {}, True),
        ({"aud": ["web", "api"], "azp": "web"}, {}, True),
        ({"aud": ["web", "api"]}, {}, False),
        ({"azp": "other"}, {}, False),
        ({"aud": "other"}, {}, False),
        ({"aud": AUDIENCE}, {}, False),
        ({"iat": None}, {}, False),
        ({"exp": NOW - 60}, {}, False),
        ({}, {"typ": "at+jwt"}, False),
        ({}, {"typ": "logout+jwt"}, False),
    ],
)
def test_an_id_token_is_for_the_sign_in_client(changes: dict[str, Any], header: dict[str, Any], accepted: bool) -> None:
    token = sign(claims(**{"aud": "web", "client_id": None} | changes), **{"typ": "JWT"} | header)
    outcome = verifier(SIGN_IN).check(token, NOW, id_token_rules("web"), issuer_id="iss-1")
    assert isinstance(outcome, Verified) is accepted
    assert refused(verifier(SIGN_IN).check(token, NOW))  # it opens no other door


def test_a_condition_says_who_may_come_in() -> None:
    record = issuer(mapping=ClaimMapping(admit="claims.department == 'lab'"))
    assert isinstance(verifier(record).check(sign(claims(department="lab")), NOW), Verified)
    for claim in ({"department": "x"}, {}):
        assert refused(verifier(record).check(sign(claims(**claim)), NOW), "admit", "not_admitted")


def test_a_disabled_issuer_or_one_for_sign_in_vouches_for_no_tokens() -> None:
    for record in (issuer(is_enabled=False), issuer(purpose="sign-in")):
        assert refused(verifier(record).check(sign(claims()), NOW), "not trusted")


def test_a_door_may_take_the_tokens_of_one_organisation_or_one_issuer_only() -> None:
    subject = verifier()
    assert isinstance(subject.check(sign(claims()), NOW, organisation="org"), Verified)
    assert refused(subject.check(sign(claims()), NOW, organisation="other"), "not trusted")
    assert refused(subject.check(sign(claims()), NOW, issuer_id="iss-2"), "not trusted")


def test_organisations_that_share_an_issuer_are_told_apart_by_audience() -> None:
    mine, theirs = issuer(), issuer(id="iss-2", organisation="two", audiences=("https://two.example",))
    outcome = verifier(mine, theirs).check(sign(claims(aud="https://two.example")), NOW)
    assert isinstance(outcome, Verified)
    assert outcome.principal.tenant == "two"
    both = verifier(mine, issuer(id="iss-2", organisation="two"))
    assert refused(both.check(sign(claims()), NOW), "several organisations")
    assert isinstance(both.check(sign(claims()), NOW, organisation="two"), Verified)


def test_an_issuer_with_a_mistake_does_not_keep_the_others_out() -> None:
    broken = issuer(id="iss-2", issuer="https://two.example", mapping=ClaimMapping(admit="claims."))
    subject = verifier(issuer(), broken)
    assert isinstance(subject.check(sign(claims()), NOW), Verified)
    assert list(subject.issuers.faults) == ["iss-2"]
    assert refused(subject.check(sign(claims(iss="https://two.example")), NOW), "not trusted")


WHOLE = sign(claims(groups=["a", "b"]))
RSA_WHOLE = sign(claims(), RS256, alg="RS256")
SUBJECT = verifier()


@settings(max_examples=300)
@given(
    st.sampled_from([WHOLE, RSA_WHOLE]),
    st.lists(st.tuples(st.integers(0), st.integers(1, 255)), min_size=1, max_size=3),
)
def test_no_changed_token_is_taken(token: bytes, changes: list[tuple[int, int]]) -> None:
    changed = bytearray(token)
    for where, flip in changes:
        changed[where % len(changed)] ^= flip
    if bytes(changed) != token:
        assert isinstance(SUBJECT.check(bytes(changed), NOW), Deny)


LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."


@settings(max_examples=300)
@given(st.integers(0), st.sampled_from(list(LETTERS)), st.sampled_from(["put", "insert", "cut"]))
def test_no_token_with_other_letters_is_taken(where: int, letter: int, how: str) -> None:
    at = where % len(WHOLE)
    middle, rest = (b"" if how == "cut" else bytes([letter])), WHOLE[at + (how != "insert") :]
    changed = WHOLE[:at] + middle + rest
    if changed != WHOLE:
        assert isinstance(SUBJECT.check(changed, NOW), Deny)


@given(st.binary(max_size=200))
def test_no_bytes_are_taken_or_break_it(raw: bytes) -> None:
    assert isinstance(SUBJECT.check(raw, NOW), Deny)


def test_a_short_rsa_key_checks_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is short
        weak = RSAKey.generate_key(1024, {"kid": "weak"})
    subject, web = verifier(issuer(jwks="")), web_of(ISSUER, weak, *KEYS)
    assert refused(checked(subject, sign(claims(), weak, alg="RS256"), web), "no such key")
