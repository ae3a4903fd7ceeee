"""The authorization server's keys."""

from entresol.identity.oauth.signing_keys import (
    MARGIN_S,
    active_key,
    jwk_set,
    replace_at_once,
    rotate_when_due,
    verification_keys,
)
from entresol.identity.oauth.token_settings import TokenSettings
from entresol.identity.records.signing_keys import SigningKey
from fake_records import MemoryRecords

SETTINGS = TokenSettings(access_lifetime_s=600, key_lifetime_s=10_000, key_announcement_s=1_000)
START = 1_000_000


def states(records: MemoryRecords) -> dict[str, str]:
    return {key.id: key.state for key in records.find(SigningKey)}


def test_the_first_key_signs_at_once() -> None:
    records = MemoryRecords()
    key = active_key(records, SETTINGS, START)
    assert (key.state, key.active_from) == ("active", START)
    assert active_key(records, SETTINGS, START + 1).id == key.id


def test_a_key_is_published_before_it_signs_and_after() -> None:
    records = MemoryRecords()
    first = rotate_when_due(records, SETTINGS, START)
    assert rotate_when_due(records, SETTINGS, START + 8_999).id == first.id
    assert len(jwk_set(records)["keys"]) == 1
    assert active_key(records, SETTINGS, START + 9_000).id == first.id
    assert sorted(states(records).values()) == ["active", "next"]
    second = active_key(records, SETTINGS, START + 10_000)
    assert second.id != first.id
    assert states(records) == {first.id: "retired", second.id: "active"}
    assert len(jwk_set(records)["keys"]) == 2
    last = START + 10_000 + 600 + MARGIN_S
    rotate_when_due(records, SETTINGS, last - 1)
    assert verification_keys(records, first.id)
    rotate_when_due(records, SETTINGS, last)
    assert not verification_keys(records, first.id)


def test_a_server_that_was_down_still_announces_the_next_key() -> None:
    records = MemoryRecords()
    first = rotate_when_due(records, SETTINGS, START)
    late = START + 50_000
    assert rotate_when_due(records, SETTINGS, late).id == first.id
    assert rotate_when_due(records, SETTINGS, late + 999).id == first.id
    assert rotate_when_due(records, SETTINGS, late + 1_000).id != first.id


def test_the_set_holds_no_private_part() -> None:
    records = MemoryRecords()
    rotate_when_due(records, SETTINGS, START)
    (key,) = jwk_set(records)["keys"]
    assert key.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}


def test_a_key_can_be_replaced_and_its_tokens_go_on() -> None:
    records = MemoryRecords()
    first = rotate_when_due(records, SETTINGS, START)
    second = replace_at_once(records, SETTINGS, START + 5)
    assert states(records) == {first.id: "retired", second.id: "active"}


def test_after_a_leak_nothing_that_old_keys_signed_counts() -> None:
    records = MemoryRecords()
    first = rotate_when_due(records, SETTINGS, START)
    second = replace_at_once(records, SETTINGS, START + 5, distrust=True)
    assert states(records) == {second.id: "active"}
    assert not verification_keys(records, first.id)
