import pytest

from entresol.identity.records.accounts import Membership, Team
from unit.admin.office import Office, code_of


@pytest.fixture
def office() -> Office:
    return Office()


def test_teams_are_nested_but_never_in_a_circle(office: Office) -> None:
    ada = office.as_("ada")
    above = ada.post("/teams", {"name": "all"}).json()["id"]
    below = ada.post("/teams", {"name": "some", "parent": above}).json()["id"]
    assert code_of(ada.patch(f"/teams/{above}", {"parent": below})) == "team_circle"
    assert code_of(ada.patch(f"/teams/{above}", {"parent": above})) == "team_circle"
    assert code_of(ada.post("/teams", {"name": "x", "parent": "nowhere"})) == "reference_unknown"
    assert code_of(ada.delete(f"/teams/{above}")) == "in_use"
    assert ada.delete(f"/teams/{below}").status_code == 204
    assert ada.delete(f"/teams/{above}").status_code == 204
    assert code_of(ada.post("/teams", {"name": " "})) == "name_refused"


def test_members_come_and_go(office: Office) -> None:
    office.add_team("red")
    office.add_service("bot")
    ada = office.as_("ada")
    for member in ("usr_dora", "svc_bot"):
        assert ada.post("/memberships", {"team": "team_red", "member": member}).status_code == 201
    again = ada.post("/memberships", {"team": "team_red", "member": "usr_dora"})
    assert code_of(again) == "already_exists"
    assert [each["member"] for each in ada.get("/memberships?team=team_red").json()["items"]] == ["svc_bot", "usr_dora"]
    assert ada.delete("/memberships/team_red:svc_bot").status_code == 204
    assert ada.delete("/teams/team_red").status_code == 204
    assert not office.records.find(Membership)


def test_a_directorys_members_are_the_directorys(office: Office) -> None:
    office.records.insert(Team(id="team_sync", organisation="org", name="sync", source="scim"))
    office.records.insert(
        Membership(id="team_sync:usr_dora", organisation="org", team="team_sync", member="usr_dora", source="scim")
    )
    ada = office.as_("ada")
    assert code_of(ada.post("/memberships", {"team": "team_sync", "member": "usr_ben"})) == "kept_elsewhere"
    assert code_of(ada.delete("/memberships/team_sync:usr_dora")) == "kept_elsewhere"
