"""The endpoint for pushed authorization requests."""

import base64

import msgspec

from entresol.core.fetching import FetchResponse
from entresol.identity.oauth.clients import create_client
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import AuthorizationRequest, UsedOnce
from unit.auth_server.gateway import Gateway
from unit.identity.oauth.authorization import NATIVE, WEB, asking


def with_secret(gateway: Gateway) -> tuple[OAuthClient, dict[str, str]]:
    client, secret = create_client(gateway.records, msgspec.structs.replace(WEB, id="secret"))
    credentials = base64.b64encode(f"secret:{secret}".encode()).decode()
    return client, {"authorization": f"Basic {credentials}"}


def test_a_client_that_authenticates_pushes_and_the_browser_carries_the_reference() -> None:
    gateway = Gateway()
    client, headers = with_secret(gateway)
    answer = gateway.post("/par", data=dict(asking(client)), headers=headers)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    reference = answer.json()
    assert reference["expires_in"] == 90
    page = gateway.authorize([("client_id", "secret"), ("request_uri", reference["request_uri"])])
    assert "Web app" in page.text


def test_a_client_that_does_not_authenticate_pushes_nothing() -> None:
    gateway = Gateway()
    client, headers = with_secret(gateway)
    assert gateway.post("/par", data=dict(asking(client))).json()["error"] == "invalid_client"
    wrong = {"authorization": headers["authorization"][:-8] + "AAAAAAA="}
    refused = gateway.post("/par", data=dict(asking(client)), headers=wrong)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert refused.headers["www-authenticate"].startswith("Basic")
    assert gateway.post("/par", data=dict(asking(NATIVE)), headers=headers).json()["error"] == "invalid_request"
    assert gateway.records.count(AuthorizationRequest) == 0


def test_a_public_client_may_push_and_gets_errors_as_json() -> None:
    gateway = Gateway()
    assert gateway.post("/par", data=dict(asking(NATIVE))).status_code == 201
    refused = gateway.post("/par", data=dict(asking(NATIVE, redirect_uri="https://evil.example/")))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")


def test_what_is_no_form_or_too_large_is_refused() -> None:
    gateway = Gateway()
    assert gateway.post("/par", json={}).status_code == 400
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert gateway.post("/par", content=b"x=" + b"1" * 70_000, headers=form).status_code == 413
    assert gateway.get("/par").status_code == 405


def test_a_proof_that_is_none_is_refused() -> None:
    gateway = Gateway()
    refused = gateway.post("/par", data=dict(asking(NATIVE)), headers={"dpop": "x.y.z"})
    assert refused.json()["error"] == "invalid_dpop_proof"
    assert gateway.records.count(UsedOnce) == 0


def test_keys_of_a_client_that_publishes_them_are_read_before_its_assertion_is_checked() -> None:
    signing = msgspec.structs.replace(
        WEB, id="signing", authentication="private_key_jwt", jwks_uri="https://app.example/keys"
    )
    gateway = Gateway(clients=[signing])
    gateway.web[signing.jwks_uri] = FetchResponse(status=200, body=b'{"keys":[]}')
    claims = base64.urlsafe_b64encode(b'{"sub":"signing"}').rstrip(b"=").decode()
    head = base64.urlsafe_b64encode(b'{"alg":"ES256","kid":"k"}').rstrip(b"=").decode()
    assertion = {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": f"{head}.{claims}.AAAA",
    }
    refused = gateway.post("/par", data={**dict(asking(signing)), **assertion})
    assert refused.json()["error"] == "invalid_client"
    assert [request.url for request in gateway.fetched] == ["https://app.example/keys"]
    assert gateway.records.need(OAuthClient, "signing").keys_fetched_at == gateway.now
