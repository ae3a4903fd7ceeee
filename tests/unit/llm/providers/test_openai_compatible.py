import pytest

from entresol.llm.format import Operation
from entresol.llm.registry import format_named, provider_named

PROVIDER = provider_named("openai-compatible")


@pytest.mark.parametrize(
    ("operation", "wire_format", "path"),
    [
        ("chat", "openai-chat", "/v1/chat/completions"),
        ("embeddings", "openai-embeddings", "/v1/embeddings"),
    ],
)
def test_each_operation_has_its_format_and_path(operation: Operation, wire_format: str, path: str) -> None:
    assert PROVIDER.format_name(operation) == wire_format
    assert format_named(wire_format).operation == operation
    assert PROVIDER.endpoint(wire_format, "the-model", False) == (path, "")


def test_it_is_where_and_wants_its_key_where_its_documentation_says() -> None:
    assert PROVIDER.base_url is None
    assert (PROVIDER.auth.header, PROVIDER.auth.prefix) == (b"authorization", "Bearer ")


def test_it_is_spoken_to_as_older_servers_expect() -> None:
    profile = PROVIDER.profile("llama")
    assert (profile.max_tokens_field, profile.has_developer_role) == ("max_tokens", False)
    assert profile.takes_reasoning_content
