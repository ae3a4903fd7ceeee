"""The introspection endpoint."""

from unit.auth_server.token_gateway import BASIC, TokenGateway, error_of


def test_a_client_asks_what_its_token_is_worth() -> None:
    gateway = TokenGateway()
    token = gateway.token("client_credentials", BASIC).json()["access_token"]
    answer = gateway.post("/introspect", data={"token": token}, headers=BASIC)
    assert answer.headers["cache-control"] == "no-store"
    found = answer.json()
    assert (found["active"], found["sub"], found["client_id"]) == (True, "ci", "backend")
    assert gateway.post("/introspect", data={"token": "x"}, headers=BASIC).json() == {"active": False}


def test_who_does_not_authenticate_learns_nothing() -> None:
    gateway = TokenGateway()
    token = gateway.token("client_credentials", BASIC).json()["access_token"]
    assert error_of(gateway.post("/introspect", data={"token": token})) == (401, "invalid_client")
    public = gateway.post("/introspect", data={"token": token, "client_id": "public"})
    assert error_of(public) == (400, "unauthorized_client")
    assert error_of(gateway.post("/introspect", data={"x": "y"}, headers=BASIC)) == (400, "invalid_request")
