"""Metadata for clients: of the authorization server (RFC 8414, OpenID Connect) and of every protected resource (RFC
9728)."""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entresol.auth_server.context import AuthServer
from entresol.auth_server.json_answers import json_answer
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.metadata import Offer, server_metadata, well_known_paths
from entresol.identity.oauth.resources import WELL_KNOWN, resource_metadata

_KEPT: Final = {"Cache-Control": "public, max-age=300"}


class Metadata:
    """See the module. `offers`: of all parts that are mounted."""

    def __init__(self, server: AuthServer, offers: Sequence[Offer]) -> None:
        self._server = server
        self._document = server_metadata(server.settings, offers)
        algorithms = self._document.get("dpop_signing_alg_values_supported")
        self._dpop_algorithms = tuple(algorithms) if isinstance(algorithms, list) else ()

    def routes(self) -> Sequence[BaseRoute]:
        """Paths of the whole host: well-known ones stand before the issuer's path, too."""
        return (
            *(
                Route(path, self.authorization_server, methods=["GET"])
                for path in well_known_paths(self._server.settings)
            ),
            Route(WELL_KNOWN, self.protected_resource, methods=["GET"]),
            Route(f"{WELL_KNOWN}/{{path:path}}", self.protected_resource, methods=["GET"]),
        )

    async def authorization_server(self, _: Request) -> Response:
        """What this server offers."""
        return json_answer(self._document, headers=_KEPT)

    async def protected_resource(self, request: Request) -> Response:
        """What the resource with this path needs."""
        resource = self._server.resources().at("/" + request.path_params.get("path", ""))
        if resource is None:
            return json_answer(OAuthError("not_found", "there is no protected resource here").body, 404)
        document = resource_metadata(resource, [self._server.issuer], self._dpop_algorithms)
        return json_answer(document, headers=_KEPT)
