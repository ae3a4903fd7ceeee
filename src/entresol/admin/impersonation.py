"""Acting as somebody else, to see what they see: `POST /users/{id}/impersonate`.

It takes the permission and every right of that user. The token is short, cannot be refreshed, reaches models, tools and
agents but never the Admin API, and says who stands behind it wherever it shows: in logs, in the audit, and upstream.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from entresol.admin.collection import found_for
from entresol.admin.operation import Answer, Call, Operation
from entresol.admin.people import USERS
from entresol.core.errors import ClientError
from entresol.identity.oauth.access_tokens import Authority, mint_access_token
from entresol.identity.oauth.signing_keys import active_key
from entresol.identity.oauth.token_request import TokenContext
from entresol.identity.records.accounts import User
from entresol.identity.rights import permissions_of_account

SCOPES: Final = ("llm", "mcp", "agents")
MAX_LIFETIME_S: Final = 900
CLIENT: Final = "admin-api"


class Impersonation(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """As whom, for what, how long."""

    scopes: tuple[str, ...] = ("llm",)
    lifetime_s: int = 300
    reason: str = ""
    """For the log."""


class ImpersonationToken(msgspec.Struct, kw_only=True):
    """An access token."""

    access_token: str
    token_type: str
    expires_in: int


def impersonation_operations(context: Callable[[int], TokenContext], audiences: tuple[str, ...]) -> list[Operation]:
    """`audiences`: the resources that such tokens are for."""
    return [
        Operation(
            id="impersonateUser",
            method="POST",
            path="/users/{id}/impersonate",
            summary="Get a short token to act as the user, marked with who you are",
            tag="users",
            permission="users:impersonate",
            body=Impersonation,
            answer=ImpersonationToken,
            work=lambda call: _impersonate(call, context(call.now), audiences),
        )
    ]


def _impersonate(call: Call, context: TokenContext, audiences: tuple[str, ...]) -> Answer:
    call.rights.need("users", "impersonate", call.path["id"])
    user: User = found_for(USERS, call, "read")
    _check(call, user)
    authority = Authority(
        subject=user.id,
        organisation=user.organisation,
        client_id=CLIENT,
        scopes=call.body.scopes,
        audiences=audiences,
        impersonator=call.principal.account,
        ends_at=call.now + call.body.lifetime_s,
    )
    minted = mint_access_token(active_key(call.records, context.settings, call.now), context, authority)
    return Answer(
        body={"access_token": minted.token, "token_type": "Bearer", "expires_in": minted.expires_in},
        told=f"as {user.id} for {call.body.lifetime_s} s: {call.body.reason[:200]!r}",
    )


def _check(call: Call, user: User) -> None:
    if not call.principal.account or user.id == call.principal.account:
        raise ClientError("bad_request", "somebody acts as somebody else", status=422)
    if not user.is_active:
        raise ClientError("account_disabled", "the user is not active", status=409)
    strange = [name for name in call.body.scopes if name not in SCOPES]
    if strange or not call.body.scopes:
        raise ClientError("bad_request", f"scopes: expected some of {', '.join(SCOPES)}", status=422)
    if not 0 < call.body.lifetime_s <= MAX_LIFETIME_S:
        raise ClientError("bad_request", f"lifetime_s: expected 1 to {MAX_LIFETIME_S}", status=422)
    call.rights.must_exceed(permissions_of_account(call.records, user), "the user")
