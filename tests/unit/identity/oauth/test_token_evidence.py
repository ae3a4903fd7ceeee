"""Tokens of other issuers in a request."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import pytest

from entresol.core.fetching import FetchFailed, FetchRequest, FetchResponse, Steps
from entresol.identity.oauth.assertions import AssertionRefused, VerifiedAssertion
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.request_form import RequestForm
from entresol.identity.oauth.token_evidence import gather_evidence
from entresol.identity.oauth.token_request import Evidence
from unit.identity.oauth.keys import signed
from unit.identity.oauth.token_scene import IDP, ISSUER, NOW, asserted

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
JWT = "urn:ietf:params:oauth:token-type:jwt"
FOREIGN = signed({"iss": IDP})
OWN = signed({"iss": ISSUER})


class Verifier:
    """Fetches keys once; trusts what has the provider's name in it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    def verify(self, token: str, audiences: Sequence[str], now: int) -> Steps[VerifiedAssertion]:
        self.asked.append(tuple(audiences))
        yield FetchRequest(url=f"{IDP}/jwks")
        if token != FOREIGN:
            raise AssertionRefused("not trusted")
        return asserted()


def gathered(verifier: Verifier, failure: FetchFailed | None = None, **parameters: Any) -> Any:
    form = RequestForm(urlencode(parameters).encode())
    steps = gather_evidence(form, verifier, ISSUER, f"{ISSUER}/token", NOW)
    try:
        next(steps)
        while True:
            if failure is not None:
                steps.throw(failure)
            else:
                steps.send(FetchResponse(status=200))
    except StopIteration as end:
        return end.value
    except OAuthError as refusal:
        return refusal.error, refusal.status


def test_other_grants_bring_no_evidence() -> None:
    verifier = Verifier()
    assert gathered(verifier, grant_type="authorization_code", assertion=FOREIGN) == Evidence()
    assert verifier.asked == []


def test_an_assertion_is_for_us() -> None:
    verifier = Verifier()
    assert gathered(verifier, grant_type=BEARER, assertion=FOREIGN) == Evidence(assertion=asserted())
    assert verifier.asked == [(ISSUER, f"{ISSUER}/token")]


def test_tokens_to_exchange_are_verified_unless_they_are_ours() -> None:
    verifier = Verifier()
    both: dict[str, Any] = {
        "subject_token": FOREIGN,
        "subject_token_type": JWT,
        "actor_token": OWN,
        "actor_token_type": JWT,
    }
    assert gathered(verifier, grant_type=EXCHANGE, **both) == Evidence(subject=asserted())
    assert verifier.asked == [(ISSUER,)]
    both = {"subject_token": OWN, "subject_token_type": JWT, "actor_token": FOREIGN, "actor_token_type": JWT}
    assert gathered(verifier, grant_type=EXCHANGE, **both) == Evidence(actor=asserted())


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"grant_type": BEARER}, ("invalid_request", 400)),
        ({"grant_type": BEARER, "assertion": "x"}, ("invalid_grant", 400)),
        ({"grant_type": EXCHANGE, "subject_token": "x", "subject_token_type": JWT}, ("invalid_request", 400)),
        ({"grant_type": EXCHANGE, "subject_token": FOREIGN, "subject_token_type": "saml"}, ("invalid_request", 400)),
    ],
)
def test_what_is_not_trusted_is_refused(parameters: dict[str, Any], expected: tuple[str, int]) -> None:
    assert gathered(Verifier(), **parameters) == expected


def test_an_issuer_that_is_down_is_no_fault_of_the_client() -> None:
    failure = FetchFailed(IDP, "down")
    found = gathered(Verifier(), failure, grant_type=BEARER, assertion=FOREIGN)
    assert found == ("temporarily_unavailable", 503)
