"""The device authorization endpoint."""

from entresol.identity.oauth.device import approve_device
from entresol.identity.oauth.token_settings import TokenSettings
from unit.auth_server.token_gateway import BASIC, TokenGateway, error_of
from unit.identity.oauth.authorization import ISSUER, session

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
URL = f"{ISSUER}/device_authorization"


def test_a_device_is_told_where_to_send_its_user() -> None:
    gateway = TokenGateway()
    answer = gateway.post("/device_authorization", data={"client_id": "public", "scope": "llm"})
    codes = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert codes["verification_uri"] == f"{ISSUER}/device"
    assert codes["verification_uri_complete"] == f"{ISSUER}/device?user_code={codes['user_code']}"
    assert (codes["expires_in"], codes["interval"]) == (900, 5)
    polled = {"client_id": "public", "device_code": codes["device_code"]}
    assert error_of(gateway.token(DEVICE, **polled)) == (400, "authorization_pending")
    approve_device(gateway.records, codes["user_code"], session(), gateway.now)
    assert gateway.token(DEVICE, **polled).json()["scope"] == "llm"


def test_a_device_can_begin_with_a_key() -> None:
    gateway = TokenGateway()
    header = gateway.dpop(url=URL)
    begun = gateway.post("/device_authorization", data={"client_id": "public"}, headers=header)
    assert begun.status_code == 200
    again = gateway.post("/device_authorization", data={"client_id": "public"}, headers=header)
    assert error_of(again) == (400, "invalid_dpop_proof")


def test_one_address_and_one_client_begin_only_so_often() -> None:
    limits = TokenSettings(device_requests_per_minute=2, device_requests_per_client=3)
    gateway = TokenGateway(limits)
    asked = [gateway.post("/device_authorization", data={"client_id": "public"}) for _ in range(3)]
    assert [answer.status_code for answer in asked] == [200, 200, 429]
    assert error_of(asked[2]) == (429, "slow_down")
    assert asked[2].headers["retry-after"] == "60"
    gateway.now += 60
    assert gateway.post("/device_authorization", data={"client_id": "public"}).status_code == 200


def test_a_client_is_limited_over_all_addresses() -> None:
    gateway = TokenGateway(TokenSettings(device_requests_per_minute=9, device_requests_per_client=2))
    asked = [gateway.post("/device_authorization", data={"client_id": "public"}).status_code for _ in range(3)]
    assert asked == [200, 200, 429]
    assert gateway.post("/device_authorization", headers=BASIC, data={}).status_code == 400
    headers = BASIC | {"content-type": "application/x-www-form-urlencoded"}
    assert gateway.post("/device_authorization", headers=headers).status_code == 200


def test_a_client_with_credentials_has_to_show_them() -> None:
    answer = TokenGateway().post("/device_authorization", data={"client_id": "backend"})
    assert error_of(answer) == (401, "invalid_client")
