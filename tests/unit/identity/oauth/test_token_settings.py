"""How long tokens live."""

import pytest

from entresol.identity.oauth.token_settings import TokenSettings


def test_revocations_are_kept_as_long_as_access_tokens_live() -> None:
    assert TokenSettings().access_lifetime_s <= 3600


@pytest.mark.parametrize(
    "wrong",
    [{"access_lifetime_s": 3_601}, {"access_lifetime_s": 0}, {"key_announcement_s": 0}, {"key_lifetime_s": 86_400}],
)
def test_settings_that_undo_a_promise_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        TokenSettings(**wrong)  # type: ignore[arg-type]


def test_a_key_is_announced_before_it_signs() -> None:
    settings = TokenSettings()
    assert 0 < settings.key_announcement_s < settings.key_lifetime_s
