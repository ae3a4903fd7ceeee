"""`urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693): a token for somebody, for whoever acts for them.

Always a delegation: the new token names the subject and, in `act`, who acts, so that nobody passes for another. It says
no more, lives no longer and is revoked together with the token that it came of.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from entresol.core.storage import Records
from entresol.identity.oauth.access_tokens import Authority
from entresol.identity.oauth.assertion_subjects import service_account_of, user_of
from entresol.identity.oauth.assertions import VerifiedAssertion
from entresol.identity.oauth.delegation import ActingParty, BadDelegation, chain_of, check_may_act, delegated
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.own_tokens import active_account, read_own
from entresol.identity.oauth.request_form import RequestForm
from entresol.identity.oauth.scopes import granted_scopes, parse_scope, scopes_of
from entresol.identity.oauth.signed_tokens import BadToken
from entresol.identity.oauth.token_issue import issue
from entresol.identity.oauth.token_request import (
    TokenAnswer,
    TokenContext,
    TokenRequest,
    audiences_for,
    check_confirmation,
    check_tenant,
)
from entresol.identity.records.accounts import ServiceAccount, User
from entresol.identity.records.oauth_clients import OAuthClient

GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name, not a token
ID_TOKEN: Final = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105
JWT: Final = "urn:ietf:params:oauth:token-type:jwt"
_NOT_HANDED_ON: Final = frozenset(("openid", "profile", "email", "offline_access"))
"""Scopes that are between the user and the client that they signed in to."""


class _Party(msgspec.Struct, frozen=True, kw_only=True):
    """What a token in the request says, whoever issued it."""

    account: User | ServiceAccount
    issuer: str
    subject: str
    claims: Mapping[str, Any]
    scopes: tuple[str, ...] | None
    """None: another issuer's token, which has none of ours."""
    groups: tuple[str, ...]
    expires_at: int


def exchange_grant(records: Records, context: TokenContext, request: TokenRequest) -> TokenAnswer:
    """Exchange a subject's token for one of whoever acts for it. Raises OAuthError."""
    client = request.client_for(GRANT_TYPE)
    if not client.may_exchange or client.authentication == "none":
        raise OAuthError("unauthorized_client", "the client may not exchange tokens")
    _check_form(request.form)
    subject = _party(records, context, request, "subject_token", request.evidence.subject)
    check_tenant(client, subject.account.organisation)
    check_confirmation(request, subject.claims)
    actor = _actor(records, context, request, client)
    resources = audiences_for(request, context, client, ())
    authority = Authority(
        subject=subject.account.id,
        organisation=subject.account.organisation,
        client_id=client.id,
        scopes=_scopes(request, client, subject, context.resources.scopes_needed(resources)),
        audiences=tuple(resource.url for resource in resources),
        auth_time=_number(subject.claims, "auth_time"),
        acr=_text(subject.claims, "acr"),
        groups=subject.groups,
        family=_text(subject.claims, "fam") if subject.scopes is not None else "",
        session=_text(subject.claims, "sid") if subject.scopes is not None else "",
        impersonator=_text(subject.claims, "impersonator") if subject.scopes is not None else "",
        act=_act(context, subject, actor),
        ends_at=subject.expires_at,
    )
    return issue(records, context, request, authority) | {"issued_token_type": ACCESS_TOKEN}


def _check_form(form: RequestForm) -> None:
    """What is left out or not done here (§2.1)."""
    form.need("subject_token")
    form.need("subject_token_type")
    if bool(form.get("actor_token")) != bool(form.get("actor_token_type")):
        raise OAuthError("invalid_request", "actor_token and actor_token_type come together")
    if form.get("requested_token_type") not in ("", ACCESS_TOKEN, JWT):
        raise OAuthError("invalid_request", "requested_token_type is none that is issued here")
    if form.all("audience"):
        raise OAuthError("invalid_target", "name what the token is for by resource, not by audience")


