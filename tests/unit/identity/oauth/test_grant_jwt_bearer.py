"""Assertions of workloads and of enterprises' providers."""

from typing import Any

import pytest

from entresol.identity.oauth.grant_jwt_bearer import GRANT_TYPE, ID_JAG
from entresol.identity.records.oauth_clients import OAuthClient
from unit.identity.oauth.keys import EC, OTHER_EC
from unit.identity.oauth.token_scene import ISSUER, LLM, MCP, NOW, Scene, asserted

WORKLOAD = asserted(subject="repo:main", stands_for="service")
GRANT_CLAIMS = {"client_id": "backend", "aud": ISSUER, "jti": "1"}


def id_jag(fields: dict[str, Any] | None = None, **claims: Any) -> Any:
    return asserted(type=ID_JAG, claims=GRANT_CLAIMS | claims, **(fields or {}))


def test_a_workload_is_its_service_account_without_any_client() -> None:
    scene = Scene()
    answer = scene.ask(None, GRANT_TYPE, assertion=WORKLOAD)
    claims = scene.claims(answer["access_token"])
    assert (claims["sub"], claims["client_id"], claims["org"], claims["scope"]) == ("ci", "ci", "org", "llm")
    assert "refresh_token" not in answer
    assert scene.ask(None, GRANT_TYPE, assertion=WORKLOAD, scope="mcp", resource=MCP)["scope"] == "mcp"
    assert scene.refusal(None, GRANT_TYPE, assertion=WORKLOAD, scope="admin:read") == "invalid_scope"


def test_a_workload_may_come_through_the_client_of_its_account() -> None:
    scene = Scene()
    scene.change(OAuthClient, "backend", scopes=("admin:read",))
    answer = scene.ask("backend", GRANT_TYPE, assertion=WORKLOAD, scope="admin:read")
    assert scene.claims(answer["access_token"])["client_id"] == "backend"
    scene.change(OAuthClient, "backend", service_account="other")
    assert scene.refusal("backend", GRANT_TYPE, assertion=WORKLOAD) == "invalid_grant"
    scene.change(OAuthClient, "backend", service_account=None, organisation="other")
    assert scene.refusal("backend", GRANT_TYPE, assertion=WORKLOAD) == "invalid_grant"


def test_who_no_account_trusts_is_nobody() -> None:
    scene = Scene()
    for other in ({"subject": "repo:other"}, {"issuer": "https://other.example"}, {"subject": "idp-ada"}):
        workload = asserted(**{"subject": "repo:main", **other})
        assert scene.refusal(None, GRANT_TYPE, assertion=workload) == "invalid_grant"
    assert scene.refusal(None, GRANT_TYPE) == "invalid_request"


@pytest.mark.parametrize("kind", ["at+jwt", "dpop+jwt", "client-authentication+jwt", "logout+jwt"])
def test_a_token_for_another_purpose_is_no_assertion(kind: str) -> None:
    other = asserted(subject="repo:main", type=kind)
    assert Scene().refusal(None, GRANT_TYPE, assertion=other) == "invalid_grant"


def test_an_identity_assertion_brings_the_user_once() -> None:
    scene = Scene()
    grant = id_jag({"groups": ("g",)}, resource=MCP, scope="mcp llm", auth_time=NOW - 9)
    answer = scene.ask("backend", GRANT_TYPE, assertion=grant)
    claims = scene.claims(answer["access_token"])
    assert (claims["sub"], claims["client_id"], claims["aud"]) == ("ada", "backend", MCP)
    assert (claims["scope"], claims["groups"], claims["auth_time"]) == ("mcp llm", ["g"], NOW - 9)
    assert "refresh_token" not in answer
    assert scene.refusal("backend", GRANT_TYPE, assertion=grant) == "invalid_grant"


@pytest.mark.parametrize(
    "claims",
    [
        {"client_id": "app"},
        {"client_id": None},
        {"aud": "https://other.example"},
        {"aud": [ISSUER, "https://other.example"]},
        {"aud": f"{ISSUER}/token"},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"resource": {}},
        {"resource": [7]},
        {"scope": ["mcp"]},
    ],
)
def test_an_identity_assertion_for_something_else_is_refused(claims: dict[str, Any]) -> None:
    assert Scene().refusal("backend", GRANT_TYPE, assertion=id_jag(**claims)) == "invalid_grant"


def test_an_identity_assertion_needs_a_client_with_credentials() -> None:
    scene = Scene()
    assert scene.refusal(None, GRANT_TYPE, assertion=id_jag()) == "invalid_client"
    assert scene.refusal("app", GRANT_TYPE, assertion=id_jag(client_id="app")) == "unauthorized_client"


def test_an_identity_assertion_bounds_scope_and_resource() -> None:
    scene = Scene()
    wider = id_jag(scope="mcp", resource=MCP, jti="2")
    assert scene.refusal("backend", GRANT_TYPE, assertion=wider, scope="mcp llm") == "invalid_scope"
    wider = id_jag(scope="mcp", resource=MCP, jti="3")
    assert scene.refusal("backend", GRANT_TYPE, assertion=wider, resource=LLM) == "invalid_target"
    unknown = id_jag(resource="https://other.example", jti="4")
    assert scene.refusal("backend", GRANT_TYPE, assertion=unknown) == "invalid_target"


def test_a_stranger_or_a_tenant_s_neighbour_gets_nothing() -> None:
    scene = Scene()
    assert scene.refusal("backend", GRANT_TYPE, assertion=id_jag({"subject": "nobody"})) == "invalid_grant"
    scene.change(OAuthClient, "backend", organisation="other")
    assert scene.refusal("backend", GRANT_TYPE, assertion=id_jag(jti="2")) == "invalid_grant"


def test_a_bound_assertion_needs_the_proof_of_its_key() -> None:
    scene = Scene()
    bound = id_jag(cnf={"jkt": EC.thumbprint()})
    for key in (OTHER_EC, None):
        assert scene.refusal("backend", GRANT_TYPE, assertion=bound, key=key) == "invalid_dpop_proof"
    assert scene.ask("backend", GRANT_TYPE, assertion=bound, key=EC)["token_type"] == "DPoP"
