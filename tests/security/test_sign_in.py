"""Attacks on the sign-in, the pages and their sessions. Each gets through without its defence."""

import re
from typing import Any

import pytest

from entresol.auth_server.sign_in import CODES, PER_ADDRESS, PER_NAME
from entresol.identity.login import passwords
from entresol.identity.login.invitations import setup_link
from entresol.identity.login.totp import STEP_S, code_at
from entresol.identity.oauth.handles import handle_digest
from entresol.identity.records.sessions import AuthorizationCode, DeviceGrant, Session
from unit.auth_server.house import NOW, PASSWORD, SECRET, Browser, House
from unit.identity.oauth.authorization import NATIVE, asking

COOKIE = "__Host-entresol-session"


def csrf_of(text: str) -> str:
    found = re.search(r'name="csrf" value="(\w+)"', text)
    assert found is not None
    return found[1]


# Session fixation.


def test_an_id_that_was_slipped_to_the_browser_is_worth_nothing_after_the_sign_in() -> None:
    house = House()
    victim, thief = house.browser(), house.browser()
    victim.cookies.set(COOKIE, "ess_chosen-by-the-thief", domain="gateway.example")
    victim.submit(victim.get("/sign-in"), username="ada", password=PASSWORD)
    thief.cookies.set(COOKIE, "ess_chosen-by-the-thief", domain="gateway.example")
    assert thief.get("/account").status_code == 303
    assert victim.cookies[COOKIE] != "ess_chosen-by-the-thief"


def test_the_thiefs_own_session_does_not_become_the_victims() -> None:
    house = House()
    house.add_user("eve")
    thief = house.browser(signed_in="eve")
    victim = house.browser()
    victim.cookies.set(COOKIE, thief.cookies[COOKIE], domain="gateway.example")
    victim.submit(victim.get("/sign-in"), username="ada", password=PASSWORD)
    assert thief.get("/account").status_code == 303
    assert [session.user for session in house.records.find(Session)] == ["ada"]


# Cross-site request forgery.


@pytest.mark.parametrize(
    "path",
    [
        "/account/password", "/account/totp/begin", "/account/totp/remove", "/account/grants/revoke",
        "/account/sessions/end", "/device", "/device/decision", "/consent", "/sign-out",
    ],
)  # fmt: skip
@pytest.mark.parametrize("token", [None, "", "0" * 64, "é"])
def test_a_form_that_we_did_not_show_to_this_session_does_nothing(path: str, token: str | None) -> None:
    house = House()
    browser = house.browser(signed_in="ada")
    before = {kind: dict(rows) for kind, rows in house.records.tables.items()}
    data = {"old": PASSWORD, "password": "x" * 20, "again": "x" * 20, "decision": "allow", "code": "BBBBBBBB"}
    answer = browser.post(path, data=data | ({} if token is None else {"csrf": token}))
    assert answer.status_code == 403
    assert house.records.tables == before


def test_the_token_of_one_session_is_no_good_in_another() -> None:
    house = House()
    house.add_user("eve")
    eve, ada = house.browser(signed_in="eve"), house.browser(signed_in="ada")
    stolen = csrf_of(eve.get("/account").text)
    assert ada.post("/account/totp/begin", data={"csrf": stolen}).status_code == 403


@pytest.mark.parametrize("path", ["/sign-in", "/sign-in/code", "/setup", "/welcome"])
def test_nobody_is_signed_in_as_the_attacker_by_a_form_of_another_site(path: str) -> None:
    house = House()
    house.add_user("eve")
    attacker, victim = house.browser(), house.browser()
    token = csrf_of(attacker.get("/sign-in").text)  # good in the attacker's browser, not in the victim's
    victim.get("/sign-in")
    for data in ({"csrf": token}, {}):
        answer = victim.post(path, data={"username": "eve", "password": PASSWORD, "token": "x", **data})
        assert answer.status_code == 403
    assert COOKIE not in victim.cookies


