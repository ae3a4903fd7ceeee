"""Attacks with tokens of other issuers at the token endpoint, from the wire to their verification."""

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from entresol.core.fetching import FetchResponse, Steps
from entresol.identity.oauth.assertions import VerifiedAssertion
from entresol.identity.oauth.grant_exchange import JWT
from entresol.identity.oauth.signed_tokens import peek
from entresol.identity.records.accounts import ExternalIdentity
from entresol.identity.workloads import FederatedAssertions
from unit.auth_server.token_gateway import BASIC, IDP, TokenGateway, error_of
from unit.identity.issuing import ES256, RS256, STRANGER, issuer, key_set, sign, verifier
from unit.identity.oauth.authorization import ISSUER

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ID_JAG = "oauth-id-jag+jwt"
OTHER = "https://other.example"
REFUSED = (400, "invalid_grant")


class Federation(TokenGateway):
    """A gateway that trusts `IDP`, whose keys are configured, and `OTHER`, whose keys it fetches."""

    def __init__(self) -> None:
        super().__init__()
        known = issuer(id="idp", issuer=IDP, audiences=())
        other = issuer(id="other", name="other", issuer=OTHER, audiences=(), jwks="", jwks_uri=f"{OTHER}/jwks")
        trusted = verifier(known, other)
        self.federated = FederatedAssertions(lambda: trusted)
        self.web[f"{OTHER}/jwks"] = FetchResponse(status=200, body=key_set(STRANGER))

    def verify(self, token: str, audiences: Sequence[str], now: int) -> Steps[VerifiedAssertion]:
        return (yield from self.federated.verify(token, audiences, now))

    def made(self, key: Any = ES256, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """A token of the workload `ci` runs in."""
        claims = {
            "iss": IDP,
            "sub": "repo:main",
            "aud": ISSUER,
            "iat": self.now,
            "exp": self.now + 300,
            "jti": "1",
            **changes,
        }
        whole = {name: value for name, value in claims.items() if value is not None}
        return sign(whole, key, **{"typ": "JWT", **(header or {})}).decode()

    def grant(self, **changes: Any) -> str:
        """An identity assertion for Ada and the client `backend`."""
        header = {"typ": ID_JAG, **changes.pop("header", {})}
        return self.made(header=header, **{"sub": "idp-ada", "client_id": "backend", **changes})

    def presented(self, token: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return self.token(JWT_BEARER, headers, assertion=token)


def test_a_workload_and_a_user_come_in() -> None:
    gateway = Federation()
    workload = gateway.presented(gateway.made())
    assert peek(workload.json()["access_token"]).text("sub") == "ci"
    user = gateway.presented(gateway.grant(), BASIC)
    assert peek(user.json()["access_token"]).text("sub") == "ada"


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": OTHER},
        {"aud": None},
        {"aud": f"{ISSUER}/"},
        {"exp": 1_600_000_000},
        {"exp": None},
        {"nbf": 1_900_000_000},
        {"iss": "https://evil.example"},
        {"iss": OTHER},
        {"iss": f"{IDP}/"},
        {"sub": "repo:mai"},
        {"sub": "repo:main "},
        {"sub": None},
        {"key": STRANGER},
        {"key": RS256, "header": {"alg": "RS256", "kid": "es-1"}},
        {"header": {"typ": "dpop+jwt"}},
        {"header": {"typ": "client-authentication+jwt"}},
        {"header": {"typ": "at+jwt"}},
        {"header": {"jku": "https://evil.example/jwks"}},
        {"header": {"kid": "../../keys"}},
        {"header": {"crit": ["exp"]}},
    ],
)
def test_a_token_that_is_not_good_for_this_is_refused(changed: dict[str, Any]) -> None:
    gateway = Federation()
    assert error_of(gateway.presented(gateway.made(**changed))) == REFUSED
    assert [request.url for request in gateway.fetched if "evil" in request.url] == []


def test_the_same_subject_at_another_trusted_issuer_is_nobody() -> None:
    gateway = Federation()
    for token in (gateway.made(STRANGER, iss=OTHER), gateway.made(STRANGER, iss=OTHER, sub="idp-ada")):
        assert error_of(gateway.presented(token)) == REFUSED
    grant = gateway.made(STRANGER, {"typ": ID_JAG}, iss=OTHER, sub="idp-ada", client_id="backend")
    assert error_of(gateway.presented(grant, BASIC)) == REFUSED
    assert [request.url for request in gateway.fetched] == [f"{OTHER}/jwks"]


def test_an_address_that_an_issuer_claims_takes_nobody_over() -> None:
    gateway = Federation()
    claims = {"iss": OTHER, "sub": "eve", "email": "ada@example.org", "email_verified": True, "client_id": "backend"}
    grant = gateway.made(STRANGER, {"typ": ID_JAG}, **claims)
    assert error_of(gateway.presented(grant, BASIC)) == REFUSED


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "keyed"},
        {"client_id": None},
        {"jti": None},
        {"aud": [ISSUER, OTHER]},
        {"aud": f"{ISSUER}/token"},
        {"header": {"typ": "JWT"}},
    ],
)
def test_an_identity_assertion_that_is_not_for_this_client_and_server_is_refused(changed: dict[str, Any]) -> None:
    gateway = Federation()
    assert error_of(gateway.presented(gateway.grant(**changed), BASIC)) == REFUSED


def test_an_identity_assertion_counts_once_and_for_clients_with_credentials() -> None:
    gateway = Federation()
    grant = gateway.grant()
    assert error_of(gateway.presented(grant)) == (401, "invalid_client")
    assert gateway.presented(grant, BASIC).status_code == 200
    assert error_of(gateway.presented(grant, BASIC)) == REFUSED


def test_a_foreign_token_that_is_bound_to_a_key_is_not_laundered() -> None:
    gateway = Federation()
    bound = gateway.made(sub="idp-ada", cnf={"jkt": "k" * 43})
    parameters = {"subject_token": bound, "subject_token_type": JWT}
    assert error_of(gateway.token(EXCHANGE, BASIC, **parameters)) == (400, "invalid_dpop_proof")
    assert error_of(gateway.presented(gateway.made(cnf={"jkt": "k" * 43}))) == (400, "invalid_dpop_proof")


def test_a_foreign_token_is_exchanged_for_whom_it_names() -> None:
    gateway = Federation()
    parameters = {"subject_token": gateway.made(sub="idp-ada", act={"sub": "theirs"}), "subject_token_type": JWT}
    claims = peek(gateway.token(EXCHANGE, BASIC, **parameters).json()["access_token"]).claims
    assert (claims["sub"], claims["act"]) == ("ada", {"sub": "ci", "act": {"sub": "theirs", "iss": IDP}})
    for other in (gateway.made(sub="idp-ada", aud=OTHER), gateway.made(STRANGER, iss=OTHER, sub="idp-ada")):
        refused = gateway.token(EXCHANGE, BASIC, subject_token=other, subject_token_type=JWT)
        assert error_of(refused) == (400, "invalid_request")


def test_an_issuer_that_is_down_is_said_to_be() -> None:
    gateway = Federation()
    gateway.records.insert(ExternalIdentity(id="y", organisation="org", user="ada", issuer=OTHER, subject="idp-ada"))
    del gateway.web[f"{OTHER}/jwks"]
    answer = gateway.presented(gateway.made(STRANGER, iss=OTHER))
    assert error_of(answer) == (503, "temporarily_unavailable")
