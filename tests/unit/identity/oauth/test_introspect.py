"""What tokens are worth."""

from typing import Any

import pytest

from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.families import revoke_family
from entresol.identity.oauth.introspect import introspect
from entresol.identity.records.accounts import User
from entresol.identity.records.oauth_clients import OAuthClient
from unit.identity.oauth.keys import EC
from unit.identity.oauth.token_scene import ISSUER, LLM, MCP, NOW, Scene

INACTIVE = {"active": False}


def asked(scene: Scene, token: str, client: str = "backend") -> dict[str, Any]:
    return introspect(scene.records, scene.records.need(OAuthClient, client), token, ISSUER, scene.now)


def test_a_client_learns_of_its_own_tokens() -> None:
    scene = Scene()
    answer = scene.signed_in(client="backend", key=EC)
    found = asked(scene, answer["access_token"])
    assert (found["active"], found["sub"], found["username"], found["token_type"]) == (True, "ada", "ada", "DPoP")
    assert (found["client_id"], found["scope"], found["cnf"]["jkt"]) == ("backend", "openid llm mcp", EC.thumbprint())
    refresh = asked(scene, answer["refresh_token"])
    assert (refresh["active"], refresh["scope"], refresh["exp"]) == (True, "openid llm mcp", NOW + 1_209_600)


def test_a_resource_learns_of_tokens_for_it() -> None:
    scene = Scene()
    token = scene.signed_in(resources=(MCP,))["access_token"]
    assert asked(scene, token) == INACTIVE
    scene.change(OAuthClient, "backend", audiences=(LLM,))
    assert asked(scene, token) == INACTIVE
    scene.change(OAuthClient, "backend", audiences=(MCP,))
    assert asked(scene, token)["aud"] == MCP


def test_others_refresh_tokens_are_nobody_s_business() -> None:
    scene = Scene()
    scene.change(OAuthClient, "backend", audiences=(LLM,))
    assert asked(scene, scene.signed_in()["refresh_token"]) == INACTIVE


def test_what_counts_no_more_is_inactive_and_says_nothing_else() -> None:
    scene = Scene()
    answer = scene.signed_in(client="backend")
    tokens = (answer["access_token"], answer["refresh_token"])
    scene.change(User, "ada", is_active=False)
    assert [asked(scene, token) for token in tokens] == [INACTIVE, INACTIVE]
    scene.change(User, "ada", is_active=True)
    scene.ask("backend", "refresh_token", refresh_token=answer["refresh_token"])
    assert asked(scene, answer["refresh_token"]) == INACTIVE
    revoke_family(scene.records, scene.claims(tokens[0])["fam"], NOW)
    assert [asked(scene, token) for token in (*tokens, "opaque", "")] == [INACTIVE] * 4


def test_tokens_end() -> None:
    scene = Scene()
    answer = scene.signed_in(client="backend")
    scene.now += 600
    assert asked(scene, answer["access_token"]) == INACTIVE
    scene.now += 1_209_000
    assert asked(scene, answer["refresh_token"]) == INACTIVE


def test_anybody_can_be_a_client_without_credentials() -> None:
    with pytest.raises(OAuthError, match="credentials"):
        asked(Scene(), "x", "app")
