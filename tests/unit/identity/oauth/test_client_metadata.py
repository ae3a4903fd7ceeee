"""What clients say of themselves."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.identity.oauth.client_metadata import (
    client_from,
    metadata_of,
    plain_text,
    read_client_metadata,
)
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.records.oauth_clients import OAuthClient

KEY = {"kty": "EC", "crv": "P-256", "x": "x", "y": "y"}


def read(**members: Any) -> OAuthClient:
    document = {"redirect_uris": ["https://app.example/cb"]} | members
    return client_from(read_client_metadata(json.dumps(document).encode()), client_id="c")


def test_the_least_that_a_client_can_say() -> None:
    client = read(client_name=None, unknown={"x": 1})
    assert (client.id, client.name, client.authentication) == ("c", "app.example", "client_secret_basic")
    assert (client.grant_types, client.response_types) == (("authorization_code",), ("code",))
    assert (client.scopes, client.is_native, client.secret_digests) == ((), False, ())


def test_the_most_that_a_client_can_say_is_given_back_as_it_is_registered() -> None:
    document = {
        "client_name": "App",
        "redirect_uris": ["https://app.example/cb", "com.example.app:/cb"],
        "token_endpoint_auth_method": "private_key_jwt",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "application_type": "native",
        "require_pushed_authorization_requests": True,
        "dpop_bound_access_tokens": True,
        "scope": "llm mcp",
        "client_uri": "https://app.example/",
        "logo_uri": "https://app.example/logo.png",
        "contacts": ["a@app.example"],
        "jwks": {"keys": [KEY]},
    }
    client = read(**document)
    assert (client.requires_par, client.requires_dpop, client.is_native) == (True, True, True)
    shown = json.loads(json.dumps({**metadata_of(client), "jwks": json.loads(client.jwks)}))
    assert shown == {"client_id": "c", **document}


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://app.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": [f"https://app.example/{n}" for n in range(21)]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["com.example.app:/cb"], "application_type": "web"}, "invalid_redirect_uri"),
        ({"redirect_uris": "https://app.example/cb"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "tls_client_auth"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "client_secret_jwt"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
        ({"grant_types": ["client_credentials"]}, "invalid_client_metadata"),
        ({"grant_types": ["password", "implicit", "refresh_token"]}, "invalid_client_metadata"),
        ({"response_types": ["token"]}, "invalid_client_metadata"),
        ({"application_type": "desk"}, "invalid_client_metadata"),
        ({"scope": "admin:read admin:*"}, "invalid_client_metadata"),
        ({"scope": 'a"'}, "invalid_client_metadata"),
        ({"software_statement": "e30.e30.x"}, "invalid_software_statement"),
        ({"jwks": {"keys": []}}, "invalid_client_metadata"),
        ({"jwks": {"keys": [KEY] * 11}}, "invalid_client_metadata"),
        ({"jwks": {"keys": [{**KEY, "d": "x"}]}}, "invalid_client_metadata"),
        ({"jwks": {"keys": [{"kty": "oct", "k": "x"}]}}, "invalid_client_metadata"),
        ({"jwks": {"keys": [{"kty": "oct"}]}}, "invalid_client_metadata"),
        ({"jwks": {"keys": ["x"]}}, "invalid_client_metadata"),
        ({"jwks": {"keys": [KEY]}, "jwks_uri": "https://app.example/k"}, "invalid_client_metadata"),
        ({"jwks_uri": "http://127.0.0.1/k"}, "invalid_client_metadata"),
        ({"client_uri": "javascript:alert(1)"}, "invalid_client_metadata"),
        ({"logo_uri": "http://app.example/logo"}, "invalid_client_metadata"),
        ({"client_name": 7}, "invalid_client_metadata"),
    ],
)
def test_what_does_not_go_here_is_refused(members: dict[str, Any], error: str) -> None:
    with pytest.raises(OAuthError) as caught:
        read(**members)
    assert caught.value.error == error


@pytest.mark.parametrize("document", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 5000, b'{"redirect_uris":[1]}'])
def test_what_is_no_metadata_is_refused(document: bytes) -> None:
    with pytest.raises(OAuthError) as caught:
        read_client_metadata(document)
    assert caught.value.error == "invalid_client_metadata"


def test_what_we_do_not_offer_is_left_out_of_lists() -> None:
    client = read(
        grant_types=["refresh_token", "client_credentials", "authorization_code"],
        response_types=["code", "token"],
        scope="llm admin:write",
    )
    assert (client.grant_types, client.response_types) == (("authorization_code", "refresh_token"), ("code",))
    assert client.scopes == ("llm",)


@pytest.mark.parametrize(
    ("uris", "said", "is_native"),
    [
        (["http://127.0.0.1/cb", "com.example.app:/cb"], None, True),
        (["http://localhost:6274/cb"], None, True),
        (["http://localhost:6274/cb"], "web", False),
        (["https://app.example/cb", "http://127.0.0.1/cb"], None, False),
        (["https://app.example/cb", "http://127.0.0.1/cb"], "native", True),
    ],
)
def test_a_client_is_native_when_it_says_so_or_returns_to_the_device_only(
    uris: list[str], said: str | None, is_native: bool
) -> None:
    assert read(redirect_uris=uris, application_type=said).is_native is is_native


def test_a_name_is_shown_without_what_could_change_how_it_reads() -> None:
    assert read(client_name="Bank\u202e\u0000 of\n\u200bgood\u00a0\uff21").name == "Bank of good A"
    assert len(read(client_name="x" * 300).name) == 80
    assert read(client_name="\u200b").name == "app.example"


@given(st.text())
def test_plain_text_has_neither_controls_nor_directions(text: str) -> None:
    shown = plain_text(text, 50)
    assert shown.isprintable()
    assert len(shown) <= 50
