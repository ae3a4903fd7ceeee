"""All pages, put together."""

from entresol.identity.oauth.settings import OAuthSettings
from unit.auth_server.house import PASSWORD, House


def test_pages_are_below_an_issuer_with_a_path() -> None:
    house = House(settings=OAuthSettings(issuer="https://gateway.example/auth"))
    browser = house.browser()
    page = browser.submit(browser.get("/auth/sign-in"), username="ada", password=PASSWORD)
    assert page.headers["location"] == "/auth/account"
    assert browser.get("/auth/account").status_code == 200
    assert browser.get("/auth/static/style.css").status_code == 200
    assert browser.get("/auth/device").status_code == 200
    assert browser.get("/auth/setup?token=x").status_code == 410
    assert browser.get("/sign-in").status_code == 404


def test_on_this_machine_alone_it_works_without_tls() -> None:
    house = House(settings=OAuthSettings(issuer="http://127.0.0.1:8002"))
    browser = house.browser(signed_in="ada")
    assert "entresol-session" in browser.cookies
    assert browser.get("/account").status_code == 200
