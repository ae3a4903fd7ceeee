"""`urn:ietf:params:oauth:grant-type:device_code` (RFC 8628 §3.4 and §3.5): a device asks whether it has been let in."""

import secrets
from typing import Final

import msgspec

from entresol.core.storage import Records
from entresol.identity.oauth.access_tokens import Authority
from entresol.identity.oauth.device import GRANT_TYPE as GRANT_TYPE
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.handles import handle_digest
from entresol.identity.oauth.token_issue import first_refresh_token, issue
from entresol.identity.oauth.token_request import (
    TokenAnswer,
    TokenContext,
    TokenRequest,
    active_user,
    audiences_for,
    check_bound_key,
    invalid_grant,
)
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import DeviceGrant

SLOWER_S: Final = 5
MAX_INTERVAL_S: Final = 60


def device_grant(records: Records, context: TokenContext, request: TokenRequest) -> TokenAnswer:
    """Tokens for a device that has been approved.

    Raises OAuthError `authorization_pending`, `slow_down`, `expired_token`, `access_denied`, `invalid_grant`.
    """
    client = request.client_for(GRANT_TYPE)
    waiting = records.get(DeviceGrant, handle_digest(request.form.need("device_code")))
    if waiting is None or waiting.client != client.id:
        raise invalid_grant("the device code is unknown, was used, or was issued to another client")
    if waiting.expires_at <= context.now:
        raise OAuthError("expired_token", "the device code is over: begin again")
    check_bound_key(request, waiting.dpop_thumbprint)
    if waiting.state == "denied":
        records.delete(DeviceGrant, waiting.id)
        raise OAuthError("access_denied", "the user has refused")
    if waiting.state == "waiting":
        raise _told_to_wait(records, context, waiting)
    return _answered(records, context, request, client, waiting)


def _told_to_wait(records: Records, context: TokenContext, waiting: DeviceGrant) -> OAuthError:
    """A second of patience, for clocks that count whole ones."""
    last = waiting.last_poll_at
    if last is not None and context.now - last < waiting.interval_s - 1:
        interval = min(waiting.interval_s + SLOWER_S, MAX_INTERVAL_S)
        records.replace(msgspec.structs.replace(waiting, last_poll_at=context.now, interval_s=interval))
        return OAuthError("slow_down", f"ask every {interval} seconds")
    records.replace(msgspec.structs.replace(waiting, last_poll_at=context.now))
    return OAuthError("authorization_pending", "the user has not answered yet")


def _answered(
    records: Records, context: TokenContext, request: TokenRequest, client: OAuthClient, approved: DeviceGrant
) -> TokenAnswer:
    resources = audiences_for(request, context, client, approved.resources)
    user = active_user(records, approved.user, client, approved.updated_at)
    authority = Authority(
        subject=user.id,
        organisation=user.organisation,
        client_id=client.id,
        scopes=approved.scopes,
        audiences=tuple(resource.url for resource in resources),
        auth_time=approved.auth_time,
        acr=approved.acr,
        groups=approved.groups,
        family=secrets.token_urlsafe(16),
        impersonator=approved.impersonator,
    )
    records.delete(DeviceGrant, approved.id)
    refresh_token = first_refresh_token(
        records, context, request, client, authority, resources=approved.resources, issuer=approved.issuer
    )
    return issue(records, context, request, authority, user=user, refresh_token=refresh_token)
