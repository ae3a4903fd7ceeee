"""All pages for people, for `app.authorization_server`."""

from starlette.routing import BaseRoute

from entresol.auth_server.account import AccountPage
from entresol.auth_server.browser import SessionBrowser
from entresol.auth_server.context import AuthServer
from entresol.auth_server.device_page import DevicePage
from entresol.auth_server.pages import Pages
from entresol.auth_server.setup_page import OneTimeLinks
from entresol.auth_server.sign_in import SignIn


def people(server: AuthServer) -> tuple[SessionBrowser, tuple[BaseRoute, ...]]:
    """What knows browsers, and the routes of the pages."""
    pages = Pages(server.settings.path)
    browser = SessionBrowser(server, pages)
    parts = (pages, SignIn(browser), OneTimeLinks(browser), DevicePage(browser), AccountPage(browser))
    return browser, tuple(route for part in parts for route in part.routes())
