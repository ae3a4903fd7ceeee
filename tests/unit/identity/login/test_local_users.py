"""Who is meant at the sign-in."""

import pytest
from msgspec.structs import replace

from entresol.identity.login.local_users import candidate
from entresol.identity.records.accounts import Organisation, User
from entresol.identity.records.factors import Password, Totp
from fake_records import MemoryRecords
from unit.identity.people import ADA, NOW, peopled


def world() -> MemoryRecords:
    records = peopled()
    records.insert(Organisation(id="org", organisation="org", name="Acme"))
    records.insert(Password(id=ADA.id, organisation="org", hash="h", changed_at=NOW))
    return records


@pytest.mark.parametrize("typed", ["ada", " Ada ", "acme/ada", "ACME/ADA"])
def test_a_user_is_found_by_name(typed: str) -> None:
    found = candidate(world(), typed)
    assert found.user is not None
    assert (found.user.id, found.password_hash, found.needs_code) == (ADA.id, "h", False)


@pytest.mark.parametrize("typed", ["", "eve", "/ada", "other/ada", "acme/", "acme/ada/x", "u-ada"])
def test_nobody_is_found_by_anything_else(typed: str) -> None:
    assert candidate(world(), typed).user is None


def test_of_several_with_one_name_none_is_meant_without_the_organisation() -> None:
    records = world()
    records.insert(User(id="other", organisation="org2", username="ada"))
    assert candidate(records, "ada").user is None
    assert candidate(records, "acme/ada").user is not None


def test_who_is_disabled_or_has_no_password_is_nobody() -> None:
    records = world()
    records.replace(replace(records.need(User, ADA.id), is_active=False))
    assert candidate(records, "ada").user is None
    records = world()
    records.delete(Password, ADA.id)
    assert candidate(records, "ada").user is None


def test_a_confirmed_second_factor_is_asked_for() -> None:
    records = world()
    totp = records.insert(Totp(id=ADA.id, secret="s"))
    assert not candidate(records, "ada").needs_code
    records.replace(replace(totp, is_confirmed=True))
    assert candidate(records, "ada").needs_code


def test_a_hash_is_in_no_repr() -> None:
    assert "password_hash" not in repr(candidate(world(), "ada"))
