import pytest

from entresol.core.schema import parse
from entresol.core.secret import Secret
from entresol.llm.format import NO_OPTIONS, Options
from entresol.llm.model_config import AuthConfig, ModelConfig, ModelOptions


def violations(kind: type, raw: object) -> dict[str, str]:
    found = parse(kind, raw)
    assert isinstance(found, list), found
    return {violation.path: violation.message for violation in found}


def test_a_secret_is_taken_as_such_and_never_shown() -> None:
    auth = parse(AuthConfig, {"header_name": "Authorization", "header_value": "Bearer sk-secret"})
    assert isinstance(auth, AuthConfig)
    assert isinstance(auth.header_value, Secret)
    assert "sk-secret" not in repr(auth)


INCOMPLETE = [
    ({"header_name": "a"}, {"header_value"}),
    ({"header_value": "a"}, {"header_name"}),
    ({"param_name": "a", "param_value": "b"}, {"param_location"}),
    ({"param_location": "query"}, {"param_name", "param_value"}),
]


@pytest.mark.parametrize(("raw", "missing"), INCOMPLETE)
def test_the_parts_of_a_credential_come_together(raw: object, missing: set[str]) -> None:
    found = violations(AuthConfig, raw)
    assert {path for path, message in found.items() if message == "required field missing"} == missing


@pytest.mark.parametrize("name", ["X Key", "X-Schlüssel", "", "x:y", "a\nb"])
def test_a_field_has_a_name_that_fields_can_have(name: str) -> None:
    found = violations(AuthConfig, {"header_name": name, "header_value": "a"})
    assert found["header_name"] == "expected the name of a header field, such as Authorization"


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "Connection", "Content-Type"])
def test_a_credential_is_not_put_where_the_gateway_writes(name: str) -> None:
    found = violations(AuthConfig, {"header_name": name, "header_value": "a"})
    assert found["header_name"] == f"{name} is written by the gateway itself"


def test_an_unknown_provider_is_told_the_known_ones() -> None:
    message = violations(ModelConfig, {"provider": "nobody"})["provider"]
    assert message.startswith("expected one of: anthropic, azure, bedrock, cerebras")


RULES = [
    (
        {"provider": "bedrock", "options": {"bedrock": {"aws_region": "$(uri_captures.x)"}}},
        "options.bedrock.aws_region",
        "placeholders are possible in upstream_url, upstream_path, azure_instance, azure_deployment_id, "
        "azure_api_version, databricks.workspace_instance_id, gemini.endpoint_id, gemini.location_id, "
        "gemini.project_id only",
    ),
    (
        {"provider": "vertex", "options": {"gemini": {"api_endpoint": "$(headers.x)"}}},
        "options.gemini.api_endpoint",
        "placeholders are possible in upstream_url, upstream_path, azure_instance, azure_deployment_id, "
        "azure_api_version, databricks.workspace_instance_id, gemini.endpoint_id, gemini.location_id, "
        "gemini.project_id only",
    ),
    (
        {"provider": "mistral", "options": {"mistral_format": "ollama"}},
        "options.upstream_url",
        "must set 'model.options.upstream_url' for self-hosted providers/models",
    ),
    (
        {"provider": "anthropic"},
        "options.anthropic_version",
        "must set 'model.options.anthropic_version' for anthropic provider",
    ),
    (
        {"provider": "openai-compatible"},
        "options.upstream_url",
        "must set 'model.options.upstream_url' for self-hosted providers/models",
    ),
    (
        {"provider": "vllm"},
        "options.upstream_url",
        "must set 'model.options.upstream_url' for self-hosted providers/models",
    ),
    ({"provider": "azure"}, "options.azure_instance", "must set 'model.options.azure_instance' for azure provider"),
    (
        {"provider": "llama2", "options": {"upstream_url": "http://x"}},
        "options.llama2_format",
        "must set 'model.options.llama2_format' for llama2 provider",
    ),
    (
        {"provider": "llama2", "options": {"upstream_url": "http://x", "llama2_format": "raw"}},
        "options.llama2_format",
        "raw prompts are not supported: serve the model with a chat API",
    ),
    ({"provider": "mistral"}, "options.mistral_format", "must set 'model.options.mistral_format' for mistral provider"),
    ({"provider": "openai", "options": {"top_p": 1.5}}, "options.top_p", "value should be between 0 and 1"),
    ({"provider": "openai", "options": {"input_cost": 0}}, "options.input_cost", "value must be greater than 0"),
    ({"provider": "openai", "options": {"nothing": 1}}, "options.nothing", "unknown field"),
]


@pytest.mark.parametrize(("raw", "path", "message"), RULES)
def test_kongs_rules_per_provider(raw: object, path: str, message: str) -> None:
    assert violations(ModelConfig, raw) == {path: message}


def test_options_of_other_providers_load() -> None:
    raw = {
        "azure_api_version": "2023-05-15", "bedrock": {"embeddings_normalize": False}, "cohere": {},
        "huggingface": {"use_cache": True}, "llama2_format": "raw", "dashscope": {"international": True},
        "databricks": {}, "gemini": {}, "mistral_format": None,
    }  # fmt: skip
    assert isinstance(parse(ModelConfig, {"provider": "openai", "options": raw}), ModelConfig)


def test_only_what_goes_into_requests_is_an_option_of_calls() -> None:
    assert ModelOptions(input_cost=1.0, upstream_url="http://x").for_calls() is NO_OPTIONS
    options = ModelOptions(max_tokens=5, temperature=0.0, embeddings_dimensions=8).for_calls()
    assert options == Options(max_tokens=5, temperature=0.0, dimensions=8)
