from entresol.identity.records.accounts import User
from entresol.identity.records.administration import IdempotentAnswer
from entresol.identity.records.virtual_keys import VirtualKey
from unit.admin.office import Office, code_of

ONCE = {"idempotency-key": "one-1"}


def test_a_request_sent_twice_makes_one_thing_and_gets_one_answer() -> None:
    office = Office()
    ada = office.as_("ada")
    first = ada.post("/keys", {"name": "k"}, headers=ONCE)
    again = ada.post("/keys", {"name": "k"}, headers=ONCE)
    assert first.json() == again.json()
    assert first.json()["key"].startswith("esk_u_")
    assert (again.status_code, again.headers["location"]) == (201, first.headers["location"])
    assert again.headers["idempotency-replayed"] == "true"
    assert len([each for each in office.records.find(VirtualKey) if each.name == "k"]) == 1
    assert IdempotentAnswer.sealed == ("body",)


def test_a_key_for_another_request_is_refused() -> None:
    ada = Office().as_("ada")
    ada.post("/users", {"username": "x"}, headers=ONCE)
    assert code_of(ada.post("/users", {"username": "y"}, headers=ONCE)) == "idempotency_key_reused"
    assert code_of(ada.post("/keys", {"name": "k"}, headers={"idempotency-key": "k" * 256})) == "bad_request"


def test_anothers_key_is_another_key() -> None:
    office = Office()
    assert office.as_("ada").post("/keys", {"name": "k"}, headers=ONCE).status_code == 201
    ben = office.as_("ben").post("/keys", {"name": "k"}, headers=ONCE)
    assert ben.json()["owner"] == "usr_ben"


def test_what_was_refused_may_be_tried_again_and_a_day_later_it_is_new() -> None:
    office = Office()
    ada = office.as_("ada")
    assert code_of(ada.post("/users", {"username": "ben"}, headers=ONCE)) == "already_exists"
    assert ada.delete("/users/usr_ben").status_code == 204
    assert ada.post("/users", {"username": "ben"}, headers=ONCE).status_code == 201
    office.now += 86_401
    assert code_of(ada.post("/users", {"username": "ben"}, headers=ONCE)) == "already_exists"
    assert len(office.records.find(User, username="ben")) == 1
