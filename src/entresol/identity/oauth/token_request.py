"""A request at the token endpoint, as the grants see it, and the checks that they share."""

import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from entresol.core.storage import Records
from entresol.identity.oauth.assertions import VerifiedAssertion
from entresol.identity.oauth.client_authentication import AuthenticatedClient
from entresol.identity.oauth.dpop import DpopProof
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.families import is_revoked
from entresol.identity.oauth.request_form import RequestForm
from entresol.identity.oauth.resources import ProtectedResource, ProtectedResources
from entresol.identity.oauth.token_settings import TokenSettings
from entresol.identity.records.accounts import User
from entresol.identity.records.oauth_clients import OAuthClient

TokenAnswer = dict[str, Any]
"""Members of the JSON answer (RFC 6749 §5.1)."""


class TokenContext(msgspec.Struct, frozen=True, kw_only=True):
    """What all grants are given."""

    issuer: str
    resources: ProtectedResources
    settings: TokenSettings
    now: int


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of other issuers in the request, verified; None where there is none, or where it is one of ours."""

    assertion: VerifiedAssertion | None = None
    subject: VerifiedAssertion | None = None
    actor: VerifiedAssertion | None = None


class TokenRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request."""

    form: RequestForm
    client: AuthenticatedClient | None
    """None: the request names no client, which only assertions of workloads may do."""
    proof: DpopProof | None = None
    evidence: Evidence = Evidence()

    def client_for(self, grant_type: str) -> OAuthClient:
        """The client, if it may use this grant. Raises OAuthError `invalid_client`, `unauthorized_client`."""
        if self.client is None:
            raise OAuthError("invalid_client", "the parameter client_id is missing", status=401)
        if grant_type not in self.client.record.grant_types:
            raise OAuthError("unauthorized_client", f"the client may not use the grant type {grant_type}")
        return self.client.record

    @property
    def thumbprint(self) -> str:
        """Of the key of the proof; empty without one."""
        return self.proof.thumbprint if self.proof is not None else ""

    @property
    def certificate_thumbprint(self) -> str:
        """Of the certificate by which the client has authenticated; empty without one."""
        return self.client.certificate_thumbprint if self.client is not None else ""


class ReplayDetected(OAuthError):
    """`invalid_grant`: what counts once has come again, so somebody else has it. Its family has been revoked."""

    def __init__(self, what: str, client_id: str, family: str) -> None:
        super().__init__("invalid_grant", f"{what}: all tokens that came of it have been revoked")
        self.client_id = client_id
        self.family = family


def invalid_grant(why: str) -> OAuthError:
    """RFC 6749 §5.2."""
    return OAuthError("invalid_grant", why)


def audiences_for(
    request: TokenRequest, context: TokenContext, client: OAuthClient, granted: Sequence[str]
) -> tuple[ProtectedResource, ...]:
    """The resources that the token is for (RFC 8707 §2.2).

    What the request names, all of which has to be `granted` (unless that is empty: granted for all); else what was
    granted; else the first resource that the client may use. Raises OAuthError `invalid_target`.
    """
    asked = context.resources.asked(request.form.all("resource"))
    resources = asked or context.resources.asked(granted) or _default(context, client)
    for resource in resources:
        if client.audiences and resource.url not in client.audiences:
            raise OAuthError("invalid_target", "the client may not ask for tokens for this resource")
        if granted and resource.url not in granted:
            raise OAuthError("invalid_target", "the resource is none of those that were granted")
    if request.proof is None and (client.requires_dpop or any(resource.dpop_required for resource in resources)):
        raise OAuthError("invalid_dpop_proof", "a DPoP proof is required")
    return resources


def _default(context: TokenContext, client: OAuthClient) -> tuple[ProtectedResource, ...]:
    for resource in context.resources:
        if not client.audiences or resource.url in client.audiences:
            return (resource,)
    raise OAuthError("invalid_target", "there is no resource that the client may ask for")


def active_user(
    records: Records, user_id: str, client: OAuthClient, granted_at: int, *, session: str = "", family: str = ""
) -> User:
    """The user, unless switched off, of another tenant than the client, or revoked since the grant.

    Raises OAuthError `invalid_grant`.
    """
    user = records.get(User, user_id)
    if user is None or not user.is_active:
        raise invalid_grant("the account is no longer active")
    check_tenant(client, user.organisation)
    if is_revoked(records, {"sub": user_id, "client_id": client.id, "sid": session, "fam": family}, granted_at):
        raise invalid_grant("the grant has been revoked")
    return user


def check_tenant(client: OAuthClient, organisation: str) -> None:
    """A client of one organisation gets no tokens of another one's accounts. Raises OAuthError `invalid_grant`."""
    if client.organisation and client.organisation != organisation:
        raise invalid_grant("the account belongs to another organisation than the client")


def check_bound_key(request: TokenRequest, thumbprint: str) -> None:
    """The proof must be by the key that the grant is bound to. Raises OAuthError `invalid_dpop_proof`."""
    if thumbprint and not hmac.compare_digest(request.thumbprint, thumbprint):
        raise OAuthError("invalid_dpop_proof", "the grant is bound to another key, and needs its DPoP proof")


def check_confirmation(request: TokenRequest, claims: Mapping[str, Any]) -> None:
    """A token that is bound to a key (`cnf`, RFC 7800) is only handed on by who has the key, or binding would end
    here. Raises OAuthError `invalid_dpop_proof`, `invalid_request`."""
    confirmation = claims.get("cnf")
    if confirmation is None:
        return
    jkt = confirmation.get("jkt") if isinstance(confirmation, Mapping) else None
    x5t = confirmation.get("x5t#S256") if isinstance(confirmation, Mapping) else None
    if isinstance(jkt, str) and jkt:
        check_bound_key(request, jkt)
    elif not isinstance(x5t, str) or not x5t or not hmac.compare_digest(request.certificate_thumbprint, x5t):
        raise OAuthError("invalid_request", "the token is bound to a key that this request does not prove")
