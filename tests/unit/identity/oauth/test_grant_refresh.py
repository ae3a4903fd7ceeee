"""Refresh tokens."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.families import revoke_account
from entresol.identity.oauth.handles import handle_digest
from entresol.identity.oauth.signed_tokens import BadToken
from entresol.identity.oauth.token_settings import TokenSettings
from entresol.identity.records.accounts import User
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import RefreshToken
from unit.identity.oauth.keys import EC, OTHER_EC
from unit.identity.oauth.token_scene import LLM, MCP, NOW, Scene

REFRESH = "refresh_token"


def refreshed(scene: Scene, token: str, client: str = "app", **parameters: Any) -> dict[str, Any]:
    return scene.ask(client, REFRESH, refresh_token=token, **parameters)


def refused(scene: Scene, token: str, client: str = "app", **parameters: Any) -> str:
    return scene.refusal(client, REFRESH, refresh_token=token, **parameters)


def test_each_use_brings_a_new_token_of_the_same_family() -> None:
    scene = Scene()
    first = scene.signed_in()
    scene.now += 500
    second = refreshed(scene, first["refresh_token"])
    assert second["refresh_token"] != first["refresh_token"]
    old, new = scene.claims(first["access_token"]), scene.claims(second["access_token"])
    assert (old["fam"], old["sub"], old["auth_time"], old["sid"]) == (
        new["fam"],
        new["sub"],
        new["auth_time"],
        new["sid"],
    )
    assert new["iat"] == NOW + 500
    assert "id_token" in second


def test_an_old_token_ends_the_family() -> None:
    scene = Scene()
    first = scene.signed_in()
    second = refreshed(scene, first["refresh_token"])
    scene.now += 11
    assert refused(scene, first["refresh_token"]) == "invalid_grant"
    assert refused(scene, second["refresh_token"]) == "invalid_grant"
    with pytest.raises(BadToken, match="revoked"):
        scene.claims(second["access_token"])


def test_a_lost_answer_is_given_again_for_a_moment() -> None:
    scene = Scene()
    first = scene.signed_in()
    second = refreshed(scene, first["refresh_token"])
    scene.now += 10
    again = refreshed(scene, first["refresh_token"])
    assert again["refresh_token"] == second["refresh_token"]
    assert scene.records.count(RefreshToken) == 2
    assert refreshed(scene, again["refresh_token"])["refresh_token"] not in (first, second)


def test_an_answer_that_has_arrived_is_not_given_again() -> None:
    scene = Scene()
    first = scene.signed_in()
    second = refreshed(scene, first["refresh_token"])
    third = refreshed(scene, second["refresh_token"])
    assert refused(scene, first["refresh_token"]) == "invalid_grant"
    assert refused(scene, third["refresh_token"]) == "invalid_grant"


def test_who_knows_all_that_is_kept_knows_no_token() -> None:
    scene = Scene()
    first = scene.signed_in()
    second = refreshed(scene, first["refresh_token"])
    kept = repr(scene.records.find(RefreshToken))
    assert first["refresh_token"] not in kept
    assert second["refresh_token"] not in kept


def test_another_client_with_the_token_ends_the_family() -> None:
    scene = Scene()
    first = scene.signed_in()
    assert refused(scene, first["refresh_token"], "backend") == "invalid_grant"
    assert refused(scene, first["refresh_token"]) == "invalid_grant"


def test_scopes_can_be_narrowed_and_never_widened() -> None:
    scene = Scene()
    first = scene.signed_in(scopes=("llm", "mcp"))
    second = refreshed(scene, first["refresh_token"], scope="mcp")
    assert second["scope"] == "mcp"
    assert refused(scene, second["refresh_token"], scope="mcp agents") == "invalid_scope"
    assert refused(scene, second["refresh_token"], scope="admin:*") == "invalid_scope"
    assert refreshed(scene, second["refresh_token"])["scope"] == "llm mcp"


def test_what_the_client_may_no_longer_have_is_left_out() -> None:
    scene = Scene()
    first = scene.signed_in(scopes=("llm", "mcp"))
    scene.change(OAuthClient, "app", scopes=("mcp",))
    second = refreshed(scene, first["refresh_token"])
    assert second["scope"] == "mcp"
    scene.change(OAuthClient, "app", scopes=("agents",))
    assert refused(scene, second["refresh_token"]) == "invalid_grant"


def test_a_token_can_be_for_any_resource_that_was_granted() -> None:
    scene = Scene()
    first = scene.signed_in(resources=(LLM, MCP))
    second = refreshed(scene, first["refresh_token"], resource=MCP)
    assert scene.claims(second["access_token"])["aud"] == MCP
    third = refreshed(scene, second["refresh_token"])
    assert scene.claims(third["access_token"])["aud"] == [LLM, MCP]
    only = scene.signed_in(resources=(LLM,))
    assert refused(scene, only["refresh_token"], resource=MCP) == "invalid_target"


def test_a_public_client_needs_the_key_that_its_token_is_bound_to() -> None:
    scene = Scene()
    first = scene.signed_in(key=EC)
    for key in (OTHER_EC, None):
        assert refused(scene, first["refresh_token"], key=key) == "invalid_dpop_proof"
    second = refreshed(scene, first["refresh_token"], key=EC)
    scene.now += 11
    assert refused(scene, first["refresh_token"], key=OTHER_EC) == "invalid_dpop_proof"
    assert refreshed(scene, second["refresh_token"], key=EC)["token_type"] == "DPoP"


def test_a_client_with_credentials_may_change_its_key_but_not_go_without() -> None:
    scene = Scene()
    first = scene.signed_in(key=EC, client="backend")
    assert refused(scene, first["refresh_token"], "backend") == "invalid_dpop_proof"
    second = refreshed(scene, first["refresh_token"], "backend", key=OTHER_EC)
    assert scene.claims(second["access_token"])["cnf"] == {"jkt": OTHER_EC.thumbprint()}


def test_tokens_and_families_end() -> None:
    scene = Scene(TokenSettings(refresh_lifetime_s=100, family_lifetime_s=150))
    first = scene.signed_in()
    scene.now += 99
    second = refreshed(scene, first["refresh_token"])
    assert scene.records.need(RefreshToken, handle_digest(second["refresh_token"])).expires_at == NOW + 150
    scene.now += 51
    assert refused(scene, second["refresh_token"]) == "invalid_grant"
    assert refused(scene, scene.signed_in()["refresh_token"] + "x") == "invalid_grant"


def test_who_is_gone_gets_nothing_more() -> None:
    scene = Scene()
    first = scene.signed_in()
    scene.change(User, "ada", is_active=False)
    assert refused(scene, first["refresh_token"]) == "invalid_grant"
    scene.change(User, "ada", is_active=True)
    revoke_account(scene.records, "ada", scene.now)
    assert refused(scene, first["refresh_token"]) == "invalid_grant"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 12)), max_size=12))
def test_however_tokens_are_used_there_is_one_line_of_them(uses: list[tuple[int, int]]) -> None:
    """`uses`: which token of those known so far, and how many seconds after the last use."""
    scene = Scene()
    known = [scene.signed_in()["refresh_token"]]
    used_at: dict[str, int] = {}
    for choice, wait in uses:
        scene.now += wait
        token = known[choice % len(known)]
        try:
            answer = refreshed(scene, token)
        except OAuthError:
            assert scene.records.count(RefreshToken) == 0, "a refusal means that the family has ended"
            continue
        assert scene.now - used_at.setdefault(token, scene.now) <= 10
        if answer["refresh_token"] not in known:
            assert token == known[-1], "only the newest token has a new successor"
            known.append(answer["refresh_token"])
        assert sum(kept.used_at is None for kept in scene.records.find(RefreshToken)) == 1
