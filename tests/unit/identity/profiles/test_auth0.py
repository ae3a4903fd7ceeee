"""Auth0's tokens."""

import pytest

from entresol.identity.profiles.auth0 import Auth0
from entresol.identity.profiles.reading import ClaimFault
from unit.identity.issuing import issuer
from unit.identity.profiles.told import Told, told

PROFILE = Auth0()


def test_claims_with_names_of_ones_own_are_read() -> None:
    claims = {
        "sub": "auth0|1",
        "azp": "app",
        "scope": "openid llm",
        "permissions": ["read:models"],
        "https://acme.example/groups": ["eng"],
        "https://acme.example/roles": ["dev"],
    }
    expected = Told("auth0|1", "user", "app", ("openid", "llm"), ("eng",), ("dev", "read:models"))
    assert told(PROFILE, claims) == expected


def test_two_claims_for_groups_need_somebody_to_choose() -> None:
    with pytest.raises(ClaimFault, match="several"):
        PROFILE.groups({"https://a.example/groups": ["a"], "https://b.example/groups": ["b"]})


def test_the_restricted_name_is_no_claim_of_auth0() -> None:
    assert PROFILE.groups({"groups": ["x"]}) == ()


@pytest.mark.parametrize("claims", [{"sub": "x@clients"}, {"sub": "x", "gty": "client-credentials"}])
def test_a_program_is_told_from_a_person(claims: dict[str, str]) -> None:
    assert PROFILE.kind(claims, "user") == "service"
    assert PROFILE.kind({"sub": "auth0|1", "gty": "password"}, "user") == "user"


def test_the_issuer_ends_with_a_slash() -> None:
    assert PROFILE.faults(issuer(issuer="https://acme.eu.auth0.com"))
    assert PROFILE.faults(issuer(issuer="https://acme.eu.auth0.com/")) == ()
