"""The authorization server's metadata."""

import pytest

from entresol.identity.oauth.metadata import (
    Offer,
    authorization_offer,
    pushed_offer,
    registration_offer,
    server_metadata,
    well_known_paths,
)
from entresol.identity.oauth.settings import OAuthSettings

SETTINGS = OAuthSettings(issuer="https://gateway.example/auth", registration="token")


def test_a_document_names_what_is_offered_under_the_issuer_and_nothing_else() -> None:
    document = server_metadata(SETTINGS, [authorization_offer(SETTINGS), pushed_offer(), registration_offer(SETTINGS)])
    assert document["issuer"] == "https://gateway.example/auth"
    assert document["authorization_endpoint"] == "https://gateway.example/auth/authorize"
    assert document["pushed_authorization_request_endpoint"] == "https://gateway.example/auth/par"
    assert document["registration_endpoint"] == "https://gateway.example/auth/register"
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["response_types_supported"] == ["code"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["client_id_metadata_document_supported"] is True
    assert document["request_uri_parameter_supported"] is False
    assert not [name for name in document if name.startswith(("token_", "jwks", "device", "userinfo"))]
    scopes = document["scopes_supported"]
    assert isinstance(scopes, list)
    assert not [name for name in scopes if name.startswith("admin")]


def test_what_is_switched_off_is_not_named() -> None:
    closed = OAuthSettings(issuer="https://gateway.example", registration="off", metadata_clients=False)
    document = server_metadata(closed, [authorization_offer(closed), registration_offer(closed)])
    assert "registration_endpoint" not in document
    assert "client_id_metadata_document_supported" not in document


def test_lists_of_several_parts_are_joined_and_contradictions_are_refused() -> None:
    one = Offer(members={"grant_types_supported": ["authorization_code"], "x": True})
    other = Offer(members={"grant_types_supported": ["refresh_token", "authorization_code"], "x": True})
    document = server_metadata(SETTINGS, [one, other])
    assert document["grant_types_supported"] == ["authorization_code", "refresh_token"]
    with pytest.raises(ValueError, match="disagree about x"):
        server_metadata(SETTINGS, [one, Offer(members={"x": False})])


@pytest.mark.parametrize(
    ("issuer", "paths"),
    [
        (
            "https://gateway.example/auth",
            {
                "/.well-known/oauth-authorization-server/auth",
                "/.well-known/openid-configuration/auth",
                "/auth/.well-known/openid-configuration",
                "/auth/.well-known/oauth-authorization-server",
            },
        ),
        (
            "https://gateway.example",
            {"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"},
        ),
    ],
)
def test_it_is_found_wherever_clients_look(issuer: str, paths: set[str]) -> None:
    assert set(well_known_paths(OAuthSettings(issuer=issuer))) == paths
