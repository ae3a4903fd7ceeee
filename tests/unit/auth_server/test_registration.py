"""The registration endpoint."""

import msgspec

from entresol.identity.records.oauth_clients import OAuthClient
from unit.auth_server.gateway import Gateway, path_of
from unit.identity.oauth.authorization import SETTINGS

BASIC = {"redirect_uris": ["https://app.example/cb"], "client_name": "App"}


def test_a_client_registers_and_keeps_its_registration_up_to_date() -> None:
    gateway = Gateway()
    answer = gateway.post("/register", json=BASIC)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    client = answer.json()
    path = path_of(client["registration_client_uri"])
    mine = {"authorization": f"Bearer {client['registration_access_token']}"}
    assert gateway.get(path, headers=mine).json()["client_name"] == "App"
    new = {**BASIC, "client_id": client["client_id"], "client_name": "New"}
    changed = gateway.run(lambda c: c.put(path, json=new, headers=mine))
    assert (changed.status_code, changed.json()["client_name"]) == (200, "New")
    gone = gateway.run(lambda c: c.delete(path, headers=mine))
    assert (gone.status_code, gone.content) == (204, b"")
    assert gateway.get(path, headers=mine).status_code == 401
    assert gateway.records.get(OAuthClient, client["client_id"]) is None


def test_nobody_but_the_client_touches_its_registration() -> None:
    gateway = Gateway()
    path = path_of(gateway.post("/register", json=BASIC).json()["registration_client_uri"])
    for headers in ({}, {"authorization": "Bearer x"}, {"authorization": "Basic x"}):
        refused = gateway.get(path, headers=headers)
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")
        assert refused.headers["www-authenticate"].startswith("Bearer")


def test_where_nobody_may_register_the_endpoint_says_so() -> None:
    gateway = Gateway(settings=msgspec.structs.replace(SETTINGS, registration="off"))
    refused = gateway.post("/register", json=BASIC)
    assert (refused.status_code, refused.json()["error"]) == (403, "access_denied")


def test_an_address_that_registers_too_much_has_to_wait() -> None:
    gateway = Gateway(settings=msgspec.structs.replace(SETTINGS, registrations_per_hour=1))
    assert gateway.post("/register", json=BASIC).status_code == 201
    refused = gateway.post("/register", json=BASIC)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0


def test_what_is_no_json_or_too_large_is_refused() -> None:
    gateway = Gateway()
    assert gateway.post("/register", data=BASIC).json()["error"] == "invalid_client_metadata"
    large = gateway.post("/register", json={**BASIC, "x": "y" * 70_000})
    assert large.status_code == 413
    assert gateway.get("/register").status_code == 405
