"""Our public keys: `GET /jwks` (RFC 7517)."""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entresol.auth_server.context import AuthServer
from entresol.auth_server.json_answers import error_answer, json_answer
from entresol.core.errors import GatewayError
from entresol.identity.oauth.metadata import Offer
from entresol.identity.oauth.signing_keys import jwk_set, rotate_when_due

PATH: Final = "/jwks"
_KEPT: Final = {"Cache-Control": "public, max-age=300"}
"""Much shorter than a key is announced before it signs."""


class JwksEndpoint:
    """See the module."""

    def __init__(self, server: AuthServer) -> None:
        self._server = server

    def routes(self) -> Sequence[BaseRoute]:
        """Paths below the issuer's."""
        return (Route(PATH, self.answer, methods=["GET"]),)

    def offer(self) -> Offer:
        """For the metadata."""
        return Offer(endpoints={"jwks_uri": PATH})

    async def answer(self, _: Request) -> Response:
        """The keys; the first one is made when somebody asks for it."""
        server = self._server
        try:
            keys = await server.store.read(jwk_set)
            if not keys["keys"]:
                await server.store.write(lambda records: rotate_when_due(records, server.tokens, server.clock()))
                keys = await server.store.read(jwk_set)
            return json_answer(keys, headers=_KEPT)
        except GatewayError as error:
            return error_answer(error)
