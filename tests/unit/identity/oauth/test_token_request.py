"""What grants share."""

from typing import Any

import pytest

from entresol.identity.oauth.client_authentication import AuthenticatedClient
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.families import revoke
from entresol.identity.oauth.request_form import RequestForm
from entresol.identity.oauth.token_request import (
    TokenRequest,
    active_user,
    audiences_for,
    check_bound_key,
    check_confirmation,
    check_tenant,
)
from entresol.identity.records.accounts import User
from entresol.identity.records.oauth_clients import OAuthClient
from unit.identity.oauth.keys import EC, OTHER_EC
from unit.identity.oauth.token_scene import LLM, MCP, NOW, Scene


def targets(scene: Scene, granted: tuple[str, ...] = (), client: dict[str, Any] | None = None, **asked: Any) -> Any:
    record = OAuthClient(id="c", name="c", **(client or {}))
    try:
        return [found.url for found in audiences_for(scene.request(None, **asked), scene.context(), record, granted)]
    except OAuthError as refusal:
        return refusal.error


@pytest.mark.parametrize(
    ("granted", "client", "asked", "expected"),
    [
        ((), {}, {}, [LLM]),
        ((), {}, {"resource": MCP}, [MCP]),
        ((), {}, {"resource": [MCP, LLM]}, [MCP, LLM]),
        ((), {}, {"resource": "https://evil.example"}, "invalid_target"),
        ((MCP,), {}, {}, [MCP]),
        ((MCP, LLM), {}, {"resource": LLM}, [LLM]),
        ((MCP,), {}, {"resource": LLM}, "invalid_target"),
        ((), {"audiences": (MCP,)}, {}, [MCP]),
        ((), {"audiences": (MCP,)}, {"resource": LLM}, "invalid_target"),
        ((LLM,), {"audiences": (MCP,)}, {}, "invalid_target"),
        ((), {"audiences": ("https://gone.example",)}, {}, "invalid_target"),
        ((), {"requires_dpop": True}, {}, "invalid_dpop_proof"),
        ((), {"requires_dpop": True}, {"key": EC}, [LLM]),
    ],
)
def test_tokens_are_for_what_is_asked_and_granted(
    granted: tuple[str, ...], client: dict[str, Any], asked: dict[str, Any], expected: Any
) -> None:
    assert targets(Scene(), granted, client, **asked) == expected


def test_a_client_needs_the_grant() -> None:
    scene = Scene()
    scene.change(OAuthClient, "app", grant_types=("refresh_token",))
    assert scene.request("app").client_for("refresh_token").id == "app"
    with pytest.raises(OAuthError) as refusal:
        scene.request("app").client_for("authorization_code")
    assert refusal.value.error == "unauthorized_client"
    with pytest.raises(OAuthError) as refusal:
        scene.request(None).client_for("authorization_code")
    assert (refusal.value.error, refusal.value.status) == ("invalid_client", 401)


@pytest.mark.parametrize("what", ["account:ada", "client:app", "session:s1", "family:f1"])
def test_what_was_revoked_since_the_grant_is_no_grant(what: str) -> None:
    scene = Scene()
    client = scene.records.need(OAuthClient, "app")
    assert active_user(scene.records, "ada", client, NOW, session="s1", family="f1").id == "ada"
    revoke(scene.records, what, NOW)
    with pytest.raises(OAuthError, match="revoked"):
        active_user(scene.records, "ada", client, NOW, session="s1", family="f1")


def test_an_account_that_is_switched_off_or_elsewhere_gets_nothing() -> None:
    scene = Scene()
    with pytest.raises(OAuthError, match="another organisation"):
        active_user(scene.records, "ada", OAuthClient(id="c", name="c", organisation="other"), NOW)
    scene.change(User, "ada", is_active=False)
    for user in ("ada", "nobody"):
        with pytest.raises(OAuthError, match="no longer active"):
            active_user(scene.records, user, scene.records.need(OAuthClient, "app"), NOW)


def test_clients_of_the_whole_node_serve_every_tenant() -> None:
    check_tenant(OAuthClient(id="c", name="c"), "org")


def test_a_bound_grant_needs_the_proof_of_its_key() -> None:
    scene = Scene()
    check_bound_key(scene.request(None, key=EC), EC.thumbprint())
    check_bound_key(scene.request(None), "")
    for key in (OTHER_EC, None):
        with pytest.raises(OAuthError, match="bound to another key"):
            check_bound_key(scene.request(None, key=key), EC.thumbprint())


def test_a_bound_token_is_handed_on_by_who_holds_its_key() -> None:
    scene = Scene()
    check_confirmation(scene.request(None), {})
    check_confirmation(scene.request(None, key=EC), {"cnf": {"jkt": EC.thumbprint()}})
    holder = AuthenticatedClient(record=scene.records.need(OAuthClient, "backend"), certificate_thumbprint="t")
    check_confirmation(TokenRequest(form=RequestForm(b""), client=holder), {"cnf": {"x5t#S256": "t"}})
    others: list[dict[str, Any]] = [
        {"cnf": {"jkt": OTHER_EC.thumbprint()}},
        {"cnf": {"x5t#S256": "t"}},
        {"cnf": {"kid": "x"}},
        {"cnf": "x"},
        {"cnf": {}},
    ]
    for claims in others:
        with pytest.raises(OAuthError):
            check_confirmation(scene.request(None, key=EC), claims)
