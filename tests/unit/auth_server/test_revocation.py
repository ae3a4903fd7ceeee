"""The revocation endpoint."""

from unit.auth_server.token_gateway import BASIC, TokenGateway, error_of


def test_a_client_gives_its_tokens_back() -> None:
    gateway = TokenGateway()
    tokens = gateway.signed_in()
    answer = gateway.post("/revoke", data={"client_id": "public", "token": tokens["refresh_token"]})
    assert (answer.status_code, answer.content) == (200, b"")
    assert not gateway.active(tokens["access_token"])
    refresh = gateway.token("refresh_token", client_id="public", refresh_token=tokens["refresh_token"])
    assert error_of(refresh) == (400, "invalid_grant")


def test_an_unknown_token_is_as_good_as_revoked() -> None:
    assert TokenGateway().post("/revoke", data={"client_id": "public", "token": "x"}).status_code == 200


def test_others_tokens_are_left_alone() -> None:
    gateway = TokenGateway()
    tokens = gateway.signed_in()
    refused = gateway.post("/revoke", data={"token": tokens["refresh_token"]}, headers=BASIC)
    assert error_of(refused) == (400, "unauthorized_client")
    assert gateway.active(tokens["access_token"])
    assert error_of(gateway.post("/revoke", data={"token": tokens["refresh_token"]})) == (401, "invalid_client")
