"""The seam itself; who implements it is tested in tests/unit/cloud."""

import pytest

from entresol.llm.cloud_credentials import NO_CLOUDS, BearerToken
from entresol.llm.model_config import AuthConfig, BedrockOptions, ModelOptions


def test_without_clouds_there_is_no_source_and_options_stay() -> None:
    options = ModelOptions(bedrock=BedrockOptions(aws_assume_role_arn="arn:aws:iam::123456789012:role/models"))
    assert NO_CLOUDS.source(AuthConfig(), options, "bedrock") is None
    assert NO_CLOUDS.completed(AuthConfig(), options, "bedrock") is options


def test_a_token_stands_in_for_every_other_credential() -> None:
    token = BearerToken("ya29.token", ((b"x-goog-user-project", b"payer"),))
    pairs = [
        (b"authorization", b"Bearer gateway-key"),
        (b"api-key", b"k"),
        (b"accept", b"*/*"),
        (b"x-goog-user-project", b"x"),
    ]
    assert token.apply("POST", "host", "/path", pairs, b"{}", 0.0) == [
        (b"accept", b"*/*"),
        (b"x-goog-user-project", b"payer"),
        (b"authorization", b"Bearer ya29.token"),
    ]
    assert len(pairs) == 4  # the caller's own stay


def test_a_token_is_named_so_that_it_can_be_hidden_and_does_not_show() -> None:
    assert BearerToken("ya29.token").secrets == (b"ya29.token",)
    assert "ya29" not in repr(BearerToken("ya29.token"))


@pytest.mark.parametrize("text", ["", "a b", "a\r\nX-Other: b", "\u20ac"])
def test_what_cannot_stand_in_a_field_is_no_token(text: str) -> None:
    with pytest.raises(ValueError, match="header field"):
        BearerToken(text)
