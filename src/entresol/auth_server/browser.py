"""Browsers and who has signed in with them: what the authorization endpoint asks of pages (`authorize.Browser`)."""

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from entresol.auth_server.context import AuthServer
from entresol.auth_server.cookies import Cookies, form_token
from entresol.auth_server.forms import form_of
from entresol.auth_server.pages import Pages
from entresol.core.errors import ClientError, GatewayError
from entresol.core.storage import Records
from entresol.identity.login import sessions
from entresol.identity.oauth.consent_questions import WARNINGS, ConsentQuestion
from entresol.identity.records.accounts import User
from entresol.identity.records.sessions import Session

Endpoint = Callable[[Request], Awaitable[Response]]
SIGN_IN_PATH: Final = "/sign-in"
ACCOUNT_PATH: Final = "/account"


class SessionBrowser:
    """Pages for browsers with sessions. Implements `authorize.Browser`."""

    def __init__(self, server: AuthServer, pages: Pages) -> None:
        self.server = server
        self.pages = pages
        self.cookies = Cookies(is_https=server.issuer.startswith("https:"))

    async def signed_in(self, request: Request) -> Session | None:
        """See authorize.Browser."""
        cookie, now = self.cookies.session(request), self.server.clock()
        if not cookie:
            return None
        session = await self.server.store.read(lambda records: sessions.session_of(records, cookie, now))
        if session is not None and sessions.must_touch(session, now):
            await self.server.store.write(lambda records: sessions.touch(records, session, now))
        return session

    def sign_in_page(self, request: Request, return_to: str, *, login_hint: str = "", fresh: bool = False) -> Response:
        """See authorize.Browser."""
        asked = {"to": return_to, "hint": login_hint[:210], "fresh": "1" if fresh else ""}
        query = urlencode({name: value for name, value in asked.items() if value})
        return RedirectResponse(f"{self.pages.base}{SIGN_IN_PATH}?{query}", 303)

    def consent_page(self, request: Request, session: Session, question: ConsentQuestion) -> Response:
        """See authorize.Browser."""
        return self.pages.page(
            "consent",
            form_target=question.to.form_target,
            question=question,
            warnings=[WARNINGS[name] for name in question.warnings],
            username=session.username,
            csrf=sessions.form_token(session),
        )

    def error_page(
        self, request: Request, *, status: int, error: str, message: str, link: str = "", link_host: str = ""
    ) -> Response:
        """See authorize.Browser."""
        return self.pages.message(
            "This did not work", message, status, error=error, link=link, link_text=link_host or "the client"
        )

    def is_own_form(self, request: Request, session: Session, form: Mapping[str, str]) -> bool:
        """See authorize.Browser."""
        return sessions.is_form_token(session, form.get("csrf", ""))

    # For the other pages.

    async def own_form(self, request: Request, session: Session) -> Mapping[str, str]:
        """The fields of a form that was shown to this session. Raises ClientError 403 `form_stale`."""
        form = await form_of(request)
        if not self.is_own_form(request, session, form):
            raise stale()
        return form

    async def first_form(self, request: Request) -> Mapping[str, str]:
        """The fields of a form that was shown to this browser before anybody signed in. Raises ClientError 403
        `form_stale`."""
        form = await form_of(request)
        if not self.cookies.is_own_form(request, form.get("csrf", "")):
            raise stale()
        return form

    def first_page(self, request: Request, name: str, status: int = 200, **values: Any) -> Response:
        """A page with a form, for a browser that has not signed in."""
        value = self.cookies.form(request)
        response = self.pages.page(name, status, csrf=form_token(value), **values)
        self.cookies.keep_form(response, value)
        return response

    def begun(self, response: Response, new: sessions.NewSession) -> Response:
        """The browser has signed in."""
        self.cookies.set_session(response, new.cookie)
        return response

    def begin(self, records: Records, request: Request, user: User, how: tuple[str, ...]) -> sessions.NewSession:
        """A session for somebody who has proven to be this user, by these methods."""
        sign_in = sessions.SignIn(
            methods=how,
            acr="mfa" if len(how) > 1 else "pwd",
            address=self.server.peer(request).address,
            user_agent=request.headers.get("user-agent", ""),
        )
        return sessions.begin_session(records, user, sign_in, self.cookies.session(request), self.server.clock())

    def shown(self, endpoint: Endpoint) -> Endpoint:
        """An endpoint whose refusals are pages."""

        @wraps(endpoint)
        async def answer(request: Request) -> Response:
            try:
                return await endpoint(request)
            except GatewayError as error:
                page = self.error_page(request, status=error.status, error=error.code, message=error.message)
                for name, value in error.headers:
                    page.headers[name.decode()] = value.decode()
                return page

        return answer

    async def admit(self, key: str, limit: int, window_s: int) -> None:
        """Count an attempt. Raises ClientError 429 `too_many_attempts`."""
        wait = await self.server.attempts.admit(key, limit, window_s, self.server.clock())
        if wait:
            raise ClientError(
                "too_many_attempts",
                f"There were too many attempts. Try again in {-(-wait // 60)} min.",
                status=429,
                headers=((b"retry-after", str(wait).encode()),),
            )

    def home(self, to: str = "") -> str:
        """Where to go: a path of ours that was asked for, else the account's page."""
        return to if is_own_path(to, self.pages.base) else f"{self.pages.base}{ACCOUNT_PATH}"


def is_own_path(path: str, base: str) -> bool:
    """Whether a browser that is sent there stays here."""
    if not path.startswith(f"{base}/") or path.startswith("//") or "\\" in path or not path.isascii():
        return False
    parts = urlsplit(path)
    return not parts.scheme and not parts.netloc and path.isprintable() and " " not in path


def stale() -> ClientError:
    """The form is not one of ours, or of another session."""
    return ClientError("form_stale", "This page is out of date: go back, reload it, and try again.", status=403)
