import pytest

from entresol.llm.model_config import BedrockOptions, ModelOptions
from entresol.llm.registry import provider_named

BEDROCK = provider_named("bedrock")


@pytest.mark.parametrize(
    ("wire", "stream", "path"),
    [
        ("bedrock-converse", False, "/model/eu.anthropic.claude-x%3A0/converse"),
        ("bedrock-converse", True, "/model/eu.anthropic.claude-x%3A0/converse-stream"),
        ("bedrock-invoke", False, "/model/eu.anthropic.claude-x%3A0/invoke"),
        ("bedrock-invoke", True, "/model/eu.anthropic.claude-x%3A0/invoke-with-response-stream"),
    ],
)
def test_model_and_way_of_answering_stand_in_the_path(wire: str, stream: bool, path: str) -> None:
    made = BEDROCK.configured(ModelOptions(bedrock=BedrockOptions(aws_region="eu-central-1")))
    url = made.url(wire, "eu.anthropic.claude-x:0", stream, None)
    assert (url.scheme, url.host, url.path) == ("https", "bedrock-runtime.eu-central-1.amazonaws.com", path)


def test_an_arn_cannot_break_out_of_the_path() -> None:
    arn = "arn:aws:bedrock:eu-central-1:1:inference-profile/x"
    assert BEDROCK.endpoint("bedrock-converse", arn, False)[0].count("/") == 3
