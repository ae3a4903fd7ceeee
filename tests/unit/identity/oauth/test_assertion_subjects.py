"""Whom a trusted issuer's token stands for."""

from typing import Any

import pytest

from entresol.identity.oauth.assertion_subjects import service_account_of, user_of
from entresol.identity.records.accounts import ServiceAccount, User
from unit.identity.oauth.token_scene import Scene, asserted


def test_a_user_is_found_by_issuer_and_subject() -> None:
    found = user_of(Scene().records, asserted())
    assert found is not None
    assert found.id == "ada"


@pytest.mark.parametrize(
    "other",
    [
        {"issuer": "https://other.example"},
        {"organisation": "other"},
        {"subject": "ada"},
        {"subject": "ada@example.org", "claims": {"email": "ada@example.org", "email_verified": True}},
    ],
)
def test_the_same_subject_or_address_elsewhere_is_nobody(other: dict[str, Any]) -> None:
    assert user_of(Scene().records, asserted(**other)) is None


def test_a_workload_is_the_account_that_names_it() -> None:
    scene = Scene()
    found = service_account_of(scene.records, asserted(subject="repo:main"))
    assert found is not None
    assert found.id == "ci"
    for other in ({"subject": "repo:other"}, {"issuer": "https://o.example"}, {"organisation": "other"}):
        assert service_account_of(scene.records, asserted(**{"subject": "repo:main", **other})) is None


def test_who_is_switched_off_is_nobody() -> None:
    scene = Scene()
    scene.change(ServiceAccount, "ci", is_active=False)
    scene.change(User, "ada", is_active=False)
    assert service_account_of(scene.records, asserted(subject="repo:main")) is None
    assert user_of(scene.records, asserted()) is None


def test_a_workload_that_two_accounts_name_is_neither() -> None:
    scene = Scene()
    workload = asserted(subject="repo:main")
    scene.put(ServiceAccount(id="cd", organisation="org", name="cd", subjects=(f"{workload.issuer}|repo:main",)))
    assert service_account_of(scene.records, workload) is None


def test_a_spiffe_identity_is_named_by_itself() -> None:
    scene = Scene()
    scene.put(ServiceAccount(id="cd", organisation="org", name="cd", subjects=("spiffe://example.org/cd",)))
    workload = asserted(issuer="spiffe://example.org", subject="spiffe://example.org/cd")
    found = service_account_of(scene.records, workload)
    assert found is not None
    assert found.id == "cd"
    elsewhere = asserted(issuer="https://idp.example", subject="spiffe://example.org/cd")
    assert service_account_of(scene.records, elsewhere) is None


def test_an_identity_that_leads_into_another_organisation_is_nobody() -> None:
    scene = Scene()
    scene.change(User, "ada", organisation="other")
    assert user_of(scene.records, asserted()) is None
