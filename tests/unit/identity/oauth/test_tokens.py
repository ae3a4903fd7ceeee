"""The token endpoint's decisions."""

import pytest

from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.tokens import GRANTS, answer_token_request
from entresol.identity.records.oauth_clients import OAuthClient
from unit.identity.oauth.keys import EC
from unit.identity.oauth.token_scene import ALL_GRANTS, NOW, VERIFIER, Scene


def test_all_grants_are_there() -> None:
    assert GRANTS.keys() == set(ALL_GRANTS)


def test_other_grants_are_refused() -> None:
    scene = Scene()
    assert scene.refusal("app", "password") == "unsupported_grant_type"
    assert scene.refusal("app", "") == "invalid_request"


def test_a_proof_counts_once_whatever_came_of_the_first() -> None:
    scene = Scene()
    request = scene.request("app", key=EC, grant_type="authorization_code", code="wrong", code_verifier=VERIFIER)
    for error in ("invalid_grant", "invalid_dpop_proof"):
        with pytest.raises(OAuthError) as refusal:
            answer_token_request(scene.records, scene.context(), request)
        assert refusal.value.error == error


def test_a_client_s_use_is_noted_to_the_hour() -> None:
    scene = Scene()
    scene.signed_in()
    scene.now += 3_599
    scene.signed_in()
    assert scene.records.need(OAuthClient, "app").last_used_at == NOW
    scene.now += 1
    scene.signed_in()
    assert scene.records.need(OAuthClient, "app").last_used_at == NOW + 3_600
    assert scene.records.need(OAuthClient, "backend").last_used_at is None
