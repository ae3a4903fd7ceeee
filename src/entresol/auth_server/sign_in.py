"""Signing in with a password and a code, and signing out.

    GET  /sign-in        the page; `to`: where to go then, a path of ours
    POST /sign-in        `username`, `password`
    POST /sign-in/code   `attempt`, `code`
    POST /sign-out

Attempts are counted by name and by address before anything slow is done. Who is not here and whose password is wrong
are told the same, after the same time.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from entresol.auth_server.browser import SIGN_IN_PATH, SessionBrowser
from entresol.core.errors import ClientError
from entresol.core.storage import Records
from entresol.identity.login.local_users import Candidate, candidate
from entresol.identity.login.passwords import MAX_LENGTH, hash_password, is_outdated, is_password, set_password
from entresol.identity.login.sessions import NewSession, end_session
from entresol.identity.login.totp import take_code
from entresol.identity.oauth.handles import handle_digest, new_handle
from entresol.identity.records.accounts import User
from entresol.identity.records.factors import Password
from entresol.identity.records.sessions import SignInAttempt

T = TypeVar("T")
CODE_PATH: Final = "/sign-in/code"
SIGN_OUT_PATH: Final = "/sign-out"
PER_NAME: Final = (10, 900)
"""Attempts under one name, and the seconds in which they count."""
PER_ADDRESS: Final = (50, 900)
CODES: Final = (10, 900)
"""Codes that one user may try."""
ATTEMPT_S: Final = 600
_WRONG: Final = "The user name or the password is wrong."


class SignIn:
    """See the module."""

    def __init__(self, browser: SessionBrowser, at_once: int = 2) -> None:
        """`at_once`: how many passwords are checked at the same time; each takes 64 MiB."""
        self._browser = browser
        self._server = browser.server
        self._turn = asyncio.Semaphore(at_once)

    def routes(self) -> Sequence[BaseRoute]:
        """Paths below the issuer's."""
        shown = self._browser.shown
        return (
            Route(SIGN_IN_PATH, shown(self.page), methods=["GET"]),
            Route(SIGN_IN_PATH, shown(self.password), methods=["POST"]),
            Route(CODE_PATH, shown(self.code), methods=["POST"]),
            Route(SIGN_OUT_PATH, shown(self.sign_out), methods=["POST"]),
        )

    async def page(self, request: Request) -> Response:
        """The form."""
        query = request.query_params
        return self._form(request, query.get("to", ""), query.get("hint", "")[:210], fresh=bool(query.get("fresh")))

    async def password(self, request: Request) -> Response:
        """Check what was typed."""
        form = await self._browser.first_form(request)
        name, password, to = form.get("username", ""), form.get("password", ""), form.get("to", "")
        await self._admit(request, name)
        who = await self._server.store.read(lambda records: candidate(records, name))
        if len(password) > MAX_LENGTH or not await self._is_right(who, password) or who.user is None:
            return self._form(request, to, name[:210], fault=_WRONG, status=403)
        if who.needs_code:
            return await self._ask_for_code(request, who.user, to)
        user = who.user
        new = await self._server.store.write(lambda records: self._begin(records, request, who))
        if is_outdated(who.password_hash or ""):
            fresh = await self._slowly(hash_password, password)
            await self._server.store.write(lambda records: set_password(records, user, fresh, self._server.clock()))
        return self._go(new, to)

    async def code(self, request: Request) -> Response:
        """Check a code, for who has given the right password in this browser."""
        form = await self._browser.first_form(request)
        handle, now = form.get("attempt", ""), self._server.clock()
        attempt = await self._server.store.read(lambda records: records.get(SignInAttempt, handle_digest(handle)))
        own = handle_digest(self._browser.cookies.form(request))
        if attempt is None or not attempt.proven_user or attempt.expires_at <= now or attempt.browser != own:
            raise ClientError("sign_in_over", "This sign-in took too long: begin again.", status=403)
        user_id = attempt.proven_user
        await self._browser.admit(f"code:{user_id}", *CODES)

        def work(records: Records) -> NewSession | None:
            user = records.get(User, user_id)
            if user is None or not user.is_active or not take_code(records, user_id, form.get("code", ""), now):
                return None
            if records.take(SignInAttempt, attempt.id) is None:
                return None
            return self._browser.begin(records, request, user, ("pwd", "otp"))

        new = await self._server.store.write(work)
        if new is None:
            return self._code_page(request, handle, "This code is wrong, or has been used.", 403)
        return self._go(new, attempt.return_to)

    async def sign_out(self, request: Request) -> Response:
        """End this browser's session."""
        session = await self._browser.signed_in(request)
        response = self._browser.pages.message("Signed out", "You are signed out in this browser.")
        if session is not None:
            await self._browser.own_form(request, session)
            now = self._server.clock()
            await self._server.store.write(lambda records: end_session(records, session.user, session.id, now))
        self._browser.cookies.forget_session(response)
        return response

    async def _admit(self, request: Request, name: str) -> None:
        await self._browser.admit(f"sign-in-address:{self._server.peer(request).address}", *PER_ADDRESS)
        await self._browser.admit(f"sign-in-name:{handle_digest(name.strip().lower())}", *PER_NAME)

    async def _is_right(self, who: Candidate, password: str) -> bool:
        return await self._slowly(is_password, password, who.password_hash)

    async def _slowly(self, work: Callable[..., T], *values: object) -> T:
        async with self._turn:
            return await asyncio.to_thread(work, *values)

    def _begin(self, records: Records, request: Request, who: Candidate) -> NewSession:
        """What was read before the password was checked must still hold."""
        user = records.need(User, who.user.id) if who.user is not None else None
        known = records.get(Password, user.id) if user is not None else None
        if user is None or not user.is_active or known is None or known.hash != who.password_hash:
            raise ClientError("sign_in_over", "Your account has just been changed: begin again.", status=403)
        return self._browser.begin(records, request, user, ("pwd",))

    async def _ask_for_code(self, request: Request, user: User, to: str) -> Response:
        handle, cookie = new_handle(), self._browser.cookies.form(request)
        attempt = SignInAttempt(
            id=handle_digest(handle),
            organisation=user.organisation,
            issuer="",
            browser=handle_digest(cookie),
            return_to=to if len(to) <= 4000 else "",
            proven_user=user.id,
            expires_at=self._server.clock() + ATTEMPT_S,
        )
        await self._server.store.write(lambda records: records.insert(attempt))
        return self._code_page(request, handle)

    def _code_page(self, request: Request, handle: str, fault: str = "", status: int = 200) -> Response:
        return self._browser.first_page(request, "code", status, attempt=handle, fault=fault)

    def _form(
        self, request: Request, to: str, username: str, *, fresh: bool = False, fault: str = "", status: int = 200
    ) -> Response:
        return self._browser.first_page(request, "sign_in", status, to=to, username=username, fresh=fresh, fault=fault)

    def _go(self, new: NewSession, to: str) -> Response:
        return self._browser.begun(RedirectResponse(self._browser.home(to), 303), new)
