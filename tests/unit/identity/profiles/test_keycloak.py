"""Keycloak's tokens."""

import pytest

from entresol.identity.profiles.keycloak import Keycloak
from entresol.identity.profiles.reading import ClaimFault
from unit.identity.issuing import issuer
from unit.identity.profiles.told import Told, told

PROFILE = Keycloak()
REALM = "https://kc.example/realms/acme"


def test_roles_of_realm_and_clients_and_groups_by_path_are_read() -> None:
    claims = {
        "sub": "f3",
        "typ": "Bearer",
        "azp": "web",
        "scope": "openid llm",
        "groups": ["/eng/backend"],
        "preferred_username": "ada",
        "realm_access": {"roles": ["dev"]},
        "resource_access": {"web": {"roles": ["editor"]}, "account": {"roles": ["manage-account"]}},
    }
    roles = ("dev", "web/editor", "account/manage-account")
    assert told(PROFILE, claims) == Told("f3", "user", "web", ("openid", "llm"), ("/eng/backend",), roles, "ada")


def test_a_service_account_is_a_program_and_a_person_with_such_a_name_is_not() -> None:
    assert PROFILE.kind({"azp": "CI", "preferred_username": "service-account-ci"}, "user") == "service"
    assert PROFILE.kind({"azp": "web", "preferred_username": "service-account-ci"}, "user") == "user"


@pytest.mark.parametrize("kind", ["ID", "Refresh", "Offline", "Logout", "bearer", 1])
def test_other_tokens_of_the_realm_are_no_access_tokens(kind: object) -> None:
    assert PROFILE.refusal(issuer(), {"typ": kind})
    assert PROFILE.refusal(issuer(), {"typ": "Bearer"}) == ""


@pytest.mark.parametrize("access", [{"web": ["editor"]}, {"web": {"roles": {"a": 1}}}])
def test_roles_that_cannot_be_read_are_a_fault(access: object) -> None:
    with pytest.raises(ClaimFault):
        PROFILE.roles({"resource_access": access})


def test_the_audience_that_all_tokens_have_is_refused() -> None:
    assert PROFILE.faults(issuer(issuer=REALM, audiences=("account",)))
    assert PROFILE.faults(issuer(issuer=REALM + "/"))
    assert PROFILE.faults(issuer(issuer=REALM)) == ()
