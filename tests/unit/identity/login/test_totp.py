"""One-time codes."""

import base64
from urllib.parse import parse_qs, urlsplit

import pytest

from entresol.identity.login.totp import (
    STEP_S,
    begin_totp,
    code_at,
    confirm_totp,
    has_totp,
    matching_step,
    provisioning_uri,
    remove_totp,
    take_code,
)
from entresol.identity.records.factors import Totp
from fake_records import MemoryRecords
from unit.identity.people import ADA, NOW, peopled

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
STEP = NOW // STEP_S


@pytest.mark.parametrize(
    ("at", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_codes_are_those_of_rfc_6238(at: int, code: str) -> None:
    assert code_at(RFC_SECRET, at // STEP_S) == code


def test_a_secret_that_is_no_base32_is_a_fault() -> None:
    with pytest.raises(ValueError, match="base32"):
        code_at("1", 1)


def confirmed(records: MemoryRecords) -> tuple[str, ...]:
    secret = begin_totp(records, ADA).secret
    codes = confirm_totp(records, ADA.id, code_at(secret, STEP), NOW)
    assert codes
    return codes


def test_a_secret_counts_once_a_code_has_confirmed_it() -> None:
    records = peopled()
    secret = begin_totp(records, ADA).secret
    assert not has_totp(records, ADA.id)
    assert not take_code(records, ADA.id, code_at(secret, STEP), NOW)
    assert confirm_totp(records, ADA.id, "000000", NOW) == ()
    assert len(confirm_totp(records, ADA.id, code_at(secret, STEP), NOW)) == 10
    assert has_totp(records, ADA.id)
    assert confirm_totp(records, ADA.id, code_at(secret, STEP + 1), NOW) == ()


def test_beginning_again_changes_the_secret_only_before_it_is_confirmed() -> None:
    records = peopled()
    first = begin_totp(records, ADA).secret
    second = begin_totp(records, ADA).secret
    assert first != second
    assert len(base64.b32decode(second)) == 20
    confirm_totp(records, ADA.id, code_at(second, STEP), NOW)
    assert begin_totp(records, ADA).secret == second


def test_a_code_is_taken_once_and_none_from_before_it() -> None:
    records = peopled()
    confirmed(records)
    secret = records.need(Totp, ADA.id).secret
    assert not take_code(records, ADA.id, code_at(secret, STEP), NOW)
    assert take_code(records, ADA.id, code_at(secret, STEP + 1), NOW)
    assert not take_code(records, ADA.id, code_at(secret, STEP + 1), NOW + STEP_S)
    assert not take_code(records, ADA.id, code_at(secret, STEP), NOW + STEP_S)


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_off_by_one_step(steps: int, taken: bool) -> None:
    totp = Totp(id="u", secret=RFC_SECRET)
    assert (matching_step(totp, code_at(RFC_SECRET, STEP + steps), NOW) is not None) is taken


@pytest.mark.parametrize("text", ["", "12345", "1234567", "abcdef", "\uff11" * 6, "12345 ", "-12345"])
def test_what_is_no_six_digits_is_no_code(text: str) -> None:
    assert matching_step(Totp(id="u", secret=RFC_SECRET), text, NOW) is None


def test_spaces_in_a_code_do_not_matter() -> None:
    code = code_at(RFC_SECRET, STEP)
    assert matching_step(Totp(id="u", secret=RFC_SECRET), f"{code[:3]} {code[3:]}", NOW) == STEP


def test_each_recovery_code_counts_once() -> None:
    records = peopled()
    codes = confirmed(records)
    assert codes[3] not in repr(records.tables)
    assert take_code(records, ADA.id, f" {codes[3][:8].upper()}-{codes[3][8:]} ", NOW)
    assert not take_code(records, ADA.id, codes[3], NOW)
    assert take_code(records, ADA.id, codes[4], NOW)
    assert not take_code(records, ADA.id, "nonsense", NOW)


def test_removed_it_is_asked_for_no_more() -> None:
    records = peopled()
    codes = confirmed(records)
    remove_totp(records, ADA.id)
    assert not has_totp(records, ADA.id)
    assert not take_code(records, ADA.id, codes[0], NOW)


def test_the_uri_is_what_authenticators_read() -> None:
    uri = urlsplit(provisioning_uri(Totp(id="u", secret="ABC"), "ada@x", "A B"))
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/A%20B%3Aada%40x")
    assert parse_qs(uri.query) == {"secret": ["ABC"], "issuer": ["A B"], "digits": ["6"]}
