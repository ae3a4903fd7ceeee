"""The endpoint for pushed authorization requests (RFC 9126): `POST /par`."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entresol.auth_server.client_access import authenticated, credentials_of
from entresol.auth_server.client_documents import ClientDocuments
from entresol.auth_server.context import AuthServer
from entresol.auth_server.json_answers import body_of, error_answer, json_answer
from entresol.auth_server.proofs import Proofs
from entresol.core.errors import GatewayError
from entresol.core.storage import Records
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.metadata import Offer, pushed_offer
from entresol.identity.oauth.pushed import push
from entresol.identity.oauth.request_form import MAX_BODY, RequestForm
from entresol.identity.oauth.tokens import check_replay

PAR_PATH: Final = "/par"


class PushedRequests:
    """See the module."""

    def __init__(self, server: AuthServer, documents: ClientDocuments) -> None:
        self._server = server
        self._documents = documents
        self._proofs = Proofs(server)

    def routes(self) -> Sequence[BaseRoute]:
        """Paths below the issuer's."""
        return (Route(PAR_PATH, self.push, methods=["POST"]),)

    def offer(self) -> Offer:
        """For the metadata."""
        return pushed_offer()

    async def push(self, request: Request) -> Response:
        """Take a request from an authenticated client."""
        try:
            return await self._pushed(request)
        except GatewayError as error:
            return error_answer(error)

    async def _pushed(self, request: Request) -> Response:
        server = self._server
        address = server.peer(request).address
        await self._admit(address)
        body = await body_of(request, MAX_BODY)
        form = RequestForm(body, request.headers.get("content-type", ""))
        credentials = credentials_of(server, request, form)
        await self._documents.load(credentials.client_id, address)
        client = (await authenticated(server, credentials, PAR_PATH)).record
        proof = await self._proofs.of(request, PAR_PATH)
        parameters = parse_qsl(body.decode(), keep_blank_values=True)
        resources, now = server.resources(), server.clock()

        def work(records: Records) -> dict[str, object]:
            thumbprint = ""
            if proof is not None:
                check_replay(records, proof)
                thumbprint = proof.thumbprint
            return push(records, server.settings, resources, client, parameters, now, dpop_thumbprint=thumbprint)

        return json_answer(await server.settle(work), 201, headers=await self._proofs.headers(proof))

    async def _admit(self, address: str) -> None:
        server = self._server
        limit = server.settings.requests_per_minute
        wait = await server.attempts.admit(f"pushed:{address}", limit, 60, server.clock())
        if wait:
            headers = ((b"retry-after", str(wait).encode()),)
            raise OAuthError("slow_down", f"too many requests: try again in {wait} s", status=429, headers=headers)
