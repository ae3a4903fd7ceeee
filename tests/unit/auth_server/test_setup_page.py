"""One-time links: the first administrator, invitations, forgotten passwords."""

import pytest

from entresol.identity.login.invitations import has_administrator, invite, setup_link
from entresol.identity.records.accounts import Organisation, User
from entresol.identity.records.factors import Invitation
from entresol.identity.records.sessions import Session
from unit.auth_server.house import PASSWORD, Browser, House

NEW = "nine blue whales sing"
FORM = {"organisation": "Acme", "display_name": "Root", "username": "Root", "password": NEW, "again": NEW}


def linked(house: House) -> tuple[Browser, str]:
    return house.browser(), f"/setup?token={setup_link(house.records, house.now)}"


def test_the_set_up_link_makes_the_first_administrator() -> None:
    house = House()
    browser, link = linked(house)
    done = browser.submit(browser.get(link), **FORM)
    assert (done.status_code, done.headers["location"]) == (303, "/account")
    assert has_administrator(house.records)
    assert "Root" in browser.get("/account").text
    [user] = house.records.find(User, username="root")
    assert house.records.need(Organisation, user.organisation).name == "Acme"
    assert house.browser(signed_in="root", password=NEW)


def test_looking_at_the_link_does_not_use_it_up() -> None:
    house = House()
    browser, link = linked(house)
    house.browser().get(link)
    assert browser.submit(browser.get(link), **FORM).status_code == 303


def test_the_set_up_link_works_once() -> None:
    house = House()
    browser, link = linked(house)
    page = browser.get(link)
    browser.submit(page, **FORM)
    again = house.browser()
    assert again.get(link).status_code == 410
    assert browser.submit(page, **{**FORM, "username": "second"}).status_code == 410
    assert len(house.records.find(User)) == 2


def test_a_link_is_over_after_a_day() -> None:
    house = House()
    browser, link = linked(house)
    page = browser.get(link)
    house.now += 86_400
    assert browser.get(link).status_code == 410
    assert browser.submit(page, **FORM).status_code == 410


@pytest.mark.parametrize("token", ["", "esi_guess", "' OR 1=1 --", "é"])
def test_a_guessed_link_opens_nothing(token: str) -> None:
    house = House()
    linked(house)
    assert house.browser().get("/setup", params={"token": token}).status_code == 410


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"password": "short", "again": "short"}, "at least 12 characters"),
        ({"password": "aaaaaaaaaaaaaaaa", "again": "aaaaaaaaaaaaaaaa"}, "repeats a few"),
        ({"again": NEW + "!"}, "not the same"),
        ({"username": "administrator", "password": "administrator1", "again": "administrator1"}, "user name with"),
        ({"username": "no spaces"}, "user name has 1 to 100"),
        ({"organisation": " "}, "organisation"),
        ({"organisation": "a/b"}, "no slash"),
    ],
)
def test_what_cannot_be_taken_is_said_and_the_link_stays(changes: dict[str, str], why: str) -> None:
    house = House()
    browser, link = linked(house)
    page = browser.submit(browser.get(link), **(FORM | changes))
    assert page.status_code == 422
    assert why in page.text
    assert changes.get("password", "?") not in page.text
    assert not has_administrator(house.records)
    assert browser.submit(page, **FORM).status_code == 303


def test_an_invited_user_sets_a_password() -> None:
    house = House()
    user = house.records.insert(User(id="bea", organisation="org", username="bea"))
    token = invite(house.records, user, "invite", house.now)
    browser = house.browser()
    page = browser.get(f"/welcome?token={token}")
    assert "Choose a password" in page.text
    assert browser.submit(page, password=NEW, again=NEW).status_code == 303
    assert [session.user for session in house.records.find(Session)] == ["bea"]
    assert browser.get(f"/welcome?token={token}").status_code == 410


def test_a_new_password_ends_all_sessions_and_the_old_password() -> None:
    house = House()
    old = house.browser(signed_in="ada")
    token = invite(house.records, house.records.need(User, "ada"), "reset", house.now)
    browser = house.browser()
    browser.submit(browser.get(f"/welcome?token={token}"), password=NEW, again=NEW)
    assert old.get("/account").status_code == 303
    other = house.browser()
    assert other.submit(other.get("/sign-in"), username="ada", password=PASSWORD).status_code == 403


def test_a_forgotten_password_does_not_go_around_the_second_factor() -> None:
    house = House(code=True)
    token = invite(house.records, house.records.need(User, "ada"), "reset", house.now)
    browser = house.browser()
    done = browser.submit(browser.get(f"/welcome?token={token}"), password=NEW, again=NEW)
    assert done.headers["location"] == "/sign-in"
    assert house.records.find(Session) == []


def test_an_invitation_sets_up_no_gateway() -> None:
    house = House()
    token = invite(house.records, house.records.need(User, "ada"), "invite", house.now)
    assert house.browser().get(f"/setup?token={token}").status_code == 410


def test_the_store_does_not_know_the_link() -> None:
    house = House()
    token = setup_link(house.records, house.now)
    assert token not in repr(house.records.find(Invitation))
