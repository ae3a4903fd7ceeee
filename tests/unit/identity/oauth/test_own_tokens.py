"""Tokens of ours that come back."""

from collections.abc import Callable
from typing import Any

import pytest

from entresol.identity.oauth.access_tokens import Authority, mint_access_token
from entresol.identity.oauth.families import revoke
from entresol.identity.oauth.own_tokens import active_account, is_ours, read_own
from entresol.identity.oauth.signed_tokens import BadToken
from entresol.identity.oauth.signing_keys import active_key, replace_at_once
from entresol.identity.records.accounts import ServiceAccount, User
from unit.identity.oauth.keys import EC, public, signed
from unit.identity.oauth.token_scene import IDP, ISSUER, LLM, NOW, VERIFIER, Scene

CLAIMS = {"iss": ISSUER, "sub": "ada", "aud": LLM, "iat": NOW, "exp": NOW + 60, "jti": "1"}


def token(scene: Scene) -> str:
    key = active_key(scene.records, scene.settings, NOW)
    authority = Authority(subject="ada", organisation="org", client_id="app", scopes=("llm",), audiences=(LLM,))
    return mint_access_token(key, scene.context(), authority).token


def test_a_token_of_ours_is_read_until_it_is_over() -> None:
    scene = Scene()
    text = token(scene)
    assert read_own(scene.records, text, ISSUER, NOW + 599).text("sub") == "ada"
    with pytest.raises(BadToken, match="over"):
        read_own(scene.records, text, ISSUER, NOW + 600)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda scene, _: revoke(scene.records, "client:app", NOW),
        lambda scene, _: replace_at_once(scene.records, scene.settings, NOW, distrust=True),
    ],
)
def test_a_token_ends_when_it_or_its_key_is_revoked(spoil: Callable[[Scene, str], Any]) -> None:
    scene = Scene()
    text = token(scene)
    spoil(scene, text)
    with pytest.raises(BadToken):
        read_own(scene.records, text, ISSUER, NOW)


@pytest.mark.parametrize(
    "header",
    [{"kid": "ec-1"}, {"kid": None}, {"kid": 7}, {"kid": "../ec-1"}, {"jwk": public(EC)}, {"jku": "https://e.example"}],
)
def test_nobody_else_can_make_one(header: dict[str, Any]) -> None:
    scene = Scene()
    key = active_key(scene.records, scene.settings, NOW)
    for kid in (header, header | {"kid": key.id}):
        with pytest.raises(BadToken):
            read_own(scene.records, signed(CLAIMS, **{"typ": "at+jwt", **kid}), ISSUER, NOW)


def test_an_id_token_is_no_access_token() -> None:
    scene = Scene()
    answer = scene.ask("app", "authorization_code", code=scene.code(), code_verifier=VERIFIER)
    with pytest.raises(BadToken, match="no access token"):
        scene.claims(answer["id_token"])


def test_a_token_says_whose_it_is() -> None:
    assert is_ours(signed(CLAIMS), ISSUER)
    assert not is_ours(signed(CLAIMS | {"iss": IDP}), ISSUER)
    assert not is_ours("opaque", ISSUER)


def test_accounts_are_people_and_programs_that_are_active() -> None:
    scene = Scene()
    assert isinstance(active_account(scene.records, "ada"), User)
    assert isinstance(active_account(scene.records, "ci"), ServiceAccount)
    scene.change(ServiceAccount, "ci", is_active=False)
    assert active_account(scene.records, "ci") is None
    assert active_account(scene.records, "nobody") is None
