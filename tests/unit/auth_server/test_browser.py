"""Browsers."""

import pytest

from entresol.auth_server.browser import is_own_path
from entresol.identity.records.sessions import Session
from unit.auth_server.house import NOW, House


@pytest.mark.parametrize("path", ["/account", "/authorize/resume?request=x", "/device?user_code=ABCD"])
def test_a_path_of_ours_stays_here(path: str) -> None:
    assert is_own_path(path, "")
    assert is_own_path(f"/auth{path}", "/auth")
    assert not is_own_path(path, "/auth")


@pytest.mark.parametrize(
    "path",
    ["", "account", "//evil.example", "/\\evil.example", "https://evil.example", "javascript:x", "/a b", "/a\r\nX: 1",
     "/é", "/\t/evil.example", "\\\\evil.example"],
)  # fmt: skip
def test_anything_else_leads_away(path: str) -> None:
    assert not is_own_path(path, "")


def test_use_keeps_a_session_alive_without_a_write_each_time() -> None:
    house = House()
    browser = house.browser(signed_in="ada")
    house.now += 30
    browser.get("/account")
    [session] = house.records.find(Session)
    assert session.idle_until == NOW + 7200
    house.now += 60
    browser.get("/account")
    [session] = house.records.find(Session)
    assert session.idle_until == NOW + 90 + 7200


def test_errors_of_the_authorization_endpoint_are_pages() -> None:
    page = House().browser().get("/authorize?client_id=nobody")
    assert page.status_code == 400
    assert "This did not work" in page.text
    assert "<code>invalid_client" in page.text or "<code>invalid_request" in page.text
