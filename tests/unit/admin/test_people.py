import pytest

from entresol.identity.login.invitations import accept
from entresol.identity.records.accounts import ExternalIdentity, User
from entresol.identity.records.factors import Password
from entresol.identity.records.sessions import RevokedToken, Session
from entresol.identity.records.virtual_keys import VirtualKey
from unit.admin.office import NOW, Caller, Office, code_of


@pytest.fixture
def office() -> Office:
    return Office()


def session(office: Office, user: str = "usr_dora") -> Session:
    return office.records.insert(
        Session(
            id="s1",
            organisation="org",
            user=user,
            auth_time=NOW,
            expires_at=NOW + 99,
            idle_until=NOW + 99,
            csrf_key="c",
        )
    )


def test_a_user_who_is_deactivated_is_out_at_once(office: Office) -> None:
    session(office)
    dora = office.as_("dora", "admin:read")
    assert dora.get("/whoami").status_code == 200
    assert office.as_("ben").patch("/users/usr_dora", {"is_active": False}).status_code == 200
    assert office.records.get(Session, "s1") is None
    assert office.records.get(RevokedToken, "account:usr_dora") is not None
    assert code_of(dora.get("/whoami")) == "account_disabled"


def test_a_user_who_is_removed_leaves_nothing_to_come_in_by(office: Office) -> None:
    office.records.insert(Password(id="usr_dora", organisation="org", hash="h", changed_at=NOW))
    office.records.insert(
        ExternalIdentity(id="e", organisation="org", user="usr_dora", issuer="https://i", subject="s")
    )
    session(office)
    dora = office.as_("dora", "admin:read")
    assert office.as_("ada").delete("/users/usr_dora").status_code == 204
    assert code_of(dora.get("/whoami")) == "key_revoked"
    assert office.records.get(Password, "usr_dora") is None
    assert not office.records.find(ExternalIdentity)
    assert [each.revoked_at for each in office.records.find(VirtualKey, owner="usr_dora")] == [NOW]


def test_the_last_owner_stays(office: Office) -> None:
    ada = office.as_("ada")
    for answer in (
        ada.delete("/users/usr_ada"),
        ada.patch("/users/usr_ada", {"is_active": False}),
        ada.delete("/role-assignments/user:usr_ada:owner"),
    ):
        assert (answer.status_code, code_of(answer)) == (409, "last_owner")
    office.give("owner", "user", "usr_dora")
    assert ada.delete("/role-assignments/user:usr_ada:owner").status_code == 204


def test_a_link_lets_its_holder_set_the_password_once(office: Office) -> None:
    answer = office.as_("ben").post("/users/usr_dora/invite")
    token = answer.json()["url"].removeprefix("https://gateway.example/welcome?token=")
    user = accept(office.records, token, "a hash", NOW)
    assert user.id == "usr_dora"
    assert office.records.need(Password, "usr_dora").hash == "a hash"
    office.as_("ada").patch("/users/usr_dora", {"is_active": False})
    assert code_of(office.as_("ben").post("/users/usr_dora/invite")) == "account_disabled"


def test_an_identity_elsewhere_is_linked_and_taken_away(office: Office) -> None:
    ada = office.as_("ada")
    link = {"user": "usr_dora", "issuer": "https://idp.example", "subject": "d-1"}
    made = ada.post("/external-identities", link)
    assert made.status_code == 201
    assert code_of(ada.post("/external-identities", link | {"user": "usr_ben"})) == "already_exists"
    assert [each["subject"] for each in ada.get("/external-identities?user=usr_dora").json()["items"]] == ["d-1"]
    assert ada.delete(f"/external-identities/{made.json()['id']}").status_code == 204
    assert office.records.get(RevokedToken, "account:usr_dora") is not None


def test_people_see_and_end_their_own_sessions_only(office: Office) -> None:
    session(office)
    shown = office.as_("dora").get("/sessions").json()["items"]
    assert [each["user"] for each in shown] == ["usr_dora"]
    assert "csrf_key" not in shown[0]
    finn = office.add_user("finn")
    assert finn.id
    assert code_of(office.as_("finn").delete("/sessions/s1")) == "not_found"
    assert office.as_("dora").delete("/sessions/s1").status_code == 204


def test_the_organisation_is_read_and_renamed(office: Office) -> None:
    ada = office.as_("ada")
    known = ada.get("/organisation")
    assert known.json()["name"] == "org"
    changed = ada.patch("/organisation", {"name": " Acme ", "domains": ["Acme.Example"]})
    assert (changed.json()["name"], changed.json()["domains"]) == ("Acme", ["acme.example"])
    late = ada.patch("/organisation", {"name": "x"}, headers={"if-match": known.headers["etag"]})
    assert code_of(late) == "revision_conflict"
    assert code_of(ada.patch("/organisation", {"name": "a/b"})) == "name_refused"
    assert code_of(office.as_("ben").patch("/organisation", {"name": "x"})) == "forbidden"
    assert code_of(office.as_("dora").get("/organisation")) == "forbidden"


def test_names_are_kept_in_lower_case(office: Office) -> None:
    office.as_("ben").patch("/users/usr_dora", {"username": " DORA.D "})
    assert office.records.need(User, "usr_dora").username == "dora.d"


def test_nobody_is_known_without_a_credential(office: Office) -> None:
    assert code_of(Caller(office, "").post("/users/usr_ada/invite")) == "credential_missing"
