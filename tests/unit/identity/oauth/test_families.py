"""Families of tokens."""

from collections.abc import Callable

import pytest

from entresol.identity.oauth.families import (
    is_revoked,
    revoke,
    revoke_account,
    revoke_client,
    revoke_family,
    revoke_session,
)
from entresol.identity.records.sessions import RefreshToken, RevokedToken
from fake_records import MemoryRecords

NOW = 1_000_000
CLAIMS = {"jti": "j", "fam": "f", "sid": "s", "sub": "u", "client_id": "c"}


def refresh_token(record_id: str, family: str, session: str = "") -> RefreshToken:
    return RefreshToken(
        id=record_id,
        family=family,
        session=session,
        client="c",
        user="u",
        scopes=(),
        auth_time=1,
        expires_at=NOW + 1,
        family_ends_at=NOW + 1,
    )


@pytest.mark.parametrize("what", ["jti:j", "family:f", "session:s", "account:u", "client:c"])
def test_a_token_ends_with_what_it_belongs_to(what: str) -> None:
    records = MemoryRecords()
    assert not is_revoked(records, CLAIMS, NOW)
    revoke(records, what, NOW)
    assert is_revoked(records, CLAIMS, NOW)
    assert not is_revoked(records, CLAIMS, NOW + 1)


def test_a_second_revocation_reaches_later_tokens_and_is_kept_longer() -> None:
    records = MemoryRecords()
    revoke(records, "client:c", NOW)
    revoke(records, "client:c", NOW + 50, kept_s=1)
    assert is_revoked(records, CLAIMS, NOW + 50)
    assert records.need(RevokedToken, "client:c").expires_at > NOW + 3_600


def test_a_revoked_family_has_no_refresh_tokens() -> None:
    records = MemoryRecords()
    records.insert(refresh_token("1", "f"))
    records.insert(refresh_token("2", "g"))
    revoke_family(records, "f", NOW)
    assert [token.id for token in records.find(RefreshToken)] == ["2"]
    assert is_revoked(records, CLAIMS, NOW)


@pytest.mark.parametrize(("end", "what"), [(revoke_account, "u"), (revoke_client, "c")])
def test_an_account_or_a_client_takes_all_its_tokens_along(
    end: Callable[[MemoryRecords, str, int], None], what: str
) -> None:
    records = MemoryRecords()
    records.insert(refresh_token("1", "f"))
    end(records, what, NOW)
    assert records.count(RefreshToken) == 0
    assert is_revoked(records, CLAIMS, NOW)


def test_a_session_takes_only_its_own_tokens_along() -> None:
    records = MemoryRecords()
    records.insert(refresh_token("1", "f", "s"))
    records.insert(refresh_token("2", "g", "other"))
    revoke_session(records, "u", "s", NOW)
    assert [token.id for token in records.find(RefreshToken)] == ["2"]
    assert is_revoked(records, CLAIMS, NOW)
