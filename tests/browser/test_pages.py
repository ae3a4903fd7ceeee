"""People sign in, consent, let devices in and keep their account, in a real browser.

`ENTRESOL_SCREENSHOTS=FOLDER` keeps a picture of each page, at two widths, light and dark.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from browser.site import Site
from entresol.identity.login.invitations import setup_link
from entresol.identity.login.totp import STEP_S, code_at
from entresol.identity.oauth.handles import handle_digest
from entresol.identity.records.factors import Totp
from entresol.identity.records.sessions import Consent, DeviceGrant
from unit.auth_server.house import PASSWORD
from unit.identity.oauth.authorization import NATIVE, WEB, asking

pytestmark = pytest.mark.xdist_group("browser")  # one browser, not one for each process

LOOKS = pytest.mark.parametrize("look", ["light", "dark"])
WIDTHS = pytest.mark.parametrize("width", [390, 1280])
NEW = "nine blue whales sing"


@contextmanager
def page_of(chromium: Browser, site: Site, width: int = 1280, look: str = "light") -> Iterator[Page]:
    """A page without a script, that says what it should not have loaded or logged."""
    scheme: Literal["dark", "light"] = "dark" if look == "dark" else "light"
    context = chromium.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme, java_script_enabled=False, base_url=site.url
    )
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text))
    page.on("request", lambda request: faults.extend(_strange(request, site)))
    yield page
    context.close()
    assert [each for each in faults if "favicon" not in each and "status of" not in each] == []


def _strange(request: Request, site: Site) -> list[str]:
    is_ours = request.url.startswith((f"{site.url}/", "https://app.example/", "http://127.0.0.1"))
    return [] if is_ours else [f"asked for {request.url}"]


def sign_in(page: Page, path: str = "/sign-in", password: str = PASSWORD) -> None:
    page.goto(path)
    page.get_by_label("User name").fill("ada")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def look_at(page: Page, name: str, shows: str, look: str, width: int) -> None:
    """It fits the width, its fields can be touched, and a picture is kept where one is asked for."""
    expect(page.get_by_text(shows, exact=False).first).to_be_visible()
    page.wait_for_load_state()
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0, f"{name} is wider than {width}"
    for field in page.locator("input:visible, button:visible").all():
        box = field.bounding_box()
        assert box is not None
        assert box["height"] >= 32, f"{name}: too small to touch"
    folder = os.environ.get("ENTRESOL_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}-{width}-{look}.png", full_page=True)


def test_ada_signs_in_and_out(chromium: Browser, site: Site) -> None:
    with page_of(chromium, site) as page:
        sign_in(page, password="not it at all")
        expect(page.get_by_role("alert")).to_contain_text("is wrong")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_text("You are signed in as")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading")).to_contain_text("Signed out")
        page.goto("/account")
        expect(page.get_by_role("heading")).to_have_text("Sign in")


def test_ada_allows_a_client_and_takes_it_back(chromium: Browser, site: Site) -> None:
    with page_of(chromium, site) as page:
        landed: list[str] = []
        page.route("https://app.example/**", _landing(landed))
        page.goto("/authorize?" + "&".join(f"{name}={value}" for name, value in asking()))
        page.get_by_label("User name").fill("ada")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading")).to_have_text("Allow Web app?")
        expect(page.get_by_text("app.example")).to_be_visible()
        page.get_by_role("button", name="Allow", exact=True).click()
        page.wait_for_url("https://app.example/**")
        assert re.search(r"[?&]code=[\w-]+", landed[0])
        page.goto(f"{site.url}/account")
        page.get_by_role("button", name="Revoke").click()
        expect(page.get_by_text("Nobody.")).to_be_visible()


def _landing(landed: list[str]) -> "Callable[..., None]":
    def answer(route: object, request: Request) -> None:
        landed.append(request.url)
        route.fulfill(status=200, body="landed", content_type="text/plain")  # type: ignore[attr-defined]

    return answer


def test_ada_says_no(chromium: Browser, site: Site) -> None:
    with page_of(chromium, site) as page:
        landed: list[str] = []
        page.route("https://app.example/**", _landing(landed))
        sign_in(page)
        expect(page.get_by_text("You are signed in as")).to_be_visible()
        page.goto("/authorize?" + "&".join(f"{name}={value}" for name, value in asking()))
        page.get_by_role("button", name="Do not allow").click()
        page.wait_for_url("https://app.example/**")
        assert "error=access_denied" in landed[0]


def device(site: Site) -> None:
    site.house.records.insert(
        DeviceGrant(
            id=handle_digest("d"), client=NATIVE.id, user_code="WDJBMJHT", scopes=("llm", "mcp"),
            expires_at=site.house.now + 900,
        )
    )  # fmt: skip


def test_ada_lets_a_device_in(chromium: Browser, site: Site) -> None:
    device(site)
    with page_of(chromium, site) as page:
        sign_in(page, "/device")
        page.get_by_label("Code").fill("wdjb mjht")
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_role("heading")).to_have_text("Let Desktop in?")
        page.get_by_role("button", name="Let it in", exact=True).click()
        expect(page.get_by_role("heading")).to_have_text("It is let in")
    assert site.house.records.need(DeviceGrant, handle_digest("d")).state == "approved"


def test_ada_sets_up_an_authenticator_and_signs_in_with_it(chromium: Browser, site: Site) -> None:
    with page_of(chromium, site) as page:
        sign_in(page)
        page.get_by_role("button", name="Set up an authenticator").click()
        secret = site.house.records.need(Totp, "ada").secret
        expect(page.get_by_text(secret)).to_be_visible()
        page.get_by_label("Code").fill(code_at(secret, site.house.now // STEP_S))
        page.get_by_role("button", name="Switch on").click()
        expect(page.get_by_role("heading", name="Keep these recovery codes")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_text("You are signed out")).to_be_visible()
        site.house.now += STEP_S
        sign_in(page)
        page.get_by_label("Code").fill(code_at(secret, site.house.now // STEP_S))
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_text("You are signed in as")).to_be_visible()


def test_a_gateway_is_set_up(chromium: Browser, site: Site) -> None:
    with page_of(chromium, site) as page:
        page.goto(f"/setup?token={setup_link(site.house.records, site.house.now)}")
        for label, text in (("Organisation", "Acme"), ("Your name", "Root"), ("User name", "root")):
            page.get_by_label(label, exact=True).fill(text)
        page.get_by_label("New password").fill(NEW)
        page.get_by_label("The same again").fill(NEW)
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_role("heading", name="Root")).to_be_visible()


@LOOKS
@WIDTHS
def test_every_page_fits_and_can_be_read(chromium: Browser, site: Site, look: str, width: int) -> None:
    device(site)
    house = site.house
    link = setup_link(house.records, house.now)
    context = chromium.new_context(
        viewport={"width": width, "height": 844}, color_scheme="dark" if look == "dark" else "light", base_url=site.url
    )
    page = context.new_page()
    page.goto("/sign-in")
    look_at(page, "sign-in", "Password", look, width)
    sign_in(page, password="not it at all")
    look_at(page, "sign-in-wrong", "is wrong", look, width)
    page.goto(f"/setup?token={link}")
    look_at(page, "setup", "Set up this gateway", look, width)
    page.goto("/setup?token=x")
    look_at(page, "error", "link_over", look, width)
    sign_in(page)
    expect(page.get_by_text("You are signed in as")).to_be_visible()
    page.goto("/authorize?" + "&".join(f"{name}={value}" for name, value in asking(NATIVE, scope="llm mcp openid")))
    look_at(page, "consent", "Allow Desktop?", look, width)
    page.goto("/device")
    look_at(page, "device", "Connect a device", look, width)
    page.get_by_label("Code").fill("WDJB-MJHT")
    page.get_by_role("button", name="Go on").click()
    look_at(page, "device-decision", "Let Desktop in?", look, width)
    house.records.insert(
        Consent(id="c", user="ada", client=WEB.id, redirect_uri="https://app.example/cb", scopes=("llm", "mcp"))
    )
    page.goto("/account")
    look_at(page, "account", "Where you are signed in", look, width)
    page.get_by_role("button", name="Set up an authenticator").click()
    look_at(page, "account-totp", "Switch on", look, width)
    secret = house.records.need(Totp, "ada").secret
    page.get_by_label("Code").fill(code_at(secret, house.now // STEP_S))
    page.get_by_role("button", name="Switch on").click()
    look_at(page, "recovery-codes", "Keep these recovery codes", look, width)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out")).to_be_visible()
    house.now += STEP_S
    sign_in(page)
    look_at(page, "code", "Enter a code", look, width)
    context.close()
