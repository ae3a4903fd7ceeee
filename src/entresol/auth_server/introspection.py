"""The introspection endpoint: `POST /introspect` (RFC 7662)."""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entresol.auth_server.client_access import authenticated, credentials_of, read_form
from entresol.auth_server.context import AuthServer
from entresol.auth_server.json_answers import error_answer, json_answer
from entresol.core.errors import GatewayError
from entresol.identity.oauth.client_authentication import METHODS
from entresol.identity.oauth.introspect import introspect
from entresol.identity.oauth.metadata import Offer

PATH: Final = "/introspect"


class IntrospectionEndpoint:
    """See the module."""

    def __init__(self, server: AuthServer) -> None:
        self._server = server

    def routes(self) -> Sequence[BaseRoute]:
        """Paths below the issuer's."""
        return (Route(PATH, self.answer, methods=["POST"]),)

    def offer(self) -> Offer:
        """For the metadata."""
        methods = [method for method in METHODS if method != "none"]
        return Offer(
            endpoints={"introspection_endpoint": PATH},
            members={"introspection_endpoint_auth_methods_supported": methods},
        )

    async def answer(self, request: Request) -> Response:
        """What a token is worth."""
        server = self._server
        try:
            form = await read_form(request)
            client = (await authenticated(server, credentials_of(server, request, form), PATH)).record
            token = form.need("token")
            return json_answer(
                await server.store.read(
                    lambda records: introspect(records, client, token, server.issuer, server.clock())
                )
            )
        except GatewayError as error:
            return error_answer(error)
