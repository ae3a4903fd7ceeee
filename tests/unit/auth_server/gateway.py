"""An authorization server in memory for tests: real endpoints, a store in memory, pages as plain as can be.

`PlainBrowser` fills the place of sign-in and pages: whoever has the cookie `user` has signed in, and the form of its
consent page has a CSRF token that is made of the session, as real ones are.
"""

import asyncio
import hashlib
import hmac
import html
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NoReturn
from urllib.parse import quote, urlsplit

import httpx
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from entresol.auth_server.app import Part, authorization_server
from entresol.auth_server.client_documents import ClientDocuments
from entresol.auth_server.context import AuthServer
from entresol.core.fetching import FetchFailed, FetchRequest, FetchResponse
from entresol.identity.oauth.consent_questions import ConsentQuestion
from entresol.identity.oauth.resources import ProtectedResources
from entresol.identity.oauth.settings import OAuthSettings
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import Session
from fake_records import MemoryStore
from unit.identity.oauth.authorization import ADA, ISSUER, NATIVE, NOW, RESOURCES, SETTINGS, WEB, session

CSRF_KEY: Final = b"the session's own"


class PlainBrowser:
    """See the module, and `auth_server.authorize.Browser`."""

    def __init__(self) -> None:
        self.auth_time = NOW - 100
        self.asked: list[ConsentQuestion] = []

    async def signed_in(self, request: Request) -> Session | None:
        user = request.cookies.get("user")
        return session(user=user, auth_time=self.auth_time) if user else None

    def sign_in_page(self, request: Request, return_to: str, *, login_hint: str, fresh: bool) -> Response:
        return RedirectResponse(f"/sign-in?fresh={fresh:d}&hint={quote(login_hint)}&to={quote(return_to)}", 303)

    def consent_page(self, request: Request, session: Session, question: ConsentQuestion) -> Response:
        self.asked.append(question)
        shown = html.escape(f"{question.client_name} → {question.to.host}")
        fields = {"request": question.handle, "csrf": token_for(session.user)}
        inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
        policy = f"default-src 'none'; form-action 'self' {question.to.form_target}"
        return HTMLResponse(f"<p>{shown}<form>{inputs}", headers={"Content-Security-Policy": policy})

    def error_page(
        self, request: Request, *, status: int, error: str, message: str, link: str = "", link_host: str = ""
    ) -> Response:
        return HTMLResponse(html.escape(f"{error}: {message} [{link_host}] {link}"), status)

    def is_own_form(self, request: Request, session: Session, form: Mapping[str, str]) -> bool:
        return hmac.compare_digest(form.get("csrf", "").encode(), token_for(session.user).encode())


def token_for(user: str) -> str:
    """The CSRF token of a user's session."""
    return hmac.digest(CSRF_KEY, user.encode(), hashlib.sha256).hex()


class NoAssertions:
    """No issuer is trusted."""

    def verify(self, token: str, audiences: Sequence[str], now: int) -> NoReturn:
        raise AssertionError("nobody presents tokens of other issuers here")


class Gateway:
    """The server, the web that it can fetch from, and a client that follows no redirect."""

    def __init__(
        self,
        *,
        settings: OAuthSettings = SETTINGS,
        clients: Sequence[OAuthClient] = (WEB, NATIVE),
        resources: ProtectedResources = RESOURCES,
        parts: Callable[[AuthServer], Sequence[Part]] = lambda _: (),
    ) -> None:
        self.now = NOW
        self.store = MemoryStore(lambda: self.now)
        self.records = self.store.records
        for client in clients:
            self.records.insert(client)
        self.records.insert(ADA)
        self.browser = PlainBrowser()
        self.web: dict[str, FetchResponse | FetchFailed] = {}
        self.fetched: list[FetchRequest] = []
        self.server = AuthServer(
            store=self.store,
            clock=lambda: self.now,
            settings=settings,
            resources=lambda: resources,
            fetch=self._fetch,
            verifier=NoAssertions(),
        )
        self.documents = ClientDocuments(self.server)
        self.app = authorization_server(
            self.server, browser=self.browser, parts=parts(self.server), documents=self.documents
        )

    async def _fetch(self, request: FetchRequest) -> FetchResponse:
        self.fetched.append(request)
        await asyncio.sleep(0)
        answer = self.web.get(request.url, FetchFailed(request.url, "there is nobody there"))
        if isinstance(answer, FetchFailed):
            raise answer
        return answer

    def run(self, work: Callable[[httpx.AsyncClient], Awaitable[Any]], *, user: str = "") -> Any:
        """Run work with a client; `user`: who has signed in."""

        async def with_client() -> Any:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            cookies = {"user": user} if user else None
            async with httpx.AsyncClient(transport=transport, base_url=ISSUER, cookies=cookies) as client:
                return await work(client)

        return asyncio.run(with_client())

    def get(self, path: str, *, user: str = "", **how: Any) -> httpx.Response:
        """One GET."""
        answer: httpx.Response = self.run(lambda client: client.get(path, **how), user=user)
        return answer

    def post(self, path: str, *, user: str = "", **how: Any) -> httpx.Response:
        """One POST."""
        answer: httpx.Response = self.run(lambda client: client.post(path, **how), user=user)
        return answer

    def authorize(self, parameters: Sequence[tuple[str, str]], *, user: str = "ada") -> httpx.Response:
        """Ask at the authorization endpoint."""
        return self.get("/authorize", params=list(parameters), user=user)

    def decide(self, page: httpx.Response, decision: str = "allow", *, user: str = "ada") -> httpx.Response:
        """Send the form of a consent page."""
        fields = dict(re.findall(r'<input name="(\w+)" value="([^"]*)">', page.text))
        return self.post("/consent", data={**fields, "decision": decision}, user=user)


def path_of(location: str) -> str:
    """Path and query of a URL."""
    parts = urlsplit(location)
    return f"{parts.path}?{parts.query}"
