"""Tokens of other issuers in a request are verified before the grant is decided: that may take calls to them."""

from typing import Final

from entresol.core.fetching import FetchFailed, Steps
from entresol.identity.oauth import grant_exchange, grant_jwt_bearer
from entresol.identity.oauth.assertions import AssertionRefused, AssertionVerifier, VerifiedAssertion
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.own_tokens import is_ours
from entresol.identity.oauth.request_form import RequestForm
from entresol.identity.oauth.token_request import Evidence

_JWT_TYPES: Final = (grant_exchange.JWT, grant_exchange.ACCESS_TOKEN, grant_exchange.ID_TOKEN)


def gather_evidence(
    form: RequestForm, verifier: AssertionVerifier, issuer: str, endpoint: str, now: int
) -> Steps[Evidence]:
    """What other issuers say in the request. Raises OAuthError."""
    grant_type = form.get("grant_type")
    if grant_type == grant_jwt_bearer.GRANT_TYPE:
        assertion = form.need("assertion")
        return Evidence(assertion=(yield from _verified(verifier, assertion, (issuer, endpoint), now, "invalid_grant")))
    if grant_type == grant_exchange.GRANT_TYPE:
        subject = yield from _foreign(form, "subject_token", verifier, issuer, now)
        actor = yield from _foreign(form, "actor_token", verifier, issuer, now)
        return Evidence(subject=subject, actor=actor)
    return Evidence()


def _foreign(
    form: RequestForm, name: str, verifier: AssertionVerifier, issuer: str, now: int
) -> Steps[VerifiedAssertion | None]:
    """The token, unless there is none or it is ours. RFC 8693 §2.2.2 calls a bad one `invalid_request`."""
    token = form.get(name)
    if not token or is_ours(token, issuer):
        return None
    if form.get(f"{name}_type") not in _JWT_TYPES:
        raise OAuthError("invalid_request", f"{name}_type is none that is known here")
    return (yield from _verified(verifier, token, (issuer,), now, "invalid_request"))


def _verified(
    verifier: AssertionVerifier, token: str, audiences: tuple[str, ...], now: int, error: str
) -> Steps[VerifiedAssertion]:
    try:
        return (yield from verifier.verify(token, audiences, now))
    except AssertionRefused as refusal:
        raise OAuthError(error, refusal.message) from refusal
    except FetchFailed as failure:
        raise OAuthError("temporarily_unavailable", "the token's issuer cannot be reached", status=503) from failure
