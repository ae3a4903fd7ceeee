"""Devices that cannot show a page (RFC 8628): they ask for a pair of codes, and a person approves elsewhere.

The device code is as random as any token. The user code is short, so it lives for minutes, and whoever tries codes at
the page is slowed down there. Approval takes what the page shows; the page never approves by itself.
"""

import secrets
from typing import Final

import msgspec

from entresol.core.storage import Records
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.handles import handle_digest, new_handle
from entresol.identity.oauth.scopes import granted_scopes, parse_scope
from entresol.identity.oauth.token_request import TokenContext, TokenRequest, audiences_for
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import DeviceGrant, Session

GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:device_code"
DEVICE_PREFIX: Final = "edc_"
LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, so that no words come out, and none that looks like another (RFC 8628 §6.1)."""
CODE_LENGTH: Final = 8
_ATTEMPTS: Final = 8


class DeviceAuthorization(msgspec.Struct, frozen=True, kw_only=True):
    """What the device is told."""

    device_code: str
    user_code: str
    """As people read it: `WDJB-MJHT`."""
    expires_in: int
    interval: int

    def __repr__(self) -> str:
        return f"DeviceAuthorization(expires_in={self.expires_in})"


def begin_device(records: Records, context: TokenContext, request: TokenRequest, address: str) -> DeviceAuthorization:
    """Remember a device that waits (§3.1). Raises OAuthError."""
    client = request.client_for(GRANT_TYPE)
    named = context.resources.asked(request.form.all("resource"))
    resources = audiences_for(request, context, client, ())
    scopes = granted_scopes(parse_scope(request.form.get("scope")), client, context.resources.scopes_needed(resources))
    device_code = new_handle(DEVICE_PREFIX)
    user_code = _free_code(records)
    records.insert(
        DeviceGrant(
            id=handle_digest(device_code),
            organisation=client.organisation,
            client=client.id,
            user_code=user_code,
            scopes=scopes,
            resources=tuple(resource.url for resource in named),
            interval_s=context.settings.device_interval_s,
            address=address,
            dpop_thumbprint=request.thumbprint,
            expires_at=context.now + context.settings.device_lifetime_s,
        )
    )
    return DeviceAuthorization(
        device_code=device_code,
        user_code=shown_code(user_code),
        expires_in=context.settings.device_lifetime_s,
        interval=context.settings.device_interval_s,
    )


def shown_code(user_code: str) -> str:
    """A user code as people read it."""
    return f"{user_code[:4]}-{user_code[4:]}"


def typed_code(text: str) -> str:
    """A user code as it is kept, of what somebody has typed; empty for what cannot be one."""
    code = "".join(c for c in text.upper() if c not in " -\u2010\u2011\u2012\u2013\u2014._")
    return code if len(code) == CODE_LENGTH and all(c in LETTERS for c in code) else ""


def waiting_device(records: Records, text: str, now: int) -> tuple[DeviceGrant, OAuthClient] | None:
    """The device that waits under a code that somebody has typed, and its client; None if there is none."""
    code = typed_code(text)
    grant = records.one(DeviceGrant, user_code=code) if code else None
    if grant is None or grant.state != "waiting" or grant.expires_at <= now:
        return None
    client = records.get(OAuthClient, grant.client)
    return None if client is None or not client.is_enabled else (grant, client)


def approve_device(records: Records, text: str, session: Session, now: int) -> DeviceGrant:
    """The session's user lets the device in, with all that it asked for. Raises OAuthError `invalid_grant`."""
    found = waiting_device(records, text, now)
    if found is None:
        raise OAuthError("invalid_grant", "no device waits under this code")
    return records.replace(
        msgspec.structs.replace(
            found[0],
            state="approved",
            user=session.user,
            auth_time=session.auth_time,
            acr=session.acr,
            groups=session.groups,
            issuer=session.issuer,
            impersonator=session.impersonator,
        )
    )


def deny_device(records: Records, text: str, now: int) -> None:
    """The user does not know the device. Raises OAuthError `invalid_grant`."""
    found = waiting_device(records, text, now)
    if found is None:
        raise OAuthError("invalid_grant", "no device waits under this code")
    records.replace(msgspec.structs.replace(found[0], state="denied"))


def _free_code(records: Records) -> str:
    for _ in range(_ATTEMPTS):
        code = "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
        if records.one(DeviceGrant, user_code=code) is None:
            return code
    raise OAuthError("temporarily_unavailable", "too many devices wait", status=503)
