"""The identity assertion grant: two authorization servers."""

import pytest

from entresol.core.errors import ConfigError
from entresol.identity.outgoing.granted import TokenRefused
from entresol.identity.outgoing.id_jag import by_id_jag
from entresol.identity.outgoing.token_request import ACCESS_TOKEN, ID_JAG
from unit.identity.outgoing.asking import CALLER, NOW, TOKEN_ENDPOINT, form_of, played, token_answer, upstream

AUTH = upstream(
    mode="id_jag", audience="https://as.partner.example", resource="https://mcp.partner.example/",
    resource_token_endpoint="https://as.partner.example/token",
)  # fmt: skip


def test_the_provider_vouches_and_the_other_server_grants() -> None:
    vouched = token_answer(access_token="jag", issued_token_type=ID_JAG, token_type="N_A")
    granted, [first, second] = played(by_id_jag(AUTH, CALLER, NOW), vouched, token_answer())
    assert granted.access_token == "fresh"
    assert (first.url, second.url) == (TOKEN_ENDPOINT, "https://as.partner.example/token")
    asked = form_of(first)
    assert asked["requested_token_type"] == ID_JAG
    assert asked["audience"] == "https://as.partner.example"
    assert asked["resource"] == "https://mcp.partner.example/"
    assert form_of(second) == {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "jag"}


def test_the_callers_token_stays_at_its_own_provider() -> None:
    vouched = token_answer(access_token="jag", issued_token_type=ID_JAG, token_type="N_A")
    _, [_, second] = played(by_id_jag(AUTH, CALLER, NOW), vouched, token_answer())
    assert b"subject.token.ada" not in second.body


def test_an_access_token_is_not_taken_for_an_assertion() -> None:
    with pytest.raises(TokenRefused):
        played(by_id_jag(AUTH, CALLER, NOW), token_answer(issued_token_type=ACCESS_TOKEN))


def test_without_an_audience_nothing_is_asked() -> None:
    with pytest.raises(ConfigError, match="needs audience"):
        next(by_id_jag(upstream(mode="id_jag"), CALLER, NOW))
