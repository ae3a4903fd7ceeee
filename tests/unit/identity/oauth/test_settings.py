"""Settings of the authorization server."""

import pytest

from entresol.identity.oauth.settings import OAuthSettings


@pytest.mark.parametrize(
    ("issuer", "origin", "path"),
    [
        ("https://gateway.example", "https://gateway.example", ""),
        ("https://gateway.example:8443/auth", "https://gateway.example:8443", "/auth"),
        ("http://[::1]:8001/a/b", "http://[::1]:8001", "/a/b"),
    ],
)
def test_endpoints_are_below_the_issuer(issuer: str, origin: str, path: str) -> None:
    settings = OAuthSettings(issuer=issuer)
    assert (settings.origin, settings.path) == (origin, path)


def test_nobody_may_register_clients_unless_somebody_says_so() -> None:
    assert OAuthSettings(issuer="https://gateway.example").registration == "off"
    assert OAuthSettings(issuer="https://gateway.example").metadata_client_trust == "ask"
