import pytest

from entresol.identity.oauth.handles import handle_digest
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import RevokedToken
from unit.admin.office import NOW, Office, code_of

WEB = {
    "name": "App", "redirect_uris": ["https://app.example/cb"], "authentication": "client_secret_basic"
}  # fmt: skip


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_service_account_is_kept(office: Office) -> None:
    ada = office.as_("ada")
    made = ada.post("/service-accounts", {"name": "ci", "subjects": ["https://idp.example|repo:a/b"]})
    assert made.status_code == 201
    path = f"/service-accounts/{made.json()['id']}"
    assert ada.patch(path, {"is_active": False}).json()["is_active"] is False
    assert office.records.get(RevokedToken, f"account:{made.json()['id']}") is not None
    assert ada.delete(path).status_code == 204


@pytest.mark.parametrize("subject", ["someone", "https://idp.example", "spiffe://", "|x", "ftp://x|y"])
def test_a_subject_that_is_none_is_refused(office: Office, subject: str) -> None:
    assert code_of(office.as_("ada").post("/service-accounts", {"name": "ci", "subjects": [subject]})) == "bad_request"


def test_a_clients_secret_is_shown_once_and_kept_as_a_digest(office: Office) -> None:
    ada = office.as_("ada")
    made = ada.post("/oauth-clients", WEB)
    assert made.status_code == 201, made.text
    secret, path = made.json()["client_secret"], f"/oauth-clients/{made.json()['id']}"
    assert office.records.need(OAuthClient, made.json()["id"]).secret_digests == (handle_digest(secret),)
    assert secret not in ada.get(path).text
    assert "client_secret" not in ada.get(path).json()
    rotated = ada.post(f"{path}/rotate-secret", {"overlap_s": 60}).json()["client_secret"]
    client = office.records.need(OAuthClient, made.json()["id"])
    assert client.secret_digests == (handle_digest(rotated), handle_digest(secret))
    assert client.secret_until == NOW + 60
    assert code_of(ada.post(f"{path}/rotate-secret", {"overlap_s": -1})) == "bad_request"


def test_a_client_that_makes_no_sense_is_refused(office: Office) -> None:
    ada = office.as_("ada")
    assert code_of(ada.post("/oauth-clients", WEB | {"redirect_uris": []})) == "client_invalid"
    assert code_of(ada.post("/oauth-clients", WEB | {"scopes": ["everything"]})) == "client_invalid"
    machine = WEB | {"grant_types": ["client_credentials"], "service_account": "svc_none"}
    assert code_of(ada.post("/oauth-clients", machine)) == "reference_unknown"
    assert ada.post("/oauth-clients", WEB | {"secret_digests": ["x"]}).status_code == 422


def test_a_client_is_changed_disabled_and_removed(office: Office) -> None:
    ada = office.as_("ada")
    made = ada.post("/oauth-clients", WEB).json()
    path = f"/oauth-clients/{made['id']}"
    assert ada.patch(path, {"name": "Other"}).json()["name"] == "Other"
    assert office.records.need(OAuthClient, made["id"]).secret_digests
    assert ada.patch(path, {"is_enabled": False}).status_code == 200
    assert office.records.get(RevokedToken, f"client:{made['id']}") is not None
    assert code_of(ada.patch(path, {"name": "x"}, headers={"if-match": '"1"'})) == "revision_conflict"
    assert ada.delete(path).status_code == 204
    assert office.records.get(OAuthClient, made["id"]) is None
