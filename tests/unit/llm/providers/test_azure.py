import pytest

from entresol.core.errors import ConfigError
from entresol.llm.model_config import ModelOptions
from entresol.llm.provider import Url, parse_url
from entresol.llm.registry import provider_named

AZURE = provider_named("azure")
DEPLOYMENT = ModelOptions(azure_instance="mine", azure_deployment_id="my gpt", azure_api_version="2024-10-21")


def test_a_deployment_stands_in_the_path_and_the_version_in_the_query() -> None:
    url = AZURE.configured(DEPLOYMENT).url("openai-chat", "gpt-4o", False, None)
    path = "/openai/deployments/my%20gpt/chat/completions"
    assert url == Url("https", "mine.openai.azure.com", 443, path, "api-version=2024-10-21")


def test_the_version_stays_in_the_query_beside_what_a_client_says_there() -> None:
    made = AZURE.configured(DEPLOYMENT)
    assert made.url("openai-chat", "m", False, None, "a=1").query == "a=1&api-version=2024-10-21"
    other = made.url("openai-embeddings", "m", False, parse_url("http://mock"))
    assert (other.path, other.query) == ("/openai/deployments/my%20gpt/embeddings", "api-version=2024-10-21")


def test_without_a_deployment_the_v1_api_is_called() -> None:
    made = AZURE.configured(ModelOptions(azure_instance="mine"))
    assert made.url("openai-chat", "m", False, None) == Url(
        "https", "mine.openai.azure.com", 443, "/openai/v1/chat/completions"
    )
    assert made.url("openai-responses", "m", False, None).path == "/openai/v1/responses"


def test_an_instance_with_a_dot_is_a_whole_host() -> None:
    made = AZURE.configured(ModelOptions(azure_instance="mine.services.ai.azure.com"))
    assert made.url("anthropic-messages", "claude-x", False, None) == Url(
        "https", "mine.services.ai.azure.com", 443, "/anthropic/v1/messages"
    )


@pytest.mark.parametrize(
    ("client", "model", "wire"),
    [
        ("openai-chat", "gpt-5.5", "openai-chat"),
        ("openai-responses", "gpt-5.5", "openai-responses"),
        ("anthropic-messages", "gpt-5.5", "openai-chat"),
        ("anthropic-messages", "claude-sonnet-5-5", "anthropic-messages"),
        ("openai-chat", "claude-sonnet-5-5", "anthropic-messages"),
    ],
)
def test_a_model_is_spoken_to_in_its_own_wire(client: str, model: str, wire: str) -> None:
    assert AZURE.format_name("chat", client, model) == wire


def test_only_claude_is_told_a_version_of_anthropics_api() -> None:
    version = (b"anthropic-version", "2023-06-01")
    assert AZURE.version_headers == {"anthropic-messages": version, "anthropic-count-tokens": version}


@pytest.mark.parametrize("client", ["anthropic-count-tokens", "openai-input-tokens", "gemini-count-tokens"])
def test_tokens_are_counted_for_claude_only(client: str) -> None:
    assert AZURE.format_name("count_tokens", client, "claude-sonnet-5-5") == "anthropic-count-tokens"
    assert AZURE.endpoint("anthropic-count-tokens", "claude-x", False)[0] == "/anthropic/v1/messages/count_tokens"
    with pytest.raises(ConfigError, match="count_tokens"):
        AZURE.format_name("count_tokens", client, "gpt-5.5")


@pytest.mark.parametrize(
    ("override", "client", "query"),
    [
        (None, "api-version=2025-01-01", "api-version=2025-01-01"),
        ("http://mock?api-version=1", None, "api-version=1"),
        ("http://mock?api-version=1", "api%2Dversion=2&a=1", "api-version=1&a=1"),
        ("http://mock/openai/deployments/d/chat/completions", None, "api-version=2024-10-21"),
        ("http://mock/openai/deployments/d/chat/completions?api-version=1", "api-version=2", "api-version=1"),
    ],
)
def test_the_version_is_said_once_and_the_operators_url_wins_over_the_client(
    override: str | None, client: str | None, query: str
) -> None:
    made = AZURE.configured(DEPLOYMENT)
    base = None if override is None else parse_url(override)
    assert made.url("openai-chat", "m", False, base, client).query == query


@pytest.mark.parametrize("wire", ["openai-responses", "openai-files", "openai-batches", "anthropic-messages"])
def test_what_deployments_have_not_is_asked_without_their_version(wire: str) -> None:
    assert AZURE.configured(DEPLOYMENT).url(wire, "m", False, None).query == ""


@pytest.mark.parametrize(
    ("options", "client", "query"),
    [
        (ModelOptions(azure_instance="mine"), "api-version=2024-10-21&a=1", "a=1"),
        (ModelOptions(azure_instance="mine"), "api-version=preview&a=1", "api-version=preview&a=1"),
        (DEPLOYMENT, "api-version=preview&a=1", "a=1&api-version=2024-10-21"),
        (DEPLOYMENT, "api-version=2025-01-01", "api-version=2025-01-01"),
    ],
)
def test_a_clients_version_goes_to_the_api_that_has_such_versions(
    options: ModelOptions, client: str, query: str
) -> None:
    assert AZURE.configured(options).url("openai-chat", "m", False, None, client).query == query
