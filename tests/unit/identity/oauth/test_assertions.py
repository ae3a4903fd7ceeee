"""Tokens of other issuers."""

from entresol.identity.oauth.assertions import AssertionRefused


def test_a_refused_assertion_is_the_callers_fault() -> None:
    refusal = AssertionRefused("it is over")
    assert (refusal.code, refusal.status, refusal.side) == ("assertion_refused", 401, "client")
