"""What is asked of a token, by its use."""

import pytest

from entresol.identity.jwt_rules import ACCESS_TOKEN, ASSERTION, id_token_rules


@pytest.mark.parametrize("kind", ["dpop+jwt", "oauth-id-jag+jwt", "logout+jwt", "secevent+jwt", "rt+jwt"])
def test_what_is_signed_for_another_use_is_no_access_token(kind: str) -> None:
    assert kind not in ACCESS_TOKEN.types
    assert ACCESS_TOKEN.refuses_id_tokens


def test_only_access_tokens_and_id_tokens_need_somebody_to_admit_them() -> None:
    assert ACCESS_TOKEN.needs_admission
    assert id_token_rules("web").needs_admission
    assert not ASSERTION.needs_admission


def test_an_id_token_is_for_its_client_and_nobody_else() -> None:
    rules = id_token_rules("web")
    assert (rules.audiences, rules.authorised_party) == (frozenset(("web",)), "web")
    assert "at+jwt" not in rules.types
