"""RFC 8693."""

import pytest
from msgspec.structs import replace

from entresol.identity.outgoing.granted import TokenRefused
from entresol.identity.outgoing.token_exchange import by_token_exchange
from entresol.identity.outgoing.token_request import ACCESS_TOKEN
from unit.identity.outgoing.asking import CALLER, NOW, form_of, played, token_answer, upstream

AUTH = upstream(mode="token_exchange", audience="api://files")


def test_the_callers_token_is_shown_to_the_token_endpoint() -> None:
    granted, [request] = played(by_token_exchange(AUTH, CALLER, NOW), token_answer(issued_token_type=ACCESS_TOKEN))
    assert granted.access_token == "fresh"
    assert form_of(request) == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": "subject.token.ada",
        "subject_token_type": ACCESS_TOKEN,
        "requested_token_type": ACCESS_TOKEN,
        "scope": "repo user",
        "audience": "api://files",
    }


def test_with_delegation_the_upstream_learns_who_acts() -> None:
    caller = replace(CALLER, actor_token="agent.token")
    answer = token_answer(issued_token_type=ACCESS_TOKEN)
    _, [request] = played(by_token_exchange(replace(AUTH, delegates=True), caller, NOW), answer)
    assert form_of(request)["actor_token"] == "agent.token"
    _, [request] = played(by_token_exchange(AUTH, caller, NOW), answer)
    assert "actor_token" not in form_of(request)


def test_an_answer_must_say_what_it_issued() -> None:
    with pytest.raises(TokenRefused):
        played(by_token_exchange(AUTH, CALLER, NOW), token_answer())
