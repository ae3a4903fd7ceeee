"""Virtual keys."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from entresol.core.errors import ClientError
from entresol.core.record import Record
from entresol.core.storage import NotFound
from entresol.identity.records.accounts import ServiceAccount, Team, User
from entresol.identity.records.virtual_keys import VirtualKey
from entresol.identity.virtual_keys import (
    NewKey,
    Wanted,
    create,
    digest_of,
    looks_like_key,
    note_use,
    pepper_of,
    revoke,
    rotate,
)
from fake_records import MemoryRecords
from unit.identity.people import ADA, CI, LAB, NOW, peopled

ALL = frozenset(("llm", "mcp"))


def made(records: MemoryRecords, owner: User | ServiceAccount | Team = ADA, **wanted: Any) -> NewKey:
    return create(records, owner, replace(Wanted(name="laptop"), **wanted), "u-ada", ALL, NOW)


@pytest.mark.parametrize(("owner", "letter"), [(ADA, "u"), (CI, "s"), (LAB, "t")])
def test_a_key_says_whose_kind_it_is_and_cannot_be_guessed(owner: User | ServiceAccount | Team, letter: str) -> None:
    new = made(peopled(), owner)
    assert re.fullmatch(rf"esk_{letter}_[\w-]{{43}}_[\w-]{{6}}", new.key)
    assert looks_like_key(new.key.encode())
    assert new.key != made(peopled(), owner).key


def test_the_key_is_not_kept_nor_shown() -> None:
    records = peopled()
    new = made(records)
    secret = new.key[6:49]
    assert secret not in str(records.tables)
    assert secret not in repr(new)
    assert len(new.record.hint) < 20
    assert bytes.fromhex(new.record.digest) == digest_of(new.key.encode(), pepper_of(records))


def test_the_same_key_has_another_digest_at_another_node() -> None:
    assert digest_of(b"esk_x", pepper_of(MemoryRecords())) != digest_of(b"esk_x", pepper_of(MemoryRecords()))


@given(st.integers(0, 55), st.sampled_from("AZ09_-x"))
def test_a_mistyped_key_is_noticed_without_a_look_up(at: int, letter: str) -> None:
    key = made(peopled()).key
    changed = key[:at] + letter + key[at + 1 :]
    assert looks_like_key(changed.encode()) is (changed == key)


@pytest.mark.parametrize(
    "text", [b"", b"esk_", b"sk-proj-abc", b"esk_u_" + b"a" * 43, b"esk_u_" + b"a" * 43 + b"_aaaaaa"]
)
def test_other_texts_are_no_keys(text: bytes) -> None:
    assert not looks_like_key(text)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"scopes": ("admin:write",)}, "scopes beyond those of its owner: admin:write"),
        ({"scopes": ()}, "none are given"),
        ({"name": "  "}, "1 to 200 characters"),
        ({"name": "x" * 201}, "1 to 200 characters"),
        ({"expires_at": NOW}, "end in the future"),
        ({"expires_at": NOW + 400 * 366 * 86_400}, "within ten years"),
        ({"addresses": ("10.0.0.0/33",)}, "no network"),
        ({"addresses": ("home",)}, "no network"),
    ],
)
def test_what_a_key_must_not_be_is_refused(wanted: dict[str, Any], why: str) -> None:
    records = peopled()
    with pytest.raises(ClientError, match=why) as failed:
        made(records, **wanted)
    assert (failed.value.code, failed.value.status) == ("key_refused", 422)
    assert records.count(VirtualKey) == 0


def test_after_a_rotation_both_texts_are_good_for_a_while() -> None:
    records = peopled()
    first = made(records)
    second = rotate(records, first.record.id, NOW, overlap_s=600)
    assert second.record.previous_digest == first.record.digest
    assert second.record.previous_until == NOW + 600
    assert second.record.id == first.record.id
    third = rotate(records, first.record.id, NOW + 1)
    assert third.record.previous_digest == second.record.digest


def test_a_rotation_without_overlap_ends_the_old_text_at_once() -> None:
    records = peopled()
    again = rotate(records, made(records).record.id, NOW, overlap_s=0)
    assert again.record.previous_digest is None


def test_a_revoked_key_stays_revoked() -> None:
    records = peopled()
    key_id = rotate(records, made(records).record.id, NOW).record.id
    assert revoke(records, key_id, NOW).previous_digest is None
    assert revoke(records, key_id, NOW + 9).revoked_at == NOW
    with pytest.raises(ClientError, match="cannot be rotated"):
        rotate(records, key_id, NOW)
    with pytest.raises(NotFound):
        revoke(records, "vk_none", NOW)


def test_the_last_use_is_kept_to_the_minute_and_written_once_in_it() -> None:
    records = peopled()
    key_id = made(records).record.id
    note_use(records, [(key_id, NOW + 61), ("vk_gone", NOW)])
    note_use(records, [(key_id, NOW + 62), (key_id, NOW)])
    found = records.need(VirtualKey, key_id)
    assert found.last_used_at == (NOW + 61) // 60 * 60
    assert found.revision == 2


def test_a_key_belongs_to_its_owners_organisation() -> None:
    record: Record = made(peopled()).record
    assert record.organisation == "org"