def test_a_form_in_json_or_without_a_type_is_no_form() -> None:
    browser = House().browser(signed_in="ada")
    for kind in ("text/plain", "application/json", "multipart/form-data; boundary=x"):
        answer = browser.post("/account/totp/begin", content=b"csrf=x", headers={"content-type": kind})
        assert answer.status_code == 400


# Clickjacking, and pages that other pages could use.


@pytest.mark.parametrize("path", ["/sign-in", "/account", "/device", "/nowhere", "/static/style.css", "/setup?token=x"])
def test_no_page_can_be_framed_read_or_scripted(path: str) -> None:
    for browser in (House().browser(), House().browser(signed_in="ada")):
        answer = browser.get(path)
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers


def test_a_clients_name_is_text_on_the_consent_page() -> None:
    from msgspec.structs import replace

    from entresol.identity.records.oauth_clients import OAuthClient
    from unit.identity.oauth.authorization import WEB

    house = House()
    known = house.records.need(OAuthClient, WEB.id)
    house.records.replace(replace(known, name="<img src=x onerror=alert(1)>"))
    browser = house.browser(signed_in="ada")
    page = browser.get("/authorize", params=asking())
    assert page.status_code == 200
    assert "<img" not in page.text
    assert "&lt;img" in page.text


# Guessing.


def test_passwords_of_one_user_cannot_be_tried_without_end_from_however_many_addresses() -> None:
    house = House()
    for number in range(PER_NAME[0]):
        browser = Browser(house, address=f"192.0.2.{number}")
        assert browser.submit(browser.get("/sign-in"), username="ada", password=f"guess {number}").status_code == 403
    browser = Browser(house, address="198.51.100.1")
    refused = browser.submit(browser.get("/sign-in"), username=" ADA", password=PASSWORD)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    house.now += PER_NAME[1]
    assert browser.submit(browser.get("/sign-in"), username="ada", password=PASSWORD).status_code == 303


def test_one_password_cannot_be_tried_on_many_users_from_one_address() -> None:
    house = House()
    browser = house.browser()
    page = browser.get("/sign-in")
    answers = [browser.submit(page, username=f"user{n}", password="x").status_code for n in range(PER_ADDRESS[0] + 1)]
    assert answers == [403] * PER_ADDRESS[0] + [429]


def test_codes_cannot_be_tried_without_end_however_often_the_password_is_given() -> None:
    house = House(code=True)
    statuses = []
    for number in range(CODES[0] + 1):
        browser = Browser(house, address=f"192.0.2.{number}")
        if number >= PER_NAME[0]:
            house.now += PER_NAME[1] // 2
        page = browser.submit(browser.get("/sign-in"), username="ada", password=PASSWORD)
        if page.status_code == 429:
            statuses.append(429)
            continue
        statuses.append(browser.submit(page, code=f"{number:06}").status_code)
    assert statuses[-1] == 429
    assert house.records.find(Session) == []


def test_user_codes_of_devices_cannot_be_tried_without_end() -> None:
    house = House()
    browser = house.browser(signed_in="ada")
    page = browser.get("/device")
    statuses = [browser.submit(page, code="BBBB-BBBB").status_code for _ in range(11)]
    assert statuses == [404] * 10 + [429]


def test_links_cannot_be_tried_without_end() -> None:
    house = House()
    browser = house.browser()
    assert [browser.get(f"/setup?token={n}").status_code for n in range(31)][-1] == 429


