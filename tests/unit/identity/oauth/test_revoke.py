"""Tokens that are given back."""

import pytest

from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.revoke import revoke_token
from entresol.identity.oauth.signed_tokens import BadToken
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import RevokedToken
from unit.identity.oauth.token_scene import ISSUER, NOW, Scene


def revoke(scene: Scene, token: str, client: str = "app") -> None:
    revoke_token(scene.records, scene.records.need(OAuthClient, client), token, ISSUER, scene.now)


def test_a_refresh_token_takes_its_family_with_it() -> None:
    scene = Scene()
    answer = scene.signed_in()
    revoke(scene, answer["refresh_token"])
    assert scene.refusal("app", "refresh_token", refresh_token=answer["refresh_token"]) == "invalid_grant"
    with pytest.raises(BadToken, match="revoked"):
        scene.claims(answer["access_token"])


def test_an_access_token_ends_alone() -> None:
    scene = Scene()
    answer = scene.signed_in()
    scene.now += 100
    revoke(scene, answer["access_token"])
    with pytest.raises(BadToken, match="revoked"):
        scene.claims(answer["access_token"])
    again = scene.ask("app", "refresh_token", refresh_token=answer["refresh_token"])
    assert scene.claims(again["access_token"])["sub"] == "ada"
    assert scene.records.find(RevokedToken)[0].expires_at == NOW + 601


def test_others_tokens_are_left_alone() -> None:
    scene = Scene()
    answer = scene.signed_in()
    for token in (answer["access_token"], answer["refresh_token"]):
        with pytest.raises(OAuthError) as refusal:
            revoke(scene, token, "backend")
        assert refusal.value.error == "unauthorized_client"
    assert scene.claims(answer["access_token"])["sub"] == "ada"


def test_what_is_unknown_is_as_good_as_revoked() -> None:
    scene = Scene()
    revoke(scene, "opaque")
    revoke(scene, scene.signed_in()["id_token"])
    assert scene.records.count(RevokedToken) == 0
