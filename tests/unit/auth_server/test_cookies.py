"""Cookies."""

import pytest
from starlette.requests import Request
from starlette.responses import Response

from entresol.auth_server.cookies import Cookies, form_token


def request(**cookies: str) -> Request:
    header = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return Request({"type": "http", "method": "GET", "path": "/", "headers": [(b"cookie", header.encode())]})


@pytest.mark.parametrize("is_https", [True, False])
def test_names_are_bound_to_the_host_where_there_is_tls(is_https: bool) -> None:
    cookies, response = Cookies(is_https=is_https), Response()
    cookies.set_session(response, "ess_1")
    cookies.keep_form(response, "f")
    set_cookies = response.headers.getlist("set-cookie")
    assert [each.startswith("__Host-entresol-") for each in set_cookies] == [is_https] * 2
    assert ["Secure" in each for each in set_cookies] == [is_https] * 2
    assert all("HttpOnly" in each and "SameSite=lax" in each and "Path=/" in each for each in set_cookies)


def test_a_session_lasts_as_long_as_the_browser_and_is_forgotten_at_once() -> None:
    cookies, response = Cookies(is_https=True), Response()
    cookies.set_session(response, "ess_1")
    cookies.forget_session(response)
    kept, forgotten = response.headers.getlist("set-cookie")
    assert "Max-Age" not in kept
    assert "Max-Age=0" in forgotten


def test_a_cookie_of_the_unbound_name_is_not_read_where_there_is_tls() -> None:
    there = request(**{"entresol-session": "x", "entresol-form": "f"})
    assert Cookies(is_https=True).session(there) == ""
    assert not Cookies(is_https=True).is_own_form(there, form_token("f"))
    assert Cookies(is_https=False).session(there) == "x"


def test_a_form_belongs_to_the_browser_it_was_shown_to() -> None:
    cookies = Cookies(is_https=True)
    there = request(**{"__Host-entresol-form": "f"})
    assert cookies.form(there) == "f"
    assert cookies.is_own_form(there, form_token("f"))
    assert not cookies.is_own_form(there, form_token("g"))
    assert not cookies.is_own_form(there, "f")
    assert not cookies.is_own_form(there, "\ud800")
    assert not cookies.is_own_form(request(), form_token(""))
    assert len(cookies.form(request())) == 43
