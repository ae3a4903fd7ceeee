"""Our own short tokens."""

from typing import Any

import pytest
from msgspec.structs import replace

from entresol.core.errors import ConfigError
from entresol.identity.outgoing.signed_identity import by_signed_identity
from entresol.identity.principal import Actor
from unit.identity.outgoing.asking import ADA, NOW, upstream


class Notebook:
    """Signs nothing, and writes down what it should have signed."""

    issuer = "https://gateway.example"

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {}

    def sign(self, claims: dict[str, Any], typ: str) -> str:
        self.claims = claims
        return f"signed {typ}"


AUTH = upstream(mode="signed_identity", audience="https://mcp.internal/")


def signed(**changes: Any) -> dict[str, Any]:
    signer = Notebook()
    granted = by_signed_identity(AUTH, replace(ADA, **changes), signer, NOW)
    assert granted.access_token == "signed at+jwt"
    assert granted.expires_at == signer.claims["exp"] == NOW + 60
    return signer.claims


def test_it_names_the_principal_for_one_upstream() -> None:
    claims = signed(groups=frozenset("ba"), client="app")
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("https://gateway.example", "ada", "https://mcp.internal/")
    assert (claims["org"], claims["kind"], claims["client_id"]) == ("org", "user", "app")
    assert claims["groups"] == ["a", "b"]


def test_another_issuers_subject_cannot_be_taken_for_ours() -> None:
    assert signed()["sub_issuer"] == "https://idp.example"
    assert "sub_issuer" not in signed(issuer="https://gateway.example")


def test_who_acts_stands_outermost() -> None:
    actors = (Actor(issuer="i", subject="now"), Actor(issuer="i", subject="before"))
    assert signed(actors=actors)["act"] == {"iss": "i", "sub": "now", "act": {"iss": "i", "sub": "before"}}
    assert "act" not in signed()


def test_an_impersonation_is_marked() -> None:
    assert signed(impersonator="admin1")["impersonator"] == "admin1"


def test_each_has_an_id_of_its_own() -> None:
    assert signed()["jti"] != signed()["jti"]


def test_without_an_audience_there_is_none() -> None:
    with pytest.raises(ConfigError, match="needs audience"):
        by_signed_identity(upstream(), ADA, Notebook(), NOW)
