import pytest

from unit.admin.office import Office, code_of


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_record_is_made_read_changed_and_removed(office: Office) -> None:
    ada = office.as_("ada")
    made = ada.post("/users", {"username": "Finn", "email": "finn@example.com"})
    assert made.status_code == 201
    user = made.json()
    assert (user["username"], user["is_active"], made.headers["etag"]) == ("finn", True, '"1"')
    assert made.headers["location"] == f"/admin/v1/users/{user['id']}"
    path = f"/users/{user['id']}"
    assert ada.get(path).json() == user
    changed = ada.patch(path, {"display_name": "Finn F."})
    assert (changed.json()["display_name"], changed.headers["etag"]) == ("Finn F.", '"2"')
    assert changed.json()["email"] == "finn@example.com"
    assert ada.delete(path).status_code == 204
    assert code_of(ada.get(path)) == "not_found"


def test_pages_follow_each_other_until_the_last(office: Office) -> None:
    for index in range(10):
        office.add_user(f"user{index}")
    ada = office.as_("ada")
    seen: list[str] = []
    path = "/users?limit=4"
    for _ in range(10):
        page = ada.get(path)
        seen += [each["id"] for each in page.json()["items"]]
        if page.json()["next"] is None:
            assert "link" not in page.headers
            break
        assert page.headers["link"].startswith("</admin/v1/users?limit=4&after=")
        assert page.headers["link"].endswith('>; rel="next"')
        path = f"/users?limit=4&after={page.json()['next']}"
    assert len(seen) == len(set(seen)) == 14
    assert seen == sorted(seen)


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "many", "1.5"])
def test_a_limit_that_is_none_is_refused(office: Office, limit: str) -> None:
    assert code_of(office.as_("ada").get(f"/users?limit={limit}")) == "bad_request"


def test_lists_are_narrowed_by_fields(office: Office) -> None:
    found = office.as_("ada").get("/users?username=ben").json()["items"]
    assert [each["username"] for each in found] == ["ben"]
    assert "no parameter 'colour'" in office.as_("ada").get("/users?colour=red").json()["detail"]


def test_a_change_of_what_somebody_else_changed_is_refused(office: Office) -> None:
    ada = office.as_("ada")
    assert ada.patch("/users/usr_ben", {"display_name": "B"}, headers={"if-match": '"1"'}).status_code == 200
    late = ada.patch("/users/usr_ben", {"display_name": "C"}, headers={"if-match": '"1"'})
    assert (late.status_code, code_of(late)) == (412, "revision_conflict")
    assert code_of(ada.delete("/users/usr_ben", headers={"if-match": '"1"'})) == "revision_conflict"
    assert ada.delete("/users/usr_ben", headers={"if-match": '"1", "2"'}).status_code == 204


def test_what_has_not_changed_is_not_sent_again(office: Office) -> None:
    ada = office.as_("ada")
    tag = ada.get("/users/usr_ben").headers["etag"]
    answer = ada.get("/users/usr_ben", headers={"if-none-match": tag})
    assert (answer.status_code, answer.content) == (304, b"")
    assert ada.patch("/users/usr_ben", {}).headers["etag"] == tag  # no change is none


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "username"),
        ({"username": 7}, "$.username"),
        ({"username": "x", "is_admin": True}, "is_admin"),
        ({"username": "x", "id": "usr_mine"}, "id"),
        ({"username": "x", "organisation": "other"}, "organisation"),
        ({"username": "no spaces"}, "characters"),
    ],
)
def test_a_body_with_something_else_is_refused_and_named(office: Office, body: object, says: str) -> None:
    answer = office.as_("ada").post("/users", body)
    assert answer.status_code == 422
    assert says in answer.json()["detail"]


def test_values_that_another_record_has_are_a_conflict(office: Office) -> None:
    answer = office.as_("ada").post("/users", {"username": "ben"})
    assert (answer.status_code, code_of(answer)) == (409, "already_exists")
    assert answer.json()["fields"] == ["organisation", "username"]


def test_another_organisations_records_are_not_there(office: Office) -> None:
    ada = office.as_("ada")
    assert [each["username"] for each in ada.get("/users").json()["items"]] == ["ada", "ben", "cy", "dora"]
    for answer in (ada.get("/users/usr_eve"), ada.patch("/users/usr_eve", {}), ada.delete("/users/usr_eve")):
        assert code_of(answer) == "not_found"
    assert code_of(ada.post("/memberships", {"team": "x", "member": "usr_eve"})) == "reference_unknown"


def test_without_a_permission_one_sees_only_ones_own(office: Office) -> None:
    dora = office.as_("dora")
    assert dora.get("/users").json() == {"items": [], "next": None}
    assert code_of(dora.get("/users/usr_ben")) == "not_found"
    own = dora.get("/keys").json()["items"]
    assert [each["owner"] for each in own] == ["usr_dora"]
    assert code_of(dora.post("/users", {"username": "x"})) == "forbidden"


def test_a_grant_on_one_record_allows_what_it_says_there_only(office: Office) -> None:
    office.add_team("red")
    office.add_team("blue")
    ada, dora = office.as_("ada"), office.as_("dora")
    grant = {"resource_kind": "teams", "resource": "team_red", "level": "edit", "grantee_kind": "user"}
    assert ada.post("/grants", grant | {"grantee": "usr_dora"}).status_code == 201
    assert [each["id"] for each in dora.get("/teams").json()["items"]] == ["team_red"]
    assert dora.patch("/teams/team_red", {"name": "crimson"}).status_code == 200
    assert code_of(dora.patch("/teams/team_blue", {"name": "navy"})) == "not_found"
    assert code_of(dora.delete("/teams/team_red")) == "forbidden"
