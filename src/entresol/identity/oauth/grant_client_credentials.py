"""`client_credentials` (RFC 6749 §4.4): a program in its own name, which is a service account."""

from typing import Final

from entresol.core.storage import Records
from entresol.identity.oauth.access_tokens import Authority
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.scopes import granted_scopes, parse_scope
from entresol.identity.oauth.token_issue import issue
from entresol.identity.oauth.token_request import TokenAnswer, TokenContext, TokenRequest, audiences_for
from entresol.identity.records.accounts import ServiceAccount

GRANT_TYPE: Final = "client_credentials"


def client_credentials_grant(records: Records, context: TokenContext, request: TokenRequest) -> TokenAnswer:
    """A token for the client's service account; never a refresh token (RFC 6749 §4.4.3). Raises OAuthError."""
    client = request.client_for(GRANT_TYPE)
    if client.authentication == "none":
        raise OAuthError("unauthorized_client", "a client without credentials cannot act in its own name")
    account = records.get(ServiceAccount, client.service_account) if client.service_account else None
    if account is None or not account.is_active or account.organisation != client.organisation:
        raise OAuthError("unauthorized_client", "the client has no active service account")
    resources = audiences_for(request, context, client, ())
    scopes = granted_scopes(parse_scope(request.form.get("scope")), client, context.resources.scopes_needed(resources))
    authority = Authority(
        subject=account.id,
        organisation=account.organisation,
        client_id=client.id,
        scopes=scopes,
        audiences=tuple(resource.url for resource in resources),
    )
    return issue(records, context, request, authority)
