"""The server at the identity listeners."""

import pytest

from entresol.app.identity_server import oauth_settings
from entresol.config import IdentitySettings


@pytest.mark.parametrize(
    ("said", "allowed", "trust"), [("allow", True, "allow"), ("ask", True, "ask"), ("deny", False, "deny")]
)
def test_clients_by_metadata_document_are_taken_as_the_settings_say(said: str, allowed: bool, trust: str) -> None:
    found = oauth_settings(IdentitySettings(metadata_clients=said))  # type: ignore[arg-type]
    assert (found.metadata_clients, found.metadata_client_trust) == (allowed, trust)


def test_the_issuer_and_registration_are_those_of_the_settings() -> None:
    found = oauth_settings(IdentitySettings(issuer="https://gw.example/auth", registration="token"))
    assert (found.issuer, found.path, found.registration) == ("https://gw.example/auth", "/auth", "token")
