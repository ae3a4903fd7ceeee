"""The token endpoint: `POST /token` (RFC 6749 §3.2)."""

import logging
from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entresol.auth_server.client_access import TOKEN_PATH, authenticated, credentials_of, read_form
from entresol.auth_server.context import AuthServer
from entresol.auth_server.json_answers import error_answer, json_answer
from entresol.auth_server.proofs import Proofs
from entresol.core.errors import GatewayError
from entresol.identity.oauth.client_authentication import METHODS, AuthenticatedClient
from entresol.identity.oauth.dpop import ALGORITHMS
from entresol.identity.oauth.grant_jwt_bearer import GRANT_TYPE as JWT_BEARER
from entresol.identity.oauth.metadata import Offer
from entresol.identity.oauth.request_form import RequestForm
from entresol.identity.oauth.signed_tokens import ASYMMETRIC
from entresol.identity.oauth.signing_keys import ALGORITHM
from entresol.identity.oauth.token_evidence import gather_evidence
from entresol.identity.oauth.token_request import ReplayDetected, TokenContext, TokenRequest
from entresol.identity.oauth.tokens import GRANTS, answer_token_request

_LOG: Final = logging.getLogger(__name__)


class TokenEndpoint:
    """See the module."""

    def __init__(self, server: AuthServer) -> None:
        self._server = server
        self._proofs = Proofs(server)

    def routes(self) -> Sequence[BaseRoute]:
        """Paths below the issuer's."""
        return (Route(TOKEN_PATH, self.answer, methods=["POST"]),)

    def offer(self) -> Offer:
        """For the metadata."""
        return Offer(
            endpoints={"token_endpoint": TOKEN_PATH},
            members={
                "grant_types_supported": list(GRANTS),
                "token_endpoint_auth_methods_supported": list(METHODS),
                "token_endpoint_auth_signing_alg_values_supported": list(ASYMMETRIC),
                "dpop_signing_alg_values_supported": list(ALGORITHMS),
                "tls_client_certificate_bound_access_tokens": True,
                "id_token_signing_alg_values_supported": [ALGORITHM],
                "subject_types_supported": ["public"],
                "authorization_grant_profiles_supported": ["urn:ietf:params:oauth:grant-profile:id-jag"],
            },
        )

    async def answer(self, request: Request) -> Response:
        """Tokens, or why there are none."""
        try:
            return await self._answered(request)
        except ReplayDetected as replay:
            address = self._server.peer(request).address
            _LOG.warning(
                "tokens of client %r revoked, family %s: %s (asked from %s)",
                replay.client_id,
                replay.family,
                replay.message,
                address,
            )
            return error_answer(replay)
        except GatewayError as error:
            return error_answer(error)

    async def _answered(self, request: Request) -> Response:
        server = self._server
        form = await read_form(request)
        client = await self._client(request, form)
        proof = await self._proofs.of(request, TOKEN_PATH)
        now = server.clock()
        evidence = await server.run(gather_evidence(form, server.verifier, server.issuer, server.url(TOKEN_PATH), now))
        asked = TokenRequest(form=form, client=client, proof=proof, evidence=evidence)
        context = TokenContext(issuer=server.issuer, resources=server.resources(), settings=server.tokens, now=now)
        answer = await server.settle(lambda records: answer_token_request(records, context, asked))
        return json_answer(answer, headers=await self._proofs.headers(proof))

    async def _client(self, request: Request, form: RequestForm) -> AuthenticatedClient | None:
        """The client; None for a workload that comes with its assertion alone (RFC 7521 §4.1)."""
        credentials = credentials_of(self._server, request, form)
        if not credentials.client_id and credentials.method == "none" and form.get("grant_type") == JWT_BEARER:
            return None
        return await authenticated(self._server, credentials, TOKEN_PATH)