def test_who_is_not_here_costs_the_same_work_as_who_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long an answer takes tells nothing: the slow hash is checked in both cases."""
    checked: list[Any] = []
    real = passwords._HASHER.verify

    class Counting:
        def verify(self, known: str, text: bytes) -> bool:
            checked.append(known)
            return real(known, text)

        def hash(self, text: str) -> str:
            return "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$uVuMUBUQPT5VIBGLFyXHWw"

    passwords._nobodys.cache_clear()
    monkeypatch.setattr(passwords, "_HASHER", Counting())
    house = House()
    browser = house.browser()
    for name in ("ada", "nobody"):
        browser.submit(browser.get("/sign-in"), username=name, password="not it at all")
    passwords._nobodys.cache_clear()
    assert len(checked) == 2


# Second factor.


def test_a_code_counts_once() -> None:
    house = House(code=True)
    code = code_at(SECRET, NOW // STEP_S)
    statuses = []
    for _ in range(2):
        browser = house.browser()
        page = browser.submit(browser.get("/sign-in"), username="ada", password=PASSWORD)
        statuses.append(browser.submit(page, code=code).status_code)
    assert statuses == [303, 403]


def test_the_code_page_is_no_way_around_the_password() -> None:
    house = House(code=True)
    browser = house.browser()
    csrf = csrf_of(browser.get("/sign-in").text)
    for attempt in ("", "x", "ada", handle_digest("ada")):
        data = {"csrf": csrf, "attempt": attempt, "code": code_at(SECRET, NOW // STEP_S)}
        assert browser.post("/sign-in/code", data=data).status_code == 403


def test_a_finished_sign_in_cannot_be_finished_again() -> None:
    house = House(code=True)
    browser = house.browser()
    page = browser.submit(browser.get("/sign-in"), username="ada", password=PASSWORD)
    assert browser.submit(page, code=code_at(SECRET, NOW // STEP_S)).status_code == 303
    house.now += STEP_S
    assert browser.submit(page, code=code_at(SECRET, house.now // STEP_S)).status_code == 403


# Consent and devices.


def test_a_cookie_alone_gives_no_consent() -> None:
    """The confused deputy: a site sends the browser through with a request of its own making."""
    house = House()
    browser = house.browser(signed_in="ada")
    page = browser.get("/authorize", params=asking())
    assert "Allow Web app?" in page.text
    assert house.records.find(AuthorizationCode) == []
    handle = re.search(r'name="request" value="([^"]+)"', page.text)
    assert handle is not None
    refused = browser.post("/consent", data={"request": handle[1], "decision": "allow"})
    assert refused.status_code == 403
    assert house.records.find(AuthorizationCode) == []


def test_a_link_alone_lets_no_device_in() -> None:
    """Device-code phishing: the victim follows a link with the attacker's code."""
    house = House()
    house.records.insert(
        DeviceGrant(
            id=handle_digest("d"), client=NATIVE.id, user_code="WDJBMJHT", scopes=("llm",), expires_at=NOW + 900
        )
    )
    browser = house.browser(signed_in="ada")
    page = browser.get("/device?user_code=WDJB-MJHT&decision=allow")
    assert house.records.need(DeviceGrant, handle_digest("d")).state == "waiting"
    shown = browser.submit(page, code="WDJB-MJHT")
    assert "Somebody who sent you this code wants to act in your name" in shown.text
    assert house.records.need(DeviceGrant, handle_digest("d")).state == "waiting"


# The first administrator.


def test_there_is_no_way_in_before_the_set_up() -> None:
    house = House()
    for table in ("users", "passwords"):
        house.records.tables[table] = {}
    browser = house.browser()
    for name, password in (("admin", "admin"), ("root", ""), ("admin", "entresol"), ("", "")):
        assert browser.submit(browser.get("/sign-in"), username=name, password=password).status_code == 403


def test_a_second_set_up_link_makes_the_first_one_worthless() -> None:
    house = House()
    first = setup_link(house.records, house.now)
    setup_link(house.records, house.now)
    assert house.browser().get(f"/setup?token={first}").status_code == 410


def test_two_who_use_one_set_up_link_at_once_make_one_administrator() -> None:
    house = House()
    link = f"/setup?token={setup_link(house.records, house.now)}"
    one, two = house.browser(), house.browser()
    pages = [browser.get(link) for browser in (one, two)]
    new = {"organisation": "A", "password": "nine blue whales sing", "again": "nine blue whales sing"}
    assert one.submit(pages[0], username="one", **new).status_code == 303
    assert two.submit(pages[1], username="two", **new).status_code == 410
