"""Letting devices in."""

import pytest

from entresol.identity.oauth.handles import handle_digest
from entresol.identity.records.sessions import DeviceGrant
from unit.auth_server.house import NOW, House
from unit.identity.oauth.authorization import NATIVE

CODE = "WDJB-MJHT"


def waiting(house: House) -> None:
    house.records.insert(
        DeviceGrant(
            id=handle_digest("d"), client=NATIVE.id, user_code="WDJBMJHT", scopes=("llm",), expires_at=NOW + 900
        )
    )


def state(house: House) -> str:
    return house.records.need(DeviceGrant, handle_digest("d")).state


def test_a_person_lets_a_device_in() -> None:
    house = House()
    waiting(house)
    browser = house.browser(signed_in="ada")
    page = browser.submit(browser.get("/device"), code="wdjb mjht")
    assert "Let Desktop in?" in page.text
    assert CODE in page.text
    assert "use language models" in page.text
    assert state(house) == "waiting"
    assert browser.submit(page, decision="allow").status_code == 200
    grant = house.records.need(DeviceGrant, handle_digest("d"))
    assert (grant.state, grant.user) == ("approved", "ada")


def test_a_person_does_not_know_the_device() -> None:
    house = House()
    waiting(house)
    browser = house.browser(signed_in="ada")
    page = browser.submit(browser.get("/device"), code=CODE)
    assert "is not let in" in browser.submit(page, decision="deny").text
    assert state(house) == "denied"


def test_a_link_with_the_code_fills_it_in_and_takes_nothing() -> None:
    house = House()
    waiting(house)
    browser = house.browser(signed_in="ada")
    page = browser.get(f"/device?user_code={CODE}")
    assert f'value="{CODE}"' in page.text
    assert "Desktop" not in page.text
    assert state(house) == "waiting"


def test_who_has_not_signed_in_does_so_first_and_comes_back() -> None:
    house = House()
    waiting(house)
    browser = house.browser()
    away = browser.get(f"/device?user_code={CODE}")
    assert away.status_code == 303
    back = browser.submit(browser.get(away.headers["location"]), username="ada", password="seven fine geese swim")
    assert CODE in browser.get(back.headers["location"]).text


@pytest.mark.parametrize("code", ["BBBB-BBBB", "", "x", "AAAA-AAAA", "<b>"])
def test_under_a_wrong_code_nobody_waits(code: str) -> None:
    house = House()
    waiting(house)
    browser = house.browser(signed_in="ada")
    page = browser.submit(browser.get("/device"), code=code)
    assert page.status_code == 404
    assert "<b>" not in page.text


def test_a_decision_is_none_or_one_of_two() -> None:
    house = House()
    waiting(house)
    browser = house.browser(signed_in="ada")
    page = browser.submit(browser.get("/device"), code=CODE)
    assert browser.submit(page).status_code == 400
    assert state(house) == "waiting"


def test_nothing_is_decided_without_a_session() -> None:
    house = House()
    waiting(house)
    browser = house.browser()
    assert browser.post("/device/decision", data={"code": CODE, "decision": "allow"}).status_code == 403
    assert browser.post("/device", data={"code": CODE}).status_code == 403
    assert state(house) == "waiting"
