"""Claims as the standards have them."""

from entresol.identity.profiles.generic import Generic, unexpected
from unit.identity.issuing import ISSUER, issuer
from unit.identity.profiles.told import Told, told

PROFILE = Generic()


def test_standard_claims_are_read() -> None:
    claims = {
        "sub": "1",
        "client_id": "cli",
        "scope": "a b",
        "groups": ["g"],
        "roles": ["r"],
        "preferred_username": "ada",
    }
    assert told(PROFILE, claims) == Told("1", "user", "cli", ("a", "b"), ("g",), ("r",), "ada")
    assert told(PROFILE, {"sub": "1", "azp": "app", "scp": ["a"]}) == Told("1", "user", "app", ("a",))


def test_a_program_with_its_own_token_is_its_own_subject() -> None:
    assert PROFILE.kind({"sub": "cli", "client_id": "cli"}, "user") == "service"
    assert PROFILE.kind({"sub": "cli"}, "agent") == "agent"


def test_the_issuer_is_exactly_the_configured_one() -> None:
    assert PROFILE.vouches(issuer(), {"iss": ISSUER})
    assert not PROFILE.vouches(issuer(), {"iss": ISSUER + "/"})


def test_an_address_is_verified_only_if_the_claim_is_true() -> None:
    assert PROFILE.email({"email": "a@b.c", "email_verified": True}) == ("a@b.c", True)
    assert PROFILE.email({"email": "a@b.c", "email_verified": "true"}) == ("a@b.c", False)


def test_distributed_groups_are_noticed() -> None:
    assert PROFILE.lacks_groups({"_claim_names": {"groups": "src1"}})
    assert not PROFILE.lacks_groups({"groups": ["g"]})


def test_a_claim_may_be_restricted_to_values() -> None:
    assert unexpected({"typ": "ID"}, "typ", "Bearer") == "the claim 'typ' is not Bearer"
    assert unexpected({}, "typ", "Bearer") == unexpected({"typ": "Bearer"}, "typ", "Bearer") == ""
