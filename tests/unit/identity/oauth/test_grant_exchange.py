"""Tokens for whoever acts for somebody."""

from typing import Any

import pytest

from entresol.identity.oauth.families import revoke_family
from entresol.identity.oauth.grant_exchange import ACCESS_TOKEN, GRANT_TYPE, ID_TOKEN
from entresol.identity.oauth.signed_tokens import BadToken
from entresol.identity.records.accounts import ServiceAccount, User
from entresol.identity.records.oauth_clients import OAuthClient
from unit.identity.oauth.keys import EC, OTHER_EC
from unit.identity.oauth.token_scene import ALL_GRANTS, IDP, MCP, NOW, Scene, asserted


def exchange(scene: Scene, token: str, client: str = "backend", **parameters: Any) -> dict[str, Any]:
    values = {"subject_token": token, "subject_token_type": ACCESS_TOKEN, **parameters}
    return scene.ask(client, GRANT_TYPE, **values)


def refused(scene: Scene, token: str, client: str = "backend", **parameters: Any) -> str:
    values = {"subject_token": token, "subject_token_type": ACCESS_TOKEN, **parameters}
    return scene.refusal(client, GRANT_TYPE, **values)


def own(scene: Scene, client: str = "backend") -> str:
    token: str = scene.ask(client, "client_credentials")["access_token"]
    return token


def test_the_new_token_names_the_subject_and_who_acts() -> None:
    scene = Scene()
    token = scene.signed_in(scopes=("openid", "llm", "mcp"), groups=("g",))["access_token"]
    scene.now += 100
    answer = exchange(scene, token, resource=MCP, scope="mcp")
    assert answer["issued_token_type"] == ACCESS_TOKEN
    assert "refresh_token" not in answer
    assert "id_token" not in answer
    claims = scene.claims(answer["access_token"])
    assert (claims["sub"], claims["act"], claims["client_id"]) == ("ada", {"sub": "ci"}, "backend")
    assert (claims["aud"], claims["scope"], claims["groups"]) == (MCP, "mcp", ["g"])
    assert (claims["exp"], answer["expires_in"]) == (NOW + 600, 500)


def test_the_new_token_ends_with_the_family_of_the_old() -> None:
    scene = Scene()
    token = scene.signed_in()["access_token"]
    new = exchange(scene, token)["access_token"]
    revoke_family(scene.records, scene.claims(token)["fam"], NOW)
    with pytest.raises(BadToken, match="revoked"):
        scene.claims(new)
    assert refused(scene, token) == "invalid_request"


def second_agent(scene: Scene, name: str) -> None:
    scene.put(ServiceAccount(id=name, organisation="org", name=name, is_agent=True))
    scene.put(
        OAuthClient(
            id=f"client-{name}",
            name=name,
            authentication="private_key_jwt",
            grant_types=ALL_GRANTS,
            service_account=name,
            may_exchange=True,
        )
    )


def test_a_chain_grows_outwards_up_to_its_limit() -> None:
    scene = Scene()
    token = exchange(scene, scene.signed_in()["access_token"])["access_token"]
    for n in range(3):
        second_agent(scene, f"a{n}")
        token = exchange(scene, token, f"client-a{n}")["access_token"]
    act = {"sub": "a2", "act": {"sub": "a1", "act": {"sub": "a0", "act": {"sub": "ci"}}}}
    assert scene.claims(token)["act"] == act
    second_agent(scene, "a3")
    assert refused(scene, token, "client-a3") == "invalid_request"
    assert scene.claims(exchange(scene, token, "client-a2")["access_token"])["act"] == act


def test_who_narrows_a_token_of_its_own_acts_for_nobody() -> None:
    scene = Scene()
    claims = scene.claims(exchange(scene, own(scene))["access_token"])
    assert claims["sub"] == "ci"
    assert "act" not in claims


def test_an_actor_is_the_client_s_own() -> None:
    scene = Scene()
    second_agent(scene, "eve")
    token = scene.signed_in()["access_token"]
    actor = {"actor_token": own(scene), "actor_token_type": ACCESS_TOKEN}
    assert scene.claims(exchange(scene, token, **actor)["access_token"])["act"] == {"sub": "ci"}
    assert refused(scene, token, "client-eve", **actor) == "invalid_request"
    delegation = exchange(scene, token, "client-eve")["access_token"]
    again = {"actor_token": delegation, "actor_token_type": ACCESS_TOKEN}
    assert refused(scene, token, "client-eve", **again) == "invalid_request"


