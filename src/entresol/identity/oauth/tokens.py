"""The token endpoint's decisions (RFC 6749 §3.2): which grant it is, and its answer."""

from collections.abc import Callable
from typing import Final

import msgspec

from entresol.core.storage import Records
from entresol.identity.oauth import (
    grant_client_credentials,
    grant_code,
    grant_device,
    grant_exchange,
    grant_jwt_bearer,
    grant_refresh,
)
from entresol.identity.oauth.dpop import DpopProof
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.token_request import TokenAnswer, TokenContext, TokenRequest
from entresol.identity.oauth.used_once import use_once
from entresol.identity.records.oauth_clients import OAuthClient

Grant = Callable[[Records, TokenContext, TokenRequest], TokenAnswer]
GRANTS: Final[dict[str, Grant]] = {
    grant_code.GRANT_TYPE: grant_code.code_grant,
    grant_refresh.GRANT_TYPE: grant_refresh.refresh_grant,
    grant_client_credentials.GRANT_TYPE: grant_client_credentials.client_credentials_grant,
    grant_device.GRANT_TYPE: grant_device.device_grant,
    grant_exchange.GRANT_TYPE: grant_exchange.exchange_grant,
    grant_jwt_bearer.GRANT_TYPE: grant_jwt_bearer.jwt_bearer_grant,
}
"""By `grant_type`; the names are `grant_types_supported`."""
USE_NOTED_EVERY_S: Final = 3_600


def answer_token_request(records: Records, context: TokenContext, request: TokenRequest) -> TokenAnswer:
    """The tokens that a request brings.

    Raises OAuthError. What has been written by then is to stay: a replay revokes, although it is refused.
    """
    grant = GRANTS.get(request.form.need("grant_type"))
    if grant is None:
        raise OAuthError("unsupported_grant_type", "grant_type is none that is known here")
    if request.proof is not None:
        check_replay(records, request.proof)
    answer = grant(records, context, request)
    if request.client is not None:
        _note_use(records, request.client.record.id, context.now)
    return answer


def check_replay(records: Records, proof: DpopProof) -> None:
    """A proof counts once. Raises OAuthError `invalid_dpop_proof`."""
    if not use_once(records, *proof.replay_key, until=proof.fresh_until):
        raise OAuthError("invalid_dpop_proof", "the proof has been used before")


def _note_use(records: Records, client_id: str, now: int) -> None:
    client = records.get(OAuthClient, client_id)
    if client is not None and (client.last_used_at is None or now - client.last_used_at >= USE_NOTED_EVERY_S):
        records.replace(msgspec.structs.replace(client, last_used_at=now))
