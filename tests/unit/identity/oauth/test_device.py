"""Devices that ask for a pair of codes."""

from typing import Any

import pytest

from entresol.identity.oauth.device import (
    GRANT_TYPE,
    LETTERS,
    approve_device,
    begin_device,
    deny_device,
    typed_code,
    waiting_device,
)
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.handles import handle_digest
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import DeviceGrant
from unit.identity.oauth.keys import EC
from unit.identity.oauth.token_scene import MCP, NOW, Scene


def begun(scene: Scene, **parameters: Any) -> Any:
    return begin_device(scene.records, scene.context(), scene.request("app", **parameters), "192.0.2.1")


def test_a_device_is_remembered_by_the_digest_of_its_code() -> None:
    scene = Scene()
    made = begun(scene, scope="llm mcp", resource=MCP, key=EC)
    kept = scene.records.need(DeviceGrant, handle_digest(made.device_code))
    assert (kept.client, kept.scopes, kept.resources, kept.address) == ("app", ("llm", "mcp"), (MCP,), "192.0.2.1")
    assert (kept.dpop_thumbprint, kept.expires_at) == (EC.thumbprint(), NOW + 900)
    assert made.device_code not in repr(kept)
    assert made.device_code not in repr(made)
    assert (made.expires_in, made.interval) == (900, 5)


def test_user_codes_can_be_read_out() -> None:
    made = begun(Scene())
    assert made.user_code[4] == "-"
    assert set(made.user_code.replace("-", "")) <= set(LETTERS)
    assert len(made.user_code) == 9


@pytest.mark.parametrize("text", ["wdjb-mjht", "WDJBMJHT", " wdjb mjht ", "WDJB\u2011MJHT"])
def test_a_code_is_taken_however_it_is_typed(text: str) -> None:
    assert typed_code(text) == "WDJBMJHT"


@pytest.mark.parametrize("text", ["", "WDJB", "WDJBMJHTX", "WDJBMJHA", "WDJBMJH1", "%%%%%%%%"])
def test_what_cannot_be_a_code_is_none(text: str) -> None:
    assert typed_code(text) == ""


def test_a_device_asks_for_no_more_than_its_client_may() -> None:
    scene = Scene()
    for refused in ({"scope": "admin:*"}, {"resource": "https://evil.example"}):
        with pytest.raises(OAuthError):
            begun(scene, **refused)
    scene.change(OAuthClient, "app", grant_types=("authorization_code",))
    with pytest.raises(OAuthError, match=GRANT_TYPE):
        begun(scene)


def test_the_page_finds_who_waits_and_lets_it_in_once() -> None:
    scene = Scene()
    code = begun(scene).user_code
    found = waiting_device(scene.records, code, NOW)
    assert found is not None
    assert found[1].name == "App"
    approved = approve_device(scene.records, code, scene.session(groups=("g",), issuer="i"), NOW)
    assert (approved.state, approved.user, approved.auth_time, approved.acr) == ("approved", "ada", NOW - 5, "pwd")
    assert (approved.groups, approved.issuer) == (("g",), "i")
    with pytest.raises(OAuthError, match="no device"):
        approve_device(scene.records, code, scene.session(user="eve"), NOW)
    with pytest.raises(OAuthError, match="no device"):
        deny_device(scene.records, code, NOW)


def test_nobody_waits_after_the_time_or_for_a_client_that_is_off() -> None:
    scene = Scene()
    code = begun(scene).user_code
    assert waiting_device(scene.records, code, NOW + 900) is None
    scene.change(OAuthClient, "app", is_enabled=False)
    assert waiting_device(scene.records, code, NOW) is None


def test_two_devices_never_wait_under_one_code(monkeypatch: pytest.MonkeyPatch) -> None:
    letters = iter("B" * 8 + "B" * 8 + "C" * 8)
    monkeypatch.setattr("entresol.identity.oauth.device.secrets.choice", lambda _: next(letters))
    scene = Scene()
    assert [begun(scene).user_code, begun(scene).user_code] == ["BBBB-BBBB", "CCCC-CCCC"]


def test_there_are_only_so_many_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("entresol.identity.oauth.device.secrets.choice", lambda _: "B")
    scene = Scene()
    begun(scene)
    with pytest.raises(OAuthError, match="too many"):
        begun(scene)
