import pytest

from entresol.core.errors import ClientError
from entresol.core.record import Record
from entresol.identity.records.access import RoleAssignment
from entresol.identity.records.accounts import ExternalIdentity, Membership, ServiceAccount, Team, User
from entresol.identity.records.factors import Passkey, Password, Totp
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import Consent, RefreshToken, Session
from entresol.identity.removal import (
    check_owner_remains,
    clear_service_account,
    clear_team,
    clear_user,
    is_last_owner,
    shut_out,
)
from fake_records import MemoryRecords

NOW = 1000
ADA = User(id="ada", organisation="o", username="ada")


def owner(user: str) -> RoleAssignment:
    return RoleAssignment(id=f"own {user}", organisation="o", role="owner", grantee_kind="user", grantee=user)


def test_nothing_of_a_user_is_left_behind() -> None:
    records = MemoryRecords()
    made: list[Record] = [
        ADA,
        Password(id="ada", hash="h", changed_at=1),
        Totp(id="ada", secret="s"),
        Passkey(id="p", user="ada", name="p", public_key="k"),
        ExternalIdentity(id="e", organisation="o", user="ada", issuer="i", subject="s"),
        Membership(id="m", team="t", member="ada"),
        Session(id="s", user="ada", auth_time=1, expires_at=9999, idle_until=9999),
        Consent(id="c", user="ada", client="c", redirect_uri="r", scopes=()),
        RefreshToken(
            id="r", family="f", client="c", user="ada", scopes=(), auth_time=1, expires_at=9, family_ends_at=9
        ),
        owner("ada"),
    ]
    for record in made:
        records.insert(record)
    clear_user(records, ADA, NOW)
    assert records.delete(User, "ada")
    left = {kind: rows for kind, rows in records.tables.items() if rows}
    assert left.keys() == {"revoked_tokens"}


def test_a_service_account_goes_with_its_clients() -> None:
    records = MemoryRecords()
    account = records.insert(ServiceAccount(id="svc", organisation="o", name="s"))
    records.insert(OAuthClient(id="c", organisation="o", name="c", service_account="svc"))
    clear_service_account(records, account, NOW)
    assert not records.find(OAuthClient)


def test_a_team_with_teams_below_stays() -> None:
    records = MemoryRecords()
    above = records.insert(Team(id="a", organisation="o", name="a"))
    below = records.insert(Team(id="b", organisation="o", name="b", parent="a"))
    with pytest.raises(ClientError, match="below this team"):
        clear_team(records, above, NOW)
    clear_team(records, below, NOW)


def test_an_owner_who_is_not_active_is_none() -> None:
    records = MemoryRecords()
    records.insert(ADA)
    records.insert(User(id="ben", organisation="o", username="ben", is_active=False))
    for user in ("ada", "ben"):
        records.insert(owner(user))
    assert is_last_owner(records, ADA)
    with pytest.raises(ClientError, match="last owner"):
        check_owner_remains(records, ADA)
    records.insert(User(id="cy", organisation="o", username="cy"))
    records.insert(owner("cy"))
    check_owner_remains(records, ADA)


def test_who_is_shut_out_has_no_session_left() -> None:
    records = MemoryRecords()
    records.insert(Session(id="s", user="ada", auth_time=1, expires_at=9999, idle_until=9999))
    shut_out(records, ADA, NOW)
    assert not records.find(Session)
