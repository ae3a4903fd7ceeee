"""The page of one's own account."""

import re

import httpx
from msgspec.structs import replace

from entresol.identity.login.totp import STEP_S, code_at
from entresol.identity.records.factors import Totp
from entresol.identity.records.sessions import Consent, RefreshToken, RevokedToken, Session
from unit.auth_server.house import NOW, PASSWORD, SECRET, Browser, House
from unit.identity.oauth.authorization import WEB

NEW = "nine blue whales sing"


def pressed(browser: Browser, action: str, **typed: str) -> httpx.Response:
    page = browser.get("/account")
    return browser.submit(page, action, **typed)


def granted(house: House, user: str = "ada") -> None:
    house.records.insert(
        Consent(id=f"c-{user}", user=user, client=WEB.id, redirect_uri="https://app.example/cb", scopes=("llm",))
    )
    house.records.insert(
        RefreshToken(
            id=f"r-{user}", family=f"f-{user}", client=WEB.id, user=user, scopes=("llm",), auth_time=NOW,
            expires_at=NOW + 9, family_ends_at=NOW + 9,
        )
    )  # fmt: skip


def test_it_lists_who_may_act_and_takes_it_back() -> None:
    house = House()
    granted(house)
    browser = house.browser(signed_in="ada")
    page = browser.get("/account")
    assert "Web app" in page.text
    assert "https://app.example/cb" in page.text
    browser.submit(page, "/account/grants/revoke")
    assert house.records.find(Consent) == []
    assert house.records.find(RefreshToken) == []
    assert house.records.get(RevokedToken, "family:f-ada") is not None
    assert "Web app" not in browser.get("/account").text


def test_nobody_sees_or_takes_back_what_others_have_allowed() -> None:
    house = House()
    house.add_user("eve")
    granted(house)
    browser = house.browser(signed_in="eve")
    page = browser.get("/account")
    assert "Web app" not in page.text
    csrf = re.search(r'name="csrf" value="(\w+)"', page.text)
    assert csrf is not None
    browser.post("/account/grants/revoke", data={"csrf": csrf[1], "client": WEB.id, "user": "ada"})
    assert len(house.records.find(Consent)) == 1


def test_another_browser_can_be_signed_out_and_anothers_cannot() -> None:
    house = House()
    house.add_user("eve")
    other, eve, browser = (house.browser(signed_in=name) for name in ("ada", "eve", "ada"))
    page = browser.get("/account")
    browser.submit(page, "/account/sessions/end")
    assert other.get("/account").status_code == 303
    [of_eve] = house.records.find(Session, user="eve")
    csrf = re.search(r'name="csrf" value="(\w+)"', page.text)
    assert csrf is not None
    browser.post("/account/sessions/end", data={"csrf": csrf[1], "session": of_eve.id})
    assert eve.get("/account").status_code == 200


def test_an_authenticator_is_set_up_and_asked_for_from_then_on() -> None:
    house = House()
    browser = house.browser(signed_in="ada")
    pressed(browser, "/account/totp/begin")
    secret = house.records.need(Totp, "ada").secret
    page = browser.get("/account")
    assert secret in page.text
    wrong = browser.submit(page, "/account/totp/confirm", code="000000")
    assert wrong.status_code == 422
    done = browser.submit(page, "/account/totp/confirm", code=code_at(secret, NOW // STEP_S))
    assert "Keep these recovery codes" in done.text
    shown = re.search(r"<pre[^>]*>([^<]*)</pre>", done.text)
    assert shown is not None
    codes = shown[1].split()
    assert len(set(codes)) == 10
    assert secret not in browser.get("/account").text
    again = house.browser()
    page = again.submit(again.get("/sign-in"), username="ada", password=PASSWORD)
    assert again.submit(page, code=codes[0]).status_code == 303
    third = house.browser()
    page = third.submit(third.get("/sign-in"), username="ada", password=PASSWORD)
    assert third.submit(page, code=codes[0]).status_code == 403


def test_the_second_factor_is_changed_only_soon_after_a_sign_in() -> None:
    house = House()
    browser = house.browser(signed_in="ada")
    house.now += 901
    page = browser.get("/account")
    asked = browser.submit(page, "/account/totp/begin")
    assert asked.headers["location"].startswith("/sign-in?")
    assert "fresh=1" in asked.headers["location"]
    assert house.records.get(Totp, "ada") is None


def test_a_second_factor_can_be_removed() -> None:
    house = House(code=True)
    browser = house.browser()
    page = browser.submit(browser.get("/sign-in"), username="ada", password=PASSWORD)
    browser.submit(page, code=code_at(SECRET, NOW // STEP_S))
    pressed(browser, "/account/totp/remove")
    assert house.records.get(Totp, "ada") is None


def test_a_new_password_takes_the_old_one_and_ends_other_sessions() -> None:
    house = House()
    other, browser = house.browser(signed_in="ada"), house.browser(signed_in="ada")
    before = browser.cookies["__Host-entresol-session"]
    refused = pressed(browser, "/account/password", old="wrong", password=NEW, again=NEW)
    assert "The old password is wrong." in refused.text
    refused = pressed(browser, "/account/password", old=PASSWORD, password="short", again="short")
    assert "at least 12" in refused.text
    pressed(browser, "/account/password", old=PASSWORD, password=NEW, again=NEW)
    assert browser.cookies["__Host-entresol-session"] != before
    assert browser.get("/account").status_code == 200
    assert other.get("/account").status_code == 303
    assert house.browser(signed_in="ada", password=NEW)
    assert len(house.records.find(Session)) == 2


def test_who_acts_as_somebody_else_does_not_change_how_they_sign_in() -> None:
    house = House()
    browser = house.browser(signed_in="ada")

    [session] = house.records.find(Session)
    house.records.replace(replace(session, impersonator="root"))
    page = browser.get("/account")
    assert browser.submit(page, "/account/totp/begin").status_code == 403
    refused = browser.submit(page, "/account/password", old=PASSWORD, password=NEW, again=NEW)
    assert refused.status_code == 403
