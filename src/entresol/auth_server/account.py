"""The page of one's own account: who may act in one's name, sessions, the second factor, the password."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from entresol.auth_server.browser import ACCOUNT_PATH, SessionBrowser, stale
from entresol.auth_server.pages import BRAND
from entresol.core.errors import ClientError
from entresol.core.storage import Records
from entresol.identity.login import sessions
from entresol.identity.login.passwords import check_acceptable, hash_password, is_password, set_password
from entresol.identity.login.totp import begin_totp, confirm_totp, provisioning_uri, remove_totp
from entresol.identity.oauth.consents import grants_of, revoke_grant
from entresol.identity.oauth.scopes import in_words
from entresol.identity.records.accounts import User
from entresol.identity.records.factors import Password, Totp
from entresol.identity.records.sessions import Session

FRESH_S: Final = 900
"""What changes how one signs in takes a sign-in that is no older."""
TRIES: Final = (10, 900)
Change = Callable[[Request, Session, Mapping[str, str]], Awaitable[Response | None]]


class AccountPage:
    """See the module."""

    def __init__(self, browser: SessionBrowser) -> None:
        self._browser = browser
        self._server = browser.server
        self._store = browser.server.store
        self._own: Sequence[Change] = (self._begin_totp, self._confirm_totp, self._remove_totp, self._change_password)
        """What nobody does in another's name."""

    def routes(self) -> Sequence[BaseRoute]:
        """Paths below the issuer's."""
        changes: tuple[tuple[str, Change, bool], ...] = (
            ("grants/revoke", self._revoke_grant, False),
            ("sessions/end", self._end_session, False),
            ("totp/begin", self._begin_totp, True),
            ("totp/confirm", self._confirm_totp, True),
            ("totp/remove", self._remove_totp, True),
            ("password", self._change_password, False),
        )
        return (
            Route(ACCOUNT_PATH, self._browser.shown(self.page), methods=["GET"]),
            *(
                Route(f"{ACCOUNT_PATH}/{path}", self._browser.shown(self._changing(change, fresh)), methods=["POST"])
                for path, change, fresh in changes
            ),
        )

    async def page(self, request: Request) -> Response:
        """All of it."""
        session = await self._browser.signed_in(request)
        if session is None:
            return self._browser.sign_in_page(request, self._browser.home())
        return await self._shown(session)

    def _changing(self, change: Change, needs_fresh: bool) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            session = await self._browser.signed_in(request)
            if session is None:
                raise stale()
            form = await self._browser.own_form(request, session)
            if needs_fresh and session.auth_time < self._server.clock() - FRESH_S:
                return self._browser.sign_in_page(request, self._browser.home(), fresh=True)
            if session.impersonator and change in self._own:
                raise ClientError("impersonated", "Only they themselves change how they sign in.", status=403)
            return await change(request, session, form) or RedirectResponse(self._browser.home(), 303)

        return answer

    async def _revoke_grant(self, request: Request, session: Session, form: Mapping[str, str]) -> None:
        client, now = form.get("client", ""), self._server.clock()
        await self._store.write(lambda records: revoke_grant(records, session.user, client, now))

    async def _end_session(self, request: Request, session: Session, form: Mapping[str, str]) -> None:
        ended, now = form.get("session", ""), self._server.clock()
        await self._store.write(lambda records: sessions.end_session(records, session.user, ended, now))

    async def _begin_totp(self, request: Request, session: Session, form: Mapping[str, str]) -> None:
        await self._store.write(lambda records: begin_totp(records, records.need(User, session.user)))

    async def _confirm_totp(self, request: Request, session: Session, form: Mapping[str, str]) -> Response:
        await self._browser.admit(f"code:{session.user}", *TRIES)
        code, now = form.get("code", ""), self._server.clock()
        codes = await self._store.write(lambda records: confirm_totp(records, session.user, code, now))
        if not codes:
            return await self._shown(session, 422, said="This code is wrong. Is the clock of your device right?")
        return await self._shown(session, recovery_codes=codes)

    async def _remove_totp(self, request: Request, session: Session, form: Mapping[str, str]) -> None:
        await self._store.write(lambda records: remove_totp(records, session.user))

    async def _change_password(self, request: Request, session: Session, form: Mapping[str, str]) -> Response:
        await self._browser.admit(f"password:{session.user}", *TRIES)
        user, known = await self._store.read(
            lambda records: (records.need(User, session.user), records.get(Password, session.user))
        )
        try:
            if known is None or not await asyncio.to_thread(is_password, form.get("old", "")[:300], known.hash):
                raise ClientError("password_refused", "The old password is wrong.", status=422)
            if form.get("password", "") != form.get("again", ""):
                raise ClientError("password_refused", "The two passwords are not the same.", status=422)
            check_acceptable(form.get("password", ""), user.username)
        except ClientError as error:
            return await self._shown(session, 422, said=error.message)
        hashed = await asyncio.to_thread(hash_password, form["password"])

        def work(records: Records) -> sessions.NewSession:
            set_password(records, user, hashed, self._server.clock())
            sessions.end_sessions(records, user.id, self._server.clock(), but=session.id)
            return self._browser.begin(records, request, user, session.methods)

        new = await self._store.write(work)
        return self._browser.begun(RedirectResponse(self._browser.home(), 303), new)

    async def _shown(
        self, session: Session, status: int = 200, *, said: str = "", recovery_codes: Sequence[str] = ()
    ) -> Response:
        now = self._server.clock()
        facts = await self._store.read(lambda records: _facts(records, session, now))
        return self._browser.pages.page(
            "account",
            status,
            said=said,
            recovery_codes=recovery_codes,
            csrf=sessions.form_token(session),
            **facts,
        )


def _facts(records: Records, session: Session, now: int) -> dict[str, Any]:
    user, totp = records.need(User, session.user), records.get(Totp, session.user)
    state = "off" if totp is None else "on" if totp.is_confirmed else "begun"
    is_begun = totp is not None and state == "begun"
    return {
        "username": user.username,
        "display_name": user.display_name,
        "has_password": records.get(Password, user.id) is not None,
        "totp": state,
        "totp_secret": totp.secret if totp is not None and is_begun else "",
        "totp_uri": provisioning_uri(totp, user.username, BRAND) if totp is not None and is_begun else "",
        "sessions": [_session_shown(each, session.id) for each in sessions.sessions_of(records, user.id, now)],
        "grants": [
            {
                "client_id": grant.client_id,
                "client_name": grant.client_name,
                "words": [scope.words for scope in in_words(grant.scopes)],
                "redirect_uris": grant.redirect_uris,
            }
            for grant in grants_of(records, user.id)
        ],
    }


def _session_shown(session: Session, this: str) -> dict[str, Any]:
    return {
        "id": session.id,
        "is_this": session.id == this,
        "agent": session.user_agent[:120] or "a browser",
        "address": session.address,
        "since": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(session.auth_time)),
    }
