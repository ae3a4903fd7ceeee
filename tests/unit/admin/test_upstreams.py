import pytest

from entresol.identity.records.upstreams import UpstreamAuth
from unit.admin.office import Office, code_of

OAUTH = {
    "mode": "client_credentials", "token_endpoint": "https://as.example/token", "client_id": "c",
    "client_secret": "s3cret",
}  # fmt: skip


@pytest.fixture
def office() -> Office:
    return Office()


def test_secrets_go_in_and_never_come_out(office: Office) -> None:
    ada = office.as_("ada")
    made = ada.post("/upstreams", OAUTH | {"secret": "t0ken"})
    assert made.status_code == 201
    for answer in (made, ada.get("/upstreams"), ada.get(f"/upstreams/{made.json()['id']}")):
        assert "s3cret" not in answer.text
        assert "t0ken" not in answer.text
    assert office.records.need(UpstreamAuth, made.json()["id"]).client_secret == "s3cret"


@pytest.mark.parametrize("field", ["token_endpoint", "authorization_endpoint", "resource_token_endpoint", "issuer"])
def test_a_changed_endpoint_does_not_get_the_secret_of_the_one_before(office: Office, field: str) -> None:
    ada = office.as_("ada")
    path = f"/upstreams/{ada.post('/upstreams', OAUTH).json()['id']}"
    changed = {field: "https://evil.example/token"}
    assert code_of(ada.patch(path, changed)) == "secret_needed"
    assert ada.patch(path, changed | {"client_secret": "other"}).status_code == 200
    assert code_of(ada.patch(path, {"token_endpoint": "file:///etc/passwd"})) == "bad_request"
