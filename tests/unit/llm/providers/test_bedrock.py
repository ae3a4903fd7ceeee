import pytest
from msgspec import Raw

from entresol.core.errors import ConfigError
from entresol.llm.model_config import BedrockOptions, ModelOptions
from entresol.llm.registry import provider_named

TITAN, TITAN_1, COHERE = "amazon.titan-embed-text-v2:0", "amazon.titan-embed-text-v1", "cohere.embed-english-v3"
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


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("anthropic.claude-sonnet-4-5-v1:0", "/model/anthropic.claude-sonnet-4-5-v1%3A0/count-tokens"),
        ("eu.anthropic.claude-sonnet-4-5-v1:0", "/model/anthropic.claude-sonnet-4-5-v1%3A0/count-tokens"),
        (
            "arn:aws:bedrock:eu-west-1:1:inference-profile/global.anthropic.claude-opus-4-6",
            "/model/anthropic.claude-opus-4-6/count-tokens",
        ),
        ("anthropic.claude-3-5-haiku-20241022-v1:0", "/model/anthropic.claude-3-5-haiku-20241022-v1%3A0/count-tokens"),
    ],
)
def test_tokens_are_counted_for_the_model_and_not_for_a_profile_over_regions(model: str, path: str) -> None:
    assert BEDROCK.format_name("count_tokens", "anthropic-count-tokens", model) == "bedrock-count-tokens"
    assert BEDROCK.endpoint("bedrock-count-tokens", model, False) == (path, "")


@pytest.mark.parametrize(
    "model",
    [
        "amazon.nova-pro-v1:0", "meta.llama3-70b-instruct-v1:0", "anthropic.claude-v2:1", "anthropic.claude-instant-v1",
        "anthropic.claude-3-haiku-20240307-v1:0", "arn:aws:bedrock:eu-west-1:1:application-inference-profile/abc",
    ],
)  # fmt: skip
def test_tokens_of_other_models_are_not_counted(model: str) -> None:
    with pytest.raises(ConfigError, match="counts no tokens"):
        BEDROCK.format_name("count_tokens", "bedrock-count-tokens", model)


def test_an_arn_cannot_break_out_of_the_path() -> None:
    arn = "arn:aws:bedrock:eu-central-1:1:inference-profile/x"
    assert BEDROCK.endpoint("bedrock-converse", arn, False)[0].count("/") == 3


@pytest.mark.parametrize(
    ("options", "wire", "model", "put"),
    [
        (
            BedrockOptions(performance_config_latency="optimized"), "bedrock-converse", "m",
            {"performanceConfig": b'{"latency":"optimized"}'},
        ),
        (BedrockOptions(performance_config_latency="optimized"), "bedrock-embeddings", TITAN, {}),
        (BedrockOptions(performance_config_latency="optimized"), "bedrock-invoke", "m", {}),
        (BedrockOptions(embeddings_normalize=True), "bedrock-embeddings", TITAN, {"normalize": b"true"}),
        (BedrockOptions(embeddings_normalize=False), "bedrock-embeddings", TITAN, {"normalize": b"false"}),
        (BedrockOptions(embeddings_normalize=True), "bedrock-embeddings", TITAN_1, {}),
        (BedrockOptions(embeddings_normalize=True), "bedrock-embeddings", COHERE, {}),
        (BedrockOptions(embeddings_normalize=True), "bedrock-converse", "m", {}),
        (BedrockOptions(aws_region="eu-central-1"), "bedrock-embeddings", TITAN, {}),
    ],
)  # fmt: skip
def test_options_go_into_the_bodies_that_have_a_place_for_them(
    options: BedrockOptions, wire: str, model: str, put: dict[str, bytes]
) -> None:
    fields = {"performanceConfig": Raw(b"{}")} if "performanceConfig" in put else {}
    made = BEDROCK.configured(ModelOptions(bedrock=options))
    made.set_fields(wire, model, fields)
    assert {name: bytes(value) for name, value in fields.items()} == put
    assert made.sets_fields is (options != BedrockOptions(aws_region="eu-central-1"))


def test_latency_is_a_header_field_where_the_body_is_the_models_own() -> None:
    options = BedrockOptions(performance_config_latency="optimized", aws_region="eu-central-1")
    made = BEDROCK.configured(ModelOptions(bedrock=options))
    assert made.fields_of("bedrock-invoke") == ((b"x-amzn-bedrock-performanceconfig-latency", b"optimized"),)
    assert made.fields_of("bedrock-converse") == made.fields_of("bedrock-embeddings") == ()
    assert BEDROCK.fields_of("bedrock-invoke") == ()
