"""Entra's tokens, of both versions and of many tenants."""

from typing import Any

import pytest

from entresol.identity.profiles.entra import Entra, cloud_of
from entresol.identity.profiles.reading import ClaimFault
from unit.identity.issuing import issuer
from unit.identity.profiles.told import Told, told

PROFILE = Entra()
TENANT = "11111111-2222-3333-4444-555555555555"
OTHER = "99999999-2222-3333-4444-555555555555"
PERSON = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
APP = "bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee"
HOST = "https://login.microsoftonline.com"
V2, V1 = f"{HOST}/{TENANT}/v2.0", f"https://sts.windows.net/{TENANT}/"
SINGLE = issuer(profile="entra", issuer=V2)
MANY = issuer(profile="entra", issuer=f"{HOST}/common/v2.0")
USER: dict[str, Any] = {"iss": V2, "tid": TENANT, "oid": PERSON, "sub": "pairwise", "azp": APP, "scp": "llm mcp"}


def test_a_person_is_tenant_and_object_and_not_the_pairwise_subject() -> None:
    claims = USER | {"groups": ["g"], "roles": ["Dev"], "preferred_username": "ada@acme.org"}
    expected = Told(f"{TENANT}:{PERSON}", "user", APP, ("llm", "mcp"), ("g",), ("Dev",), "ada@acme.org")
    assert told(PROFILE, claims) == expected


def test_version_one_has_other_names_for_the_same() -> None:
    claims = {"tid": TENANT, "oid": PERSON, "appid": APP, "scp": "llm", "upn": "ada@acme.org"}
    assert told(PROFILE, claims) == Told(f"{TENANT}:{PERSON}", "user", APP, ("llm",), username="ada@acme.org")


def test_a_program_has_its_permissions_as_roles() -> None:
    claims = {"tid": TENANT, "oid": PERSON, "azp": APP, "roles": ["Llm.Use"]}
    assert told(PROFILE, claims) == Told(f"{TENANT}:{PERSON}", "service", APP, ("Llm.Use",), roles=("Llm.Use",))
    assert PROFILE.kind(claims | {"idtyp": "app", "scp": "x"}, "user") == "service"
    assert PROFILE.kind({"tid": TENANT, "oid": PERSON}, "user") == "user"  # an ID token


@pytest.mark.parametrize("changes", [{"oid": None}, {"tid": None}, {"tid": "x"}, {"oid": "a:b"}, {"oid": ""}])
def test_without_both_ids_there_is_nobody(changes: dict[str, Any]) -> None:
    with pytest.raises(ClaimFault):
        PROFILE.subject(USER | changes)


@pytest.mark.parametrize(
    ("record", "iss", "tid", "version", "is_right"),
    [
        (SINGLE, V2, TENANT, "2.0", True),
        (SINGLE, V1, TENANT, "1.0", True),
        (SINGLE, V1, TENANT, "2.0", False),
        (SINGLE, V2, TENANT, "1.0", False),
        (SINGLE, V2, OTHER, "2.0", False),
        (SINGLE, f"{HOST}/{OTHER}/v2.0", OTHER, "2.0", False),
        (SINGLE, f"{HOST}/{TENANT}/v2.0/", TENANT, "2.0", False),
        (issuer(profile="entra", issuer=V1), V1, TENANT, "1.0", True),
        (issuer(profile="entra", issuer=V1), V2, TENANT, "2.0", False),
        (MANY, V2, TENANT, "2.0", True),
        (MANY, V1, TENANT, "1.0", True),
        (MANY, V2, OTHER, "2.0", False),
        (MANY, f"{HOST}/{{tenantid}}/v2.0", "{tenantid}", "2.0", False),
        (MANY, f"{HOST}/common/v2.0", "common", "2.0", False),
        (MANY, f"https://evil.example/{TENANT}/v2.0", TENANT, "2.0", False),
    ],
)
def test_the_issuer_fits_the_tokens_own_tenant_and_version(
    record: Any, iss: str, tid: str, version: str, is_right: bool
) -> None:
    assert PROFILE.vouches(record, {"iss": iss, "tid": tid, "ver": version}) is is_right


def test_both_forms_of_an_applications_audience_are_its_own() -> None:
    assert PROFILE.audiences(frozenset((APP,))) == {APP, f"api://{APP}"}
    assert PROFILE.audiences(frozenset((f"api://{APP}",))) == {APP, f"api://{APP}"}
    assert PROFILE.audiences(frozenset(("https://gw.example",))) == {"https://gw.example"}


def test_an_id_token_with_the_apis_audience_is_no_access_token() -> None:
    assert PROFILE.refusal(SINGLE, {"aud": APP, "tid": TENANT, "oid": PERSON})
    assert PROFILE.refusal(SINGLE, USER) == ""


@pytest.mark.parametrize(
    "claims", [{"_claim_names": {"groups": "src1"}}, {"hasgroups": True}, {"hasgroups": "true"}, {"groups:src1": "x"}]
)
def test_too_many_groups_are_noticed(claims: dict[str, Any]) -> None:
    assert PROFILE.lacks_groups(claims)
    assert not PROFILE.lacks_groups({"groups": [], "_claim_names": {}})


def test_addresses_are_as_true_as_a_tenant_likes_them_to_be() -> None:
    assert PROFILE.email({"email": "ceo@acme.org", "email_verified": True}) == ("ceo@acme.org", False)


@pytest.mark.parametrize("name", [HOST, f"{HOST}/acme.org/v2.0", f"{HOST}/{TENANT}", f"{HOST}/{TENANT}/v2.0/"])
def test_other_forms_of_the_issuer_are_mistakes(name: str) -> None:
    assert PROFILE.faults(issuer(issuer=name))


def test_anybody_can_make_a_tenant() -> None:
    assert PROFILE.is_shared(MANY)
    assert not PROFILE.is_shared(SINGLE)
    assert PROFILE.metadata_issuer(MANY) == f"{HOST}/{{tenantid}}/v2.0"
    assert PROFILE.metadata_url(issuer(issuer=f"{HOST}/{{tenantid}}/v2.0")) == f"{HOST}/common/v2.0"
    assert (PROFILE.metadata_url(SINGLE), PROFILE.metadata_issuer(SINGLE)) == (V2, V2)


def test_the_cloud_is_known_by_either_name() -> None:
    assert cloud_of(V1) == cloud_of(V2) == HOST
    assert cloud_of(f"https://login.microsoftonline.us/{TENANT}/v2.0") == "https://login.microsoftonline.us"
