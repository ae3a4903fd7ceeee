"""The page where people let devices in (RFC 8628 §3.3): type the code, read who asks, decide."""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entresol.auth_server.browser import SessionBrowser
from entresol.auth_server.device_authorization import PAGE
from entresol.core.errors import ClientError
from entresol.identity.login.sessions import form_token
from entresol.identity.oauth.device import approve_device, deny_device, shown_code, typed_code, waiting_device
from entresol.identity.oauth.scopes import in_words
from entresol.identity.records.sessions import Session

DEVICE_PATH: Final = PAGE
DECISION_PATH: Final = f"{DEVICE_PATH}/decision"
CODES: Final = (10, 600)
"""Codes that one user may type, and the seconds in which they count (RFC 8628 §5.1)."""


class DevicePage:
    """See the module."""

    def __init__(self, browser: SessionBrowser) -> None:
        self._browser = browser
        self._server = browser.server

    def routes(self) -> Sequence[BaseRoute]:
        """Paths below the issuer's."""
        shown = self._browser.shown
        return (
            Route(DEVICE_PATH, shown(self.page), methods=["GET"]),
            Route(DEVICE_PATH, shown(self.typed), methods=["POST"]),
            Route(DECISION_PATH, shown(self.decide), methods=["POST"]),
        )

    async def page(self, request: Request) -> Response:
        """The form. A code in the link is filled in, never taken: the person compares it (§5.4)."""
        code = typed_code(request.query_params.get("user_code", ""))
        session = await self._browser.signed_in(request)
        if session is None:
            query = f"?user_code={code}" if code else ""
            return self._browser.sign_in_page(request, f"{self._browser.pages.base}{DEVICE_PATH}{query}")
        return self._form(session, shown_code(code) if code else "")

    async def typed(self, request: Request) -> Response:
        """Who asks, and for what."""
        session = await self._session(request)
        form = await self._browser.own_form(request, session)
        await self._browser.admit(f"device:{session.user}", *CODES)
        code, now = form.get("code", ""), self._server.clock()
        found = await self._server.store.read(lambda records: waiting_device(records, code, now))
        if found is None:
            return self._form(session, code[:20], "No device waits under this code. It may have taken too long.", 404)
        grant, client = found
        return self._browser.pages.page(
            "device",
            client=client.name,
            code=shown_code(grant.user_code),
            scopes=in_words(grant.scopes),
            csrf=form_token(session),
        )

    async def decide(self, request: Request) -> Response:
        """Let it in, or not."""
        session = await self._session(request)
        form = await self._browser.own_form(request, session)
        await self._browser.admit(f"device:{session.user}", *CODES)
        code, decision, now = form.get("code", ""), form.get("decision"), self._server.clock()
        if decision == "allow":
            await self._server.store.write(lambda records: approve_device(records, code, session, now))
            return self._browser.pages.message("It is let in", "Go back to the device; this page can be closed.")
        if decision != "deny":
            raise ClientError("form_unreadable", "the form has no decision")
        await self._server.store.write(lambda records: deny_device(records, code, now))
        return self._browser.pages.message("It is not let in", "The device has been told.")

    async def _session(self, request: Request) -> Session:
        session = await self._browser.signed_in(request)
        if session is None:
            raise ClientError("sign_in_over", "You are signed in no more: open this page again.", status=403)
        return session

    def _form(self, session: Session, code: str, fault: str = "", status: int = 200) -> Response:
        return self._browser.pages.page(
            "device", status, client="", code=code, fault=fault, csrf=form_token(session), scopes=()
        )
