"""Codes."""

from typing import Any

import pytest

from entresol.identity.oauth.families import revoke_session
from entresol.identity.oauth.signed_tokens import BadToken, peek
from entresol.identity.records.accounts import User
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import AuthorizationCode, RefreshToken
from unit.identity.oauth.keys import EC, OTHER_EC
from unit.identity.oauth.token_scene import LLM, MCP, NOW, REDIRECT, VERIFIER, Scene

CODE = "authorization_code"


def test_a_code_brings_tokens() -> None:
    scene = Scene()
    answer = scene.signed_in(nonce="n", groups=("g",), acr="mfa")
    assert answer.keys() == {"access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token"}
    claims = scene.claims(answer["access_token"])
    assert (claims["sub"], claims["org"], claims["client_id"], claims["aud"]) == ("ada", "org", "app", LLM)
    assert (claims["groups"], claims["acr"], claims["sid"]) == (["g"], "mfa", "s1")
    assert claims["auth_time"] == NOW - 5
    assert peek(answer["id_token"]).claims["nonce"] == "n"
    assert scene.records.find(RefreshToken)[0].family == claims["fam"]


def test_a_token_is_for_the_resource_that_was_granted() -> None:
    scene = Scene()
    assert scene.claims(scene.signed_in(resources=(MCP,))["access_token"])["aud"] == MCP
    narrowed = scene.ask("app", CODE, code=scene.code(resources=(MCP, LLM)), code_verifier=VERIFIER, resource=LLM)
    assert scene.claims(narrowed["access_token"])["aud"] == LLM
    code = scene.code(resources=(MCP,))
    assert scene.refusal("app", CODE, code=code, code_verifier=VERIFIER, resource=LLM) == "invalid_target"


def test_a_second_use_ends_all_tokens_of_the_first() -> None:
    scene = Scene()
    code = scene.code()
    answer = scene.ask("app", CODE, code=code, code_verifier=VERIFIER)
    scene.now += 3_000
    assert scene.refusal("app", CODE, code=code, code_verifier=VERIFIER) == "invalid_grant"
    assert scene.refusal("app", "refresh_token", refresh_token=answer["refresh_token"]) == "invalid_grant"
    scene.now -= 3_000
    with pytest.raises(BadToken, match="revoked"):
        scene.claims(answer["access_token"])


@pytest.mark.parametrize(
    "parameters",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": VERIFIER[:-1]},
        {"code_verifier": VERIFIER + "\n"},
        {"code_verifier": "v" * 129},
        {},
    ],
)
def test_one_wrong_verifier_ends_the_code(parameters: dict[str, Any]) -> None:
    scene = Scene()
    code = scene.code()
    assert scene.refusal("app", CODE, code=code, **parameters) == "invalid_grant"
    assert scene.refusal("app", CODE, code=code, code_verifier=VERIFIER) == "invalid_grant"


@pytest.mark.parametrize("challenge", ["", VERIFIER])
def test_a_code_without_a_hashed_challenge_fits_no_verifier(challenge: str) -> None:
    scene = Scene()
    for verifier in (VERIFIER, ""):
        code = scene.code(code_challenge=challenge)
        assert scene.refusal("app", CODE, code=code, code_verifier=verifier) == "invalid_grant"


def test_a_code_is_good_for_its_client_only_and_stays_good_for_it() -> None:
    scene = Scene()
    code = scene.code()
    assert scene.refusal("backend", CODE, code=code, code_verifier=VERIFIER) == "invalid_grant"
    assert scene.ask("app", CODE, code=code, code_verifier=VERIFIER)["access_token"]


def test_a_code_is_over_after_its_time() -> None:
    scene = Scene()
    code = scene.code()
    scene.now += 60
    assert scene.refusal("app", CODE, code=code, code_verifier=VERIFIER) == "invalid_grant"
    assert scene.refusal("app", CODE, code="unknown", code_verifier=VERIFIER) == "invalid_grant"


def test_the_redirect_uri_is_that_of_the_request_where_it_is_named() -> None:
    scene = Scene()
    other = REDIRECT + "/other"
    refused = scene.refusal("app", CODE, code=scene.code(), code_verifier=VERIFIER, redirect_uri=other)
    assert refused == "invalid_grant"
    assert scene.ask("app", CODE, code=scene.code(), code_verifier=VERIFIER, redirect_uri=REDIRECT)


def test_a_code_that_is_bound_to_a_key_needs_its_proof() -> None:
    scene = Scene()
    bound = EC.thumbprint()
    for key in (OTHER_EC, None):
        code = scene.code(dpop_thumbprint=bound)
        assert scene.refusal("app", CODE, key=key, code=code, code_verifier=VERIFIER) == "invalid_dpop_proof"
    assert scene.signed_in(key=EC, dpop_thumbprint=bound)["token_type"] == "DPoP"


def test_a_user_who_is_gone_by_then_gets_nothing() -> None:
    scene = Scene()
    code = scene.code()
    revoke_session(scene.records, "ada", "s1", NOW)
    assert scene.refusal("app", CODE, code=code, code_verifier=VERIFIER) == "invalid_grant"
    scene.now += 1
    code = scene.code()
    scene.change(User, "ada", is_active=False)
    assert scene.refusal("app", CODE, code=code, code_verifier=VERIFIER) == "invalid_grant"


def test_a_client_of_another_tenant_gets_nothing() -> None:
    scene = Scene()
    scene.change(OAuthClient, "app", organisation="other")
    assert scene.refusal("app", CODE, code=scene.code(), code_verifier=VERIFIER) == "invalid_grant"


def test_used_codes_are_remembered_for_a_day() -> None:
    scene = Scene()
    scene.signed_in()
    assert scene.records.find(AuthorizationCode)[0].expires_at == NOW + 86_400
