"""Sessions of browsers."""

import pytest
from msgspec.structs import replace

from entresol.identity.login.sessions import (
    IDLE_S,
    LIFETIME_S,
    NewSession,
    SignIn,
    begin_session,
    end_session,
    end_sessions,
    form_token,
    is_form_token,
    must_touch,
    session_of,
    sessions_of,
    touch,
)
from entresol.identity.records.accounts import User
from entresol.identity.records.sessions import RefreshToken, RevokedToken, Session
from fake_records import MemoryRecords
from unit.identity.people import ADA, NOW, peopled

HOW = SignIn(methods=("pwd",), acr="pwd", address="192.0.2.1", user_agent="x" * 1000)


def begun(records: MemoryRecords, now: int = NOW, old: str = "") -> NewSession:
    return begin_session(records, ADA, HOW, old, now)


def test_a_session_is_found_by_its_cookie_which_is_kept_nowhere() -> None:
    records = peopled()
    new = begun(records)
    assert session_of(records, new.cookie, NOW) == new.record
    assert new.cookie not in repr(new)
    assert new.cookie not in repr(records.tables)
    assert len(new.record.user_agent) == 300
    assert records.need(User, ADA.id).last_seen_at == NOW


@pytest.mark.parametrize("cookie", ["", "ess_guess", "\ud800"])
def test_a_guess_is_no_session(cookie: str) -> None:
    records = peopled()
    begun(records)
    assert session_of(records, cookie, NOW) is None


def test_a_new_sign_in_ends_the_session_that_the_browser_came_with() -> None:
    records = peopled()
    old = begun(records)
    begun(records, old=old.cookie)
    assert session_of(records, old.cookie, NOW) is None


def test_it_ends_when_it_is_idle_when_its_time_is_over_and_with_its_user() -> None:
    records = peopled()
    new = begun(records)
    assert session_of(records, new.cookie, NOW + IDLE_S) is None
    for at in range(NOW, NOW + LIFETIME_S, IDLE_S // 2):
        touch(records, new.record, at)
    assert session_of(records, new.cookie, NOW + LIFETIME_S - 1) is not None
    assert session_of(records, new.cookie, NOW + LIFETIME_S) is None
    records.replace(replace(records.need(User, ADA.id), is_active=False))
    assert session_of(records, new.cookie, NOW) is None


def test_use_is_written_down_now_and_then() -> None:
    records = peopled()
    new = begun(records)
    assert not must_touch(new.record, NOW + 60)
    assert must_touch(new.record, NOW + 61)
    touch(records, new.record, NOW + 61)
    assert records.need(Session, new.record.id).idle_until == NOW + 61 + IDLE_S
    records.delete(Session, new.record.id)
    touch(records, new.record, NOW + 99)
    assert records.find(Session) == []


def test_ending_a_session_ends_the_tokens_that_go_back_to_it() -> None:
    records = peopled()
    new = begun(records)
    for number, session in enumerate((new.record.id, "another")):
        records.insert(
            RefreshToken(
                id=f"r{number}", family="f", client="c", user=ADA.id, scopes=(), auth_time=NOW, session=session,
                expires_at=NOW, family_ends_at=NOW,
            )
        )  # fmt: skip
    assert end_session(records, ADA.id, new.record.id, NOW)
    assert [token.id for token in records.find(RefreshToken)] == ["r1"]
    assert records.get(RevokedToken, f"session:{new.record.id}") is not None
    assert not end_session(records, ADA.id, new.record.id, NOW)


def test_nobody_ends_anothers_session() -> None:
    records = peopled()
    new = begun(records)
    assert not end_session(records, "u-eve", new.record.id, NOW)
    assert session_of(records, new.cookie, NOW) is not None


def test_all_sessions_but_one_can_be_ended() -> None:
    records = peopled()
    kept, *others = (begun(records, NOW + at) for at in range(3))
    assert end_sessions(records, ADA.id, NOW, but=kept.record.id) == 2
    assert [each.id for each in sessions_of(records, ADA.id, NOW)] == [kept.record.id]
    assert all(session_of(records, other.cookie, NOW) is None for other in others)


def test_sessions_are_listed_latest_first_without_those_that_are_over() -> None:
    records = peopled()
    old, *new = (begun(records, NOW + at) for at in (0, IDLE_S, IDLE_S + 5))
    listed = [each.id for each in sessions_of(records, ADA.id, NOW + IDLE_S + 6)]
    assert listed == [each.record.id for each in reversed(new)]
    assert old.record.id not in listed


def test_a_forms_token_belongs_to_one_session() -> None:
    records = peopled()
    one, two = begun(records).record, begun(records).record
    assert is_form_token(one, form_token(one))
    assert not is_form_token(two, form_token(one))
    assert not is_form_token(replace(one, csrf_key=""), form_token(replace(one, csrf_key="")))
