"""Who acts for whom."""

from typing import Any

import pytest

from entresol.identity.oauth.delegation import ActingParty, BadDelegation, chain_of, check_may_act, delegated
from unit.identity.oauth.token_scene import IDP, ISSUER

CI = ActingParty(issuer=ISSUER, subject="ci", client_id="backend")


def test_nobody_acts_in_a_token_without_act() -> None:
    assert chain_of({}, ISSUER, ISSUER, 4) is None
    assert delegated(None, CI, ISSUER, 4) == {"sub": "ci"}


def test_who_acts_now_stands_outside() -> None:
    chain = chain_of({"act": {"sub": "a", "act": {"sub": "b"}}}, ISSUER, ISSUER, 4)
    assert delegated(chain, CI, ISSUER, 4) == {"sub": "ci", "act": {"sub": "a", "act": {"sub": "b"}}}


def test_actors_of_another_issuer_keep_its_name_and_nothing_else() -> None:
    act = {"sub": "a", "admin": True, "act": {"sub": "b", "iss": ISSUER, "email": "x"}}
    assert chain_of({"act": act}, IDP, ISSUER, 4) == {"sub": "a", "iss": IDP, "act": {"sub": "b"}}


@pytest.mark.parametrize(
    "act", ["a", [], {}, {"sub": ""}, {"sub": 7}, {"sub": "a", "iss": 7}, {"sub": "a", "act": "b"}]
)
def test_a_malformed_chain_is_refused(act: Any) -> None:
    with pytest.raises(BadDelegation, match="malformed"):
        chain_of({"act": act}, ISSUER, ISSUER, 4)


def test_a_chain_is_only_so_long() -> None:
    act: dict[str, Any] = {"sub": "0"}
    for n in range(1, 4):
        act = {"sub": str(n), "act": act}
    chain = chain_of({"act": act}, ISSUER, ISSUER, 4)
    with pytest.raises(BadDelegation, match="more than 4"):
        delegated(chain, CI, ISSUER, 4)
    with pytest.raises(BadDelegation, match="more than 3"):
        chain_of({"act": act}, ISSUER, ISSUER, 3)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"may_act": {"sub": "ci"}},
        {"may_act": {"sub": "ci", "iss": ISSUER}},
        {"may_act": {"sub": "ci", "client_id": "backend"}},
    ],
)
def test_who_is_named_may_act(claims: dict[str, Any]) -> None:
    check_may_act(claims, ISSUER, CI)


@pytest.mark.parametrize(
    "may_act",
    [
        {"sub": "other"},
        {"sub": "ci", "iss": IDP},
        {"sub": "ci", "client_id": "x"},
        {"sub": "ci", "email": "x"},
        {},
        "ci",
    ],
)
def test_nobody_else_may(may_act: Any) -> None:
    with pytest.raises(BadDelegation):
        check_may_act({"may_act": may_act}, ISSUER, CI)


def test_a_name_without_issuer_is_one_of_the_token_s_issuer() -> None:
    with pytest.raises(BadDelegation):
        check_may_act({"may_act": {"sub": "ci"}}, IDP, CI)
