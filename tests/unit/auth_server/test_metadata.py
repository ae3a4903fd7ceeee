"""Metadata over HTTP."""

import msgspec
import pytest

from entresol.identity.oauth.resources import ProtectedResources
from unit.auth_server.gateway import Gateway
from unit.identity.oauth.authorization import ISSUER, LLM, MCP, SETTINGS


@pytest.mark.parametrize(
    ("issuer", "paths"),
    [
        (ISSUER, ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]),
        (
            f"{ISSUER}/auth",
            [
                "/.well-known/oauth-authorization-server/auth",
                "/.well-known/openid-configuration/auth",
                "/auth/.well-known/openid-configuration",
            ],
        ),
    ],
)
def test_the_servers_document_is_found_wherever_clients_look(issuer: str, paths: list[str]) -> None:
    gateway = Gateway(settings=msgspec.structs.replace(SETTINGS, issuer=issuer))
    for path in paths:
        answer = gateway.get(path)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=300"
        assert answer.headers["access-control-allow-origin"] == "*"
        document = answer.json()
        assert document["issuer"] == issuer
        assert document["authorization_endpoint"] == f"{issuer}/authorize"
        assert document["registration_endpoint"] == f"{issuer}/register"


def test_every_endpoint_that_is_named_is_there() -> None:
    gateway = Gateway()
    document = gateway.get("/.well-known/oauth-authorization-server").json()
    endpoints = {name: url for name, url in document.items() if name.endswith(("_endpoint", "_uri"))}
    assert {"authorization_endpoint", "pushed_authorization_request_endpoint"} <= endpoints.keys()
    for url in endpoints.values():
        assert gateway.get(url).status_code != 404, url


def test_every_resource_has_its_document_behind_the_well_known_path() -> None:
    gateway = Gateway()
    for resource in (LLM, MCP):
        path = resource.url.removeprefix(ISSUER)
        document = gateway.get(f"/.well-known/oauth-protected-resource{path}").json()
        assert document["resource"] == resource.url
        assert document["authorization_servers"] == [ISSUER]
        assert document["scopes_supported"] == list(resource.scopes)
    assert gateway.get("/.well-known/oauth-protected-resource").status_code == 404
    assert gateway.get("/.well-known/oauth-protected-resource/nothing").status_code == 404


def test_the_only_resource_is_found_at_the_root_too() -> None:
    gateway = Gateway(resources=ProtectedResources([MCP]))
    assert gateway.get("/.well-known/oauth-protected-resource").json()["resource"] == MCP.url
