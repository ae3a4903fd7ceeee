"""What comes of asking."""

from entresol.identity.outgoing.granted import Granted, TokenRefused
from unit.identity.outgoing.asking import CALLER


def test_tokens_are_not_shown() -> None:
    assert "secret" not in repr(Granted(access_token="secret", refresh_token="secret"))
    assert "subject.token" not in repr(CALLER)


def test_a_refusal_says_where_and_why_in_bounds() -> None:
    refused = TokenRefused("https://as.example/token", "invalid_grant", "x" * 1000)
    assert (refused.code, refused.status, refused.error) == ("upstream_token_refused", 502, "invalid_grant")
    assert len(refused.message) < 320
