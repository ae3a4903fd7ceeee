"""The device authorization endpoint: `POST /device_authorization` (RFC 8628 §3.1 and §3.2)."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entresol.auth_server.client_access import authenticated, credentials_of, read_form
from entresol.auth_server.context import AuthServer
from entresol.auth_server.json_answers import error_answer, json_answer
from entresol.auth_server.proofs import Proofs
from entresol.core.errors import GatewayError
from entresol.core.storage import Records
from entresol.identity.oauth.device import DeviceAuthorization, begin_device
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.metadata import Offer
from entresol.identity.oauth.token_request import TokenContext, TokenRequest
from entresol.identity.oauth.tokens import check_replay

PATH: Final = "/device_authorization"
PAGE: Final = "/device"
"""Where people type the code."""


class DeviceAuthorizationEndpoint:
    """See the module."""

    def __init__(self, server: AuthServer) -> None:
        self._server = server
        self._proofs = Proofs(server)

    def routes(self) -> Sequence[BaseRoute]:
        """Paths below the issuer's."""
        return (Route(PATH, self.begin, methods=["POST"]),)

    def offer(self) -> Offer:
        """For the metadata."""
        return Offer(endpoints={"device_authorization_endpoint": PATH})

    async def begin(self, request: Request) -> Response:
        """A pair of codes, or why there is none."""
        try:
            return json_answer(await self._begun(request))
        except GatewayError as error:
            return error_answer(error)

    async def _begun(self, request: Request) -> dict[str, object]:
        server = self._server
        address = server.peer(request).address
        await self._admit(f"device:address:{address}", server.tokens.device_requests_per_minute)
        form = await read_form(request)
        client = await authenticated(server, credentials_of(server, request, form), PATH)
        await self._admit(f"device:client:{client.record.id}", server.tokens.device_requests_per_client)
        proof = await self._proofs.of(request, PATH)
        context = TokenContext(
            issuer=server.issuer, resources=server.resources(), settings=server.tokens, now=server.clock()
        )
        asked = TokenRequest(form=form, client=client, proof=proof)

        def work(records: Records) -> DeviceAuthorization:
            if proof is not None:
                check_replay(records, proof)
            return begin_device(records, context, asked, address)

        begun = await server.settle(work)
        page = server.url(PAGE)
        return {
            "device_code": begun.device_code,
            "user_code": begun.user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?{urlencode({'user_code': begun.user_code})}",
            "expires_in": begun.expires_in,
            "interval": begun.interval,
        }

    async def _admit(self, key: str, limit: int) -> None:
        """Codes that wait make it easier to guess one, and each could be sent to somebody as bait."""
        wait = await self._server.attempts.admit(key, limit, 60, self._server.clock())
        if wait:
            headers = ((b"retry-after", str(wait).encode()),)
            raise OAuthError("slow_down", f"too many requests: try again in {wait} s", status=429, headers=headers)
