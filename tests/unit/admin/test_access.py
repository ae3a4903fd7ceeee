import pytest

from entresol.identity.records.access import ResourceGrant, RoleAssignment
from unit.admin.office import Office, code_of


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_role_gives_what_it_says(office: Office) -> None:
    ada = office.as_("ada")
    role = ada.post("/roles", {"name": "keepers", "permissions": ["teams:*", "users:read"]}).json()["id"]
    assert code_of(office.as_("dora").get("/users/usr_ben")) == "not_found"
    given = ada.post("/role-assignments", {"role": role, "grantee_kind": "user", "grantee": "usr_dora"})
    assert given.status_code == 201
    dora = office.as_("dora")
    assert dora.get("/users/usr_ben").status_code == 200
    assert dora.post("/teams", {"name": "red"}).status_code == 201
    assert ada.delete(f"/roles/{role}").status_code == 204
    assert not office.records.find(RoleAssignment, role=role)
    assert code_of(dora.post("/teams", {"name": "blue"})) == "forbidden"


@pytest.mark.parametrize("permission", ["users", "users:fly", "planes:read", "*:fly", ""])
def test_a_permission_that_does_not_exist_is_refused(office: Office, permission: str) -> None:
    answer = office.as_("ada").post("/roles", {"name": "r", "permissions": [permission]})
    assert code_of(answer) == "permission_unknown"


def test_the_names_of_built_in_roles_are_taken(office: Office) -> None:
    assert code_of(office.as_("ada").post("/roles", {"name": "owner"})) == "name_refused"
    assert code_of(office.as_("ada").post("/roles", {"name": ""})) == "name_refused"


def test_roles_are_given_to_those_who_are_there(office: Office) -> None:
    ada = office.as_("ada")
    for grantee_kind, grantee in (("user", "usr_eve"), ("team", "usr_dora"), ("service_account", "x")):
        body = {"role": "auditor", "grantee_kind": grantee_kind, "grantee": grantee}
        assert code_of(ada.post("/role-assignments", body)) == "reference_unknown"
    everyone = {"role": "auditor", "grantee_kind": "everyone", "grantee": ""}
    assert code_of(ada.post("/role-assignments", everyone)) == "bad_request"
    unknown = {"role": "emperor", "grantee_kind": "user", "grantee": "usr_dora"}
    assert code_of(ada.post("/role-assignments", unknown)) == "reference_unknown"


def test_a_team_s_role_is_its_members_role(office: Office) -> None:
    office.add_team("red", parent="team_all")
    office.add_team("all", "auditor")
    office.as_("ada").post("/memberships", {"team": "team_red", "member": "usr_dora"})
    assert "users:read" in office.as_("dora").get("/whoami").json()["permissions"]


def test_a_grant_to_everyone_is_for_everyone(office: Office) -> None:
    office.add_team("red")
    ada = office.as_("ada")
    grant = {
        "resource_kind": "teams",
        "resource": "team_red",
        "level": "view",
        "grantee_kind": "everyone",
        "grantee": "x",
    }
    made = ada.post("/grants", grant)
    assert made.json()["grantee"] == ""
    assert office.as_("dora").get("/teams/team_red").status_code == 200
    assert ada.delete(f"/grants/{made.json()['id']}").status_code == 204
    assert not office.records.find(ResourceGrant)
    assert code_of(ada.post("/grants", grant | {"resource_kind": "planes"})) == "bad_request"
    assert ada.post("/grants", grant | {"grantee_kind": "role", "grantee": "auditor"}).status_code == 201
    assert code_of(ada.post("/grants", grant | {"grantee_kind": "role", "grantee": "x"})) == "reference_unknown"
