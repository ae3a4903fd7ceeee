from typing import Any

import pytest

from entresol.plugins.ai_proxy import AiProxy
from playbooks.harness import plugin_config, violations_of

SCHEMA_DEFAULTS = {
    "auth": {
        "allow_override": False, "azure_use_managed_identity": False, "gcp_use_service_account": False,
        "header_name": "Authorization", "header_value": "Bearer x", "param_location": None, "aws_access_key_id": None,
    },
    "genai_category": "text/generation",
    "llm_format": "openai",
    "logging": {"log_payloads": False, "log_statistics": False},
    "max_request_body_size": 1048576,
    "model": {
        "model_alias": None, "name": "gpt-4o", "provider": "openai",
        "options": {"azure_api_version": "2023-05-15", "bedrock": None, "gemini": None, "temperature": 1},
    },
    "model_name_header": True,
    "response_streaming": "allow",
    "route_type": "llm/v1/chat",
}  # fmt: skip


def test_a_configuration_as_kong_exports_it_loads_with_kongs_defaults() -> None:
    exported = plugin_config(AiProxy, SCHEMA_DEFAULTS)
    written = plugin_config(AiProxy, {"route_type": "llm/v1/chat", "model": {"provider": "openai"}})
    for field in (
        "genai_category",
        "llm_format",
        "logging",
        "max_request_body_size",
        "model_name_header",
        "response_streaming",
    ):
        assert getattr(exported, field) == getattr(written, field)


VIOLATIONS = [
    ({"route_type": "llm/v1/assistants"}, "route_type", "not supported yet"),
    ({"route_type": "preserve"}, "route_type", "not supported yet"),
    ({"route_type": "nothing"}, "route_type", "expected one of"),
    ({"llm_format": "nothing"}, "llm_format", "expected one of"),
    ({"genai_category": "video/generation"}, "genai_category", "not supported yet"),
    (
        {"model": {"provider": "openai", "options": {"upstream_url": "mock"}}},
        "model.options.upstream_url",
        "invalid url",
    ),
    (
        {"model": {"provider": "openai", "options": {"upstream_path": "/a b"}}},
        "model.options.upstream_path",
        "invalid path: holds white space or characters that are not ASCII",
    ),
    (
        {"model": {"provider": "azure", "options": {"azure_instance": "https://mine.test"}}},
        "model.options",
        "'https://mine.test' is no host name",
    ),
    (
        {"model": {"provider": "databricks", "options": {"databricks": {"workspace_instance_id": "a b"}}}},
        "model.options",
        "'a b.cloud.databricks.com' is no host name",
    ),
    (
        {"model": {"provider": "cohere"}, "route_type": "llm/v1/moderations"},
        "route_type",
        "cohere does not support route_type llm/v1/moderations, only: llm/v1/chat, llm/v1/responses, "
        "llm/v1/completions, llm/v1/embeddings, llm/v1/rerank",
    ),
    ({"auth": {"header_name": "a"}}, "auth.header_value", "required field missing"),
    ({"nothing": 1}, "nothing", "unknown field"),
    ({"llm_format": "anthropic", "route_type": "llm/v1/embeddings"}, "llm_format", "only supported with route_type"),
]


@pytest.mark.parametrize(("change", "path", "message"), VIOLATIONS)
def test_what_is_not_supported_is_said_at_load(change: dict[str, Any], path: str, message: str) -> None:
    raw = {"route_type": "llm/v1/chat", "model": {"provider": "openai"}} | change
    assert message in violations_of(AiProxy, raw)[path]


def test_providers_say_what_they_cannot_do() -> None:
    model = {"provider": "anthropic", "options": {"anthropic_version": "2023-06-01"}}
    raw: dict[str, Any] = {"route_type": "llm/v1/embeddings", "model": model}
    possible = "llm/v1/chat, llm/v1/responses, llm/v1/completions, llm/v1/count_tokens"
    message = f"anthropic does not support route_type llm/v1/embeddings, only: {possible}"
    assert violations_of(AiProxy, raw) == {"route_type": message}
    auth = {"header_name": "x-goog-api-key", "header_value": "a key", "allow_override": True}
    raw = {"route_type": "llm/v1/chat", "model": {"provider": "gemini"}, "auth": auth}
    message = "bedrock and gemini only support auth.allow_override = false"
    assert violations_of(AiProxy, raw) == {"auth.allow_override": message}


@pytest.mark.parametrize("provider", ["groq", "ollama", "openai", "gemini"])
@pytest.mark.parametrize("llm_format", ["openai", "anthropic", "gemini", "bedrock"])
def test_every_provider_may_have_a_route_that_counts_tokens(llm_format: str, provider: str) -> None:
    model = {"provider": provider, "options": {"upstream_url": "http://mock.test"}}
    raw = {"route_type": "llm/v1/count_tokens", "llm_format": llm_format, "model": model}
    assert plugin_config(AiProxy, raw).route_type == "llm/v1/count_tokens"
