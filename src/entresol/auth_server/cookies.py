"""Cookies of browsers: bound to this host and to TLS by their name (`__Host-`), where there is TLS."""

import hashlib
import hmac
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from entresol.identity.oauth.handles import new_handle

_SESSION: Final = "entresol-session"
_FORM: Final = "entresol-form"
_FORM_LIFETIME_S: Final = 3_600


class Cookies:
    """Reads and sets them. On this machine alone, without TLS, browsers take no `__Host-` names."""

    def __init__(self, *, is_https: bool) -> None:
        self._is_https = is_https
        prefix = "__Host-" if is_https else ""
        self._session, self._form = prefix + _SESSION, prefix + _FORM

    def session(self, request: Request) -> str:
        """The session's cookie; empty without one."""
        return request.cookies.get(self._session, "")

    def set_session(self, response: Response, value: str) -> None:
        """The browser is signed in until it is closed, or the session ends here."""
        self._set(response, self._session, value, None)

    def forget_session(self, response: Response) -> None:
        """The browser is signed in no more."""
        self._set(response, self._session, "", 0)

    def form(self, request: Request) -> str:
        """What ties forms to a browser that has not signed in; made if it is not there: see `keep_form`."""
        return request.cookies.get(self._form, "") or new_handle()

    def keep_form(self, response: Response, value: str) -> None:
        """Give it to the browser that a form is shown to."""
        self._set(response, self._form, value, _FORM_LIFETIME_S)

    def is_own_form(self, request: Request, token: str) -> bool:
        """Whether a form was shown to this browser before it signed in (CSRF)."""
        value = request.cookies.get(self._form, "")
        return bool(value) and hmac.compare_digest(form_token(value).encode(), token.encode("utf-8", "replace"))

    def _set(self, response: Response, name: str, value: str, max_age: int | None) -> None:
        response.set_cookie(
            name, value, max_age=max_age, path="/", secure=self._is_https, httponly=True, samesite="lax"
        )


def form_token(value: str) -> str:
    """What a form carries; the cookie's value cannot be found from it."""
    return hashlib.sha256(b"form\0" + value.encode("utf-8", "replace")).hexdigest()
