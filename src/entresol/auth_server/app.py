"""The authorization server as an ASGI application, put together from its parts."""

import logging
from collections.abc import Sequence
from typing import Final, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Router
from starlette.types import ASGIApp

from entresol.auth_server.authorize import AuthorizationEndpoint, Browser
from entresol.auth_server.client_documents import ClientDocuments
from entresol.auth_server.context import AuthServer
from entresol.auth_server.json_answers import error_answer
from entresol.auth_server.metadata import Metadata
from entresol.auth_server.pushed import PAR_PATH, PushedRequests
from entresol.auth_server.registration import REGISTER_PATH, Registration
from entresol.auth_server.security_headers import SecurityHeaders
from entresol.core.errors import GatewayError
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.metadata import Offer, well_known_paths
from entresol.identity.oauth.resources import WELL_KNOWN

_LOG: Final = logging.getLogger(__name__)


class Part(Protocol):
    """Endpoints that belong together. Paths are below the issuer's."""

    def routes(self) -> Sequence[BaseRoute]:
        """Where they are."""

    def offer(self) -> Offer:
        """What they add to the metadata."""


def authorization_server(
    server: AuthServer,
    *,
    browser: Browser,
    parts: Sequence[Part] = (),
    pages: Sequence[BaseRoute] = (),
    documents: ClientDocuments | None = None,
) -> ASGIApp:
    """Put it together. `parts`: endpoints for programs, such as the token endpoint; they look at no cookie and may be
    called from scripts of any origin. `pages`: routes for people, which may not."""
    known = documents if documents is not None else ClientDocuments(server)
    authorization = AuthorizationEndpoint(server, browser, known)
    for_programs: tuple[Part, ...] = (PushedRequests(server, known), Registration(server), *parts)
    offers = [authorization.offer(), *(part.offer() for part in for_programs)]
    metadata = Metadata(server, offers)
    path = server.settings.path
    below = [*authorization.routes(), *(route for part in for_programs for route in part.routes()), *pages]
    open_paths = {path + route for offer in offers for route in offer.endpoints.values()} - {f"{path}/authorize"}
    app = Starlette(
        routes=[*metadata.routes(), *([Mount(path, Router(below, redirect_slashes=False))] if path else below)],
        exception_handlers={GatewayError: _gateway_error, HTTPException: _http_error, Exception: _fault},
    )
    app.router.redirect_slashes = False  # the Host of the request has no say in where anybody is sent
    return SecurityHeaders(  # around all of Starlette, so that the answers to faults have them, too
        app,
        is_https=server.issuer.startswith("https:"),
        open_paths=open_paths | {path + PAR_PATH, *well_known_paths(server.settings)},
        open_below=(WELL_KNOWN, path + REGISTER_PATH),
    )


async def _gateway_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, GatewayError)
    return error_answer(error)


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = error_answer(OAuthError("invalid_request", str(error.detail), status=error.status_code))
    answer.headers.update(error.headers or {})
    return answer


async def _fault(request: Request, error: Exception) -> Response:
    _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return error_answer(OAuthError("server_error", "something went wrong here; it has been logged", status=500))
