"""The picture that authentication answers from."""

import pytest
from msgspec.structs import replace

from entresol.identity.records.access import RoleAssignment
from entresol.identity.records.accounts import Membership, ServiceAccount, Team, User
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import RevokedToken
from entresol.identity.snapshot import EMPTY, READ, KeyEntry, take
from entresol.identity.virtual_keys import NewKey, Wanted, create, revoke, rotate
from fake_records import MemoryRecords
from unit.identity.people import ADA, BOT, GATEWAY, IDP, LAB, NOW, peopled


def key_for(records: MemoryRecords, owner: User | ServiceAccount | Team = ADA, **wanted: object) -> NewKey:
    return create(records, owner, replace(Wanted(name="k"), **wanted), "x", frozenset(("llm",)), NOW)


def entries(records: MemoryRecords) -> dict[str, KeyEntry]:
    return {digest.hex(): entry for digest, entry in take(records, GATEWAY).keys.items()}


def test_a_team_brings_what_the_teams_above_it_have() -> None:
    ada = take(peopled(), GATEWAY).accounts["u-ada"]
    assert ada.teams == {"t-lab", "t-company"}
    assert ada.roles == {"member", "editor"}


def test_a_program_has_roles_of_its_own() -> None:
    accounts = take(peopled(), GATEWAY).accounts
    assert (accounts["s-bot"].kind, set(accounts["s-bot"].roles)) == ("agent", {"runner"})
    assert (accounts["s-ci"].kind, set(accounts["s-ci"].roles)) == ("service", set())


def test_teams_in_a_circle_end_somewhere() -> None:
    records = peopled()
    company = records.need(Team, "t-company")
    records.replace(replace(company, parent="t-lab"))
    assert take(records, GATEWAY).accounts["u-ada"].teams == {"t-lab", "t-company"}


def test_a_team_above_of_another_organisation_brings_nothing() -> None:
    records = peopled()
    records.insert(Team(id="t-evil", organisation="evil", name="evil"))
    records.insert(RoleAssignment(id="a9", organisation="evil", role="admin", grantee_kind="team", grantee="t-evil"))
    records.replace(replace(records.need(Team, "t-company"), parent="t-evil"))
    assert take(records, GATEWAY).accounts["u-ada"].roles == {"member", "editor"}


def test_a_key_is_its_owner_with_narrower_rights() -> None:
    records = peopled()
    key = key_for(records, models=("gpt-*",), addresses=("10.0.0.0/8",))
    principal = entries(records)[key.record.digest].principal
    assert principal.key == ("org", GATEWAY, "u-ada")
    assert (principal.kind, principal.account, principal.token_id) == ("user", "u-ada", key.record.id)
    assert principal.roles == {"member", "editor"}
    assert principal.scopes == {"llm"}
    assert principal.bounds.models == frozenset(("gpt-*",))
    assert principal.bounds.tools is None
    assert principal.fingerprint in key.record.digest


def test_a_teams_key_is_nobody_in_particular() -> None:
    records = peopled()
    key = key_for(records, LAB)
    principal = entries(records)[key.record.digest].principal
    assert (principal.kind, principal.subject, principal.account) == ("key", "team:t-lab", "")
    assert principal.roles == {"member"}


@pytest.mark.parametrize("owner", [ADA, BOT])
def test_a_key_ends_with_its_owner(owner: User | ServiceAccount) -> None:
    records = peopled()
    key = key_for(records, owner)
    records.replace(replace(records.need(type(owner), owner.id), is_active=False))
    assert entries(records)[key.record.digest].refusal == "inactive"
    records.delete(type(owner), owner.id)
    assert entries(records)[key.record.digest].refusal == "inactive"


def test_a_key_whose_owner_is_of_another_organisation_does_not_count() -> None:
    records = peopled()
    key = key_for(records)
    records.replace(replace(key.record, organisation="other"))
    assert entries(records)[key.record.digest].refusal == "inactive"


def test_the_text_before_a_rotation_ends_when_it_was_said_or_with_the_key() -> None:
    records = peopled()
    first = key_for(records, expires_at=NOW + 50)
    second = rotate(records, first.record.id, NOW, overlap_s=600)
    found = entries(records)
    assert found[first.record.digest].expires_at == found[second.record.digest].expires_at == NOW + 50
    assert found[first.record.digest].key_id == first.record.id
    revoke(records, first.record.id, NOW)
    assert entries(records).keys() == {second.record.digest}


def test_identities_are_those_of_users_and_of_named_workloads() -> None:
    identities = take(peopled(), GATEWAY).identities
    assert identities["org", IDP, "ada@idp"] == "u-ada"
    assert identities["org", IDP, "repo:x"] == "s-bot"
    assert identities["org", "spiffe://a.example", "spiffe://a.example/bot"] == "s-bot"


def test_a_workload_that_two_accounts_name_is_neither() -> None:
    records = peopled()
    records.insert(ServiceAccount(id="s-2", organisation="org", name="2", subjects=(f"{IDP}|repo:x",)))
    assert ("org", IDP, "repo:x") not in take(records, GATEWAY).identities


def test_what_ends_tokens_is_in_it() -> None:
    records = peopled()
    records.insert(RevokedToken(id="jti:1", revoked_at=NOW, expires_at=NOW + 9))
    records.insert(OAuthClient(id="off", name="off", is_enabled=False))
    snapshot = take(records, GATEWAY)
    assert snapshot.revoked == {"jti:1": NOW}
    assert snapshot.disabled_clients == {"off"}
    assert snapshot.role_names["org", "painter"] == "r-1"
    assert snapshot.team_names["org", "lab"] == {"t-lab", "t-company"}


def test_before_the_first_picture_nobody_is_known() -> None:
    assert not EMPTY.keys
    assert not EMPTY.accounts
    assert "virtual_keys" in READ
    assert Membership.kind in READ
