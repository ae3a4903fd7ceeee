"""Signing in with a password and a code, and signing out."""

import pytest
from msgspec.structs import replace

from entresol.identity.login.totp import STEP_S, code_at
from entresol.identity.records.accounts import User
from entresol.identity.records.factors import Password
from entresol.identity.records.sessions import Session
from unit.auth_server.house import ISSUER, NOW, PASSWORD, SECRET, House
from unit.identity.oauth.authorization import asking


def test_the_right_password_signs_in() -> None:
    house = House()
    browser = house.browser()
    page = browser.submit(browser.get("/sign-in"), username=" Ada ", password=PASSWORD)
    assert (page.status_code, page.headers["location"]) == (303, "/account")
    [session] = house.records.find(Session)
    assert (session.user, session.methods, session.auth_time, session.address) == ("ada", ("pwd",), NOW, "192.0.2.7")
    assert browser.get("/account").status_code == 200


def test_the_cookie_cannot_be_read_by_scripts_or_sent_in_the_clear_or_set_by_neighbours() -> None:
    browser = House().browser()
    page = browser.submit(browser.get("/sign-in"), username="ada", password=PASSWORD)
    [cookie] = [each for each in page.headers.get_list("set-cookie") if "session" in each]
    assert cookie.startswith("__Host-entresol-session=ess_")
    for word in ("HttpOnly", "Secure", "Path=/", "SameSite=lax"):
        assert word in cookie
    assert "Domain" not in cookie


def test_the_store_does_not_know_the_cookie() -> None:
    house = House()
    browser = house.browser(signed_in="ada")
    value = browser.cookies["__Host-entresol-session"]
    [session] = house.records.find(Session)
    assert value not in repr(session)


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("ada", "not it at all"),
        ("nobody", PASSWORD),
        ("", ""),
        ("ada", PASSWORD + " "),
        ("ada", "x" * 10_000),
        ("a\0da", "é"),
    ],
)
def test_what_is_wrong_is_said_in_one_way(username: str, password: str) -> None:
    house = House()
    browser = house.browser()
    page = browser.submit(browser.get("/sign-in"), username=username, password=password)
    assert page.status_code == 403
    assert "The user name or the password is wrong." in page.text
    assert password not in page.text or not password
    assert house.records.find(Session) == []


def test_who_is_disabled_does_not_come_in() -> None:
    house = House()
    house.records.replace(replace(house.records.need(User, "ada"), is_active=False))
    browser = house.browser()
    assert browser.submit(browser.get("/sign-in"), username="ada", password=PASSWORD).status_code == 403


def test_a_user_without_a_password_does_not_come_in_with_none() -> None:
    house = House()
    house.records.delete(Password, "ada")
    browser = house.browser()
    assert browser.submit(browser.get("/sign-in"), username="ada", password="").status_code == 403


def test_of_two_users_of_one_name_the_organisation_says_which() -> None:
    house = House()
    house.add_user("eve-2", username="ada", organisation="other")
    browser = house.browser()
    assert browser.submit(browser.get("/sign-in"), username="ada", password=PASSWORD).status_code == 403
    assert browser.submit(browser.get("/sign-in"), username="org/ada", password=PASSWORD).status_code == 303


