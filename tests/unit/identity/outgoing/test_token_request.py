"""Requests to token endpoints, and their answers."""

import json
from typing import Any

import pytest
from joserfc import jwk, jwt

from entresol.core.errors import ConfigError
from entresol.core.fetching import FetchResponse
from entresol.identity.outgoing.granted import Granted, TokenRefused
from entresol.identity.outgoing.token_request import ACCESS_TOKEN, ask, needed, with_target
from unit.identity.outgoing.asking import (
    NOW,
    TOKEN_ENDPOINT,
    basic_of,
    form_of,
    played,
    refusal,
    token_answer,
    upstream,
)

PUBLIC = json.dumps(jwk.generate_key("EC", "P-256").as_dict(private=False))
FORM = [("grant_type", "client_credentials")]


def test_an_answer_becomes_a_token() -> None:
    granted, [request] = played(ask(upstream(), FORM, NOW), token_answer(scope="repo", refresh_token="r"))
    assert granted == Granted(access_token="fresh", expires_at=NOW + 3600, refresh_token="r", scopes=("repo",))
    assert (request.method, request.url, request.origin) == ("POST", TOKEN_ENDPOINT, "configured")
    assert dict(request.headers)["content-type"] == "application/x-www-form-urlencoded"


def test_a_secret_goes_into_the_header_in_the_form_that_it_is_encoded_in() -> None:
    _, [request] = played(ask(upstream(), FORM, NOW), token_answer())
    assert basic_of(request) == ("gate way", "s3c:ret/&")
    assert form_of(request) == {"grant_type": "client_credentials"}


def test_a_secret_goes_into_the_form_where_the_server_wants_it_there() -> None:
    auth = upstream(client_authentication="client_secret_post")
    _, [request] = played(ask(auth, FORM, NOW), token_answer())
    assert form_of(request)["client_secret"] == "s3c:ret/&"
    assert "authorization" not in dict(request.headers)


def test_a_public_client_says_only_who_it_is() -> None:
    _, [request] = played(ask(upstream(client_authentication="none"), FORM, NOW), token_answer())
    assert form_of(request) == {"grant_type": "client_credentials", "client_id": "gate way"}


@pytest.mark.parametrize(("kind", "crv"), [("EC", "P-256"), ("OKP", "Ed25519"), ("RSA", 2048)])
def test_an_assertion_is_for_this_server_and_this_minute(kind: Any, crv: Any) -> None:
    key = jwk.generate_key(kind, crv, parameters={"kid": "k1"})
    auth = upstream(client_authentication="private_key_jwt", client_key=json.dumps(key.as_dict(private=True)))
    _, [first] = played(ask(auth, FORM, NOW), token_answer())
    _, [second] = played(ask(auth, FORM, NOW), token_answer())
    tokens = [
        jwt.decode(form_of(each)["client_assertion"], key, algorithms=["ES256", "Ed25519", "RS256"])
        for each in (first, second)
    ]
    claims = tokens[0].claims
    assert tokens[0].header["kid"] == "k1"
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("gate way", "gate way", "https://as.example")
    assert 0 < claims["exp"] - NOW <= 60
    assert claims["jti"] != tokens[1].claims["jti"]


@pytest.mark.parametrize("key", ["", "no json", "[]", "{}", '{"kty":"EC"}', PUBLIC])
def test_a_key_that_is_none_is_the_administrators_fault(key: str) -> None:
    with pytest.raises(ConfigError) as failed:
        next(ask(upstream(client_authentication="private_key_jwt", client_key=key), FORM, NOW))
    assert failed.value.code == "upstream_auth_incomplete"
    assert not key or key not in failed.value.message


def test_extra_parameters_do_not_replace_what_the_mode_says() -> None:
    auth = upstream(extra_parameters=(("tenant", "t1"), ("grant_type", "password")))
    _, [request] = played(ask(auth, FORM, NOW), token_answer())
    assert form_of(request) == {"grant_type": "client_credentials", "tenant": "t1"}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal("invalid_client", 401, "who\x1b are you"), "invalid_client"),
        (refusal("invalid_grant", 200), "invalid_grant"),
        (FetchResponse(status=500, body=b"<html>"), "status 500"),
        (FetchResponse(status=302, body=b"{}"), "status 302"),
        (FetchResponse(status=200, body=b"[]"), "status 200"),
        (token_answer(access_token=""), "invalid_response"),
        (token_answer(token_type="DPoP"), "invalid_response"),
        (token_answer(token_type=""), "invalid_response"),
    ],
)
def test_what_is_no_token_is_refused_with_the_servers_own_word(answer: FetchResponse, error: str) -> None:
    with pytest.raises(TokenRefused) as failed:
        played(ask(upstream(), FORM, NOW), answer)
    assert failed.value.error == error
    assert TOKEN_ENDPOINT in failed.value.message
    assert "\x1b" not in failed.value.message
    assert "fresh" not in failed.value.message


def test_a_token_of_another_type_than_was_asked_for_is_refused() -> None:
    good = token_answer(issued_token_type=ACCESS_TOKEN)
    assert played(ask(upstream(), FORM, NOW, token_types=(ACCESS_TOKEN,)), good)[0].access_token == "fresh"
    with pytest.raises(TokenRefused, match="issued"):
        played(ask(upstream(), FORM, NOW, token_types=(ACCESS_TOKEN,)), token_answer(issued_token_type="x"))


@pytest.mark.parametrize(
    ("expires_in", "end"),
    [(60, NOW + 60), ("60", NOW + 60), (60.9, NOW + 60), (0, NOW), (10**12, NOW + 86_400), (None, None), (-1, None),
     ("soon", None), (True, None), ([], None)],
)  # fmt: skip
def test_a_lifetime_is_read_as_servers_write_it(expires_in: object, end: int | None) -> None:
    assert played(ask(upstream(), FORM, NOW), token_answer(expires_in=expires_in))[0].expires_at == end


def test_what_a_token_is_for_is_said_where_it_is_configured() -> None:
    assert with_target(upstream(scopes=()), []) == []
    auth = upstream(audience="api://x", resource="https://mcp.example/")
    assert with_target(auth, []) == [
        ("scope", "repo user"), ("audience", "api://x"), ("resource", "https://mcp.example/")
    ]  # fmt: skip


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(ConfigError, match="upstream github: mode none needs audience"):
        needed(upstream(), "audience")
