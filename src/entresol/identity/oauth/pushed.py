"""Pushed authorization requests (RFC 9126): a client sends its request itself, and the browser carries a reference."""

import msgspec

from entresol.core.storage import Records
from entresol.identity.oauth.authorize import REQUEST_URI_PREFIX, Parameters, read_request, remember, with_hint
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.resources import ProtectedResources
from entresol.identity.oauth.settings import OAuthSettings
from entresol.identity.records.oauth_clients import OAuthClient


def push(
    records: Records,
    settings: OAuthSettings,
    resources: ProtectedResources,
    client: OAuthClient,
    parameters: Parameters,
    now: int,
    *,
    dpop_thumbprint: str = "",
) -> dict[str, object]:
    """Keep the request of a client that has authenticated. Returns the answer's members (RFC 9126 §2.2).

    `dpop_thumbprint` is that of the key of the DPoP proof that came along (RFC 9449 §10.1). Raises OAuthError: there
    is no browser here, all errors are JSON.
    """
    if any(name == "request_uri" for name, _ in parameters):
        raise OAuthError("invalid_request", "request_uri has no place in a pushed request (RFC 9126 section 2.1)")
    named = [value for name, value in parameters if name == "client_id"]
    if named not in ([], [client.id]):
        raise OAuthError("invalid_request", "client_id is another client's, or there more than once")
    try:
        request = read_request(client, resources, parameters)
    except OAuthError as error:
        raise OAuthError(error.error, error.message) from error
    request = with_hint(records, settings, request, parameters)
    if dpop_thumbprint:
        if request.dpop_thumbprint not in ("", dpop_thumbprint):
            raise OAuthError("invalid_dpop_proof", "dpop_jkt is not the key of the DPoP proof")
        request = msgspec.structs.replace(request, dpop_thumbprint=dpop_thumbprint)
    kept = remember(records, client, request, lifetime_s=settings.pushed_lifetime_s, now=now, prefix=REQUEST_URI_PREFIX)
    return {"request_uri": kept.handle, "expires_in": settings.pushed_lifetime_s}