def test_with_a_second_factor_the_password_alone_opens_nothing() -> None:
    house = House(code=True)
    browser = house.browser()
    page = browser.submit(browser.get("/sign-in?to=/device"), username="ada", password=PASSWORD)
    assert "Enter a code" in page.text
    assert house.records.find(Session) == []
    assert browser.get("/account").status_code == 303
    page = browser.submit(page, code=code_at(SECRET, NOW // STEP_S))
    assert (page.status_code, page.headers["location"]) == (303, "/device")
    [session] = house.records.find(Session)
    assert session.methods == ("pwd", "otp")


def test_a_wrong_code_can_be_tried_again_for_a_while() -> None:
    house = House(code=True)
    browser = house.browser()
    page = browser.submit(browser.get("/sign-in"), username="ada", password=PASSWORD)
    wrong = browser.submit(page, code="000000")
    assert wrong.status_code == 403
    assert "wrong" in wrong.text
    assert browser.submit(wrong, code=code_at(SECRET, NOW // STEP_S)).status_code == 303
    house.now += 601
    assert browser.submit(wrong, code=code_at(SECRET, house.now // STEP_S)).status_code == 403


def test_a_sign_in_is_finished_in_the_browser_that_began_it() -> None:
    house = House(code=True)
    victim, thief = house.browser(), house.browser()
    page = victim.submit(victim.get("/sign-in"), username="ada", password=PASSWORD)
    csrf = _field(thief.get("/sign-in").text, "csrf")
    stolen = {"csrf": csrf, "attempt": _field(page.text, "attempt"), "code": code_at(SECRET, NOW // STEP_S)}
    taken = thief.post("/sign-in/code", data=stolen)
    assert taken.status_code == 403
    assert house.records.find(Session) == []


def test_a_sign_in_goes_on_to_the_authorization_request() -> None:
    house = House()
    browser = house.browser()
    asked = browser.get("/authorize", params=asking())
    assert asked.status_code == 303
    page = browser.submit(browser.get(asked.headers["location"]), username="ada", password=PASSWORD)
    consent = browser.get(page.headers["location"])
    assert "Allow Web app?" in consent.text
    assert "use language models in your name" in consent.text
    done = browser.submit(consent, decision="allow")
    assert done.headers["location"].startswith("https://app.example/cb?code=")
    assert f"iss={ISSUER.replace(':', '%3A').replace('/', '%2F')}" in done.headers["location"]


@pytest.mark.parametrize(
    "to",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "/%0d%0aX:1\n", "evil", ""],
)
def test_nobody_is_sent_elsewhere_after_a_sign_in(to: str) -> None:
    browser = House().browser()
    page = browser.submit(browser.get("/sign-in", params={"to": to}), username="ada", password=PASSWORD)
    assert page.headers["location"] in ("/account", "/%0d%0aX:1")


def test_what_was_typed_is_shown_as_text() -> None:
    browser = House().browser()
    nasty = '"><script>alert(1)</script>'
    page = browser.submit(browser.get("/sign-in", params={"to": nasty, "hint": nasty}), username=nasty, password="x")
    assert "<script" not in page.text


def test_signing_out_ends_the_session_and_forgets_the_cookie() -> None:
    house = House()
    browser = house.browser(signed_in="ada")
    kept = browser.cookies["__Host-entresol-session"]
    account = browser.get("/account")
    page = browser.submit(account, "/sign-out")
    assert "You are signed out" in page.text
    assert house.records.find(Session) == []
    browser.cookies.set("__Host-entresol-session", kept, domain="gateway.example")
    assert browser.get("/account").status_code == 303


def test_a_password_that_was_hashed_with_less_effort_is_hashed_again() -> None:
    house = House()
    before = house.records.need(Password, "ada").hash
    house.browser(signed_in="ada")
    after = house.records.need(Password, "ada").hash
    assert before != after
    assert after.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    house.browser(signed_in="ada")


def test_a_session_ends_when_it_is_idle_and_when_its_time_is_over() -> None:
    house = House()
    browser = house.browser(signed_in="ada")
    for _ in range(6):
        house.now += 7_100
        assert browser.get("/account").status_code == 200
    house.now += 700
    assert browser.get("/account").status_code == 303
    other = house.browser(signed_in="ada")
    house.now += 7_200
    assert other.get("/account").status_code == 303


def test_pages_have_a_policy_without_scripts_and_frames() -> None:
    browser = House().browser()
    page = browser.get("/sign-in")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script" not in policy
    assert "<script" not in page.text
    assert browser.get("/static/style.css").headers["content-type"].startswith("text/css")


def _field(text: str, name: str) -> str:
    return text.split(f'name="{name}" value="')[1].split('"')[0]
