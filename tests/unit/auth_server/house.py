"""The authorization server with its real pages, over a store in memory, and browsers that people use.

house = House()
browser = house.browser()
page = browser.get("/sign-in")
page = browser.submit(page, username="ada", password=PASSWORD)
"""

import asyncio
import html
import re
from typing import Any, Final

import httpx
from argon2 import PasswordHasher

from entresol.auth_server.app import authorization_server
from entresol.auth_server.context import AuthServer
from entresol.auth_server.people import people
from entresol.auth_server.token_parts import token_parts
from entresol.core.fetching import FetchFailed, FetchRequest, FetchResponse
from entresol.identity.oauth.settings import OAuthSettings
from entresol.identity.records.accounts import Organisation, User
from entresol.identity.records.factors import Password, Totp
from fake_records import MemoryStore
from unit.auth_server.gateway import NoAssertions
from unit.identity.oauth.authorization import ADA, ISSUER, NATIVE, NOW, RESOURCES, SETTINGS, WEB

PASSWORD: Final = "seven fine geese swim"
QUICK: Final = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Not what people's passwords are hashed with: tests have no time."""
SECRET: Final = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


class House:
    """See the module. Ada has a password; the clock stands at NOW until a test moves it."""

    def __init__(self, *, settings: OAuthSettings = SETTINGS, code: bool = False) -> None:
        self.now = NOW
        self.settings = settings
        self.store = MemoryStore(lambda: self.now)
        self.records = self.store.records
        for record in (WEB, NATIVE, ADA, Organisation(id="org", organisation="org", name="Org")):
            self.records.insert(record)
        self.records.insert(Password(id="ada", organisation="org", hash=QUICK.hash(PASSWORD), changed_at=NOW))
        if code:
            self.records.insert(Totp(id="ada", organisation="org", secret=SECRET, is_confirmed=True))
        self.server = AuthServer(
            store=self.store,
            clock=lambda: self.now,
            settings=settings,
            resources=lambda: RESOURCES,
            fetch=self._fetch,
            verifier=NoAssertions(),
        )
        browser, pages = people(self.server)
        self.app = authorization_server(self.server, browser=browser, parts=token_parts(self.server), pages=pages)

    async def _fetch(self, request: FetchRequest) -> FetchResponse:
        raise FetchFailed(request.url, "there is nobody there")

    def add_user(self, name: str, password: str = PASSWORD, **fields: Any) -> User:
        """Another user of the organisation."""
        user = self.records.insert(User(**({"id": name, "organisation": "org", "username": name} | fields)))
        self.records.insert(Password(id=user.id, hash=QUICK.hash(password), changed_at=NOW))
        return user

    def browser(self, *, signed_in: str = "", password: str = PASSWORD) -> "Browser":
        """A browser, perhaps signed in as somebody."""
        browser = Browser(self)
        if signed_in:
            page = browser.submit(browser.get("/sign-in"), username=signed_in, password=password)
            assert page.status_code == 303, page.text
        return browser


class Browser:
    """Keeps cookies, follows nothing by itself."""

    def __init__(self, house: House, address: str = "192.0.2.7") -> None:
        self._house = house
        self._address = address
        self.cookies = httpx.Cookies()

    def get(self, path: str, **how: Any) -> httpx.Response:
        """One GET."""
        return self.send("GET", path, **how)

    def post(self, path: str, **how: Any) -> httpx.Response:
        """One POST."""
        return self.send("POST", path, **how)

    def send(self, method: str, path: str, **how: Any) -> httpx.Response:
        """One request, as a browser at this address sends it."""

        async def request() -> httpx.Response:
            transport = httpx.ASGITransport(self._house.app, raise_app_exceptions=False, client=(self._address, 50000))
            base = self._house.settings.origin
            async with httpx.AsyncClient(transport=transport, base_url=base, cookies=self.cookies) as client:
                answer = await client.request(method, path, **how)
                self.cookies = client.cookies
                return answer

        return asyncio.run(request())

    def submit(self, page: httpx.Response, action: str = "", /, **typed: str) -> httpx.Response:
        """Send the first form of a page, or the one for an action, with what somebody typed or pressed."""
        forms = re.findall(r'(<form[^>]*action="([^"]*)".*?</form>)', page.text, re.DOTALL)
        found, target = next(form for form in forms if action in ("", form[1]))
        tags = re.findall(r"<input[^>]*>", found)
        kept = {_attribute(tag, "name"): _attribute(tag, "value") for tag in tags if 'type="hidden"' in tag}
        return self.post(target, data=kept | typed)


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'{name}="([^"]*)"', tag)
    return html.unescape(found[1]) if found is not None else ""


__all__ = ["ISSUER", "NOW", "PASSWORD", "SECRET", "Browser", "House"]
