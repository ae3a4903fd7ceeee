"""The seam itself; who implements it is tested in tests/unit/cloud."""

from entresol.llm.cloud_credentials import NO_CLOUDS
from entresol.llm.model_config import AuthConfig, BedrockOptions, ModelOptions


def test_without_clouds_there_is_no_source_and_options_stay() -> None:
    options = ModelOptions(bedrock=BedrockOptions(aws_assume_role_arn="arn:aws:iam::123456789012:role/models"))
    assert NO_CLOUDS.source(AuthConfig(), options, "bedrock") is None
    assert NO_CLOUDS.completed(AuthConfig(), options, "bedrock") is options
