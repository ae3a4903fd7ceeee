import pytest

from unit.admin.office import NOW, Caller, Office, code_of


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_key_works_from_the_moment_it_is_made_until_it_is_revoked(office: Office) -> None:
    ada = office.as_("ada")
    made = ada.post("/keys", {"name": "mine", "scopes": ["admin:read"], "labels": {"for": "tests"}})
    key = made.json()
    assert (key["owner"], key["labels"]) == ("usr_ada", {"for": "tests"})
    user = Caller(office, key["key"])
    assert user.get("/whoami").json()["token_id"] == key["id"]
    assert key["key"] not in ada.get(f"/keys/{key['id']}").text
    assert ada.delete(f"/keys/{key['id']}").status_code == 204
    assert code_of(user.get("/whoami")) == "key_revoked"
    assert ada.get(f"/keys/{key['id']}").json()["revoked_at"] == NOW


def test_a_rotated_key_and_the_one_before_are_both_good_for_a_while(office: Office) -> None:
    ada = office.as_("ada")
    old = ada.post("/keys", {"name": "k", "scopes": ["admin:read"]}).json()
    new = ada.post(f"/keys/{old['id']}/rotate", {"overlap_s": 60}).json()
    assert (new["id"], new["key"] != old["key"]) == (old["id"], True)
    assert Caller(office, old["key"]).get("/whoami").status_code == 200
    office.now += 61
    assert code_of(Caller(office, old["key"]).get("/whoami")) == "key_expired"
    assert Caller(office, new["key"]).get("/whoami").status_code == 200
    assert code_of(ada.post(f"/keys/{old['id']}/rotate", {"overlap_s": 10**9})) == "bad_request"


def test_people_keep_their_own_keys_without_any_permission(office: Office) -> None:
    dora = office.as_("dora")
    made = dora.post("/keys", {"name": "k", "models": ["gpt-5*"]})
    assert made.json()["owner"] == "usr_dora"
    path = f"/keys/{made.json()['id']}"
    assert dora.patch(path, {"name": "kk", "expires_at": NOW + 60}).json()["expires_at"] == NOW + 60
    assert dora.post(f"{path}/rotate").status_code == 200
    assert dora.delete(path).status_code == 204
    assert code_of(dora.post("/keys", {"name": "k", "owner": "usr_ben"})) == "forbidden"


def test_keys_are_made_for_others_and_for_teams(office: Office) -> None:
    office.add_team("red")
    office.add_service("bot")
    ben = office.as_("ben")
    for owner, kind in (("usr_dora", "u"), ("svc_bot", "s"), ("team_red", "t")):
        assert ben.post("/keys", {"name": "k", "owner": owner}).json()["key"].startswith(f"esk_{kind}_")
    assert code_of(ben.post("/keys", {"name": "k", "owner": "usr_eve"})) == "reference_unknown"


@pytest.mark.parametrize(
    "wrong",
    [{"scopes": []}, {"scopes": ["all"]}, {"addresses": ["somewhere"]}, {"expires_at": NOW - 1}, {"name": " "}],
)
def test_a_key_that_must_not_be_is_refused(office: Office, wrong: dict[str, object]) -> None:
    assert code_of(office.as_("ada").post("/keys", {"name": "k"} | wrong)) == "key_refused"
