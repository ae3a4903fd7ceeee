"""The revocation endpoint: `POST /revoke` (RFC 7009)."""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entresol.auth_server.client_access import authenticated, credentials_of, read_form
from entresol.auth_server.context import AuthServer
from entresol.auth_server.json_answers import NO_STORE, error_answer
from entresol.core.errors import GatewayError
from entresol.identity.oauth.client_authentication import METHODS
from entresol.identity.oauth.metadata import Offer
from entresol.identity.oauth.revoke import revoke_token

PATH: Final = "/revoke"


class RevocationEndpoint:
    """See the module."""

    def __init__(self, server: AuthServer) -> None:
        self._server = server

    def routes(self) -> Sequence[BaseRoute]:
        """Paths below the issuer's."""
        return (Route(PATH, self.revoke, methods=["POST"]),)

    def offer(self) -> Offer:
        """For the metadata."""
        return Offer(
            endpoints={"revocation_endpoint": PATH},
            members={"revocation_endpoint_auth_methods_supported": list(METHODS)},
        )

    async def revoke(self, request: Request) -> Response:
        """200 and nothing, also for a token that is unknown (§2.2)."""
        server = self._server
        try:
            form = await read_form(request)
            client = (await authenticated(server, credentials_of(server, request, form), PATH)).record
            token = form.need("token")
            await server.settle(lambda records: revoke_token(records, client, token, server.issuer, server.clock()))
            return Response(status_code=200, headers=NO_STORE)
        except GatewayError as error:
            return error_answer(error)
