"""The registration endpoint: `POST /register` (RFC 7591), `GET`, `PUT`, `DELETE /register/{client_id}` (RFC 7592)."""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entresol.auth_server.context import AuthServer
from entresol.auth_server.json_answers import body_of, error_answer, json_answer
from entresol.core.errors import GatewayError
from entresol.identity.oauth import registration
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.metadata import Offer, registration_offer

REGISTER_PATH: Final = "/register"


class Registration:
    """See the module. The endpoint is there also when nobody may register, and says so."""

    def __init__(self, server: AuthServer) -> None:
        self._server = server

    def routes(self) -> Sequence[BaseRoute]:
        """Paths below the issuer's."""
        return (
            Route(REGISTER_PATH, self.register, methods=["POST"]),
            Route(f"{REGISTER_PATH}/{{client_id}}", self.manage, methods=["GET", "PUT", "DELETE"]),
        )

    def offer(self) -> Offer:
        """For the metadata."""
        return registration_offer(self._server.settings)

    async def register(self, request: Request) -> Response:
        """A new client."""
        server = self._server
        try:
            document = await _document(request)
            token, address, now = _bearer(request), server.peer(request).address, server.clock()
            answer = await server.store.write(
                lambda records: registration.register(
                    records, server.settings, document, token=token, address=address, now=now
                )
            )
            return json_answer(answer, 201)
        except GatewayError as error:
            return error_answer(error)

    async def manage(self, request: Request) -> Response:
        """A client that reads, changes or removes its registration."""
        try:
            return await self._managed(request)
        except GatewayError as error:
            return error_answer(error)

    async def _managed(self, request: Request) -> Response:
        server, client_id, token = self._server, request.path_params["client_id"], _bearer(request)
        now, settings = server.clock(), server.settings
        if request.method == "DELETE":
            await server.store.write(lambda records: registration.delete_registration(records, client_id, token, now))
            return Response(status_code=204)
        if request.method == "PUT":
            document = await _document(request)
            return json_answer(
                await server.store.write(
                    lambda records: registration.update_registration(records, settings, client_id, token, document)
                )
            )
        return json_answer(
            await server.store.read(lambda records: registration.read_registration(records, settings, client_id, token))
        )


async def _document(request: Request) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise OAuthError("invalid_client_metadata", "the body must be application/json")
    return await body_of(request, registration.MAX_DOCUMENT)


def _bearer(request: Request) -> str:
    """The token of the request; empty without one."""
    fields = request.headers.getlist("authorization")
    scheme, _, token = fields[0].partition(" ") if len(fields) == 1 else ("", "", "")
    return token.strip() if scheme.lower() == "bearer" else ""
