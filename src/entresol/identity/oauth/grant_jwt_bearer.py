"""`urn:ietf:params:oauth:grant-type:jwt-bearer` (RFC 7523 §2.1), for two kinds of assertion.

A workload's token, from Kubernetes, a CI system or a cloud, makes it the service account that names it; it may come
without a client, and as often as it lives. An identity assertion authorization grant (`oauth-id-jag+jwt`) brings a user
who has signed in at the enterprise's own provider; it is for one client and counts once.
"""

from collections.abc import Mapping
from typing import Any, Final

from entresol.core.storage import Records
from entresol.identity.oauth.access_tokens import Authority
from entresol.identity.oauth.assertion_subjects import service_account_of, user_of
from entresol.identity.oauth.assertions import VerifiedAssertion
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.scopes import granted_scopes, parse_scope
from entresol.identity.oauth.token_issue import issue
from entresol.identity.oauth.token_request import (
    TokenAnswer,
    TokenContext,
    TokenRequest,
    audiences_for,
    check_confirmation,
    check_tenant,
    invalid_grant,
)
from entresol.identity.oauth.used_once import use_once
from entresol.identity.records.oauth_clients import OAuthClient

GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ID_JAG: Final = "oauth-id-jag+jwt"
SKEW_S: Final = 60
_NOT_ASSERTIONS: Final = ("at+jwt", "dpop+jwt", "client-authentication+jwt", "logout+jwt")


def jwt_bearer_grant(records: Records, context: TokenContext, request: TokenRequest) -> TokenAnswer:
    """Exchange an assertion for an access token; never for a refresh token. Raises OAuthError."""
    assertion = request.evidence.assertion
    if assertion is None:
        raise OAuthError("invalid_request", "the parameter assertion is missing")
    check_confirmation(request, assertion.claims)
    if assertion.type == ID_JAG:
        return _user(records, context, request, assertion)
    if assertion.type in _NOT_ASSERTIONS:
        raise invalid_grant("the assertion is a token for another purpose")
    return _workload(records, context, request, assertion)


def _workload(
    records: Records, context: TokenContext, request: TokenRequest, assertion: VerifiedAssertion
) -> TokenAnswer:
    account = service_account_of(records, assertion)
    if account is None:
        raise invalid_grant("no active service account trusts this workload")
    if request.client is None:
        client = OAuthClient(id=account.id, name=account.name, organisation=account.organisation)
    else:
        client = request.client_for(GRANT_TYPE)
        check_tenant(client, account.organisation)
        if client.service_account not in (None, account.id):
            raise invalid_grant("the client is another service account")
    resources = audiences_for(request, context, client, ())
    asked = parse_scope(request.form.get("scope"))
    authority = Authority(
        subject=account.id,
        organisation=account.organisation,
        client_id=client.id,
        scopes=granted_scopes(asked, client, context.resources.scopes_needed(resources)),
        audiences=tuple(resource.url for resource in resources),
    )
    return issue(records, context, request, authority)


def _user(records: Records, context: TokenContext, request: TokenRequest, assertion: VerifiedAssertion) -> TokenAnswer:
    client = request.client_for(GRANT_TYPE)
    if client.authentication == "none":
        raise OAuthError("unauthorized_client", "identity assertions are only taken from clients with credentials")
    claims = assertion.claims
    if claims.get("client_id") != client.id:
        raise invalid_grant("the assertion is for another client")
    if claims.get("aud") not in (context.issuer, [context.issuer]):
        raise invalid_grant("the assertion's aud must be this issuer, and nothing else")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not jti:
        raise invalid_grant("the assertion has no jti")
    if not use_once(records, "id-jag", assertion.issuer, jti, until=assertion.expires_at + SKEW_S):
        raise invalid_grant("the assertion has been used before")
    user = user_of(records, assertion)
    if user is None:
        raise invalid_grant("nobody here has this identity")
    check_tenant(client, user.organisation)
    resources = audiences_for(request, context, client, _named_resources(context, claims))
    auth_time = claims.get("auth_time")
    authority = Authority(
        subject=user.id,
        organisation=user.organisation,
        client_id=client.id,
        scopes=_scopes(request, client, claims, context.resources.scopes_needed(resources)),
        audiences=tuple(resource.url for resource in resources),
        auth_time=auth_time if isinstance(auth_time, int) and not isinstance(auth_time, bool) else None,
        groups=assertion.groups,
    )
    return issue(records, context, request, authority, user=user)


def _named_resources(context: TokenContext, claims: Mapping[str, Any]) -> tuple[str, ...]:
    """What the assertion is for; empty: whatever the client may ask for."""
    named = claims.get("resource", [])
    listed = [named] if isinstance(named, str) else named
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        raise invalid_grant("the assertion's resource is malformed")
    return tuple(resource.url for resource in context.resources.asked(listed))


def _scopes(
    request: TokenRequest, client: OAuthClient, claims: Mapping[str, Any], needed: tuple[str, ...]
) -> tuple[str, ...]:
    """At most what the assertion says, where it says something."""
    text = claims.get("scope", "")
    if not isinstance(text, str):
        raise invalid_grant("the assertion's scope is malformed")
    allowed, asked = parse_scope(text), parse_scope(request.form.get("scope"))
    if allowed and not set(asked) <= set(allowed):
        raise OAuthError("invalid_scope", "scope holds more than the assertion")
    return granted_scopes(asked or allowed, client, needed)
