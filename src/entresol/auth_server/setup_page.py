"""One-time links: `/setup` for the first administrator, `/welcome` for whoever sets a password by a link.

The link's token comes in the query of a GET and goes on in the form; a GET uses nothing up, for scanners of mail open
links, too.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from entresol.auth_server.browser import SessionBrowser
from entresol.core.errors import ClientError
from entresol.core.storage import Records
from entresol.identity.login.invitations import NewAdministrator, accept, invitation, set_up
from entresol.identity.login.passwords import check_acceptable, hash_password
from entresol.identity.login.sessions import NewSession
from entresol.identity.login.totp import has_totp

SETUP_PATH: Final = "/setup"
WELCOME_PATH: Final = "/welcome"
LINKS: Final = (30, 900)
"""How many links one address may try, and the seconds in which they count."""
_FIELDS: Final = ("organisation", "display_name", "username")


class OneTimeLinks:
    """See the module."""

    def __init__(self, browser: SessionBrowser) -> None:
        self._browser = browser
        self._server = browser.server

    def routes(self) -> Sequence[BaseRoute]:
        """Paths below the issuer's."""
        shown = self._browser.shown
        paths = (SETUP_PATH, WELCOME_PATH)
        return (
            *(Route(path, shown(self.page), methods=["GET"]) for path in paths),
            *(Route(path, shown(self.post), methods=["POST"]) for path in paths),
        )

    async def page(self, request: Request) -> Response:
        """The form."""
        token = request.query_params.get("token", "")
        await self._check(request, token)
        return self._form(request, {"token": token})

    async def post(self, request: Request) -> Response:
        """Use the link."""
        form = await self._browser.first_form(request)
        token, password = form.get("token", ""), form.get("password", "")
        await self._check(request, token)
        try:
            if password != form.get("again", ""):
                raise ClientError("password_refused", "The two passwords are not the same.", status=422)
            check_acceptable(password, form.get("username", ""))
            hashed = await asyncio.to_thread(hash_password, password)
            new = await self._server.store.write(lambda records: self._use(records, request, form, hashed))
        except ClientError as error:
            if error.status != 422:
                raise
            return self._form(request, form, error.message)
        if new is None:
            return RedirectResponse(f"{self._browser.pages.base}/sign-in", 303)
        return self._browser.begun(RedirectResponse(self._browser.home(), 303), new)

    async def _check(self, request: Request, token: str) -> None:
        await self._browser.admit(f"link:{self._server.peer(request).address}", *LINKS)
        now = self._server.clock()
        found = await self._server.store.read(lambda records: invitation(records, token, now))
        if (found.purpose == "setup") != (_path_of(request) == "setup"):
            raise ClientError("link_over", "This link has been used, or is over. Ask for a new one.", status=410)

    def _use(self, records: Records, request: Request, form: Mapping[str, str], hashed: str) -> NewSession | None:
        """None: the password is set, and a code is asked for at the sign-in."""
        now, token = self._server.clock(), form.get("token", "")
        if _path_of(request) == "setup":
            who = NewAdministrator(
                organisation=form.get("organisation", ""),
                username=form.get("username", ""),
                display_name=form.get("display_name", ""),
                password_hash=hashed,
            )
            user = set_up(records, token, who, now)
        else:
            user = accept(records, token, hashed, now)
        if has_totp(records, user.id):
            return None
        return self._browser.begin(records, request, user, ("pwd",))

    def _form(self, request: Request, values: Mapping[str, str], fault: str = "") -> Response:
        path = _path_of(request)
        title = "Set up this gateway" if path == "setup" else "Choose a password"
        kept = {name: values.get(name, "") for name in ("token", *_FIELDS)}
        return self._browser.first_page(
            request, "setup", 422 if fault else 200, path=path, title=title, fault=fault, **kept
        )


def _path_of(request: Request) -> str:
    return "setup" if request.url.path.endswith(SETUP_PATH) else "welcome"