def _party(
    records: Records, context: TokenContext, request: TokenRequest, name: str, foreign: VerifiedAssertion | None
) -> _Party:
    if foreign is not None:
        return _foreign_party(records, name, foreign)
    if request.form.get(f"{name}_type") not in (ACCESS_TOKEN, JWT):
        raise OAuthError("invalid_request", f"{name}_type is not that of an access token")
    try:
        read = read_own(records, request.form.get(name), context.issuer, context.now)
    except BadToken as error:
        raise OAuthError("invalid_request", f"{name}: {error}") from error
    account = active_account(records, read.text("sub"))
    if account is None:
        raise OAuthError("invalid_request", f"{name}: the account is no longer active")
    return _Party(
        account=account,
        issuer=context.issuer,
        subject=account.id,
        claims=read.claims,
        scopes=parse_scope(read.text("scope")),
        groups=tuple(item for item in read.claims.get("groups", ()) if isinstance(item, str)),
        expires_at=read.second("exp") or context.now,
    )


def _foreign_party(records: Records, name: str, foreign: VerifiedAssertion) -> _Party:
    account = service_account_of(records, foreign) or user_of(records, foreign)
    if account is None:
        raise OAuthError("invalid_request", f"{name}: nobody here has this identity")
    return _Party(
        account=account,
        issuer=foreign.issuer,
        subject=foreign.subject,
        claims=foreign.claims,
        scopes=None,
        groups=foreign.groups,
        expires_at=foreign.expires_at,
    )


def _actor(records: Records, context: TokenContext, request: TokenRequest, client: OAuthClient) -> ActingParty:
    """Who acts: the client, or whom its `actor_token` proves. That has to be the client's own, for tokens can be
    stolen, and must not be a delegation itself."""
    own = client.service_account or client.id
    if not request.form.get("actor_token"):
        return ActingParty(issuer=context.issuer, subject=own, client_id=client.id)
    party = _party(records, context, request, "actor_token", request.evidence.actor)
    check_confirmation(request, party.claims)
    issued_to = _text(party.claims, "client_id") if party.scopes is not None else ""
    if party.account.id != own and issued_to != client.id:
        raise OAuthError("invalid_request", "actor_token is not the client's own")
    if "act" in party.claims:
        raise OAuthError("invalid_request", "actor_token is a delegation itself")
    check_tenant(client, party.account.organisation)
    return ActingParty(issuer=context.issuer, subject=party.account.id, client_id=client.id)


def _act(context: TokenContext, subject: _Party, actor: ActingParty) -> dict[str, Any] | None:
    """The chain. Whoever exchanges a token of its own acts for nobody."""
    limit = context.settings.max_actors
    try:
        chain = chain_of(subject.claims, subject.issuer, context.issuer, limit)
        if chain is None and actor.subject == subject.account.id:
            return None
        check_may_act(subject.claims, subject.issuer, actor)
        if chain is not None and chain["sub"] == actor.subject and "iss" not in chain:
            return chain
        return delegated(chain, actor, context.issuer, limit)
    except BadDelegation as error:
        raise OAuthError("invalid_request", f"subject_token: {error}") from error


def _scopes(request: TokenRequest, client: OAuthClient, subject: _Party, needed: tuple[str, ...]) -> tuple[str, ...]:
    asked = parse_scope(request.form.get("scope"))
    if subject.scopes is None:
        granted = granted_scopes(asked, client, needed)
    else:
        if not set(asked) <= set(subject.scopes):
            raise OAuthError("invalid_scope", "scope holds more than the subject_token")
        may = scopes_of(client)
        if not set(asked) <= may:
            raise OAuthError("invalid_scope", "scope holds more than the client may have")
        granted = asked or tuple(name for name in subject.scopes if name in may)
    scopes = tuple(name for name in granted if name not in _NOT_HANDED_ON)
    if not scopes:
        raise OAuthError("invalid_scope", "there is no scope that the client and the subject_token both have")
    return scopes


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""


def _number(claims: Mapping[str, Any], name: str) -> int | None:
    value = claims.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
