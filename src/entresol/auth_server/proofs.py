"""DPoP at the authorization server's endpoints: the proof of a request, and nonces where they are asked for."""

import secrets
from typing import Final

from starlette.requests import Request

from entresol.auth_server.context import AuthServer
from entresol.core.storage import Records
from entresol.identity.oauth.dpop import DpopNonces, DpopProof, check_proof, only_proof
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.records.signing_keys import NodeSecret

NONCE_SECRET: Final = "dpop-nonces"  # noqa: S105 - the name of a record
_HEADER: Final = b"dpop-nonce"


class Proofs:
    """Reads proofs. The secret of the nonces is read from the store once."""

    def __init__(self, server: AuthServer) -> None:
        self._server = server
        self._nonces: DpopNonces | None = None

    async def of(self, request: Request, path: str) -> DpopProof | None:
        """The request's proof, but for its replay; None if it has none. Raises OAuthError."""
        proof = only_proof(request.headers.getlist("dpop"))
        if proof is None:
            return None
        settings, now = self._server.tokens, self._server.clock()
        nonces = await self._needed()
        url = self._server.url(path)
        try:
            return check_proof(proof, request.method, url, now, max_age_s=settings.dpop_max_age_s, nonces=nonces)
        except OAuthError as error:
            if nonces is None or error.error != "use_dpop_nonce":
                raise
            fresh = ((_HEADER, nonces.issue(now).encode()),)
            raise OAuthError(error.error, error.message, status=error.status, headers=fresh) from error

    async def headers(self, proof: DpopProof | None) -> dict[str, str]:
        """For an answer: the nonce to use next (RFC 9449 §8.2)."""
        nonces = await self._needed() if proof is not None else None
        return {"DPoP-Nonce": nonces.issue(self._server.clock())} if nonces is not None else {}

    async def _needed(self) -> DpopNonces | None:
        if not self._server.tokens.dpop_nonce_required:
            return None
        if self._nonces is None:
            self._nonces = DpopNonces(bytes.fromhex((await self._server.store.write(_secret)).value))
        return self._nonces


def _secret(records: Records) -> NodeSecret:
    known = records.get(NodeSecret, NONCE_SECRET)
    return known or records.insert(NodeSecret(id=NONCE_SECRET, value=secrets.token_hex(32)))
