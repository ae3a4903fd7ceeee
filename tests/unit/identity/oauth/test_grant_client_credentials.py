"""Programs in their own name."""

from typing import Any

import pytest

from entresol.identity.records.accounts import ServiceAccount
from entresol.identity.records.oauth_clients import OAuthClient
from unit.identity.oauth.keys import EC
from unit.identity.oauth.token_scene import LLM, MCP, Scene

OWN = "client_credentials"


def test_a_client_is_its_service_account() -> None:
    scene = Scene()
    answer = scene.ask("backend", OWN)
    claims = scene.claims(answer["access_token"])
    assert (claims["sub"], claims["client_id"], claims["aud"], claims["scope"]) == ("ci", "backend", LLM, "llm")
    assert "refresh_token" not in answer
    assert "auth_time" not in claims


def test_the_default_scope_is_what_the_resource_needs() -> None:
    scene = Scene()
    assert scene.ask("backend", OWN, resource=MCP)["scope"] == "mcp"
    assert scene.ask("backend", OWN, resource=MCP, scope="agents")["scope"] == "agents"


def test_administration_has_to_be_allowed_by_name() -> None:
    scene = Scene()
    assert scene.refusal("backend", OWN, scope="admin:read") == "invalid_scope"
    scene.change(OAuthClient, "backend", scopes=("admin:read",))
    assert scene.ask("backend", OWN, scope="admin:read")["scope"] == "admin:read"
    assert scene.refusal("backend", OWN, scope="llm") == "invalid_scope"


def test_tokens_can_be_bound_to_a_key() -> None:
    assert Scene().ask("backend", OWN, key=EC)["token_type"] == "DPoP"


@pytest.mark.parametrize(
    "change",
    [
        {"authentication": "none"},
        {"service_account": None},
        {"service_account": "gone"},
        {"grant_types": ("authorization_code",)},
        {"organisation": "other"},
    ],
)
def test_who_has_no_own_name_gets_nothing(change: dict[str, Any]) -> None:
    scene = Scene()
    scene.change(OAuthClient, "backend", **change)
    assert scene.refusal("backend", OWN) == "unauthorized_client"


def test_an_account_that_is_switched_off_gets_nothing() -> None:
    scene = Scene()
    scene.change(ServiceAccount, "ci", is_active=False)
    assert scene.refusal("backend", OWN) == "unauthorized_client"
