"""Passwords."""

import pytest
from argon2 import PasswordHasher

from entresol.core.errors import ClientError
from entresol.identity.login.passwords import (
    check_acceptable,
    hash_password,
    is_outdated,
    is_password,
    set_password,
)
from entresol.identity.records.factors import Password
from unit.identity.people import ADA, NOW, peopled


def test_a_hash_is_argon2id_and_knows_its_password_alone() -> None:
    hashed = hash_password("nine blue whales")
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert is_password("nine blue whales", hashed)
    assert not is_password("nine blue whale", hashed)
    assert hash_password("nine blue whales") != hashed


def test_the_same_text_from_two_keyboards_is_the_same_password() -> None:
    assert is_password("cafe\u0301 cafe\u0301 cafe\u0301", hash_password("caf\u00e9 caf\u00e9 caf\u00e9"))


@pytest.mark.parametrize("known", [None, "", "no hash", "$argon2id$broken", "$2b$12$abc"])
def test_without_a_usable_hash_no_password_is_right(known: str | None) -> None:
    assert not is_password("nobody has this password", known)


def test_text_that_is_no_text_is_no_password_and_no_fault() -> None:
    assert not is_password("\ud800\0", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("x"))


def test_a_hash_of_less_effort_is_outdated() -> None:
    assert is_outdated(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("x"))
    assert not is_outdated(hash_password("x"))


@pytest.mark.parametrize(
    ("text", "username"),
    [("elevenchars", "ada"), ("x" * 257, "ada"), ("abababababab", "ada"), ("ada-lovelace1", "ada-lovelace"), ("", "")],
)
def test_what_is_too_easy_is_refused(text: str, username: str) -> None:
    with pytest.raises(ClientError) as refused:
        check_acceptable(text, username)
    assert (refused.value.code, refused.value.status) == ("password_refused", 422)
    assert not text or text not in refused.value.message


@pytest.mark.parametrize(
    "text", ["twelve chars", "correct horse battery staple", "päßwörter 🙂🙂🙂", "ada met a dozen geese"]
)
def test_length_counts_and_signs_do_not(text: str) -> None:
    check_acceptable(text, "ada")


def test_a_new_password_takes_the_place_of_the_old_one() -> None:
    records = peopled()
    set_password(records, ADA, "one", NOW)
    set_password(records, ADA, "two", NOW + 5)
    [known] = records.find(Password)
    assert (known.id, known.organisation, known.hash, known.changed_at) == (ADA.id, "org", "two", NOW + 5)