def test_a_workload_s_token_can_prove_the_actor() -> None:
    scene = Scene()
    token = scene.signed_in()["access_token"]
    parameters = {"actor_token": "jwt", "actor_token_type": ACCESS_TOKEN}
    answer = exchange(scene, token, actor=asserted(subject="repo:main"), **parameters)
    assert scene.claims(answer["access_token"])["act"] == {"sub": "ci"}
    assert refused(scene, token, actor=asserted(subject="idp-ada"), **parameters) == "invalid_request"


def test_scopes_are_those_of_both() -> None:
    scene = Scene()
    token = scene.signed_in(scopes=("openid", "llm", "mcp"))["access_token"]
    assert exchange(scene, token)["scope"] == "llm mcp"
    assert refused(scene, token, scope="agents") == "invalid_scope"
    assert refused(scene, token, scope="llm admin:*") == "invalid_scope"
    scene.change(OAuthClient, "backend", scopes=("mcp",))
    assert exchange(scene, token)["scope"] == "mcp"
    assert refused(scene, token, scope="llm") == "invalid_scope"
    only_openid = scene.signed_in(scopes=("openid",))["access_token"]
    assert refused(scene, only_openid) == "invalid_scope"


def test_a_foreign_token_stands_for_whom_it_is_here() -> None:
    scene = Scene()
    claims = {
        "fam": "stolen",
        "impersonator": "x",
        "act": {"sub": "theirs"},
        "may_act": {"sub": "ci", "iss": "https://gw.example/auth"},
    }
    answer = exchange(scene, "jwt", subject=asserted(groups=("g",), claims=claims), subject_token_type=ID_TOKEN)
    found = scene.claims(answer["access_token"])
    assert (found["sub"], found["scope"], found["groups"]) == ("ada", "llm", ["g"])
    assert found["act"] == {"sub": "ci", "act": {"sub": "theirs", "iss": IDP}}
    assert answer["expires_in"] == 300
    assert not {"fam", "impersonator"} & found.keys()
    for other in ({"subject": "nobody"}, {"issuer": "https://other.example"}, {"claims": {"may_act": {"sub": "x"}}}):
        assert refused(scene, "jwt", subject=asserted(**other)) == "invalid_request"


def test_a_bound_token_is_exchanged_with_the_proof_of_its_key() -> None:
    scene = Scene()
    token = scene.signed_in(key=EC)["access_token"]
    for key in (OTHER_EC, None):
        assert refused(scene, token, key=key) == "invalid_dpop_proof"
    assert exchange(scene, token, key=EC)["token_type"] == "DPoP"


@pytest.mark.parametrize(
    "parameters",
    [
        {"subject_token": ""},
        {"subject_token": "opaque"},
        {"subject_token_type": ""},
        {"subject_token_type": ID_TOKEN},
        {"actor_token_type": ACCESS_TOKEN},
        {"actor_token": "x"},
        {"requested_token_type": ID_TOKEN},
    ],
)
def test_a_request_that_is_not_whole_is_refused(parameters: dict[str, Any]) -> None:
    scene = Scene()
    token = scene.signed_in()["access_token"]
    assert refused(scene, token, **parameters) == "invalid_request"


def test_targets_are_resources() -> None:
    scene = Scene()
    token = scene.signed_in()["access_token"]
    assert refused(scene, token, audience="somebody") == "invalid_target"
    assert refused(scene, token, resource="https://evil.example") == "invalid_target"


def test_only_clients_that_may_exchange_do() -> None:
    scene = Scene()
    token = scene.signed_in()["access_token"]
    assert refused(scene, token, "app") == "unauthorized_client"
    scene.change(OAuthClient, "app", may_exchange=True)
    assert refused(scene, token, "app") == "unauthorized_client"
    scene.change(OAuthClient, "backend", may_exchange=False)
    assert refused(scene, token) == "unauthorized_client"


def test_tenants_are_apart() -> None:
    scene = Scene()
    token = scene.signed_in()["access_token"]
    scene.change(OAuthClient, "backend", organisation="other")
    assert refused(scene, token) == "invalid_grant"


def test_who_is_switched_off_is_nobody() -> None:
    scene = Scene()
    token = scene.signed_in()["access_token"]
    scene.change(User, "ada", is_active=False)
    assert refused(scene, token) == "invalid_request"
    assert refused(scene, "jwt", subject=asserted()) == "invalid_request"
