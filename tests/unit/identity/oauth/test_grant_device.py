"""Devices that ask whether they have been let in."""

from typing import Any

from entresol.identity.oauth.device import GRANT_TYPE, approve_device, begin_device, deny_device
from entresol.identity.records.accounts import User
from unit.identity.oauth.keys import EC, OTHER_EC
from unit.identity.oauth.token_scene import MCP, Scene


class Device:
    def __init__(self, scene: Scene, **parameters: Any) -> None:
        self.scene = scene
        self.codes = begin_device(scene.records, scene.context(), scene.request("app", **parameters), "")

    def poll(self, client: str = "app", **parameters: Any) -> str:
        return self.scene.refusal(client, GRANT_TYPE, device_code=self.codes.device_code, **parameters)

    def tokens(self, **parameters: Any) -> dict[str, Any]:
        return self.scene.ask("app", GRANT_TYPE, device_code=self.codes.device_code, **parameters)

    def approve(self) -> None:
        approve_device(self.scene.records, self.codes.user_code, self.scene.session(), self.scene.now)


def test_a_device_waits_until_it_is_let_in_and_once() -> None:
    scene = Scene()
    device = Device(scene, scope="openid mcp", resource=MCP)
    assert device.poll() == "authorization_pending"
    device.approve()
    answer = device.tokens()
    claims = scene.claims(answer["access_token"])
    assert (claims["sub"], claims["aud"], claims["scope"], claims["acr"]) == ("ada", MCP, "openid mcp", "pwd")
    assert "id_token" in answer
    assert device.poll() == "invalid_grant"
    assert scene.ask("app", "refresh_token", refresh_token=answer["refresh_token"])["access_token"]


def test_who_asks_too_often_is_slowed_down_further_each_time() -> None:
    scene = Scene()
    device = Device(scene)
    asked = []
    for wait in (0, 1, 8, 9, 13, 13, 14):
        scene.now += wait
        asked.append(device.poll())
    pending, slow = "authorization_pending", "slow_down"
    assert asked == [pending, slow, slow, slow, slow, slow, slow]
    scene.now += 60
    assert device.poll() == pending


def test_a_device_that_keeps_its_interval_is_never_slowed_down() -> None:
    scene = Scene()
    device = Device(scene)
    for _ in range(5):
        assert device.poll() == "authorization_pending"
        scene.now += 4  # five seconds, of which a clock of whole ones may see four


def test_a_refusal_is_said_once() -> None:
    scene = Scene()
    device = Device(scene)
    deny_device(scene.records, device.codes.user_code, scene.now)
    assert [device.poll(), device.poll()] == ["access_denied", "invalid_grant"]


def test_codes_end() -> None:
    scene = Scene()
    device = Device(scene)
    device.approve()
    scene.now += 900
    assert device.poll() == "expired_token"


def test_another_client_cannot_fetch_the_tokens() -> None:
    scene = Scene()
    device = Device(scene)
    device.approve()
    assert device.poll("backend") == "invalid_grant"
    assert scene.refusal("app", GRANT_TYPE, device_code="edc_guess") == "invalid_grant"
    assert device.tokens()["access_token"]


def test_a_device_that_began_with_a_key_ends_with_it() -> None:
    device = Device(Scene(), key=EC)
    device.approve()
    assert device.poll(key=OTHER_EC) == "invalid_dpop_proof"
    assert device.tokens(key=EC)["token_type"] == "DPoP"


def test_who_is_switched_off_by_then_lets_nobody_in() -> None:
    scene = Scene()
    device = Device(scene)
    device.approve()
    scene.change(User, "ada", is_active=False)
    assert device.poll() == "invalid_grant"
