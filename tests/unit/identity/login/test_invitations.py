"""One-time links."""

import pytest
from msgspec.structs import replace

from entresol.core.errors import ClientError
from entresol.identity.login.invitations import (
    LIFETIME_S,
    NewAdministrator,
    accept,
    checked_username,
    has_administrator,
    invitation,
    invite,
    owner_assignment,
    set_up,
    setup_link,
)
from entresol.identity.records.access import RoleAssignment
from entresol.identity.records.accounts import Organisation, User
from entresol.identity.records.factors import Invitation, Password
from fake_records import MemoryRecords
from unit.identity.people import ADA, NOW, peopled

WHO = NewAdministrator(organisation=" Acme ", username="Root", display_name=" R ", password_hash="h")


def refusal(work: object, *values: object) -> str:
    with pytest.raises(ClientError) as refused:
        work(*values)  # type: ignore[operator]
    return refused.value.code


def test_the_set_up_makes_an_organisation_and_its_owner() -> None:
    records = MemoryRecords()
    user = set_up(records, setup_link(records, NOW), WHO, NOW)
    [organisation] = records.find(Organisation)
    assert (organisation.name, organisation.organisation) == ("Acme", organisation.id)
    assert (user.organisation, user.username, user.display_name) == (organisation.id, "root", "R")
    assert records.need(Password, user.id).hash == "h"
    [owner] = records.find(RoleAssignment)
    assert (owner.role, owner.grantee_kind, owner.grantee) == ("owner", "user", user.id)
    assert records.find(Invitation) == []
    assert has_administrator(records)


def test_there_is_one_set_up_link_at_a_time_and_none_afterwards() -> None:
    records = MemoryRecords()
    first, second = setup_link(records, NOW), setup_link(records, NOW)
    assert refusal(set_up, records, first, WHO, NOW) == "link_over"
    set_up(records, second, WHO, NOW)
    assert refusal(setup_link, records, NOW) == "already_set_up"
    assert refusal(set_up, records, second, WHO, NOW) == "link_over"


def test_an_owner_who_is_disabled_is_no_administrator() -> None:
    records = MemoryRecords()
    user = set_up(records, setup_link(records, NOW), WHO, NOW)
    records.replace(replace(records.need(User, user.id), is_active=False))
    assert not has_administrator(records)
    setup_link(records, NOW)


def test_a_link_that_was_left_over_makes_no_second_owner() -> None:
    records = peopled()
    token = setup_link(records, NOW)
    records.insert(owner_assignment(ADA))
    assert refusal(set_up, records, token, WHO, NOW) == "already_set_up"


@pytest.mark.parametrize("organisation", ["", " ", "x" * 101, "a/b", "a\nb"])
def test_an_organisation_has_a_name(organisation: str) -> None:
    records = MemoryRecords()
    token = setup_link(records, NOW)
    assert refusal(set_up, records, token, replace(WHO, organisation=organisation), NOW) == "name_refused"


@pytest.mark.parametrize("name", ["", " ", ".x", "a b", "ä", "a/b", "x" * 101, "a\0"])
def test_a_user_name_is_plain(name: str) -> None:
    assert refusal(checked_username, name) == "name_refused"


def test_a_user_name_is_kept_in_small_letters() -> None:
    assert checked_username(" Ada.L+1@Example-x_ ") == "ada.l+1@example-x_"


def test_a_user_accepts_once_and_in_time() -> None:
    records = peopled()
    token = invite(records, ADA, "invite", NOW)
    assert invitation(records, token, NOW).user == ADA.id
    assert accept(records, token, "h2", NOW + LIFETIME_S - 1).id == ADA.id
    assert records.need(Password, ADA.id).hash == "h2"
    assert refusal(accept, records, token, "h3", NOW) == "link_over"
    late = invite(records, ADA, "reset", NOW)
    assert refusal(accept, records, late, "h3", NOW + LIFETIME_S) == "link_over"
    assert refusal(invitation, records, late, NOW + LIFETIME_S) == "link_over"


def test_a_newer_link_makes_the_older_one_worthless() -> None:
    records = peopled()
    old = invite(records, ADA, "invite", NOW)
    invite(records, ADA, "invite", NOW)
    assert refusal(accept, records, old, "h", NOW) == "link_over"


def test_who_was_disabled_meanwhile_accepts_nothing() -> None:
    records = peopled()
    token = invite(records, ADA, "invite", NOW)
    records.replace(replace(records.need(User, ADA.id), is_active=False))
    assert refusal(accept, records, token, "h", NOW) == "link_over"


def test_a_set_up_link_sets_nobodys_password() -> None:
    records = peopled()
    assert refusal(accept, records, setup_link(records, NOW), "h", NOW) == "link_over"
