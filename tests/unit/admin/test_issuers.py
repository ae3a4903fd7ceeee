import pytest

from entresol.identity.records.issuers import Issuer
from unit.admin.office import Office, code_of

IDP = {"name": "idp", "issuer": "https://idp.example", "client_id": "c", "client_secret": "s3cret"}


@pytest.fixture
def office() -> Office:
    return Office()


def test_an_issuer_is_kept_and_its_secret_never_shown(office: Office) -> None:
    ada = office.as_("ada")
    made = ada.post("/issuers", IDP | {"mapping": {"groups": "claims.groups"}})
    assert made.status_code == 201, made.text
    assert "s3cret" not in made.text
    path = f"/issuers/{made.json()['id']}"
    assert ada.patch(path, {"display_name": "Our IdP"}).status_code == 200
    kept = office.records.need(Issuer, made.json()["id"])
    assert (kept.client_secret, kept.mapping.groups) == ("s3cret", "claims.groups")
    assert ada.delete(path).status_code == 204


def test_another_issuer_does_not_get_the_secret_of_the_one_before(office: Office) -> None:
    ada = office.as_("ada")
    path = f"/issuers/{ada.post('/issuers', IDP).json()['id']}"
    assert code_of(ada.patch(path, {"issuer": "https://evil.example"})) == "secret_needed"
    assert ada.patch(path, {"issuer": "https://new.example", "client_secret": "other"}).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": "a b"}, "name"),
        ({"issuer": ""}, "issuer"),
        ({"algorithms": ["HS256"]}, "algorithms"),
        ({"algorithms": ["none"]}, "algorithms"),
        ({"mapping": {"group": "claims.groups"}}, "group"),
        ({"profile": "other"}, "profile"),
    ],
)
def test_an_issuer_that_makes_no_sense_is_refused(office: Office, wrong: dict[str, object], says: str) -> None:
    answer = office.as_("ada").post("/issuers", IDP | wrong)
    assert answer.status_code == 422
    assert says in answer.json()["detail"]


def test_mistakes_in_a_mapping_are_named_with_their_place(office: Office) -> None:
    answer = office.as_("ada").post("/issuers", IDP | {"mapping": {"groups": "claims.(", "roles": [["1 +", "admin"]]}})
    assert code_of(answer) == "mapping_refused"
    assert answer.json()["fields"] == ["mapping.groups", "mapping.roles[0]"]


def test_claims_are_tried_out_without_changing_anything(office: Office) -> None:
    ada = office.as_("ada")
    path = f"/issuers/{ada.post('/issuers', IDP).json()['id']}/test"
    found = ada.post(path, {"claims": {"sub": "x", "groups": ["a"]}}).json()
    assert found["is_admitted"] is True
    assert {"subject", "groups"} <= {each["step"] for each in found["findings"]}
    closed = {"claims": {"sub": "x"}, "mapping": {"admit": "claims.vip"}}
    assert ada.post(path, closed).json()["is_admitted"] is False
    assert code_of(ada.post(path, {"claims": {}, "mapping": {"admit": "("}})) == "mapping_refused"
    assert code_of(office.as_("dora").post(path, {"claims": {}})) == "not_found"
