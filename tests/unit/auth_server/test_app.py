"""The application as a whole."""

from collections.abc import Sequence

import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entresol.auth_server.context import AuthServer
from entresol.auth_server.json_answers import json_answer
from entresol.core.storage import StoreDown
from entresol.identity.oauth.metadata import Offer
from unit.auth_server.gateway import Gateway
from unit.identity.oauth.authorization import SETTINGS, asking


class Extra:
    """A part that is fine, down, or broken."""

    def __init__(self, _: AuthServer) -> None:
        pass

    def routes(self) -> Sequence[BaseRoute]:
        return (Route("/extra", self.answer), Route("/down", self.down), Route("/broken", self.broken))

    def offer(self) -> Offer:
        return Offer(endpoints={"extra_endpoint": "/extra"}, members={"extra_supported": True})

    async def answer(self, _: Request) -> Response:
        return json_answer({})

    async def down(self, _: Request) -> Response:
        raise StoreDown("somewhere")

    async def broken(self, _: Request) -> Response:
        raise KeyError("a secret")


@pytest.fixture(scope="module")
def gateway() -> Gateway:
    return Gateway(parts=lambda server: [Extra(server)])


def test_a_part_is_mounted_named_and_open_to_scripts(gateway: Gateway) -> None:
    answer = gateway.get("/extra")
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    document = gateway.get("/.well-known/openid-configuration").json()
    assert document["extra_endpoint"] == "https://gateway.example/extra"
    assert document["extra_supported"] is True


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/nothing", 404, "invalid_request"),
        ("/down", 503, "temporarily_unavailable"),
        ("/broken", 500, "server_error"),
    ],
)
def test_a_failure_is_json_with_security_headers_and_tells_no_secret(
    gateway: Gateway, path: str, status: int, error: str
) -> None:
    answer = gateway.get(path)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert "secret" not in answer.text
    assert answer.headers["x-frame-options"] == "DENY"


def test_pages_are_not_open_to_scripts(gateway: Gateway) -> None:
    for path in ("/authorize", "/authorize/resume"):
        assert "access-control-allow-origin" not in gateway.get(path, headers={"origin": "https://e.example"}).headers
    refused = gateway.run(lambda client: client.options("/consent", headers={"origin": "https://e.example"}))
    assert refused.status_code == 405


def test_a_method_that_an_endpoint_does_not_have_is_named_in_allow(gateway: Gateway) -> None:
    answer = gateway.get("/consent")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("issuer", ["https://gateway.example", "https://gateway.example/auth"])
def test_the_host_of_a_request_has_no_say_in_where_anybody_is_sent(issuer: str) -> None:
    gateway = Gateway(settings=msgspec.structs.replace(SETTINGS, issuer=issuer))
    path = gateway.server.settings.path
    for tail in ("/authorize/", "/consent/", "/register/x/"):
        answer = gateway.get(f"{path}{tail}", headers={"host": "evil.example"})
        assert (answer.status_code, "location" in answer.headers) == (404, False)
    asked = gateway.get(f"{path}/authorize", params=asking(), headers={"host": "evil.example"})
    assert "evil.example" not in asked.headers["location"]
    document = gateway.get("/.well-known/oauth-authorization-server" + path, headers={"host": "evil.example"})
    assert "evil.example" not in document.text
